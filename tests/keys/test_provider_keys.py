"""The list of provider keys, whose they are, those that are typed in, and the pages on which they are made."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import IntentState, KeptSecret, KeyIntent, ProviderKey
from dashboard.keys.selectors import provider_keys_in
from dashboard.keys.services import provider_key_assign, provider_keys_land
from dashboard.keys.signals import provider_key_assigned
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, Team, User
from dashboard.organizations.scope import Scope
from dashboard.overview.keys.key_list import key_entry, key_list_context, key_minds, key_row, key_state
from providers.records import KeyState
from providers.records import ProviderKey as ListedKey
from tests.keys.managed import made_there, managed_account
from tests.providers.simulated import SimulatedWire

DAY = timedelta(days=1)
LIST = reverse("keys:key_list")


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return managed_account(organization, "openrouter")


@pytest.fixture
def team(organization: Organization) -> Team:
    return Team.objects.create(organization=organization, name="Blue")


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    told: list[dict[str, Any]] = []

    def hear(sender: Any, **more: Any) -> None:
        told.append({name: more[name] for name in ("account_id", "external_id", "team_id", "valid_from", "by")})

    provider_key_assigned.connect(hear)
    yield told
    provider_key_assigned.disconnect(hear)


def key_of(account: ProviderAccount, name: str, now: datetime, **more: Any) -> ProviderKey:
    told = {"name": name, "state": "active", "listed_at": now, **more}
    return ProviderKey.objects.create(account=account, external_id=f"id-{name}", **told)


def shown(organization: Organization, query: str, now: datetime, scope: Scope | None = None) -> list[str]:
    context = key_list_context(
        organization=organization, scope=scope or Scope(organization.pk), query=QueryDict(query), now=now
    )
    return [row["name"] for row in context["keys"]]


# --- What stands out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "tells_use", "expected"),
    [
        ({}, True, {"unowned"}),
        ({"expires_at": 30 * DAY}, True, {"unowned", "expiring"}),
        ({"expires_at": 30 * DAY + timedelta(seconds=1)}, True, {"unowned"}),
        ({"last_used_at": -60 * DAY}, True, {"unowned", "idle"}),
        ({"last_used_at": -59 * DAY}, True, {"unowned"}),
        ({"created_at": -61 * DAY}, True, {"unowned", "idle"}),
        ({"created_at": -61 * DAY}, False, {"unowned"}),
        ({"created_at": -365 * DAY, "last_used_at": -DAY}, True, {"unowned", "old"}),
        ({"expires_at": -DAY}, True, set()),
        ({"state": "disabled", "created_at": -900 * DAY}, True, set()),
    ],
)
def test_what_a_person_should_look_at(
    account: ProviderAccount, now: datetime, told: dict[str, Any], tells_use: bool, expected: set[str]
) -> None:
    moments = {name: now + value if isinstance(value, timedelta) else value for name, value in told.items()}
    key = key_of(account, "one", now, **moments)
    assert set(key_minds(key, tells_use=tells_use, now=now)) == expected


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), "Expires today"),
        (datetime(2026, 11, 23, 0, 1, tzinfo=UTC), "Expires tomorrow"),
        (datetime(2026, 11, 30, 1, 0, tzinfo=UTC), "Expires in 8 d"),
    ],
)
def test_days_to_an_end_are_counted_by_the_calendar(account: ProviderAccount, ends: datetime, words: str) -> None:
    late = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    entry = key_entry(key=key_of(account, "one", late, expires_at=ends), today=late.date(), now=late)
    assert key_row(entry, late)["word"] == words


def test_a_key_whose_secret_is_lost_is_not_fine(
    organization: Organization, account: ProviderAccount, team: Team, now: datetime
) -> None:
    key = key_of(account, "one", now, team=team)
    told = {"account": account, "operation": "create", "name": "purser-one", "key": key, "created_at": now}
    intent = KeyIntent.objects.create(**told, state=IntentState.FOUND)
    assert shown(organization, "mind=lost", now) == ["one"]
    assert key_row(key_entry(key=key, today=now.date(), now=now), now)["word"] == "Secret lost"
    KeyIntent.objects.filter(pk=intent.pk).update(state=IntentState.RECONCILED)
    assert key_row(key_entry(key=key, today=now.date(), now=now), now)["word"] == "Fine"


def test_the_bar_of_an_age_warns_only_where_the_row_does(account: ProviderAccount, now: datetime) -> None:
    key = key_of(account, "one", now, created_at=now - 500 * DAY, state="disabled")
    assert key_row(key_entry(key=key, today=now.date(), now=now), now)["age_bar"].severity == ""


def test_an_end_that_has_passed_counts_before_the_provider_says_so(account: ProviderAccount, now: datetime) -> None:
    key = key_of(account, "one", now, expires_at=now)
    assert key_state(key, now - timedelta(seconds=1)) == "active"
    assert key_state(key, now) == "expired"


@pytest.mark.parametrize("state", [*get_args(KeyState), ""])
def test_every_state_that_a_provider_tells_has_its_row(
    organization: Organization, account: ProviderAccount, now: datetime, signed_in: None, client: Client, state: str
) -> None:
    key = key_of(account, "nightly", now, state=state)
    assert shown(organization, f"state={key_state(key, now)}", now) == ["nightly"]
    assert client.get(reverse("keys:key", args=[key.pk])).status_code == 200


def test_the_list_is_narrowed_and_sorted_by_its_address(
    organization: Organization, account: ProviderAccount, team: Team, now: datetime
) -> None:
    key_of(account, "fine", now, team=team, created_at=now - 9 * DAY, last_used_at=now)
    key_of(account, "expiring", now, team=team, expires_at=now + 3 * DAY, created_at=now - 80 * DAY, last_used_at=now)
    key_of(account, "unowned", now, created_at=now - 3 * DAY)
    key_of(account, "old", now, team=team, created_at=now - 400 * DAY, last_used_at=now - DAY)
    key_of(account, "gone", now, gone_at=now)
    assert shown(organization, "", now) == ["expiring", "unowned", "old", "fine"], "worst first"
    assert shown(organization, "sort=age", now) == ["old", "expiring", "fine", "unowned"]
    assert shown(organization, "mind=unowned&mind=old", now) == ["unowned", "old"]
    assert shown(organization, "state=gone", now) == ["gone"]
    assert shown(organization, f"team={team.pk}&sort=key", now) == ["expiring", "fine", "old"]
    assert shown(organization, "q=BLUE+fin", now) == ["fine"]
    context = key_list_context(organization=organization, scope=Scope(organization.pk), query=QueryDict(""), now=now)
    counts = {str(chip.label): chip.count for chip in context["filters"]["mind"]}
    assert counts == {"Expire in 30 days": 1, "No owner": 1, "Older than a year": 1}
    assert (context["total"], context["known"]) == (4, 5)


def test_the_list_costs_the_same_for_many_keys(
    organization: Organization, account: ProviderAccount, now: datetime, signed_in: None, client: Client
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as made:
            assert client.get(LIST).status_code == 200
        return len(made)

    key_of(account, "first", now)
    statements()
    few = statements()
    for number in range(30):
        key_of(account, f"key {number}", now)
    assert statements() == few


def test_keys_that_nobody_lists_are_counted(
    organization: Organization, account: ProviderAccount, now: datetime, signed_in: None, client: Client
) -> None:
    key_of(account, "listed", now)
    assert "1 key in 1 account, as the providers list them" in client.get(LIST).content.decode()
    key_of(account, "by hand", now, typed_at=now)
    assert "2 keys in 1 account, 1 of them added by hand" in client.get(LIST).content.decode()


def test_without_an_account_the_way_on_is_to_connect_one(signed_in: None, client: Client) -> None:
    for url in (LIST, reverse("keys:key_choose")):
        text = client.get(url).content.decode().split("<main", 1)[1]
        assert reverse("credentials:connect") in text
        for dead_end in ("keys:key_type_in", "keys:key_choose"):
            assert f'href="{reverse(dead_end)}"' not in text


def test_who_sees_a_team_sees_its_keys_only(organization: Organization, team: Team, now: datetime) -> None:
    other = Team.objects.create(organization=organization, name="Green")
    ours, theirs = managed_account(organization, "openrouter"), managed_account(organization, "xai")
    ProviderAccount.objects.filter(pk=ours.pk).update(team=team)
    key_of(ours, "unowned in our account", now)
    key_of(ours, "theirs in our account", now, team=other)
    key_of(theirs, "ours in their account", now, team=team)
    key_of(theirs, "theirs", now, team=other)
    key_of(theirs, "unowned elsewhere", now)
    mine = provider_keys_in(Scope(organization.pk, (team.pk,)))
    assert set(mine.values_list("name", flat=True)) == {"unowned in our account", "ours in their account"}
    assert provider_keys_in(Scope(organization.pk, ())).count() == 0
    assert provider_keys_in(Scope(organization.pk)).count() == 5
    assert provider_keys_in(Scope(organization.pk + 1)).count() == 0


def test_a_viewer_finds_no_way_to_change_anything(
    organization: Organization, account: ProviderAccount, now: datetime, client: Client
) -> None:
    key = key_of(account, "nightly", now)
    viewer = User.objects.create_user("ann@harbor.example", name="Ann")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER, sees_all=True)
    client.force_login(viewer)
    for page in (client.get(LIST), client.get(reverse("keys:key", args=[key.pk]))):
        text = page.content.decode()
        assert "nightly" in text
        for way in ("/owner/", "/delete/", "/disable/", "/keys/new/", "Service tokens"):
            assert way not in text


# --- Whose it is ------------------------------------------------------------------------------------------------


def test_an_owner_is_told_on_and_recorded(
    account: ProviderAccount, team: Team, now: datetime, heard: list[dict[str, Any]]
) -> None:
    key = key_of(account, "nightly", now)
    first = date(2026, 11, 1)
    told = {"purpose": "evaluation", "by": SYSTEM, "now": now}
    for _ in range(2):
        provider_key_assign(key=key, team=team, valid_from=first, **told)  # type: ignore[arg-type]
    event = {"account_id": account.pk, "external_id": "id-nightly", "by": SYSTEM}
    assert heard == [{**event, "team_id": team.pk, "valid_from": first}], "the second time nothing changed"
    provider_key_assign(key=key, team=None, valid_from=date(2026, 11, 9), **told)  # type: ignore[arg-type]
    assert heard[1:] == [{**event, "team_id": None, "valid_from": date(2026, 11, 9)}]
    key.refresh_from_db()
    assert (key.team, key.owned_from, key.purpose) == (None, None, "evaluation")
    changes = [event.changes for event in AuditEvent.objects.filter(action="provider_key.assigned").order_by("pk")]
    assert changes[0] == {"team": [None, "Blue"], "purpose": ["", "evaluation"], "owned_from": [None, "2026-11-01"]}
    assert changes[1] == {"team": ["Blue", None], "owned_from": ["2026-11-01", None]}


def test_a_listener_that_fails_undoes_the_change(account: ProviderAccount, team: Team, now: datetime) -> None:
    def refuse(sender: Any, **_more: Any) -> None:
        raise RuntimeError

    key = key_of(account, "nightly", now)
    provider_key_assigned.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            provider_key_assign(key=key, team=team, purpose="", valid_from=now.date(), by=SYSTEM, now=now)
    finally:
        provider_key_assigned.disconnect(refuse)
    key.refresh_from_db()
    assert key.team is None
    assert AuditEvent.objects.count() == 0


def test_a_listing_leaves_alone_what_people_said(account: ProviderAccount, team: Team, now: datetime) -> None:
    key_of(account, "nightly", now, team=team, purpose="evaluation")
    typed = key_of(account, "by hand", now, typed_at=now)
    listed = [ListedKey(id="id-nightly", name="renamed", state="active")]
    provider_keys_land(account_id=account.pk, keys=listed, complete=True, now=now + DAY)
    key = ProviderKey.objects.get(external_id="id-nightly")
    assert (key.name, key.team, key.purpose) == ("renamed", team, "evaluation")
    typed.refresh_from_db()
    assert typed.gone_at is None, "the provider never listed it"
    provider_keys_land(account_id=account.pk, keys=[], complete=True, now=now + DAY)
    key.refresh_from_db()
    assert key.gone_at == now + DAY


def test_an_owner_is_chosen_on_a_page(
    account: ProviderAccount, team: Team, signed_in: None, client: Client, heard: list[dict[str, Any]]
) -> None:
    key = key_of(account, "nightly", timezone.now())
    url = reverse("keys:key_assign", args=[key.pk])
    assert "Blue" in client.get(url).content.decode()
    body = {"team": team.pk, "valid_from": "2026-11-01", "purpose": "evaluation"}
    assert client.post(url, body)["Location"] == reverse("keys:key", args=[key.pk])
    assert [one["team_id"] for one in heard] == [team.pk]
    assert "evaluation" in client.get(reverse("keys:key", args=[key.pk])).content.decode()
    stranger = Team.objects.create(organization=Organization.objects.create(name="Other"), name="Theirs")
    assert client.post(url, {**body, "team": stranger.pk}).status_code == 200, "no choice"
    key.refresh_from_db()
    assert key.team == team


# --- Typed in ---------------------------------------------------------------------------------------------------


def typed(account: ProviderAccount, **more: str) -> dict[str, str]:
    return {"account": str(account.pk), "name": "console key", "hint": "7f3a", "created_on": "2026-03-01", **more}


def test_a_key_is_typed_in_and_forgotten(account: ProviderAccount, signed_in: None, client: Client) -> None:
    url = reverse("keys:key_type_in")
    client.post(url, typed(account, external_id="console-1"))
    key = ProviderKey.objects.get()
    assert (key.name, key.hint, key.external_id) == ("console key", "…7f3a", "console-1")
    assert key.typed_at is not None
    assert "already" in client.post(url, typed(account, external_id="console-1")).content.decode()
    client.post(url, typed(account))
    client.post(url, typed(account))
    assert ProviderKey.objects.count() == 3, "without an id each is its own"
    for word in ("", "Console key"):
        client.post(reverse("keys:key_forget", args=[key.pk]), {"word": word})
        assert ProviderKey.objects.filter(pk=key.pk).exists(), "its name is typed, whatever the browser says"
    client.post(reverse("keys:key_forget", args=[key.pk]), {"word": key.name})
    assert not ProviderKey.objects.filter(pk=key.pk).exists()
    listed = key_of(account, "listed", timezone.now())
    client.post(reverse("keys:key_forget", args=[listed.pk]), {"word": listed.name})
    assert ProviderKey.objects.filter(pk=listed.pk).exists()


def test_a_secret_is_not_taken_for_a_name(account: ProviderAccount, signed_in: None, client: Client) -> None:
    secret = "sk-or-v1-" + "5e" * 24
    for field in ("name", "external_id"):
        page = client.post(reverse("keys:key_type_in"), typed(account, **{field: secret}))
        assert "looks like the key itself" in page.content.decode()
        assert secret not in page.content.decode()
    page = client.post(reverse("keys:key_type_in"), typed(account, hint="12345"))
    assert page.status_code == 200
    assert ProviderKey.objects.count() == 0


# --- Made at the provider ---------------------------------------------------------------------------------------


def form_of(page: str) -> str:
    found = re.search(r'name="intent" value="([0-9a-f-]{36})"', page)
    assert found is not None
    return found[1]


def new_key(client: Client, account: ProviderAccount, **more: str) -> Any:
    url = reverse("keys:key_new", args=[account.pk])
    intent = form_of(client.get(url).content.decode())
    return client.post(url, {"intent": intent, "label": "blue", "limit": "40", "limit_reset": "monthly", **more})


@pytest.fixture
def at_the_clock(simulator: SimulatedWire) -> SimulatedWire:
    """The simulator on the clock of the views."""
    simulator.now = timezone.now()
    return simulator


def test_the_secret_is_on_one_answer_alone(
    account: ProviderAccount, team: Team, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    answer = new_key(client, account, team=str(team.pk), purpose="evaluation")
    found = re.search(r'id="secret">\s*([^<\s]+)', answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    key = ProviderKey.objects.get()
    assert (key.team, key.limit) == (team, 40)
    intent = KeyIntent.objects.get()
    rest = found[1].removeprefix("sk-or-v1-")
    pages = [LIST, reverse("keys:key", args=[key.pk]), reverse("keys:intent", args=[intent.pk])]
    for text in (*(client.get(page).content.decode() for page in pages), str(list(AuditEvent.objects.values()))):
        assert rest not in text
    assert "no-store" in client.get(pages[-1])["Cache-Control"]
    assert KeptSecret.objects.count() == 0


def test_the_same_form_sent_twice_makes_one_key(
    account: ProviderAccount, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    intent = str(uuid4())
    assert b'id="secret"' in new_key(client, account, intent=intent).content
    again = new_key(client, account, intent=intent)
    assert again["Location"] == reverse("keys:intent", args=[UUID(intent)])
    assert len(made_there(at_the_clock, "openrouter")) == 1


def test_no_limit_is_said_never_left_out(
    account: ProviderAccount, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    page = new_key(client, account, limit="").content.decode()
    assert "tick “Without a limit”" in page
    assert KeyIntent.objects.count() == 0
    assert b'id="secret"' in new_key(client, account, limit="", unlimited="on").content
    assert ProviderKey.objects.get().limit is None
    assert "That day is over" in new_key(client, account, expires_on="2020-01-01").content.decode()


def test_everything_that_is_missing_is_said_at_once(account: ProviderAccount, signed_in: None, client: Client) -> None:
    page = new_key(client, account, label="", limit="").content.decode()
    assert "Give it a name" in page
    assert "tick “Without a limit”" in page
    page = new_key(client, account, unlimited="on").content.decode()
    assert "untick" in page, "neither of the two wins unsaid"
    assert KeyIntent.objects.count() == 0


def test_what_was_not_done_is_asked_for_again_as_it_was(
    account: ProviderAccount, team: Team, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    at_the_clock.simulator.faults["openrouter", "harbor"] = "429"
    answer = new_key(client, account, team=str(team.pk), purpose="evaluation", expires_on="2999-01-31", keep="on")
    intent = KeyIntent.objects.get()
    assert intent.state == IntentState.FAILED
    again = f"{reverse('keys:key_new', args=[account.pk])}?again={intent.pk}"
    text = client.get(answer["Location"]).content.decode()
    assert again in text
    assert "Try again" in text
    assert "429" in text
    page = client.get(again).content.decode()
    for said in ("blue", "evaluation", "40", "2999-01-31"):
        assert f'value="{said}"' in page
    for chosen in (str(team.pk), "monthly"):
        assert f'<option value="{chosen}" selected>' in page
    assert re.search(r'name="keep"[^>]* checked', page)
    assert form_of(page) != str(intent.pk), "it is a wish of its own"
    other = managed_account(Organization.objects.create(name="Other"), "openrouter")
    KeyIntent.objects.filter(pk=intent.pk).update(account=other)
    for odd in (again, again[:-4]):
        assert 'value="evaluation"' not in client.get(odd).content.decode()


def test_what_the_provider_said_is_told_in_the_reader_s_language(
    account: ProviderAccount, now: datetime, signed_in: None, client: Client
) -> None:
    told = {"account": account, "operation": "create", "name": "purser-one", "created_at": now}
    intent = KeyIntent.objects.create(**told, state="failed", message="openrouter.ai answered 429, too many calls.")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hant"
    text = client.get(reverse("keys:intent", args=[intent.pk])).content.decode()
    assert "too many calls" not in text
    assert "429" in text


def test_a_lost_answer_leads_to_a_page_that_asks_again(
    account: ProviderAccount, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    at_the_clock.simulator.faults["openrouter", "harbor"] = "crash"
    answer = new_key(client, account)
    intent = KeyIntent.objects.get()
    assert answer["Location"] == reverse("keys:intent", args=[intent.pk])
    page = client.get(answer["Location"]).content.decode()
    assert "sends nothing again" in page
    assert 'hx-trigger="every 3s"' in page
    assert intent.name in client.get(LIST).content.decode(), "what is not over stands above the list"
    KeyIntent.objects.update(state=IntentState.FAILED)
    assert 'hx-trigger="every 3s"' not in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize(("slug", "switches"), [("openrouter", True), ("xai", True), ("openai", False)])
def test_the_page_offers_what_the_provider_can_do(
    organization: Organization, now: datetime, signed_in: None, client: Client, slug: str, switches: bool
) -> None:
    account = managed_account(organization, slug)
    for state, way in (("active", "disable"), ("disabled", "enable")):
        key = key_of(account, state, now, state=state)
        page = client.get(reverse("keys:key", args=[key.pk])).content.decode()
        assert (reverse("keys:key_change", args=[key.pk, way]) in page) == switches
        assert "Owner team</dt>" in page, "who is hit stands in the question"
        assert reverse("keys:key_change", args=[key.pk, "delete"]) in page
    typed = key_of(account, "typed", now, typed_at=now)
    page = client.get(reverse("keys:key", args=[typed.pk])).content.decode()
    assert "/delete/" not in page
    assert reverse("keys:key_forget", args=[typed.pk]) in page


def test_deleting_wants_the_name_typed(
    account: ProviderAccount, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    new_key(client, account, keep="on")
    key = ProviderKey.objects.get()
    assert KeptSecret.objects.count() == 1
    url, page = reverse("keys:key_change", args=[key.pk, "delete"]), reverse("keys:key", args=[key.pk])
    for word in ("", "blue", key.name.upper()):
        client.post(url, {"intent": str(uuid4()), "word": word})
    assert len(made_there(at_the_clock, "openrouter")) == 1
    intent = form_of(client.get(page).content.decode())
    client.post(url, {"intent": intent, "word": key.name})
    assert made_there(at_the_clock, "openrouter") == set()
    assert KeptSecret.objects.count() == 0, "what opens nothing any more is not kept"
    assert client.post(reverse("keys:key_change", args=[key.pk, "melt"]), {"intent": intent}).status_code == 404


def test_a_kept_secret_is_erased_on_request(
    account: ProviderAccount, at_the_clock: SimulatedWire, signed_in: None, client: Client
) -> None:
    new_key(client, account, keep="on")
    key = ProviderKey.objects.get()
    assert "kept here, encrypted" in client.get(reverse("keys:key", args=[key.pk])).content.decode()
    client.post(reverse("keys:kept_drop", args=[key.pk]))
    assert KeptSecret.objects.count() == 1, "its name is typed"
    client.post(reverse("keys:kept_drop", args=[key.pk]), {"word": key.name})
    assert KeptSecret.objects.count() == 0
    assert AuditEvent.objects.filter(action="provider_key.secret_dropped").count() == 1
    assert len(made_there(at_the_clock, "openrouter")) == 1


def test_an_account_that_cannot_make_keys_says_what_it_takes(
    account: ProviderAccount, signed_in: None, client: Client
) -> None:
    credential = account.credentials.get()
    credential.set_secrets({"inference_key": "sk-or-v1-sim-harbor"})
    credential.save()
    for url in (reverse("keys:key_choose"), reverse("keys:key_new", args=[account.pk])):
        text = client.get(url).content.decode()
        assert "management key" in text
        assert "Make the key" not in text
    key = key_of(account, "nightly", timezone.now())
    assert "management key" in client.get(reverse("keys:key", args=[key.pk])).content.decode()


@pytest.mark.parametrize(
    ("state", "words"),
    [("checking", "is being checked"), ("refused", "was refused"), ("retired", "It takes a management")],
)
def test_an_account_whose_key_is_not_in_use_says_how_it_stands(
    account: ProviderAccount, signed_in: None, client: Client, state: str, words: str
) -> None:
    account.credentials.update(state=state)
    for url in (reverse("keys:key_choose"), reverse("keys:key_new", args=[account.pk])):
        assert words in client.get(url).content.decode()


def test_an_intent_of_another_organization_does_not_exist(
    account: ProviderAccount, signed_in: None, client: Client, at_the_clock: SimulatedWire
) -> None:
    elsewhere = managed_account(Organization.objects.create(name="Other"), "openrouter")
    theirs = KeyIntent.objects.create(
        account=elsewhere, operation="create", name="purser-x", created_at=timezone.now(), state=IntentState.FOUND
    )
    for name in ("keys:intent", "keys:intent_stays"):
        assert client.post(reverse(name, args=[theirs.pk])).status_code in (404, 405)
    assert client.get(reverse("keys:intent", args=[theirs.pk])).status_code == 404
    page = new_key(client, account, intent=str(theirs.pk))
    assert page.status_code == 200
    assert "Begin again" in page.content.decode()
    theirs.refresh_from_db()
    assert theirs.state == IntentState.FOUND
