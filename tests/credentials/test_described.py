"""Providers that an organization describes itself: from a preset to a synced account, and what nobody can do there."""

import html
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.balances.models import BalanceSeries
from dashboard.core.encryption import Unreadable
from dashboard.credentials.catalog import OWN, DescribedProvider, bound_to, provider_of
from dashboard.credentials.described.forms import GeneralForm
from dashboard.credentials.described.parts import CHECK, CapabilityForm, CheckForm
from dashboard.credentials.described.selectors import consequences_of
from dashboard.credentials.described.services import described_change, described_create, described_delete
from dashboard.credentials.described.trial import described_try, indented
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_create
from dashboard.keys.models import ProviderKey
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, User
from dashboard.organizations.services import Refused
from dashboard.sync.checking import credential_check
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.reading import stream_read
from dashboard.sync.services import credential_streams_wake, stream_start, streams_lease_due
from dashboard.usage.models import UsageRecord
from providers.described import problems, provider_from
from providers.presets import presets
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES
from tests.providers.loopback import Seen, Server, answer
from tests.providers.test_described import SECRET, SELF, described, relay
from tests.sync.driving import run_all, run_leased

pytestmark = pytest.mark.usefixtures("signed_in")

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


@pytest.fixture
def wire() -> Iterator[Server]:
    with Server(relay) as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """Where a secret must never arrive."""
    with Server(lambda seen: answer(body=json.dumps({**SELF, "left": 1}).encode())) as server:
        yield server


def relay_document(server: Server, name: str = "relay_account") -> dict[str, Any]:
    return {**deepcopy(dict(presets()[name])), "self_hosted": True, "base_urls": [{"url": server.url}]}


def kept(organization: Organization, document: dict[str, Any]) -> DescribedProvider:
    return described_create(organization=organization, document=document, by=SYSTEM, now=NOW)


def connected(one: DescribedProvider, **values: str) -> ProviderCredential:
    """A key of a described provider as it stands after a good check, its streams due."""
    credential = credential_create(
        organization=one.organization,
        provider=one.provider,
        values=values or {"access_token": SECRET, "user_id": "7"},
        label="Harbor",
        by=SYSTEM,
        now=NOW,
        check=False,
    )
    ProviderCredential.objects.filter(pk=credential.pk).update(state=CredentialState.ACTIVE)
    credential = ProviderCredential.objects.get(pk=credential.pk)
    credential_streams_wake(credential=credential, now=NOW)
    return credential


def url(name: str, one: DescribedProvider, *more: str) -> str:
    return reverse(f"credentials:described_{name}", args=[one.pk, *more])


def text_of(response: HttpResponse) -> str:
    assert response.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def typed(form: Any) -> dict[str, Any]:
    """What a browser sends of a form that nobody touched."""
    found: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if value is True:
            found[name] = "on"
        elif value not in (None, False):
            found[name] = value
    return found


# --- From nothing to figures --------------------------------------------------------------------------------------


def test_a_relay_is_described_by_form_connected_and_synced_whole(
    client: Client, organization: Organization, wire: Server
) -> None:
    made = client.post(reverse("credentials:described_new"), {"preset": "relay_account", "name": "Harbor relay"})
    one = DescribedProvider.objects.get()
    assert made["Location"] == url("general", one)
    form = typed(GeneralForm(document=one.document, version=one.version))
    answered = client.post(url("general", one), {**form, "bases": wire.url, "self_hosted": "on"})
    assert answered.status_code == 302, text_of(answered)
    one.refresh_from_db()
    assert (one.name, one.version, one.document["base_urls"]) == ("Harbor relay", 2, [{"url": wire.url}])

    connect = reverse("credentials:connect_form", args=[one.slug])
    assert "Harbor relay" in text_of(client.get(reverse("credentials:connect")))
    client.post(connect, {"access_token": SECRET, "user_id": "7", "label": "Team wallet"})
    credential = ProviderCredential.objects.get()
    assert credential.state == CredentialState.CHECKING
    credential_check(credential=credential, clock=lambda: NOW)
    credential.refresh_from_db()
    account = credential.account
    assert (credential.state, credential.check_verdict) == (CredentialState.ACTIVE, "valid")
    assert (account.external_id, account.external_name) == ("7", "harbor")

    for stream in SyncStream.objects.all():
        SyncStream.objects.filter(pk=stream.pk).update(next_run_at=NOW, lease_until=None)
    run_all(NOW)
    assert set(SyncStream.objects.values_list("capability", "state")) == {
        ("balance", "fresh"),
        ("usage", "fresh"),
        ("keys", "fresh"),
    }
    assert BalanceSeries.objects.get().amount == Decimal("41.549998")
    assert sum(row.input_tokens or 0 for row in UsageRecord.objects.all()) == 10300
    assert sum(row.cost or 0 for row in UsageRecord.objects.all()) == Decimal("0.103")
    key = ProviderKey.objects.get()
    assert (key.name, key.hint) == ("team-a", "…wxyz")
    page = text_of(client.get(reverse("credentials:account", args=[account.pk])))
    assert "Harbor relay" in page
    assert "41.55" in page
    assert SECRET not in page
    for name in ("overview:overview", "credentials:account_list"):
        assert "Harbor relay" in text_of(client.get(reverse(name)))
    assert "Harbor relay" in text_of(client.get(reverse("credentials:account_list") + f"?provider={one.slug}"))


def test_reading_again_leaves_the_same_rows(organization: Organization, wire: Server) -> None:
    connected(kept(organization, relay_document(wire)))
    run_all(NOW)
    before = list(UsageRecord.objects.order_by("start", "model").values_list("start", "model", "input_tokens", "cost"))
    SyncStream.objects.update(next_run_at=NOW, lease_until=None, cursor=None)
    run_all(NOW)
    assert before
    assert before == list(
        UsageRecord.objects.order_by("start", "model").values_list("start", "model", "input_tokens", "cost")
    )


# --- Whose it is --------------------------------------------------------------------------------------------------


def test_a_slug_means_something_in_its_organization_alone(client: Client, organization: Organization) -> None:
    other = Organization.objects.create(name="Island")
    theirs = kept(other, described())
    assert provider_of(other.pk, theirs.slug) is not None
    assert provider_of(organization.pk, theirs.slug) is None
    assert client.get(reverse("credentials:connect_form", args=[theirs.slug])).status_code == 404
    assert client.post(reverse("credentials:connect_form", args=[theirs.slug]), {"api_key": SECRET}).status_code == 404
    assert theirs.name not in text_of(client.get(reverse("credentials:connect")))
    assert theirs.name not in text_of(client.get(reverse("credentials:described_list")))
    for name in ("general", "json", "test", "export", "remove"):
        assert client.get(url(name, theirs)).status_code == 404
        assert client.post(url(name, theirs), {"word": theirs.name}).status_code in (404, 405)
    assert DescribedProvider.objects.filter(pk=theirs.pk).exists()


def test_no_description_shadows_a_registered_provider(organization: Organization) -> None:
    assert not [slug for slug in PROVIDERS if slug.startswith(OWN)]
    for name in (*PROVIDERS, "own-x", "///", "名"):
        one = kept(organization, described(name=name))
        assert one.slug.startswith(OWN)
        assert provider_of(organization.pk, one.slug) == one.provider
        one.delete()
    with pytest.raises(IntegrityError):
        DescribedProvider.objects.create(
            organization=organization, slug="deepseek", name="x", document={}, updated_at=NOW
        )


@pytest.mark.parametrize("role", [Role.LEAD, Role.VIEWER])
def test_only_owners_and_admins_describe(organization: Organization, role: Role) -> None:
    one = kept(organization, described())
    user = User.objects.create_user("kay@harbor.example")
    Membership.objects.create(organization=organization, user=user, role=role, sees_all=True, sees_balances=True)
    client = Client()
    client.force_login(user)
    names = ("general", "json", "test", "export", "remove")
    for address in (
        reverse("credentials:described_list"),
        reverse("credentials:described_new"),
        *(url(n, one) for n in names),
    ):
        assert client.get(address).status_code == 403
    assert client.post(url("remove", one), {"word": one.name}).status_code == 403
    assert "Own providers" not in text_of(client.get(reverse("credentials:connect")))


def test_pages_with_many_described_accounts_read_the_descriptions_once(
    client: Client, organization: Organization
) -> None:
    def queries() -> int:
        client.get(reverse("credentials:account_list"))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("credentials:account_list")).status_code == 200
        return len(captured)

    first = kept(organization, described())
    ProviderAccount.objects.create(organization=organization, provider_slug=first.slug, label="A")
    few = queries()
    for number in range(8):
        more = kept(organization, described(name=f"Relay {number}"))
        ProviderAccount.objects.create(organization=organization, provider_slug=more.slug, label=f"B{number}")
    assert queries() == few


# --- A secret stays where it was meant to go ----------------------------------------------------------------------


def moved(document: dict[str, Any], server: Server) -> dict[str, Any]:
    return {**document, "base_urls": [{"url": server.url}]}


def test_a_changed_base_url_drops_the_key_and_asks_for_it_again(
    client: Client, organization: Organization, wire: Server, elsewhere: Server
) -> None:
    one = kept(organization, relay_document(wire))
    credential = connected(one)
    form = typed(GeneralForm(document=one.document, version=one.version)) | {"bases": elsewhere.url}
    page = client.post(url("general", one), form)
    assert "Nothing is saved yet." in text_of(page)
    assert elsewhere.url in page.content.decode(), "what was typed stays"
    one.refresh_from_db()
    assert one.document["base_urls"] == [{"url": wire.url}]
    (mark,) = re.findall(r'name="agreed" value="(\w+)"', page.content.decode())
    assert client.post(url("general", one), {**form, "agreed": mark}).status_code == 302
    credential = ProviderCredential.objects.get(pk=credential.pk)
    assert (credential.state, credential.secret_hints) == (CredentialState.REFUSED, {})
    assert SECRET not in str(dict(credential.unlocked().values))
    SyncStream.objects.update(next_run_at=NOW, lease_until=None)
    assert run_all(NOW) == 0
    assert "the stored key was dropped" in text_of(client.get(reverse("credentials:check", args=[credential.pk])))
    client.post(reverse("credentials:recheck", args=[credential.pk]))
    credential_check(credential=ProviderCredential.objects.get(pk=credential.pk), clock=lambda: NOW)
    assert all(SECRET not in str(seen) for seen in elsewhere.requests)
    event = AuditEvent.objects.get(action="credential.secrets_dropped")
    assert set(event.changes) == {"access_token", "user_id"}
    assert SECRET not in str(list(AuditEvent.objects.values()))

    client.post(reverse("credentials:check", args=[credential.pk]), {"access_token": "sk-new-one-1234", "user_id": "7"})
    credential_check(credential=ProviderCredential.objects.get(pk=credential.pk), clock=lambda: NOW)
    assert any("sk-new-one-1234" in str(seen) for seen in elsewhere.requests), "the new key does go there"


@pytest.mark.parametrize("when", ["before the lease", "between key and description"])
def test_a_worker_that_is_overtaken_by_an_edit_sends_nothing(
    organization: Organization, wire: Server, elsewhere: Server, when: str
) -> None:
    """Even a row that the service overlooked: the key is judged against the description that it would be sent by."""
    one = kept(organization, relay_document(wire))
    credential = connected(one)
    (stream_id, token), *_ = streams_lease_due(now=NOW)
    stream = stream_start(stream_id=stream_id, token=token, now=NOW) if when != "before the lease" else None
    DescribedProvider.objects.update(document=moved(one.document, elsewhere))
    stream = stream or stream_start(stream_id=stream_id, token=token, now=NOW)
    assert stream is not None
    assert stream.credential.encrypted_secrets == credential.encrypted_secrets
    stream_read(stream=stream, token=token, clock=lambda: NOW)
    credential_check(credential=ProviderCredential.objects.get(), clock=lambda: NOW)
    assert elsewhere.requests == []
    assert SyncStream.objects.get(pk=stream_id).state == StreamState.PAUSED
    with pytest.raises(Unreadable):
        ProviderCredential.objects.get().unlocked()


def test_a_form_that_was_opened_before_the_edit_stores_no_key_for_the_new_place(
    organization: Organization, wire: Server, elsewhere: Server
) -> None:
    one = kept(organization, relay_document(wire))
    shown = one.provider
    DescribedProvider.objects.update(document=moved(one.document, elsewhere))
    credential = credential_create(
        organization=organization,
        provider=shown,
        values={"access_token": SECRET, "user_id": "7"},
        label="Late",
        by=SYSTEM,
        now=NOW,
        check=False,
    )
    credential_check(credential=ProviderCredential.objects.get(pk=credential.pk), clock=lambda: NOW)
    assert elsewhere.requests == []


@pytest.mark.parametrize("change", ["header", "prefix", "second base"])
def test_another_header_or_a_further_host_drops_the_key_too(
    organization: Organization, wire: Server, elsewhere: Server, change: str
) -> None:
    one = kept(organization, relay_document(wire))
    connected(one)
    document = deepcopy(one.document)
    if change == "second base":
        document["base_urls"].append({"url": elsewhere.url})
    else:
        document["secrets"][0][change] = {"header": "X-Echo", "prefix": "Token "}[change]
    assert consequences_of(one, document).words
    gone = described_change(described=one, document=document, version=one.version, by=SYSTEM, now=NOW)
    assert gone == ["Harbor"]
    assert ProviderCredential.objects.get().secret_hints == {}


def test_what_moves_nothing_keeps_the_key(organization: Organization, wire: Server) -> None:
    one = kept(organization, relay_document(wire))
    connected(one)
    document = {**one.document, "name": "Another name", "summary": "Words."}
    document["capabilities"]["balance"]["interval_seconds"] = 600
    assert not consequences_of(one, document).words
    assert described_change(described=one, document=document, version=1, by=SYSTEM, now=NOW) == []
    credential = ProviderCredential.objects.get()
    assert credential.unlocked().values["access_token"] == SECRET
    credential_streams_wake(credential=credential, now=NOW)
    assert SyncStream.objects.get(capability="balance").interval_seconds == 600
    assert run_all(NOW)
    assert BalanceSeries.objects.get().amount == Decimal("41.549998")


def test_a_registered_provider_binds_nothing(organization: Organization) -> None:
    assert {bound_to(one) for one in PROVIDERS.values()} == {""}


# --- Editing ------------------------------------------------------------------------------------------------------


def whole_presets() -> list[str]:
    return [name for name in presets() if name != "empty"]


@pytest.mark.parametrize("name", list(presets()))
def test_forms_that_nobody_touched_change_nothing(name: str) -> None:
    document = deepcopy(dict(presets()[name]))
    described_so = provider_from(document) if name != "empty" else None
    for part in ("general", CHECK, *CAPABILITIES):
        kind: Any = GeneralForm if part == "general" else CheckForm if part == CHECK else CapabilityForm
        more = {} if part == "general" else {"part": part}
        shown = kind(document=document, version=1, **more)
        sent = kind(typed(shown), document=document, version=1, **more)
        assert sent.is_valid(), (part, sent.errors)
        written = sent.written()
        if part == "general":
            if described_so is not None:
                again = provider_from(written)
                assert (again.fields, again.base_urls, again.name) == (
                    described_so.fields,
                    described_so.base_urls,
                    described_so.name,
                )
        else:
            assert json.dumps(written, sort_keys=True) == json.dumps(document, sort_keys=True), part


def test_a_blank_description_is_filled_in_by_forms_alone(client: Client, organization: Organization) -> None:
    client.post(reverse("credentials:described_new"), {"preset": "empty", "name": "Blank"})
    one = DescribedProvider.objects.get()
    assert "A draft" in text_of(client.get(url("general", one)))
    assert client.get(reverse("credentials:connect_form", args=[one.slug])).status_code == 404
    general = typed(GeneralForm(document=one.document, version=1))
    general |= {"bases": "https://relay.example.com/v1 account Main", "field_0_name": "team", "field_0_label": "Team"}
    assert client.post(url("general", one), general).status_code == 302
    one.refresh_from_db()
    form = typed(CapabilityForm(document=one.document, version=2, part="balance"))
    form |= {"offered": "told", "path": "/teams/{team}/credit", "query": "a = b", "amount_at": "left"}
    form |= {"amount_scale": "0.01", "unit_is": "USD", "interval_seconds": "300"}
    answered = client.post(url("part", one, "balance"), form)
    assert answered.status_code == 302, text_of(answered)
    one.refresh_from_db()
    assert one.document["capabilities"] == {
        "balance": {
            "path": "/teams/{team}/credit",
            "query": {"a": "b"},
            "fields": {"amount": {"at": "left", "scale": "0.01"}, "unit": {"is": "USD"}},
            "interval_seconds": 300,
        }
    }
    assert problems(one.document) == []
    assert "Connect an account" in text_of(client.get(url("general", one)))
    assert client.get(reverse("credentials:connect_form", args=[one.slug])).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("path", "//evil.example/x", "capabilities.balance.path: A path begins with /"),
        ("path", "/x/{access_token}", "A secret never stands in an address"),
        ("amount_at", "sum(a)", "functions are not taken"),
        ("amount_divide_by", "0", "capabilities.balance.fields.amount.divide_by: This is a number in quotes"),
        ("query", "nonsense", "“nonsense” is not of the form: name = value."),
        ("interval_seconds", "1", "a whole number from 60"),
    ],
)
def test_mistakes_keep_what_was_typed_and_save_nothing(
    client: Client, organization: Organization, wire: Server, field: str, value: str, words: str
) -> None:
    one = kept(organization, relay_document(wire))
    form = typed(CapabilityForm(document=one.document, version=1, part="balance")) | {field: value}
    page = client.post(url("part", one, "balance"), form)
    assert words in text_of(page)
    assert html.escape(value) in page.content.decode()
    one.refresh_from_db()
    assert one.version == 1


def test_the_json_view_names_places_and_keeps_the_text(client: Client, organization: Organization) -> None:
    one = kept(organization, described())
    for text, words in (
        ('{"a": ', "This is no JSON"),
        ("[" * 40_000, "JSON"),
        (json.dumps(described(nmae="x")), "nmae: This is not known here"),
        (json.dumps(described(name="\x00")), "name: "),
        (json.dumps(described(secrets=[{"name": "api_key", "starts_with": ["\x00"]}])), "NUL"),
        (json.dumps(described(name="\ud800")), "not a JSON document"),
        ("NaN", "not a JSON document"),
    ):
        page = client.post(url("json", one), {"text": text, "version": 1})
        assert words in text_of(page), text[:60]
        assert html.escape(text)[:200] in page.content.decode()
    good = described(summary="From the JSON view")
    assert client.post(url("json", one), {"text": json.dumps(good), "version": 1}).status_code == 302
    one.refresh_from_db()
    assert (one.document, one.version) == (good, 2)
    assert AuditEvent.objects.get(action="provider.changed").changes == {"summary": [None, "From the JSON view"]}


def test_two_who_edit_at_once_do_not_overwrite_each_other(client: Client, organization: Organization) -> None:
    one = kept(organization, described())
    first, second = described(summary="first"), described(summary="second")
    assert client.post(url("json", one), {"text": json.dumps(first), "version": 1}).status_code == 302
    page = client.post(url("json", one), {"text": json.dumps(second), "version": 1})
    assert "Somebody else has changed this meanwhile." in text_of(page)
    one.refresh_from_db()
    assert one.document["summary"] == "first"


def test_a_capability_that_goes_is_warned_about_and_its_stream_rests(
    client: Client, organization: Organization, wire: Server
) -> None:
    one = kept(organization, relay_document(wire))
    credential = connected(one)
    form = typed(CapabilityForm(document=one.document, version=1, part="keys"))
    form |= {"offered": "absent", "absent": "Not any more.", "fallback": ""}
    page = client.post(url("part", one, "keys"), form)
    assert "keys is no longer read of Harbor" in text_of(page)
    leases = dict(streams_lease_due(now=NOW))
    stream = SyncStream.objects.get(capability="keys")
    (mark,) = re.findall(r'name="agreed" value="(\w+)"', page.content.decode())
    assert client.post(url("part", one, "keys"), {**form, "agreed": mark}).status_code == 302
    run_leased(stream.pk, leases[stream.pk], NOW)
    stream.refresh_from_db()
    assert (stream.state, stream.message, stream.lease_until) == ("not_available", "Not any more.", None)
    credential_streams_wake(credential=ProviderCredential.objects.get(pk=credential.pk), now=NOW)
    assert not SyncStream.objects.filter(capability="keys").exists()
    page_of_account = text_of(client.get(reverse("credentials:account", args=[credential.account_id])))
    assert "Not any more." in page_of_account


def test_what_is_in_use_stays_whole(organization: Organization, wire: Server) -> None:
    one = kept(organization, relay_document(wire))
    connected(one)
    with pytest.raises(Refused, match="Harbor"):
        described_change(described=one, document={**one.document, "capabilities": {}}, version=1, by=SYSTEM, now=NOW)


def test_a_description_that_cannot_be_read_any_more_breaks_no_page(
    client: Client, organization: Organization, wire: Server
) -> None:
    """As after going back to an older version."""
    one = kept(organization, relay_document(wire))
    credential = connected(one)
    run_all(NOW)
    DescribedProvider.objects.update(document={"purser_provider": 2, "name": "From tomorrow"})
    SyncStream.objects.update(next_run_at=NOW, lease_until=None)
    run_all(NOW)
    credential_check(credential=ProviderCredential.objects.get(), clock=lambda: NOW)
    for address in (
        reverse("overview:overview"),
        reverse("credentials:account_list"),
        reverse("credentials:account", args=[credential.account_id]),
        reverse("credentials:check", args=[credential.pk]),
        reverse("credentials:described_list"),
        *(url(name, one) for name in ("general", "json", "remove", "export")),
        *(url("part", one, part) for part in (CHECK, *CAPABILITIES)),
    ):
        assert client.get(address).status_code == 200, address
    assert BalanceSeries.objects.get().amount == Decimal("41.549998"), "the figure stays"


# --- Trying -------------------------------------------------------------------------------------------------------


def test_a_trial_shows_matched_values_beside_the_raw_answer_and_keeps_nothing(
    client: Client, organization: Organization, wire: Server
) -> None:
    one = kept(organization, relay_document(wire))
    data = {"capability": "balance", "access_token": SECRET, "user_id": "7"}
    before = list(ProviderCredential.objects.values()), list(AuditEvent.objects.values())
    response = client.post(url("test", one), data)
    page = text_of(response)
    assert "amount 41.549998" in page
    assert '"quota": 20774999' in page
    assert "granted not told" in page
    assert SECRET not in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert before == (list(ProviderCredential.objects.values()), list(AuditEvent.objects.values()))
    wrong = text_of(client.post(url("test", one), {**data, "user_id": "8"}))
    assert "the answer says that the call was refused" in wrong
    assert '"success": false' in wrong
    assert SECRET not in wrong, "a server may echo what it was sent"
    assert "•••" in wrong
    assert "account_name harbor" in text_of(client.post(url("test", one), {**data, "capability": "check"}))


def test_a_trial_of_what_is_not_saved_leads_to_saving_it(
    client: Client, organization: Organization, wire: Server, elsewhere: Server
) -> None:
    one = kept(organization, relay_document(wire))
    form = typed(CapabilityForm(document=one.document, version=1, part="balance")) | {"amount_at": "data.used_quota"}
    page = client.post(url("part", one, "balance"), {**form, "action": "test"}).content.decode()
    assert wire.requests == []
    (document, *_) = (html.unescape(found) for found in re.findall(r'name="document" value="([^"]*)"', page))
    data = {"document": document, "capability": "balance", "access_token": SECRET, "user_id": "7"}
    assert "amount 2.500002" in text_of(client.post(url("test", one), data))
    one.refresh_from_db()
    assert one.version == 1
    client.post(url("json", one), {"text": document, "version": 1, "action": "save"})
    one.refresh_from_db()
    assert one.document["capabilities"]["balance"]["fields"]["amount"]["at"] == "data.used_quota"


def test_a_trial_uses_no_stored_key(client: Client, organization: Organization, wire: Server) -> None:
    one = kept(organization, relay_document(wire))
    connected(one)
    page = text_of(client.post(url("test", one), {"capability": "balance"}))
    assert "Access token is missing." in page or "This needs the field" in page or "required" in page
    assert wire.requests == []


def test_trials_are_limited(client: Client, organization: Organization, wire: Server) -> None:
    one = kept(organization, relay_document(wire))
    statuses = [client.post(url("test", one), {"capability": "balance"}).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("base", ["http://169.254.169.254", "http://[::ffff:169.254.169.254]"])
def test_a_trial_reaches_no_metadata(client: Client, organization: Organization, base: str) -> None:
    document = described(self_hosted=True, base_urls=[{"url": base}])
    if problems(document):
        assert [one.path for one in problems(document)] == ["base_urls[0].url"]
        return
    trial = described_try(
        provider=provider_from(document), capability="balance", values={"api_key": SECRET}, now=NOW, clock=lambda: 0.0
    )
    assert "was not called" in trial.error
    assert trial.answers == []


def test_a_trial_is_bounded_and_an_answer_that_is_no_json_is_not_carried_over(wire: Server) -> None:
    def endless(seen: Seen) -> bytes:
        return answer(body=json.dumps({"data": [{"id": f"{seen.target}"}], "next": seen.target[-40:] + "x"}).encode())

    paging = {"parameter": "after", "cursor": "next"}
    call = {"path": "/m", "rows": "data", "fields": {"id": "id"}, "paging": paging}
    with Server(endless) as server:
        document = described(self_hosted=True, base_urls=[{"url": server.url}], capabilities={"models": call})
        trial = described_try(
            provider=provider_from(document),
            capability="models",
            values={"api_key": SECRET},
            now=NOW,
            clock=lambda: 0.0,
        )
        assert "A trial ends after 20 calls" in trial.error
        assert (len(server.requests), len(trial.answers)) == (20, 3)
        seconds = iter(range(0, 1000, 20))
        slow = described_try(
            provider=provider_from(document),
            capability="models",
            values={"api_key": SECRET},
            now=NOW,
            clock=lambda: float(next(seconds)),
        )
        assert "half a minute" in slow.error
        assert len(slow.answers) == 1, "begun at 0 s, called at 20 s, ended at 40 s"
    page = f"<html><script>alert(1)</script>{SECRET}".encode()
    with Server(lambda seen: answer(body=page, headers=[("Content-Type", "text/html; x")])) as server:
        document = described(self_hosted=True, base_urls=[{"url": server.url}])
        trial = described_try(
            provider=provider_from(document),
            capability="balance",
            values={"api_key": SECRET},
            now=NOW,
            clock=lambda: 0.0,
        )
        assert trial.error
        assert [one.text for one in trial.answers] == [f"No JSON: text/html, {len(page)} bytes."]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(value=JSON, spread=st.booleans())
def test_indenting_changes_nothing_but_white_space(value: Any, spread: bool) -> None:
    text = json.dumps(value, indent=3 if spread else None)
    assert json.loads(indented(text, 10_000)) == value


# --- Sharing and deleting -----------------------------------------------------------------------------------------


def test_a_description_is_shared_as_a_file_without_secrets(
    client: Client, organization: Organization, wire: Server
) -> None:
    one = kept(organization, relay_document(wire))
    connected(one)
    response = client.get(url("export", one))
    assert "attachment" in response["Content-Disposition"]
    assert response["Content-Disposition"].endswith('.purser-provider.json"')
    text = response.content.decode()
    assert json.loads(text) == one.document
    for hidden in (SECRET, organization.name, "Harbor", one.slug):
        assert hidden not in text
    client.post(reverse("credentials:described_new"), {"preset": "empty", "name": "Copy", "text": text})
    copy = DescribedProvider.objects.exclude(pk=one.pk).get()
    assert copy.document == {**one.document, "name": "Copy"}
    assert copy.slug != one.slug


@pytest.mark.parametrize("text", ["{", "[]", '{"purser_provider": 2}', json.dumps(described(capabilities={}))])
def test_a_file_that_is_no_description_is_refused_and_stays_typed(
    client: Client, organization: Organization, text: str
) -> None:
    page = client.post(reverse("credentials:described_new"), {"preset": "empty", "name": "Copy", "text": text})
    assert page.status_code == 200
    assert html.escape(text) in page.content.decode()
    assert not DescribedProvider.objects.exists()


def test_deleting_asks_and_is_refused_while_accounts_use_it(
    client: Client, organization: Organization, wire: Server
) -> None:
    one = kept(organization, relay_document(wire))
    credential = connected(one)
    assert "Harbor" in text_of(client.get(url("remove", one)))
    assert "It is in use: Harbor." in text_of(client.post(url("remove", one), {"word": one.name}))
    credential.account.delete()
    assert "Nothing was deleted" in text_of(client.post(url("remove", one), {"word": "no"}))
    assert client.post(url("remove", one), {"word": one.name}).status_code == 302
    assert not DescribedProvider.objects.exists()
    assert AuditEvent.objects.filter(action="provider.deleted").count() == 1


def test_there_is_an_end_to_descriptions(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.credentials.described.services.MOST_DESCRIBED", 1)
    one = kept(organization, described())
    with pytest.raises(Refused):
        kept(organization, described())
    described_delete(described=one, by=SYSTEM, now=timezone.now())
    assert kept(organization, described()).pk


@pytest.mark.parametrize("name", whole_presets())
def test_every_page_of_every_preset_opens(client: Client, organization: Organization, name: str) -> None:
    one = kept(organization, dict(presets()[name]))
    for address in (
        reverse("credentials:connect_form", args=[one.slug]),
        *(url(page, one) for page in ("general", "json", "test", "remove", "export")),
        *(url("part", one, part) for part in (CHECK, *CAPABILITIES)),
    ):
        response = client.get(address)
        assert response.status_code == 200, address
        if "attachment" in response.get("Content-Disposition", ""):
            continue
        page = response.content.decode()
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), f"ids stand once: {address}"
        for label in re.findall(r'<label[^>]* for="([^"]+)"', page):
            assert label in ids, f"{label} on {address}"


def test_the_editor_says_in_words_what_stands_where(client: Client, organization: Organization) -> None:
    one = kept(organization, dict(presets()["relay_key"]))
    page = client.get(url("part", one, "balance"))
    told = text_of(page)
    for words in ("Amount left needed amount", "Kind of balance kind", "credit line", "Unix milliseconds"):
        assert words in told, words
    folds = re.findall(r"<details[^>]*>\s*<summary[^>]*>.*?<h2>([^<]+)", page.content.decode(), re.DOTALL)
    assert folds == ["More about the call", "More figures", "How often, and which days", "Pages"]
    assert "{last}" not in told, "a balance is asked for without days"
    assert "{last}" in text_of(client.get(url("part", one, "usage")))


@pytest.mark.usefixtures("noted_templates")
def test_what_is_folded_away_is_open_where_something_stands_in_it(client: Client, organization: Organization) -> None:
    document = dict(presets()["relay_key"])
    balance = {**document["capabilities"]["balance"], "query": {"all": "1"}, "paging": {"parameter": "p"}}
    one = kept(organization, {**document, "capabilities": {**document["capabilities"], "balance": balance}})
    page = client.get(url("part", one, "balance")).content.decode()
    opened = re.findall(r"<details[^>]* open>\s*<summary[^>]*>.*?<h2>([^<]+)", page, re.DOTALL)
    assert {"More about the call", "Pages"} <= set(opened)
    form = CapabilityForm(part="balance", document=described(), version=1)
    assert not form.more_fold["open"]
    wrong = client.post(url("part", one, "balance"), {**typed(form), "offered": "told", "basis_at": "a[", "path": "/x"})
    assert [row["name"] for row in wrong.context["form"].shown_rows if row["name"] == "basis"] == ["basis"]


@pytest.mark.usefixtures("noted_templates")
def test_a_tab_says_how_its_part_stands(client: Client, organization: Organization) -> None:
    one = kept(organization, dict(presets()["relay_key"]))
    tabs = {tab["name"]: tab["told"] for tab in client.get(url("general", one)).context["tabs"]}
    capabilities = one.document["capabilities"]
    assert {name for name, told in tabs.items() if told == "the provider has none"} == {
        name for name, part in capabilities.items() if "absent" in part
    }
    read = {name for name, part in capabilities.items() if "path" in part}
    assert {name for name, told in tabs.items() if told == "described"} == {*read, CHECK}


def test_a_help_of_several_lines_is_kept_as_one(client: Client, organization: Organization) -> None:
    one = kept(organization, described())
    form = typed(GeneralForm(document=one.document, version=one.version))
    assert (
        client.post(url("general", one), {**form, "secret_0_help": "Made in the console.\r\nRead only."}).status_code
        == 302
    )
    one.refresh_from_db()
    assert one.document["secrets"][0]["help"] == "Made in the console. Read only."
