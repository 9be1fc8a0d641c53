"""Fills a Purser that has the demo with what its other pages need, and prints it as JSON.

It runs where the web server runs: same database, same keys. What it makes stands still as long as no worker runs: a
check that is under way stays under way, a code that is waited for stays open.
"""

import hashlib
import json
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY, record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData
from msgspec.structs import replace

from dashboard.balances.rates.selectors import typed_rates
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.services import service_token_create
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from dashboard.organizations.services import (
    Reach,
    invitation_create,
    invitation_mail,
    organization_choose,
    owner_ensure,
)
from dashboard.overview.account.kinds import kind_of
from dashboard.routing.document import document_of
from dashboard.routing.models import RoutePolicy
from dashboard.routing.services import policy_save
from dashboard.sync.models import SyncStream
from dashboard.usage.models import UsageDaily, UsageDetail
from dashboard.usage.rules.services import RuleTold, rule_save
from tests.tour.furnish_keys import STEPS, check_states, described, imports, logins, provider_keys
from tests.tour.furniture import Furniture

DAY = timedelta(days=1)
PASSWORD = "a harbor full of lanterns"


@transaction.atomic
def furnish(now: datetime) -> Furniture:
    demo = Organization.objects.get(is_demo=True)
    owner = owner_ensure()
    User.objects.filter(pk=owner.pk).update(name="Mei Lin")
    own = Organization.objects.get(memberships__user=owner, is_demo=False)
    made = Furniture(ids={}, sessions={}, cookie=settings.SESSION_COOKIE_NAME)
    people = _people(demo, own)
    organization_choose(user=owner, organization=demo)
    made.ids |= _accounts_by_kind(demo) | {"demo": demo.pk}
    made.ids |= _team_and_members(demo, owner, people["kay"], now)
    other = people["rui"].memberships.get().organization
    by = Actor(people["rui"])
    made.ids |= check_states(other, by, made.ids["wallet_slug"], now)
    made.ids |= provider_keys(other, by, now)
    made.ids |= logins(other, {step: people[step] for step in (*STEPS, "browser")}, now)
    made.ids |= imports(ProviderAccount.objects.get(pk=made.ids["account_valid"]), by, now)
    made.ids |= described(demo, Actor(owner), now)
    made.ids |= _allocation(demo, Actor(owner), now)
    made.ids |= _routes(demo, Actor(owner), now) | {"rate": typed_rates(organization_id=demo.pk).latest("pk").pk}
    made.ids |= _ways_in(people)
    made.sessions |= {"owner": _session(owner)} | {name: _session(one) for name, one in people.items()}
    made.sessions |= _half_way_in(people["kay"].email, people["rui"].email, _session(people["ann"]))
    return made


# --- People -----------------------------------------------------------------------------------------------------


def _people(demo: Organization, own: Organization) -> dict[str, User]:
    """Kay has every way in and reads the demo as admin; Ann has a passkey and may only look; Rui owns an organization
    where keys are in all states, and others of it are signing in at providers; Noa's is empty."""
    quay = Organization.objects.create(name="Quay Works", reporting_zone="Europe/Lisbon")
    wanted = {
        "kay": ("Kay Chen", demo, Role.ADMIN),
        "ann": ("Ann Kovář", demo, Role.VIEWER),
        "rui": ("Rui Alves", quay, Role.OWNER),
        "noa": ("Noa Levi", Organization.objects.create(name="Lantern Works"), Role.OWNER),
    }
    wanted |= {step: (f"Quay {step}", quay, Role.ADMIN) for step in (*STEPS, "browser")}
    people = {}
    for short, (name, organization, role) in wanted.items():
        user = User.objects.create_user(f"{short}@harbor.example", name=name)
        Membership.objects.create(organization=organization, user=user, role=role, sees_all=True, sees_balances=True)
        EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
        people[short] = user
    # Two organizations: the switch between them is there to be seen.
    Membership.objects.create(organization=own, user=people["kay"], role=Role.VIEWER)
    organization_choose(user=people["kay"], organization=demo)
    return people


def _team_and_members(demo: Organization, owner: User, kay: User, now: datetime) -> dict[str, Any]:
    team = Team.objects.filter(organization=demo).order_by("pk").first()
    assert team is not None
    team.members.add(kay)
    by, acting = Actor(owner), Membership.objects.get(organization=demo, user=owner)
    tokens = []
    for email in ("sam@harbor.example", ""):
        reach = Reach(role=Role.LEAD, teams=(team,))
        told = {"organization": demo, "email": email, "reach": reach, "days": 7}
        tokens.append(invitation_create(**told, acting=acting, by=by, now=now))
    over = invitation_create(
        organization=demo, email="", reach=Reach(role=Role.VIEWER), days=1, acting=acting, by=by, now=now - 3 * DAY
    )
    link = settings.BASE_URL + reverse("organizations:invitation", args=[tokens[0]])
    invitation_mail(token=tokens[0], link=link, now=now)
    for name, lifetime in (("LiteLLM, production", None), ("Nightly report", 30 * DAY)):
        service_token_create(
            organization=demo, name=name, scopes=["usage:write"], account=None, lifetime=lifetime, by=by, now=now
        )
    member = Membership.objects.get(organization=demo, user=kay)
    return {"team": team.pk, "member": member.pk, "invited": tokens[1], "invitation_over": over}


def _routes(demo: Organization, by: Actor, now: datetime) -> dict[str, Any]:
    """A second revision of the organization's routes, so that there is something to compare."""
    policy = RoutePolicy.objects.get(organization=demo, team=None)
    document = document_of(policy.revisions.get(number=policy.revision).document)
    longer = replace(document, failover=replace(document.failover, hold_down_minutes=45))
    told: dict[str, Any] = {"organization": demo, "team": None, "document": longer, "based_on": policy.revision}
    revision = policy_save(**told, note="", by=by, now=now)
    return {"policy": policy.pk, "policy_revision": revision.number}


def _ways_in(people: dict[str, User]) -> dict[str, Any]:
    for name in ("kay", "rui"):
        people[name].set_password(PASSWORD)
        people[name].save()
    TOTP.activate(people["kay"], generate_totp_secret())
    RecoveryCodes.activate(people["kay"])
    key = Authenticator.objects.create(
        user=people["ann"], type=Authenticator.Type.WEBAUTHN, data={"name": "Laptop", "credential": _passkey()}
    )
    return {"passkey": key.pk}


def _passkey() -> dict[str, Any]:
    """What a browser sends when it has made one."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    made = AttestedCredentialData.create(Aaguid.NONE, bytes(32), ES256.from_cryptography_key(public))
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    told = AuthenticatorData.create(hashlib.sha256(b"localhost").digest(), flags, 0, made)
    client = {"type": "webauthn.create", "challenge": websafe_encode(bytes(32)), "origin": settings.BASE_URL}
    return {
        "id": websafe_encode(bytes(32)),
        "rawId": websafe_encode(bytes(32)),
        "type": "public-key",
        "clientExtensionResults": {"credProps": {"rk": True}},
        "response": {
            "clientDataJSON": websafe_encode(json.dumps(client).encode()),
            "attestationObject": websafe_encode(AttestationObject.create("none", told, {})),
        },
    }


def _session(user: User) -> str:
    """Somebody who has just proven who they are, and goes on to have done so for a day."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, user, "password", email=user.email, reauthenticated=True)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] += DAY.total_seconds()
    request.session.save()
    return str(request.session.session_key)


def _half_way_in(with_app: str, without: str, session: str) -> dict[str, str]:
    """Browsers that stand between two steps of coming in."""
    found = {}

    def browser(name: str, *steps: tuple[str, dict[str, str]], signed_in: str = "") -> Client:
        client = Client(SERVER_NAME="localhost")
        if signed_in:
            client.cookies[settings.SESSION_COOKIE_NAME] = signed_in
        for address, body in steps:
            answer = client.post(reverse(address), body)
            assert answer.status_code == 302, f"{name}: {address} answered {answer.status_code}"
        found[name] = str(client.session.session_key)
        return client

    browser("second_factor", ("account_login", {"login": with_app, "password": PASSWORD}))
    browser("mailed_code", ("account_request_login_code", {"email": without}))
    browser("reset", ("account_reset_password", {"email": without}))
    new = browser("reset_new", ("account_reset_password", {"email": without}))
    code = new.session["account_password_reset_verification"]["code"]
    assert new.post(reverse("account_confirm_password_reset_code"), {"code": code}).status_code == 302
    found["reset_new"] = str(new.session.session_key)
    browser("address", ("account_email", {"action_add": "", "email": "ann.k@harbor.example"}), signed_in=session)
    return found


def _allocation(demo: Organization, by: Actor, now: datetime) -> dict[str, Any]:
    """One key that two teams share."""
    key = UsageDetail.objects.filter(organization=demo).exclude(provider_key="").order_by("provider_key").first()
    assert key is not None
    teams = Team.objects.filter(organization=demo).order_by("pk")[:2]
    told = RuleTold(
        dimension="key",
        value=key.provider_key,
        account=key.account,
        valid_from=None,
        shares=list(zip(teams, (Decimal(60), Decimal(40)), strict=True)),
    )
    return {"rule": rule_save(organization=demo, told=told, by=by, now=now).pk}


# --- Accounts ---------------------------------------------------------------------------------------------------


def _accounts_by_kind(demo: Organization) -> dict[str, Any]:
    """Of each kind of account the one that tells most."""
    best: dict[str, tuple[tuple[int, int], ProviderAccount]] = {}
    for account in demo.accounts.order_by("pk"):
        credentials = list(account.credentials.all())
        streams = list(SyncStream.objects.filter(credential__account=account))
        kind = kind_of(account, credentials, streams)
        weight = (sum(1 for one in streams if one.last_success_at), UsageDaily.objects.filter(account=account).count())
        if kind not in best or weight > best[kind][0]:
            best[kind] = (weight, account)
    assert set(best) == {"wallet", "bill", "subscription", "server"}, best
    found: dict[str, Any] = {kind: account.pk for kind, (_, account) in best.items()}
    wallet = best["wallet"][1]
    return {**found, "wallet_slug": wallet.provider_slug, "wallet_key": wallet.credentials.earliest("pk").pk}


def main() -> None:
    sys.stdout.write(json.dumps(furnish(timezone.now()).as_json()) + "\n")
