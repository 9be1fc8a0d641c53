"""The pages: each with a name, an address, and who looks at it. A test holds this list against the URLconf."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import Page, expect

from tests.tour.furniture import Furniture

PHONE_ONLY, WIDE_ONLY = "phone", "wide"
STRANGER = ""


@dataclass(frozen=True)
class Place:
    """`address` is a URL name and `arguments` say which of the furniture's ids fill it. `who` looks: a session of the
    furniture, or STRANGER. `then` brings the page into the state that is meant. `only` on a phone or on a wide screen.
    """

    name: str
    address: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    who: str = "owner"
    query: str = ""
    status: int = 200
    then: Callable[[Page], None] | None = None
    only: str = ""

    def path(self, furniture: Furniture) -> str:
        known = furniture.ids
        filled = {name: known.get(value, value) for name, value in self.arguments.items()}
        return reverse(self.address, kwargs=filled) + self.query


# --- States that a page is brought into ---------------------------------------------------------------------------


def _in_its_language(page: Page, words: str) -> str:
    with translation.override(page.evaluate("document.documentElement.lang").lower()):
        return gettext(words)


def _dialog(opener: str) -> Callable[[Page], None]:
    """The dialog behind the first button of that name."""

    def then(page: Page) -> None:
        name = _in_its_language(page, opener)
        page.get_by_role("button", name=name).locator("visible=true").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()

    return then


def _sent(selector: str, **typed: str) -> Callable[[Page], None]:
    """The page's own form, with these fields filled in, and sent by the button that the selector finds."""

    def then(page: Page) -> None:
        for name, value in typed.items():
            page.locator(f"main [name={name}]").fill(value)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.locator(f"main {selector}").first.click()
        page.wait_for_load_state()

    return then


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()


def _toast(page: Page) -> None:
    page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("toast", {
          detail: {value: document.body.dataset.failed, level: "error"},
        }))"""
    )
    expect(page.locator("#toasts [data-toast]")).to_be_visible()


def _invited(page: Page) -> None:
    page.locator("main [name=sees_all]").check()
    _sent("form button[type=submit]")(page)


def _what_if(page: Page) -> None:
    page.get_by_role("group", name=_in_its_language(page, "What if")).get_by_role("switch").first.check()
    expect(page.locator(".route-changed").first).to_be_visible()


# --- The list -------------------------------------------------------------------------------------------------------

_OVERVIEW = [
    Place("overview", "overview:overview"),
    Place("welcome", "overview:overview", who="noa"),
    Place("palette", "organizations:settings", then=_palette),
    Place("search", "overview:palette"),
    Place("toast", "organizations:settings", then=_toast),
    Place("phone-sheet", "overview:overview", then=_dialog("More"), only=PHONE_ONLY),
]

_ACCOUNTS = [
    Place("accounts", "credentials:account_list"),
    Place("accounts-none", "credentials:account_list", who="noa"),
    *(
        Place(f"account-{kind}", "credentials:account", {"account_id": kind})
        for kind in ("wallet", "bill", "subscription", "server")
    ),
    Place("account-seen-by-a-viewer", "credentials:account", {"account_id": "server"}, who="ann"),
    Place("account-first-minute", "credentials:account", {"account_id": "account_unchecked"}, who="rui"),
    Place("account-refused", "credentials:account", {"account_id": "account_refused"}, who="rui"),
    Place("account-imported", "credentials:account", {"account_id": "account_valid"}, who="rui"),
    Place("account-settings", "credentials:account_settings", {"account_id": "wallet"}),
    *(
        Place(f"entry-{kind}", "usage:entry_add", {"account_id": "wallet", "kind": kind})
        for kind in ("balance", "topup", "invoice")
    ),
]

_SPEND = [
    Place("spend", "usage:explorer"),
    Place("spend-by-team", "usage:explorer", query="?group=team&period=7d"),
    Place("spend-13-months", "usage:explorer", query="?group=model&period=13-months"),
    Place("spend-none-fits", "usage:explorer", query="?team=none&period=7d"),
    Place("spend-own-unit", "usage:explorer", query="?group=model&unit=EUR"),
    Place("spend-none", "usage:explorer", who="noa"),
    Place("estimates", "usage:estimates"),
    Place("estimates-13-months", "usage:estimates", query="?period=13-months"),
    Place("estimates-none", "usage:estimates", who="noa"),
    Place("rules", "usage:rules"),
    Place("rules-none", "usage:rules", who="noa"),
    Place("rule", "usage:rule", {"rule_id": "rule"}),
    Place("rule-preview", "usage:rule", {"rule_id": "rule"}, then=_sent("#rule-form button[type=submit]")),
    Place("rule-new", "usage:rule_new"),
]

_CONNECT = [
    Place("connect", "credentials:connect"),
    Place("connect-form", "credentials:connect_form", {"slug": "wallet_slug"}),
    Place("connect-form-sign-in", "credentials:connect_form", {"slug": "sign_in_slug"}),
    Place(
        "connect-form-errors",
        "credentials:connect_form",
        {"slug": "wallet_slug"},
        then=_sent("#connect-form .btn-primary"),
    ),
    *(
        Place(f"check-{state.replace('_', '-')}", "credentials:check", {"credential_id": f"check_{state}"}, who="rui")
        for state in (
            *("checking", "valid", "refused", "wrong_kind", "missing_scope", "unreachable", "signed_out", "unchecked"),
        )
    ),
    Place("check", "credentials:check", {"credential_id": "wallet_key"}),
    Place("rotate", "sync:rotate", {"credential_id": "wallet_key"}),
    Place("provider-sign-in", "credentials:oauth_begin", {"slug": "sign_in_slug"}),
    Place("provider-sign-in-app-saved", "credentials:oauth_begin", {"slug": "sign_in_slug"}, who="rui"),
    Place("provider-sign-in-again", "credentials:oauth_again", {"credential_id": "signed_in"}, who="rui"),
    Place("provider-sign-in-app", "credentials:oauth_client", {"client_id": "app"}, who="rui"),
    *(
        Place(f"provider-sign-in-{step}", "credentials:oauth_login", {"login_id": f"login_{step}"}, who=step)
        for step in ("starting", "code", "browser", "approved", "late", "denied", "failed")
    ),
]

_PROVIDERS = [
    Place("providers", "credentials:provider_list"),
    Place("providers-none-fits", "credentials:provider_list", query="?q=nobody-of-this-name"),
    Place("provider", "credentials:provider_detail", {"slug": "wallet_slug"}),
    Place("own-providers", "credentials:described_list"),
    Place("own-providers-none", "credentials:described_list", who="noa"),
    Place("own-provider-new", "credentials:described_new"),
    Place("own-provider", "credentials:described_general", {"described_id": "described"}),
    *(
        Place(f"own-provider-{part}", "credentials:described_part", {"described_id": "described", "part": part})
        for part in ("check", "balance", "usage")
    ),
    Place("own-provider-json", "credentials:described_json", {"described_id": "described"}),
    Place("own-provider-test", "credentials:described_test", {"described_id": "described"}),
    Place("own-provider-delete", "credentials:described_remove", {"described_id": "described"}),
]

_IMPORTS = [
    Place("imports", "imports:account_imports", {"account_id": "account_valid"}, who="rui"),
    Place("imports-none", "imports:account_imports", {"account_id": "wallet"}),
    Place("import-columns", "imports:columns", {"import_id": "import_previewed"}, who="rui"),
    *(
        Place(f"import-{state}", "imports:one", {"import_id": f"import_{state}"}, who="rui")
        for state in ("checking", "checked", "importing", "imported", "failed", "undone")
    ),
    Place("import-undo", "imports:undo", {"import_id": "import_imported"}, who="rui"),
]

_PEOPLE = [
    Place("teams", "organizations:teams"),
    Place("teams-none", "organizations:teams", who="noa"),
    Place("team", "organizations:team", {"team_id": "team"}),
    Place("team-new", "organizations:team_new"),
    Place("members", "organizations:members"),
    Place("member", "organizations:member", {"membership_id": "member"}),
    Place("invite", "organizations:invite"),
    Place("invite-link", "organizations:invite", then=_invited),
    Place("invitation", "organizations:invitation", {"token": "invited"}, who=STRANGER),
    Place("invitation-of-a-member", "organizations:invitation", {"token": "invited"}, who="noa"),
    Place("invitation-over", "organizations:invitation", {"token": "invitation_over"}, who=STRANGER, status=404),
    Place("settings", "organizations:settings"),
    Place("currency", "usage:currency"),
    Place("currency-none", "usage:currency", who="noa"),
    Place("rate", "usage:rate", {"rate_id": "rate"}),
    Place("rate-new", "usage:rate_new"),
    Place("rate-new-errors", "usage:rate_new", then=_sent("#rate-form button[type=submit]")),
    Place("rate-new-no-currency", "usage:rate_new", who="noa"),
    Place("organization-new", "organizations:organization_new"),
    Place("audit-log", "organizations:audit_log"),
    Place("audit-log-none-fits", "organizations:audit_log", query="?q=nothing-like-this"),
    Place("mail", "organizations:outbox"),
    Place("mail-none", "organizations:outbox", who="noa"),
]

_KEYS = [
    Place("keys", "keys:key_list", who="rui"),
    Place("keys-none", "keys:key_list", who="noa"),
    Place("keys-none-fits", "keys:key_list", query="?q=nothing-like-this", who="rui"),
    Place("key", "keys:key", {"provider_key_id": "key_made"}, who="rui"),
    Place("key-disabled", "keys:key", {"provider_key_id": "key_disabled"}, who="rui"),
    Place("key-typed", "keys:key", {"provider_key_id": "key_typed"}, who="rui"),
    Place("key-delete", "keys:key", {"provider_key_id": "key_made"}, who="rui", then=_dialog("Delete")),
    Place("key-replaced", "keys:key", {"provider_key_id": "key_old"}, who="rui"),
    Place("key-rotate", "keys:key_rotate", {"provider_key_id": "key_made"}, who="rui"),
    Place("key-rotate-cannot", "keys:key_rotate", {"provider_key_id": "key_old"}, who="rui"),
    Place("key-owner", "keys:key_assign", {"provider_key_id": "key_made"}, who="rui"),
    Place("key-type-in", "keys:key_type_in", who="rui"),
    Place("key-choose", "keys:key_choose", who="rui"),
    Place("key-choose-none", "keys:key_choose", who="noa"),
    Place("key-new", "keys:key_new", {"account_id": "account_keys"}, who="rui"),
    Place("key-new-errors", "keys:key_new", {"account_id": "account_keys"}, who="rui", then=_sent("[type=submit]")),
    Place("key-new-cannot", "keys:key_new", {"account_id": "account_refused"}, who="rui"),
    *(
        Place(f"key-change-{state}", "keys:intent", {"intent_id": f"intent_{state}"}, who="rui")
        for state in ("sent", "unknown", "found", "done", "failed")
    ),
]

_TOKENS = [
    Place("tokens", "keys:service_tokens"),
    Place("tokens-none", "keys:service_tokens", who="noa"),
    Place("confirm", "keys:service_tokens", then=_dialog("Revoke")),
    Place("token-new", "keys:service_token_new"),
    Place("usage-api", "usage:usage_api"),
]

_ROUTING = [
    Place("routing", "routing:policies"),
    Place("routing-none", "routing:policies", who="noa"),
    Place("routes", "routing:policy", {"policy_id": "policy"}),
    Place("routes-seen-by-a-viewer", "routing:policy", {"policy_id": "policy"}, who="ann"),
    Place("routes-what-if", "routing:policy", {"policy_id": "policy"}, then=_what_if),
    Place("routes-edit", "routing:policy_edit", {"policy_id": "policy"}),
    Place("routes-new", "routing:policy_new", who="noa"),
    Place("routes-revision", "routing:revision", {"policy_id": "policy", "number": "policy_revision"}),
]

_PROFILE = [
    Place("profile", "mfa_index", who="kay"),
    Place("profile-with-a-passkey", "mfa_index", who="ann"),
    Place("profile-email", "account_email", who="kay"),
    Place("profile-email-code", "account_email_verification_sent", who="address"),
    Place("profile-password", "account_change_password", who="kay"),
    Place("profile-password-first", "account_set_password", who="noa"),
    Place("profile-app", "mfa_activate_totp", who="rui"),
    Place("profile-app-off", "mfa_deactivate_totp", who="kay"),
    Place("profile-codes", "mfa_view_recovery_codes", who="kay"),
    Place("profile-codes-new", "mfa_generate_recovery_codes", who="kay"),
    Place("profile-passkey-new", "mfa_add_webauthn", who="rui"),
    Place("profile-passkey", "mfa_edit_webauthn", {"pk": "passkey"}, who="ann"),
    Place("profile-passkey-remove", "mfa_remove_webauthn", {"pk": "passkey"}, who="ann"),
    Place("profile-connections", "socialaccount_connections", who="kay"),
    Place("profile-again", "account_reauthenticate", who="rui"),
    Place("profile-again-code", "mfa_reauthenticate", who="kay"),
    Place("profile-again-passkey", "mfa_reauthenticate_webauthn", who="ann"),
    Place("sign-out", "account_logout", who="kay"),
]

_SIGN_IN = [
    Place("sign-in", "account_login", who=STRANGER),
    Place(
        "sign-in-wrong",
        "account_login",
        who=STRANGER,
        then=_sent("form button[type=submit]", login="kay@harbor.example", password="wrong"),
    ),
    Place("sign-in-code", "account_request_login_code", who=STRANGER),
    Place("sign-in-code-sent", "account_confirm_login_code", who="mailed_code"),
    Place("sign-in-second-factor", "mfa_authenticate", who="second_factor"),
    Place("sign-in-inactive", "account_inactive", who=STRANGER),
    Place("sign-up-closed", "account_signup", who=STRANGER),
    Place("sign-in-elsewhere-cancelled", "socialaccount_login_cancelled", who=STRANGER),
    Place("sign-in-elsewhere-failed", "socialaccount_login_error", who=STRANGER, status=401),
    Place("reset", "account_reset_password", who=STRANGER),
    Place("reset-code", "account_confirm_password_reset_code", who="reset"),
    Place("reset-new", "account_complete_password_reset", who="reset_new"),
    Place("reset-done", "account_password_reset_completed", who=STRANGER),
]

_ERRORS = [
    Place("error-404", "credentials:account", {"account_id": "999999999"}, status=404),
    Place("error-404-stranger-to-all", "credentials:account", {"account_id": "wallet"}, who="noa", status=404),
    Place("error-403", "organizations:settings", who="ann", status=403),
]

PLACES = [
    *_OVERVIEW,
    *_ACCOUNTS,
    *_SPEND,
    *_CONNECT,
    *_PROVIDERS,
    *_IMPORTS,
    *_PEOPLE,
    *_KEYS,
    *_TOKENS,
    *_ROUTING,
    *_PROFILE,
    *_SIGN_IN,
    *_ERRORS,
]

# URL names that answer a GET with something that is not a page of its own.
NO_PAGES = {
    "healthz": "for machines: plain text",
    "readyz": "for machines: JSON",
    "sign_in_by_link": "sends itself on at once, and the link is then used up",
    "mfa_login_webauthn": "for the browser's own dialog: JSON",
    "mfa_list_webauthn": "leads to the profile",
    "socialaccount_signup": "leads to signing in: nobody signs up",
    "openid_connect_login": "leads to the single sign-on that is set up elsewhere",
    "openid_connect_callback": "comes from there",
    "credentials:oauth_callback": "comes from a provider and leads on at once",
    "credentials:sync_progress": "a fragment of the account's page",
    "imports:progress": "a fragment of the import's page",
    "credentials:described_export": "a file",
    "organizations:audit_csv": "a file",
    "usage:explorer_csv": "a file",
    "usage:estimates_csv": "a file",
    "mfa_download_recovery_codes": "a file",
    "api:openapi": "a file",
    "api:routes": "for machines: JSON",
    "routing:policy_litellm": "a file",
    "routing:policy_litellm_losses": "a file",
}
