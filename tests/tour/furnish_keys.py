"""Keys in every state of their check, sign-ins and imports at every step, and a provider of one's own."""

import io
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from dashboard.credentials.described.services import described_create
from dashboard.credentials.models import (
    CredentialState,
    GrantSource,
    LoginStatus,
    OAuthGrant,
    OAuthLogin,
    ProviderAccount,
    ProviderCredential,
)
from dashboard.credentials.oauth.selectors import site_of
from dashboard.credentials.oauth.services import Wish, client_save, login_begin
from dashboard.credentials.services import credential_create
from dashboard.keys.models import KeyIntent, Operation, ProviderKey
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import Organization, Team, User
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.services import import_commit, import_try, import_undo, import_upload
from dashboard.usage.imports.work import import_work
from dashboard.usage.models import ImportState, UsageImport
from providers.presets import presets
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS

# verdict: (state of the key, what the check said)
CHECKS = {
    "valid": (CredentialState.ACTIVE, ""),
    "refused": (
        CredentialState.REFUSED,
        "OpenRouter does not know this key: it is mistyped, disabled, expired or deleted.",
    ),
    "wrong_kind": (
        CredentialState.REFUSED,
        "This is an inference key; balance, usage, cost and keys need a management key.",
    ),
    "missing_scope": (CredentialState.REFUSED, "openrouter.ai says this key may not read this (403)."),
    "unreachable": (CredentialState.ACTIVE, "openrouter.ai could not be reached."),
    "signed_out": (CredentialState.REFUSED, "The pasted token ended at 2026-11-20 09:12 UTC: paste a new one."),
}
EXPORT = "date,model,api key name,input tokens,output tokens,cost usd\n" + "".join(
    f"2026-{month:02}-{day:02},model-{day % 3},key-{day % 5},{day * 4100},{day * 730},{day % 13}.25\n"
    for month in (9, 10)
    for day in range(1, 29)
)


def check_states(organization: Organization, by: Actor, slug: str, now: datetime) -> dict[str, Any]:
    """A key in each state that its page tells of, each in an account of its own: "check_<state>", "account_<state>"."""
    values = _demo_values(slug)
    found: dict[str, Any] = {}
    for state in (*CHECKS, "checking", "unchecked"):
        credential = credential_create(
            organization=organization,
            provider=PROVIDERS[slug],
            values=values,
            label=state.replace("_", " ").capitalize(),
            by=by,
            now=now,
            check=False,
        )
        stored, message = CHECKS.get(state, (CredentialState.ACTIVE, ""))
        verdict = state if state in CHECKS else ""
        ProviderCredential.objects.filter(pk=credential.pk).update(
            state=CredentialState.CHECKING if state == "checking" else stored,
            check_verdict=verdict,
            check_message=message,
            checked_at=now if verdict else None,
        )
        found |= {f"check_{state}": credential.pk, f"account_{state}": credential.account_id}
    return found


def provider_keys(organization: Organization, by: Actor, now: datetime) -> dict[str, Any]:
    """Provider keys in every state that stands out ("key_<name>"), and changes at each of their steps
    ("intent_<state>"), in the account of the first provider that lets keys be switched off ("account_keys")."""
    slug = next(name for name, one in sorted(PROVIDERS.items()) if one.key_management and one.key_management.switch)
    told = {"values": _demo_values(slug), "by": by, "now": now, "check": False, "label": "Keys"}
    credential = credential_create(organization=organization, provider=PROVIDERS[slug], **told)
    ProviderCredential.objects.filter(pk=credential.pk).update(state=CredentialState.ACTIVE)
    team = Team.objects.create(organization=organization, name="Harbour pilots")
    day = timedelta(days=1)
    made: dict[str, dict[str, Any]] = {
        "made": {"created_at": now - 40 * day, "last_used_at": now - day, "team": team, "owned_from": now.date()},
        "disabled": {"created_at": now - 90 * day, "state": "disabled", "team": team},
        "idle": {"created_at": now - 200 * day, "last_used_at": now - 74 * day, "team": team},
        "old": {"created_at": now - 502 * day, "last_used_at": now - day, "team": team},
        "expiring": {"created_at": now - 20 * day, "last_used_at": now, "expires_at": now + 8 * day},
        "unowned": {"created_at": now - 118 * day, "last_used_at": now - 3 * day},
        "gone": {"created_at": now - 300 * day, "gone_at": now - 10 * day},
        "found": {"created_at": now},
        "typed": {"typed_at": now, "created_at": now - 5 * day, "purpose": "Nightly evaluation of the harbour model"},
    }
    found: dict[str, Any] = {"account_keys": credential.account_id}
    for name, more in made.items():
        key = ProviderKey.objects.create(
            account=credential.account,
            external_id=f"key-{name}",
            name=f"harbour-{name}",
            hint="sk-…7f3a",
            listed_at=now,
            **{"state": "active", **more},
        )
        found[f"key_{name}"] = key.pk
    ProviderKey.objects.filter(pk=found["key_made"]).update(rotated_from=found["key_old"])
    ProviderKey.objects.filter(pk=found["key_old"]).update(retire_on=(now + 9 * day).date())
    for state in ("sent", "unknown", "found", "done", "failed"):
        intent = KeyIntent.objects.create(
            account=credential.account,
            credential=credential,
            operation=Operation.CREATE,
            state=state,
            name=f"purser-{state}-0a1b2c3d",
            team=Team.objects.create(organization=organization, name=f"Crew {state}"),
            key_id={"found": found["key_found"], "done": found["key_made"]}.get(state),
            message="openrouter.ai answered 429, too many calls." if state == "failed" else "",
            by=by.user,
            created_at=now,
            sent_at=now,
        )
        found[f"intent_{state}"] = str(intent.pk)
    return found


# step: (status, what stands in the row)
STEPS: dict[str, tuple[LoginStatus, dict[str, Any]]] = {
    "starting": (LoginStatus.STARTING, {}),
    "code": (LoginStatus.WAITING, {"user_code": "WDJB-MJHT", "verification_url": "https://github.com/login/device"}),
    "approved": (LoginStatus.APPROVED, {"found": {"account": "harbor-labs", "scopes": ["read:billing"]}}),
    "late": (LoginStatus.EXPIRED, {}),
    "denied": (LoginStatus.DENIED, {}),
    "failed": (LoginStatus.FAILED, {"message": "github.com answered 500."}),
}


def logins(organization: Organization, people: dict[str, User], now: datetime) -> dict[str, Any]:
    """A sign-in at each of its steps ("login_<step>"), each of somebody else: one person has one under way. The first
    providers that have a flow stand for the others."""
    device, code = (_first_with(flow) for flow in ("device", "code"))
    found: dict[str, Any] = {"sign_in_slug": device}
    for step, (status, more) in STEPS.items():
        login = _begun(organization, people[step], device, "device", now)
        for name, value in {"status": status, "next_poll_at": None, **more}.items():
            setattr(login, name, value)
        login.save()
        found[f"login_{step}"] = login.pk
    signed_in = credential_create(
        organization=organization,
        provider=PROVIDERS[device],
        values=_demo_values(device),
        label="Signed in",
        by=Actor(people["browser"]),
        now=now,
        check=False,
    )
    OAuthGrant.objects.create(
        credential=signed_in,
        field=PROVIDERS[device].oauth_apps[0].field,
        app=PROVIDERS[device].oauth_apps[0].name,
        source=GrantSource.OWN_CLIENT,
        obtained_at=now,
        ended_at=now,
        message="It is over.",
        key_id="",
    )
    browser = _begun(organization, people["browser"], code, "code", now)
    return {**found, "signed_in": signed_in.pk, "login_browser": browser.pk, "app": browser.client_id}


def _demo_values(slug: str) -> dict[str, str]:
    return next(dict(part.demo) for part in PARTS if part.slug == slug)


def _first_with(flow: str) -> str:
    return next(slug for slug, one in sorted(PROVIDERS.items()) if any(app.flow == flow for app in one.oauth_apps))


def _begun(organization: Organization, person: User, slug: str, flow: str, now: datetime) -> OAuthLogin:
    provider, by = PROVIDERS[slug], Actor(person)
    app = next(one for one in provider.oauth_apps if one.flow == flow)
    settings = {field.name: field.default for field in provider.fields if field.kind == "url"}
    client = client_save(
        organization=organization,
        provider=provider,
        site=site_of(provider, app, settings),
        client_id="sim-app",
        client_secret="",
        by=by,
        now=now,
    )
    wish = Wish(settings=settings)
    return login_begin(organization=organization, client=client, app=app, wish=wish, by=by, now=now)


def imports(account: ProviderAccount, by: Actor, now: datetime) -> dict[str, Any]:
    """An upload at each of its steps: "import_<state>". Those under way stay there: nobody works on them."""
    found = {}
    for number, state in enumerate(("undone", "imported", *_STILL, "checked", "previewed")):
        text = EXPORT.replace("key-", f"k{number}-")
        made = import_upload(
            account=account, file_name=f"costs-{state}.csv", file=io.BytesIO(text.encode()), by=by, now=now
        )
        found[f"import_{state}"] = made.pk
        if state == "previewed":
            continue
        import_try(usage_import=made, mapping=Mapping.from_json(made.mapping), now=now)
        import_work(import_id=made.pk, clock=timezone.now)
        made.refresh_from_db()
        assert made.state == ImportState.CHECKED, made.problem
        if state in ("undone", "imported"):
            import_commit(usage_import=made, by=by, now=timezone.now())
            import_work(import_id=made.pk, clock=timezone.now)
        if state == "undone":
            made.refresh_from_db()
            import_undo(usage_import=made, by=by, now=timezone.now())
        elif state in _STILL:
            UsageImport.objects.filter(pk=made.pk).update(state=state, **_STILL[state])
    return found


_STILL: dict[str, dict[str, Any]] = {
    "checking": {"steps": 9, "steps_done": 4},
    "importing": {"steps": 9, "steps_done": 6},
    "failed": {
        "problem": "Purser stopped 4 times while working on this file. Nothing was imported. Upload it again; if it "
        "stops again, tell whoever runs Purser."
    },
}


def described(organization: Organization, by: Actor, now: datetime) -> dict[str, Any]:
    document = dict(presets()["relay_key"])
    return {"described": described_create(organization=organization, document=document, by=by, now=now).pk}
