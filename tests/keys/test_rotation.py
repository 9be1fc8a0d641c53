"""A key is rotated: another is made beside it, once, and the old one stays until a person deletes it."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.keys.intents import services
from dashboard.keys.intents.forms import RotateForm
from dashboard.keys.intents.selectors import intents_due, key_manager
from dashboard.keys.intents.services import (
    Outcome,
    intent_change,
    intent_create,
    intent_reconcile,
    intent_rotate,
    intent_run,
    key_label,
)
from dashboard.keys.models import IntentState, KeyIntent, Operation, ProviderKey
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.audit.log import WORDS
from dashboard.organizations.models import AuditEvent, Organization, Team
from dashboard.organizations.services import Refused
from dashboard.overview.keys.key_list import key_entry, key_row
from dashboard.usage.models import AllocationRule
from tests.keys.managed import SLUGS, Clock, Crash, FaultyWire, made_there, managed_account, project_of, wish
from tests.keys.test_intents import FAULTS, break_it, calm, die, look_until_over, raising
from tests.keys.test_provider_keys import form_of
from tests.providers.simulated import SimulatedWire

DAY = timedelta(days=1)


def old_key(organization: Organization, slug: str, clock: Clock, team: Team | None = None) -> ProviderKey:
    """A key that was made through Purser, forty days ago."""
    account = managed_account(organization, slug)
    wanted = wish(team, slug=slug, project=project_of(slug, clock.wire), limit_reset="monthly")
    intent, _ = intent_create(account=account, intent_id=uuid4(), wish=wanted, by=SYSTEM, now=clock())
    key = intent_run(intent=intent, by=SYSTEM, clock=clock).intent.key
    assert key is not None
    clock.forward(40 * DAY)
    return ProviderKey.objects.select_related("account", "team").get(pk=key.pk)


def ask(key: ProviderKey, slug: str, clock: Clock, retire_on: date | None = None) -> KeyIntent:
    told = {"wish": wish(slug=slug), "retire_on": retire_on, "by": SYSTEM, "now": clock()}
    intent, fresh = intent_rotate(key=key, intent_id=uuid4(), **told)  # type: ignore[arg-type]
    assert fresh
    return intent


def run(intent: KeyIntent, clock: Clock) -> Outcome:
    return intent_run(intent=intent, by=SYSTEM, clock=clock)


def delete(key: ProviderKey, clock: Clock) -> None:
    key.refresh_from_db()
    intent, _ = intent_change(key=key, operation=Operation.DELETE, intent_id=uuid4(), by=SYSTEM, now=clock())
    assert run(intent, clock).intent.state == IntentState.DONE


@pytest.mark.parametrize("slug", SLUGS)
def test_a_new_key_stands_beside_the_old_one(
    organization: Organization, wire: FaultyWire, clock: Clock, team: Team, slug: str
) -> None:
    old = old_key(organization, slug, clock, team)
    wire.sent.clear()
    outcome = run(ask(old, slug, clock, retire_on=clock().date() + 7 * DAY), clock)
    new = outcome.intent.key
    assert new is not None
    assert outcome.secret
    assert made_there(clock.wire, slug) == {old.external_id, new.external_id}, "the old one works on"
    assert len(wire.sent) == 1
    assert (new.team, new.purpose, new.project, new.rotated_from) == (team, old.purpose, old.project, old)
    assert new.limit == old.limit
    old.refresh_from_db()
    assert (old.state, old.gone_at, old.retire_on) == ("active", None, clock().date() + 7 * DAY)
    rule = AllocationRule.objects.get(value=new.external_id)
    assert rule.valid_from == new.owned_from == organization.local(clock()).date()
    delete(old, clock)
    assert made_there(clock.wire, slug) == {new.external_id}
    new.refresh_from_db()
    assert new.rotated_from == old, "the link is kept"
    assert set(AuditEvent.objects.values_list("action", flat=True)) <= set(WORDS)
    asked = AuditEvent.objects.filter(action="key_change.asked").order_by("-sequence")[1]
    assert asked.changes["rotates"] == [None, str(old)]
    assert outcome.secret not in str(list(AuditEvent.objects.values())) + str(list(KeyIntent.objects.values()))


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_makes_two_new_ones(
    organization: Organization, wire: FaultyWire, clock: Clock, team: Team, fault: str
) -> None:
    old = old_key(organization, "openrouter", clock, team)
    wire.sent.clear()
    state, done = FAULTS[fault][3:]
    intent = ask(old, "openrouter", clock)
    break_it(wire, "openrouter", fault)
    assert run(intent, clock).intent.state == state
    calm(wire)
    look_until_over(clock)
    intent.refresh_from_db()
    new = made_there(clock.wire, "openrouter") - {old.external_id}
    assert len(wire.sent) <= 1
    assert len(new) == int(done)
    if done:
        assert intent.key is not None
        assert {intent.key.external_id} == new
        assert (intent.key.rotated_from, intent.key.team) == (old, team), "also when it was only found"
    else:
        assert intent.state == IntentState.FAILED
        assert not old.successors.exists()
        assert run(ask(old, "openrouter", clock), clock).secret, "it can be asked for again"


@pytest.mark.parametrize(
    ("step", "made"),
    [
        ("intent written", 0),
        ("before the call is claimed", 0),
        ("call claimed", 0),
        ("call sent", 1),
        ("answer there, not stored", 1),
    ],
)
@pytest.mark.parametrize("slug", SLUGS)
def test_a_crash_at_any_step_leaves_one_new_key_or_none(
    organization: Organization,
    wire: FaultyWire,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
    step: str,
    made: int,
) -> None:
    old = old_key(organization, slug, clock)
    intent = ask(old, slug, clock)
    with monkeypatch.context() as dying:
        if step == "before the call is claimed":
            dying.setattr(services, "intent_claim", die)
        elif step == "answer there, not stored":
            dying.setattr(services, "intent_settle", die)
        wire.before = raising(Crash()) if step == "call claimed" else None
        wire.after = raising(Crash()) if step == "call sent" else None
        if step != "intent written":
            with pytest.raises(Crash):
                run(intent, clock)
    calm(wire)
    again, fresh = intent_rotate(
        key=old, intent_id=uuid4(), wish=wish(slug=slug), retire_on=None, by=SYSTEM, now=clock()
    )
    assert (again, fresh) == (intent, False), "while nobody knows, no second one is begun"
    look_until_over(clock)
    intent.refresh_from_db()
    assert len(made_there(clock.wire, slug) - {old.external_id}) == made
    assert intent.state == (IntentState.FOUND if made else IntentState.FAILED)
    assert set(old.successors.values_list("pk", flat=True)) == ({intent.key_id} if made else set())
    assert intents_due(now=clock() + 9 * DAY) == []


def test_as_long_as_the_new_key_lives_there_is_no_second(
    organization: Organization, wire: FaultyWire, clock: Clock
) -> None:
    old = old_key(organization, "xai", clock)
    new = run(ask(old, "xai", clock), clock).intent.key
    assert new is not None
    with pytest.raises(Refused, match="in its place already"):
        ask(old, "xai", clock)
    third = run(ask(new, "xai", clock), clock).intent.key
    assert third is not None
    assert third.rotated_from == new, "the new one has a successor of its own"
    delete(third, clock)
    delete(new, clock)
    assert run(ask(old, "xai", clock), clock).secret
    assert len(made_there(clock.wire, "xai")) == 2


def test_one_that_came_about_meanwhile_counts(
    organization: Organization, wire: FaultyWire, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clicks: the second looked before the first was done, and writes after it."""
    old = old_key(organization, "openrouter", clock)
    assert run(ask(old, "openrouter", clock), clock).secret
    monkeypatch.setattr(services, "rotation_hindrance", lambda key, manager: "")
    with pytest.raises(Refused, match="in its place already"):
        ask(old, "openrouter", clock)
    assert KeyIntent.objects.filter(operation=Operation.ROTATE).count() == 1, "nothing of it is left"
    assert len(made_there(clock.wire, "openrouter")) == 2


def test_what_cannot_be_rotated_says_why(organization: Organization, wire: FaultyWire, clock: Clock) -> None:
    account = managed_account(organization, "openai")
    for told, words in (
        ({"typed_at": clock()}, "does not list"),
        ({"gone_at": clock()}, "does not list"),
        ({"project": ""}, "no project"),
    ):
        key = ProviderKey.objects.create(
            account=account, external_id=str(told), name="k", listed_at=clock(), **{"project": "proj_a", **told}
        )
        with pytest.raises(Refused, match=words):
            ask(key, "openai", clock)
    assert KeyIntent.objects.count() == 0
    assert wire.sent == []


def test_the_form_begins_like_the_old_key(organization: Organization, wire: FaultyWire, clock: Clock) -> None:
    old = old_key(organization, "openrouter", clock)
    old.expires_at, old.created_at = clock() + 50 * DAY, clock() - 40 * DAY
    manager = key_manager(old.account)
    assert manager.declared is not None
    form = RotateForm(key=old, manager=manager, declared=manager.declared, today=clock().date())
    assert form.initial == {
        "label": "blue-team",
        "limit": 40,
        "unlimited": False,
        "limit_reset": "monthly",
        "expires_on": clock().date() + 90 * DAY,
    }
    assert not {"team", "purpose", "project"} & set(form.fields)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("purser-blue-team-7f3a9c12", "blue-team"),
        ("Search: prod!", "search-prod"),
        ("長", "key"),
        ("purser-x", "purser-x"),
    ],
)
def test_a_name_is_carried_on(name: str, label: str) -> None:
    assert key_label(name) == label


@pytest.mark.parametrize(
    ("retire_in", "minds", "word"),
    [(None, ("replaced",), "delete it"), (3, (), "Delete from"), (0, ("replaced",), "delete it")],
)
def test_a_replaced_key_is_minded_when_it_is_to_go(
    organization: Organization, wire: FaultyWire, clock: Clock, retire_in: int | None, minds: tuple[str, ...], word: str
) -> None:
    old = old_key(organization, "xai", clock)
    today = clock().date()
    run(ask(old, "xai", clock, None if retire_in is None else today + retire_in * DAY), clock)
    old.refresh_from_db()
    entry = key_entry(key=old, today=today, now=clock())
    assert entry.minds == minds, "nothing else is said of it: who replaced it has seen to that"
    assert word in key_row(entry, clock())["word"]


def test_a_key_is_rotated_on_its_page(
    organization: Organization, simulator: SimulatedWire, signed_in: None, client: Client, team: Team
) -> None:
    simulator.now = timezone.now()
    account = managed_account(organization, "openrouter")
    wanted = wish(team, slug="openrouter")
    intent, _ = intent_create(account=account, intent_id=uuid4(), wish=wanted, by=SYSTEM, now=timezone.now())
    old = intent_run(intent=intent, by=SYSTEM, clock=timezone.now).intent.key
    assert old is not None
    url, page = reverse("keys:key_rotate", args=[old.pk]), reverse("keys:key", args=[old.pk])
    assert url in client.get(page).content.decode()
    body: dict[str, Any] = {"intent": form_of(client.get(url).content.decode()), "label": "blue-team", "limit": "40"}
    assert "day is over" in client.post(url, {**body, "retire_on": "2020-01-01"}).content.decode()
    answer = client.post(url, {**body, "retire_on": "2999-01-31"})
    assert b'id="secret"' in answer.content
    assert "no-store" in answer["Cache-Control"]
    new = ProviderKey.objects.get(rotated_from=old)
    text = client.get(page).content.decode()
    assert reverse("keys:key", args=[new.pk]) in text
    assert "31\xa0Jan\xa02999" in text
    assert url not in text
    assert page in client.get(reverse("keys:key", args=[new.pk])).content.decode()
    assert "in its place already" in client.get(url).content.decode()
    assert "in its place already" in client.post(url, body).content.decode()
    assert len(made_there(simulator, "openrouter")) == 2


def test_an_intent_that_nobody_sent_is_given_up(organization: Organization, wire: FaultyWire, clock: Clock) -> None:
    old = old_key(organization, "openrouter", clock)
    intent = ask(old, "openrouter", clock)
    intent_reconcile(intent_id=str(intent.pk), clock=clock)
    intent.refresh_from_db()
    assert intent.state == IntentState.FAILED
    assert not old.successors.exists()
