"""The people of an organization, its teams and settings."""

from datetime import timedelta
from typing import Any

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.core.languages.joining import listed
from dashboard.core.templatetags.purser import age_words, count_of
from dashboard.organizations.access import access, limited
from dashboard.organizations.audit import address_of
from dashboard.organizations.forms import (
    ROLE_WORDS,
    AcceptForm,
    InvitationForm,
    OrganizationForm,
    ReachForm,
    TeamForm,
)
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import Invitation, Membership, Role, Team, User
from dashboard.organizations.scope import Access, role_rights
from dashboard.organizations.selectors import invitation_by_token, invitations_open, member_rows, team_rows, teams_of
from dashboard.organizations.services import (
    Refused,
    invitation_accept,
    invitation_create,
    invitation_mail,
    invitation_revoke,
    member_change,
    member_leave,
    member_link_create,
    member_reach,
    member_remove,
    newcomer_join,
    organization_change,
    organization_create,
    team_archive,
    team_save,
)
from dashboard.organizations.services import organization_choose as choose
from dashboard.organizations.sign_in.adapters import INVITATION
from dashboard.organizations.sign_in.selectors import presence_of

EDIT = require_http_methods(["GET", "POST"])


@access(Access.PERSON)
@require_POST
def organization_choose(request: PurserRequest, organization_id: int) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.select_related("user", "organization"), user=request.user, organization_id=organization_id
    )
    choose(user=membership.user, organization=membership.organization)
    return redirect("overview:overview")


# --- Members ----------------------------------------------------------------------------------------------------


@access(Access.READ)
@require_GET
def members(request: PurserRequest) -> HttpResponse:
    """Everybody, or the people of one team (`?team=`). How somebody signs in is for those who manage."""
    organization_id, manages = request.organization.pk, request.membership.may_manage
    asked = request.GET.get("team", "")
    team = next((one for one in teams_of(organization_id=organization_id) if str(one.pk) == asked), None)
    rows = [row for row in member_rows(organization_id=organization_id) if team is None or team in row["teams"]]
    if manages:
        presence = presence_of(row["user"] for row in rows)
        rows = [row | presence[row["user"].pk] for row in rows]
    context = {
        "rows": rows,
        "team": team,
        "invitations": list(invitations_open(organization_id=organization_id, now=timezone.now())) if manages else [],
        "rights": role_rights(),
    }
    return render(request, "organizations/members.html", context)


@access(Access.MANAGE)
@EDIT
def member(request: PurserRequest, membership_id: int) -> HttpResponse:
    """Role, teams, and what one member may read."""
    found = _member(request, membership_id)
    now_told = member_reach(found).told() | {"teams": list(member_reach(found).teams)}
    form = ReachForm(request.POST or None, acting=request.membership, initial=now_told)
    if request.method == "POST" and form.is_valid():
        try:
            member_change(
                member=found, reach=form.reach, acting=request.membership, by=request.actor, now=timezone.now()
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(name)s: saved.") % {"name": found.user})
            return redirect("organizations:members")
    owned = found.role == Role.OWNER and request.membership.role != Role.OWNER
    context = {"member": found, "form": form, "owned": owned, "losses": _losses(found)}
    return render(request, "organizations/member.html", context)


def _losses(member: Membership) -> list[dict[str, str]]:
    """What goes with a member, and whether they are still about: the figures of the question before it."""
    seen = presence_of([member.user])[member.user.pk]["seen"]
    return [
        {"label": _("Role"), "words": str(Role(member.role).label)},
        {"label": _("Teams"), "words": listed(member_reach(member).teams) or _("none")},
        {"label": _("Last seen"), "words": age_words(seen, timezone.now(), none=_("Not here yet"))},
    ]


@access(Access.MANAGE)
@require_POST
def member_out(request: PurserRequest, membership_id: int) -> HttpResponse:
    """Remove a member; their address is typed to confirm."""
    found = _member(request, membership_id)
    if request.POST.get("word", "").strip().lower() != found.user.email:
        words = _("Nothing was removed: the address typed is not %(email)s.")
        messages.error(request, words % {"email": found.user.email})
        return redirect("organizations:member", membership_id=found.pk)
    try:
        member_remove(member=found, acting=request.membership, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("organizations:member", membership_id=found.pk)
    messages.success(request, _("%(name)s is no longer a member.") % {"name": found.user})
    return redirect("organizations:members")


@access(Access.READ)
@require_POST
def leave(request: PurserRequest) -> HttpResponse:
    try:
        member_leave(member=request.membership, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("organizations:members")
    messages.success(request, _("You have left %(name)s.") % {"name": request.organization})
    return redirect("organizations:organization_new" if len(request.memberships) == 1 else "overview:overview")


@access(Access.OWN)
@never_cache
@require_POST
def member_link(request: PurserRequest, membership_id: int) -> HttpResponse:
    """A one-time sign-in link, shown on this answer alone."""
    found = _member(request, membership_id)
    try:
        token = member_link_create(member=found, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("organizations:member", membership_id=found.pk)
    link = _absolute("sign_in_by_link", token)
    return render(request, "organizations/link_made.html", {"link": link, "signs_in": found.user})


def _member(request: PurserRequest, membership_id: int) -> Membership:
    everybody = Membership.objects.select_related("user", "organization")
    return get_object_or_404(everybody, pk=membership_id, organization=request.organization)


def _absolute(name: str, *arguments: Any) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{reverse(name, args=arguments)}"


# --- Invitations ------------------------------------------------------------------------------------------------


@access(Access.MANAGE)
@limited("invitations", amount=60, within=timedelta(hours=1), per="organization")
@never_cache
@EDIT
def invite(request: PurserRequest) -> HttpResponse:
    """Invite somebody; the link is shown on the answer to the POST alone."""
    form = InvitationForm(request.POST or None, acting=request.membership, initial={"role": Role.VIEWER})
    if request.method == "POST" and form.is_valid():
        email, days = form.cleaned_data["email"], form.cleaned_data["days"]
        try:
            token = invitation_create(
                organization=request.organization,
                email=email,
                reach=form.reach,
                days=days,
                acting=request.membership,
                by=request.actor,
                now=timezone.now(),
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            link = _absolute("organizations:invitation", token)
            invitation_mail(token=token, link=link, now=timezone.now())
            made = invitation_by_token(token)
            return render(request, "organizations/link_made.html", {"link": link, "invitation": made})
    return render(request, "organizations/invite.html", {"form": form})


@access(Access.MANAGE)
@require_POST
def invitation_back(request: PurserRequest, invitation_id: int) -> HttpResponse:
    found = get_object_or_404(Invitation, pk=invitation_id, organization=request.organization)
    invitation_revoke(invitation=found, by=request.actor, now=timezone.now())
    messages.success(request, _("The invitation was taken back; its link no longer works."))
    return redirect("organizations:members")


@access(Access.PUBLIC)
@limited("links", amount=30, within=timedelta(minutes=1), per="address")
@never_cache
@EDIT
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """What an invitation promises; a POST accepts it, as the person signed in or as a newcomer."""
    found = invitation_by_token(token)
    if found is None or found.is_over(timezone.now()):
        return render(request, "organizations/invitation_over.html", {"invitation": found}, status=404)
    person = request.user if isinstance(request.user, User) else None
    if person is None:
        request.session[INVITATION] = token  # who now signs on as a newcomer may come in
    form = None if person else AcceptForm(request.POST or None, fixed_email=found.email)
    if request.method == "POST" and (form is None or form.is_valid()):
        return _accept(request, found, person, form)
    role_words = ROLE_WORDS[Role(found.role)]
    context = {"invitation": found, "form": form, "person": person, "role_words": role_words}
    with timezone.override(found.organization.zone):  # who looks may be nobody's yet
        return render(request, "organizations/invitation.html", context)


def _accept(request: HttpRequest, found: Invitation, person: User | None, form: AcceptForm | None) -> HttpResponse:
    ip, now = address_of(request), timezone.now()
    try:
        if form is not None:
            name, email = form.cleaned_data["name"], form.cleaned_data["email"]
            perform_login(request, newcomer_join(invitation=found, name=name, email=email, ip=ip, now=now))
        elif person is not None:
            invitation_accept(invitation=found, user=person, ip=ip, now=now)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(request.path)
    messages.success(request, _("Welcome to %(name)s.") % {"name": found.organization})
    return redirect("overview:overview")


# --- Teams ------------------------------------------------------------------------------------------------------


@access(Access.READ)
@require_GET
def teams(request: PurserRequest) -> HttpResponse:
    context = {
        "teams": team_rows(organization_id=request.organization.pk),
        "archived": team_rows(organization_id=request.organization.pk, archived=True),
    }
    return render(request, "organizations/teams.html", context)


@access(Access.MANAGE)
@EDIT
def team_new(request: PurserRequest) -> HttpResponse:
    return _team_form(request, Team(organization=request.organization))


@access(Access.MANAGE)
@EDIT
def team(request: PurserRequest, team_id: int) -> HttpResponse:
    return _team_form(request, get_object_or_404(Team, pk=team_id, organization=request.organization))


def _team_form(request: PurserRequest, team: Team) -> HttpResponse:
    form = TeamForm(request.POST or None, instance=team, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        team_save(team=form.instance, members=form.cleaned_data["members"], by=request.actor, now=timezone.now())
        messages.success(request, _("%(name)s: saved.") % {"name": form.instance})
        return redirect("organizations:teams")
    scope = (
        listed([count_of(team.memberships.count(), "person"), count_of(team.accounts.count(), "account")])
        if team.pk
        else ""
    )
    return render(request, "organizations/team.html", {"team": team, "form": form, "scope": scope})


@access(Access.MANAGE)
@require_POST
def team_shelve(request: PurserRequest, team_id: int) -> HttpResponse:
    """Archive a team, or bring it back (`restore` in the body)."""
    found = get_object_or_404(Team, pk=team_id, organization=request.organization)
    archived = "restore" not in request.POST
    team_archive(team=found, archived=archived, by=request.actor, now=timezone.now())
    words = _("%(name)s is archived; its history stays.") if archived else _("%(name)s is back.")
    messages.success(request, words % {"name": found})
    return redirect("organizations:teams")


# --- Settings ---------------------------------------------------------------------------------------------------


@access(Access.MANAGE)
@EDIT
def organization_settings(request: PurserRequest) -> HttpResponse:
    own = request.organization
    form = OrganizationForm(request.POST or None, initial={"name": own.name, "reporting_zone": own.reporting_zone})
    if request.method == "POST" and form.is_valid():
        organization_change(organization=own, by=request.actor, now=timezone.now(), **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("organizations:settings")
    return render(request, "organizations/settings.html", {"form": form})


@access(Access.PERSON)
@limited("organizations", amount=10, within=timedelta(hours=1), per="person")
@EDIT
def organization_new(request: PurserRequest) -> HttpResponse:
    zone = request.organization.reporting_zone if request.membership else "UTC"
    form = OrganizationForm(request.POST or None, initial={"reporting_zone": zone})
    if request.method == "POST" and form.is_valid():
        made = organization_create(by=request.actor, now=timezone.now(), **form.cleaned_data)
        messages.success(request, _("%(name)s is yours now.") % {"name": made})
        return redirect("overview:overview")
    return render(request, "organizations/organization_new.html", {"form": form})
