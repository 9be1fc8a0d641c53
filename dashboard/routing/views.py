"""The pages of routing: policies, one policy with what if, its editor, its revisions."""

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.core.confirming import name_typed
from dashboard.core.undo import message_with_undo
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import Team
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused
from dashboard.routing.document import Document, DocumentError
from dashboard.routing.editor.draft import Draft, Moved, document_from, draft_changed, draft_of, draft_read
from dashboard.routing.exports.litellm import litellm_export
from dashboard.routing.models import RoutePolicy, RouteRevision
from dashboard.routing.pages import editor_context, overview_context, policy_context, policy_name, revision_context
from dashboard.routing.selectors import policy_or_404, revision_document, revision_live
from dashboard.routing.services import policy_remove, policy_restore, policy_save

MOST_NOTE = 200


@access(Access.READ)
@require_GET
def policies(request: PurserRequest) -> HttpResponse:
    now = timezone.now()
    context = overview_context(organization=request.organization, scope=request.scope, now=now)
    return render(request, "routing/policies.html", {**context, "now": now})


@access(Access.READ)
@require_GET
def policy(request: PurserRequest, policy_id: int) -> HttpResponse:
    """One policy; the address may switch on what if."""
    found, now = policy_or_404(scope=request.scope, policy_id=policy_id), timezone.now()
    context = policy_context(
        policy=found, organization=request.organization, scope=request.scope, query=request.GET, now=now
    )
    return render(request, "routing/policy.html", {**context, "now": now})


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def policy_edit(request: PurserRequest, policy_id: int) -> HttpResponse:
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    live = revision_live(policy=found)
    return _editor(request, found, found.team, revision_document(revision=live), live.number)


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def policy_new(request: PurserRequest) -> HttpResponse:
    """The first revision for a team (?team=) or for the organization; it begins with the organization's."""
    told = request.GET.get("team", "")
    team = None
    if told:
        number = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
        team = get_object_or_404(Team, pk=number, organization=request.organization, archived_at=None)
    own = RoutePolicy.objects.filter(organization=request.organization, team=team).first()
    if own is not None:
        return redirect("routing:policy_edit", policy_id=own.pk)
    fallback = RoutePolicy.objects.filter(organization=request.organization, team=None).first()
    begin = revision_document(revision=revision_live(policy=fallback)) if fallback is not None else Document()
    return _editor(request, None, team, begin, 0)


def _editor(
    request: PurserRequest, policy: RoutePolicy | None, team: Team | None, document: Document, based_on: int
) -> HttpResponse:
    """The form, a step of it, or its end: the next revision."""
    draft, moved, note, refusal = draft_of(document), None, "", ""
    if request.method == "POST":
        draft, step = draft_read(request.POST), request.POST.get("do", "")
        note = request.POST.get("note", "").strip()[:MOST_NOTE]
        told = request.POST.get("based_on", "")
        based_on = int(told) if told.isdecimal() and len(told) < 10 else 0
        if step == "save":
            saved = _save(request, team, draft, based_on, note)
            if not isinstance(saved, str):
                url = reverse("routing:policy", args=[saved.policy_id])
                return HttpResponseClientRedirect(url) if getattr(request, "htmx", False) else redirect(url)
            refusal = saved
        elif step:
            moved = _step(request, draft, step)
    now = timezone.now()
    context = editor_context(
        organization=request.organization,
        scope=request.scope,
        policy=policy,
        team=team,
        draft=draft,
        moved=moved,
        based_on=based_on,
        note=note,
        now=now,
    )
    context |= {"error": refusal or context["error"], "now": now}
    return render(request, "routing/editor.html", context, status=422 if refusal else 200)


def _step(request: PurserRequest, draft: Draft, step: str) -> Moved | None:
    first = ProviderAccount.objects.filter(request.scope.accounts()).order_by("provider_slug", "label", "pk").first()
    return draft_changed(draft, step, account=str(first.pk) if first is not None else "")


def _save(request: PurserRequest, team: Team | None, draft: Draft, based_on: int, note: str) -> RouteRevision | str:
    """The next revision, or why the draft cannot be one."""
    try:
        document = document_from(draft)
        made = policy_save(
            organization=request.organization,
            team=team,
            document=document,
            based_on=based_on,
            note=note,
            by=request.actor,
            now=timezone.now(),
        )
    except (DocumentError, Refused) as error:
        return str(error)
    words = _("Saved as revision %(number)d.") % {"number": made.number}
    if based_on and made.number == based_on + 1:
        undo = reverse("routing:revision_restore", args=[made.policy_id, based_on])
        message_with_undo(request, words, undo=undo)
    else:
        messages.success(request, words)
    return made


@access(Access.READ)
@require_GET
def revision(request: PurserRequest, policy_id: int, number: int) -> HttpResponse:
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    context = revision_context(policy=found, number=number, organization=request.organization)
    if context is None:
        raise Http404
    return render(request, "routing/revision.html", {**context, "now": timezone.now()})


@access(Access.MANAGE)
@require_POST
def revision_restore(request: PurserRequest, policy_id: int, number: int) -> HttpResponse:
    """Bring back what a revision said, as a new one."""
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    wanted = get_object_or_404(RouteRevision, policy=found, number=number)
    try:
        made = policy_restore(revision=wanted, based_on=found.revision, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("routing:policy", policy_id=found.pk)
    messages.success(request, _("Saved as revision %(number)d.") % {"number": made.number})
    return redirect("routing:policy", policy_id=found.pk)


@access(Access.MANAGE)
@require_POST
def policy_out(request: PurserRequest, policy_id: int) -> HttpResponse:
    """Remove a policy for good, by the name of whose it is: its team goes by the organization's routes."""
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    if not name_typed(request, policy_name(found, request.organization)):
        return redirect("routing:policy", policy_id=found.pk)
    policy_remove(policy=found, by=request.actor, now=timezone.now())
    messages.success(request, _("The routes are removed."))
    return redirect("routing:policies")


@access(Access.READ)
@require_GET
def policy_litellm(request: PurserRequest, policy_id: int) -> HttpResponse:
    """The live revision as LiteLLM's config.yaml; secrets are named, never in it."""
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    export = litellm_export(policy=found, revision=revision_live(policy=found))
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name}"', "Cache-Control": "no-store"}
    return HttpResponse(export.content, content_type="application/yaml; charset=utf-8", headers=headers)


@access(Access.READ)
@require_GET
def policy_litellm_losses(request: PurserRequest, policy_id: int) -> HttpResponse:
    """What that file does not say, for programs."""
    found = policy_or_404(scope=request.scope, policy_id=policy_id)
    export = litellm_export(policy=found, revision=revision_live(policy=found))
    rows = [{"code": loss.code, "path": loss.path, "message": loss.words} for loss in export.losses]
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name}.losses.json"'}
    return JsonResponse({"warnings": rows}, headers=headers, json_dumps_params={"indent": 2})
