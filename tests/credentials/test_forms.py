"""The connect form: drawn from the declarations, plain mistakes named, secrets never shown again."""

from datetime import UTC, date, datetime

import pytest
from django import forms
from django.test import Client
from django.urls import reverse

from dashboard.credentials.forms import ConnectForm, SecretTextarea
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.services import credential_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, User
from providers.registry import PROVIDERS
from providers.spec import BaseUrl, Check, Field, Provider
from tests.sync.driving import KEYS

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
CANARY = "canary-7f3a-do-not-leak"


def provider(*fields: Field) -> Provider:
    """A provider of our own making with these fields."""
    return Provider(
        slug="deepseek",
        name="Example",
        summary="",
        docs_url="https://example.com/docs",
        console_url="https://example.com/keys",
        checked=date(2026, 11, 20),
        wire_protocol="OpenAICompatible",
        base_urls=(BaseUrl(url="https://api.example.com"),),
        fields=fields,
        check=Check(steps=lambda account, window: iter(())),  # type: ignore[arg-type,return-value]
        capabilities={},
    )


def secret(name: str = "api_key", **more: object) -> Field:
    return Field(name=name, label=name.replace("_", " ").title(), help="Made in the console.", secret=True, **more)  # type: ignore[arg-type]


def errors_of(form: ConnectForm) -> dict[str, list[str]]:
    return {name: list(words) for name, words in form.errors.items()}


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_fields_are_those_that_the_provider_declares(slug: str) -> None:
    form = ConnectForm(provider=PROVIDERS[slug])
    assert [name for name in form.fields if name != "label"] == [field.name for field in PROVIDERS[slug].fields]
    for declared in PROVIDERS[slug].fields:
        drawn = form.fields[declared.name]
        assert (drawn.label, drawn.help_text) == (declared.label, declared.help)
        assert drawn.required == (declared.required or declared.applies is not None)
        covered = SecretTextarea if declared.kind == "json" else forms.PasswordInput
        assert isinstance(drawn.widget, covered) == declared.secret
        assert isinstance(drawn, forms.ChoiceField) == (declared.kind == "choice")


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_what_connects_the_demo_passes_every_form(slug: str) -> None:
    form = ConnectForm({**KEYS[slug], "label": "Main"}, provider=PROVIDERS[slug])
    assert form.is_valid(), form.errors
    assert {name: value for name, value in form.values.items() if value} == KEYS[slug]


def test_a_secret_is_never_rendered_back() -> None:
    """Neither when the form comes back with an error, nor when it replaces a stored one."""
    declared = provider(secret(required=True), Field(name="team", label="Team", help="", required=True))
    form = ConnectForm({"api_key": CANARY, "team": ""}, provider=declared)
    assert not form.is_valid()
    assert CANARY not in form.as_p()


@pytest.mark.django_db
def test_a_stored_secret_shows_its_end_alone(organization: Organization) -> None:
    credential = credential_create(
        organization=organization,
        provider=PROVIDERS["metachat"],
        values={**KEYS["metachat"], "api_key": f"sk-live-{CANARY}"},
        label="",
        by=SYSTEM,
        now=NOW,
        check=False,
    )
    form = ConnectForm(provider=PROVIDERS["metachat"], credential=credential)
    drawn = form.as_p()
    assert CANARY not in drawn
    assert form.fields["api_key"].help_text.startswith("Stored, ends in leak. Leave empty to keep it.")
    assert "placeholder" not in form.fields["api_key"].widget.attrs, "it would go as soon as somebody types"
    assert not form.fields["api_key"].required, "empty keeps the old one"
    assert KEYS["metachat"]["account_balance_url"] in drawn, "open values are shown to be changed"
    assert "label" not in form.fields
    assert "same_account" not in form.fields


@pytest.mark.parametrize(
    ("slug", "field", "value", "words"),
    [
        (slug, field.name, f"{start}sim-harbor", words)
        for slug, one in sorted(PROVIDERS.items())
        for field in one.fields
        for start, words in field.wrong_starts.items()
    ],
)
def test_a_key_of_another_kind_is_named_before_anybody_is_asked(slug: str, field: str, value: str, words: str) -> None:
    form = ConnectForm({**KEYS[slug], field: value}, provider=PROVIDERS[slug])
    assert not form.is_valid()
    assert errors_of(form) == {field: [words]}
    assert value not in words


def test_the_longer_right_beginning_wins_over_a_shorter_wrong_one() -> None:
    declared = provider(secret(starts_with=("sk-admin-",), wrong_starts={"sk-": "This is an ordinary key."}))
    assert ConnectForm({"api_key": "sk-admin-abc"}, provider=declared).is_valid()
    assert errors_of(ConnectForm({"api_key": "sk-abc"}, provider=declared)) == {"api_key": ["This is an ordinary key."]}


def test_an_unusual_beginning_is_no_error() -> None:
    assert ConnectForm({"api_key": "new-style-key"}, provider=provider(secret(starts_with=("sk-",)))).is_valid()


@pytest.mark.parametrize("value", ["sk-a b", "sk-a\nb", "sk-a\tb", "sk-ключ", "sk-钥匙", "sk-a\u00a0b"])
def test_spaces_and_foreign_letters_are_refused(value: str) -> None:
    form = ConnectForm({"api_key": value}, provider=provider(secret()))
    assert "api_key" in errors_of(form)


def test_space_around_a_key_is_what_copying_brings_along() -> None:
    form = ConnectForm({"api_key": "  sk-abc\n"}, provider=provider(secret()))
    assert form.is_valid()
    assert form.values == {"api_key": "sk-abc"}


def test_a_key_of_endless_length_is_refused() -> None:
    assert not ConnectForm({"api_key": "x" * 8_001}, provider=provider(secret())).is_valid()
    assert ConnectForm({"api_key": "x" * 8_000}, provider=provider(secret())).is_valid()


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        ("https://relay.example.com/v1", True),
        ("relay.example.com", True),
        ("http://relay.example.com", False),
        ("ftp://relay.example.com", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://[x", False),
        ("https://a.example:port", False),
    ],
)
def test_an_address_has_to_be_https(value: str, fine: bool) -> None:
    declared = provider(secret(), Field(name="base_url", label="Base URL", help="", kind="url"))
    form = ConnectForm({"api_key": "sk-abc", "base_url": value}, provider=declared)
    assert form.is_valid() == fine
    if fine:
        assert form.values["base_url"].startswith("https://")
    else:
        assert list(errors_of(form)) == ["base_url"]


def test_at_least_one_secret_is_needed() -> None:
    declared = provider(secret("admin_key"), secret("inference_key"))
    form = ConnectForm({"admin_key": "", "inference_key": " "}, provider=declared)
    assert errors_of(form) == {"admin_key": ["Enter this or Inference Key."]}
    assert 'aria-invalid="true"' in str(form["inference_key"]), "each of them would do"
    assert ConnectForm({"inference_key": "sk-abc"}, provider=declared).is_valid()


COPILOT = {"account_kind": "organization", "billing_token": "github_pat_abc", "api_host": "https://api.github.com"}


@pytest.mark.parametrize(
    ("kind", "needed"), [("organization", "org"), ("enterprise", "enterprise"), ("user", "username")]
)
def test_a_field_of_one_choice_is_needed_with_that_one_alone(kind: str, needed: str) -> None:
    form = ConnectForm({**COPILOT, "account_kind": kind}, provider=PROVIDERS["github-copilot"])
    assert list(errors_of(form)) == [needed]
    assert ConnectForm(
        {**COPILOT, "account_kind": kind, needed: "quay"}, provider=PROVIDERS["github-copilot"]
    ).is_valid()
    unbound = ConnectForm(provider=PROVIDERS["github-copilot"])
    for number, name in enumerate(("org", "enterprise", "username"), start=1):
        assert unbound.fields[name].required, "none of them is called optional"
        assert unbound.fields[name].widget.attrs["data-when"] == number
    assert unbound.fields["account_kind"].widget.attrs["data-decides"]


def test_a_short_field_without_a_neighbour_takes_the_whole_row() -> None:
    def wide(*names: str) -> list[str]:
        fields = (Field(name=name, label=name, help="", secret=name.startswith("key")) for name in names)
        form = ConnectForm(provider=provider(*fields))
        return [name for name, field in form.fields.items() if "data-wide" in field.widget.attrs]

    assert wide("a", "key_1", "b", "c") == ["a", "label"]
    assert wide("a", "b", "key_1") == ["label"]
    assert wide("key_1", "a", "b", "c", "key_2") == ["c", "label"]


def test_a_required_secret_is_asked_for_by_name() -> None:
    assert list(errors_of(ConnectForm({}, provider=provider(secret(required=True))))) == ["api_key"]


def test_an_unknown_choice_is_refused() -> None:
    form = ConnectForm({"api_key": "sk-abc", "preferred_currency": "XTS"}, provider=PROVIDERS["deepseek"])
    assert list(errors_of(form)) == ["preferred_currency"]


@pytest.mark.parametrize(("value", "kept"), [("0.0000001", "0.0000001"), ("1E-7", "0.0000001"), ("", "")])
def test_decimals_are_kept_as_text_without_loss(value: str, kept: str) -> None:
    declared = provider(secret(), Field(name="rate", label="Rate", help="", kind="decimal"))
    form = ConnectForm({"api_key": "sk-abc", "rate": value}, provider=declared)
    assert form.is_valid()
    assert form.values["rate"] == kept
    assert not ConnectForm({"api_key": "sk-abc", "rate": "NaN"}, provider=declared).is_valid()


@pytest.mark.django_db
def test_the_admins_word_names_an_account_of_this_list_only(organization: Organization) -> None:
    mine = ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")
    other = ProviderAccount.objects.create(
        organization=Organization.objects.create(name="Island Labs"), provider_slug="deepseek", label="Theirs"
    )
    declared = PROVIDERS["deepseek"]
    values = {"api_key": "sk-abc"}
    form = ConnectForm({**values, "same_account": str(mine.pk)}, provider=declared, accounts=[mine])
    assert form.is_valid()
    assert form.same_account == mine
    assert not ConnectForm({**values, "same_account": str(other.pk)}, provider=declared, accounts=[mine]).is_valid()
    alone = ConnectForm({**values, "same_account": str(other.pk)}, provider=declared, accounts=[])
    assert alone.is_valid()
    assert alone.same_account is None


@pytest.mark.parametrize("slug", [slug for slug, one in PROVIDERS.items() if any(field.scopes for field in one.fields)])
def test_the_least_scope_is_told_where_a_key_can_have_less(client: Client, owner: User, slug: str) -> None:
    client.force_login(owner)
    page = client.get(reverse("credentials:connect_form", args=[slug])).content.decode()
    assert "Least scope" in page
    for field in PROVIDERS[slug].fields:
        for scope in field.scopes:
            assert f">{scope}<" in page


@pytest.mark.parametrize("slug", [slug for slug, one in PROVIDERS.items() if one.self_hosted])
def test_a_server_of_ones_own_needs_no_key_and_no_public_name(slug: str) -> None:
    one = PROVIDERS[slug]
    address = next(field.name for field in one.fields if field.kind == "url")
    choices = {field.name: field.choices[-1][0] for field in one.fields if field.kind == "choice" and field.required}
    for value in ("http://gpu-1:8000", "http://10.0.0.7:11434/v1", "http://[fd00::7]:8000", "https://llm.internal"):
        form = ConnectForm({**choices, address: value}, provider=one)
        assert address not in errors_of(form), value
        assert "__all__" not in errors_of(form), "no secret is asked for"
    for value in (
        "gpu-1:8000",
        "ftp://gpu-1",
        "http://",
        "http://a:b@gpu-1",
        "http://gpu-1:port",
        "javascript:alert(1)",
    ):
        form = ConnectForm({**choices, address: value}, provider=one)
        assert address in errors_of(form), value
