"""Revisions as people save them; decisions, events and what is remembered as readings land and time passes."""

from datetime import datetime
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.audit.log import WORDS
from dashboard.organizations.models import AuditEvent, Organization, Team
from dashboard.organizations.services import Refused
from dashboard.routing import services
from dashboard.routing.decide import decide
from dashboard.routing.document import DocumentError, Target, document_of, plain_of
from dashboard.routing.models import RouteEvent, RoutePolicy, RouteRevision, TargetOut
from dashboard.routing.selectors import account_facts, policy_for_feed, targets_known
from dashboard.routing.services import (
    policy_remove,
    policy_restore,
    policy_save,
    route_events_prune,
    routes_decide_account,
    routes_decide_due,
)
from dashboard.sync.models import StreamState, SyncStream
from tests.routing.routing_world import HOUR, MINUTE, account, document, land, saved
from tests.sync.driving import connected


@pytest.fixture
def first(organization: Organization, now: datetime) -> ProviderAccount:
    made = account(organization, "First")
    land(made, "100", now)
    return made


@pytest.fixture
def second(organization: Organization, now: datetime) -> ProviderAccount:
    made = account(organization, "Second")
    land(made, "100", now)
    return made


def states(policy: RoutePolicy) -> list[tuple[str, str]]:
    policy.refresh_from_db()
    return [(one["state"], one["code"]) for route in policy.decided["routes"] for one in route["targets"]]


# --- Revisions --------------------------------------------------------------------------------------------------


def test_each_save_is_the_next_revision_and_leaves_its_trace(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    policy = saved(organization, document([first], [second]), now)
    saved(organization, document([second], [first]), now, based_on=1)
    policy.refresh_from_db()
    assert (policy.revision, policy.accounts) == (2, sorted([first.pk, second.pk]))
    assert [row.number for row in RouteRevision.objects.order_by("number")] == [1, 2]
    actions = [event.action for event in AuditEvent.objects.order_by("sequence")]
    assert actions == ["routes.saved", "routes.saved"]
    assert set(actions) <= set(WORDS)


def test_the_same_again_is_no_revision(organization: Organization, first: ProviderAccount, now: datetime) -> None:
    saved(organization, document([first]), now)
    saved(organization, document([first]), now, based_on=1)
    assert RouteRevision.objects.count() == 1


def test_who_saw_an_older_revision_is_refused(
    organization: Organization, first: ProviderAccount, now: datetime
) -> None:
    saved(organization, document([first]), now)
    with pytest.raises(Refused):
        saved(organization, document([first], hold_down_minutes=5), now, based_on=0)
    assert RouteRevision.objects.count() == 1


def test_an_older_revision_comes_back_as_a_new_one(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    policy = saved(organization, document([first]), now)
    saved(organization, document([second]), now, based_on=1)
    old = RouteRevision.objects.get(number=1)
    made = policy_restore(revision=old, based_on=2, by=SYSTEM, now=now)
    assert (made.number, made.restores, made.digest, made.document) == (3, 1, old.digest, old.document)
    assert states(policy) == [("in_use", "ready")]
    first.delete()
    with pytest.raises(Refused):
        policy_restore(revision=RouteRevision.objects.get(number=1), based_on=3, by=SYSTEM, now=now)


def test_accounts_of_others_are_no_targets(organization: Organization, now: datetime) -> None:
    theirs = account(Organization.objects.create(name="Island Labs"), "Theirs")
    with pytest.raises(DocumentError):
        saved(organization, document([theirs]), now)
    assert RoutePolicy.objects.count() == 0


def test_a_document_comes_back_from_json_as_it_was(first: ProviderAccount) -> None:
    made = document([Target(account=first.pk, model="maker/name-1.5:free", weight=7, host="backup", enabled=False)])
    assert document_of(plain_of(made)) == made


@pytest.mark.parametrize(
    "change",
    [
        {"routes": [{"match": "A b"}]},
        {"routes": [{"match": "gpt-*", "kind": "model"}]},
        {"routes": [{"match": "gpt", "kind": "pattern"}]},
        {"routes": [{"match": "a"}, {"match": "a"}]},
        {"routes": [{"match": "a", "tiers": [{"targets": [{"account": 1, "model": ""}]}]}]},
        {"routes": [{"match": "a", "tiers": [{"targets": [{"account": 1, "model": "m", "weight": 0}]}]}]},
        {"routes": [{"match": "a", "tiers": [{"targets": [{"account": 1, "model": "m"}]}] * 2}]},
        {"routes": [{"match": "a", "surprise": 1}]},
        {"routes": [{"match": "a"}] * 201},
        {"failover": {"balance_floors": {"USD": "-1"}}},
        {"failover": {"balance_floors": {"USD": "NaN"}}},
        {"failover": {"balance_floors": {"2": "1"}}},
        {"failover": {"balance_floors": {"USD": "5"}, "balance_returns": {"USD": "4"}}},
        {"failover": {"balance_returns": {"USD": "4"}}},
        {"failover": {"runway_floor_hours": 24, "runway_return_hours": 23}},
        {"failover": {"quota_ceiling_percent": 80, "quota_return_percent": 81}},
        {"failover": {"hold_down_minutes": -1}},
        {"failover": []},
        [],
    ],
)
def test_what_is_no_policy_is_refused_with_words(change: Any) -> None:
    with pytest.raises(DocumentError, match=r"\w+ \w+"):
        document_of(change)


# --- Decisions --------------------------------------------------------------------------------------------------


def test_a_drained_balance_leaves_and_a_filled_one_comes_back(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    policy = saved(organization, document([first], [second]), now)
    assert RouteEvent.objects.count() == 0
    land(first, "0.42", now + MINUTE)
    assert routes_decide_account(account_id=first.pk, now=now + MINUTE) == 1
    assert states(policy) == [("passed_over", "balance"), ("in_use", "ready")]
    left = RouteEvent.objects.get()
    assert (left.match, left.after) == ("chat", [f"{second.pk}:first:model-second"])
    (change,) = left.changes
    assert (change["what"], change["account"], change["code"]) == ("left", first.pk, "balance")
    assert [Decimal(change["figures"][0]), change["figures"][1]] == [Decimal("0.42"), "USD"]

    land(first, "19", now + 2 * MINUTE)
    routes_decide_account(account_id=first.pk, now=now + 2 * MINUTE)
    assert states(policy)[0] == ("passed_over", "balance_return")
    land(first, "50", now + 3 * MINUTE)
    routes_decide_account(account_id=first.pk, now=now + 3 * MINUTE)
    assert states(policy)[0] == ("passed_over", "hold_down")
    assert policy.look_again_at == now + 3 * MINUTE + 5 * MINUTE
    assert TargetOut.objects.get().since == now + MINUTE
    assert RouteEvent.objects.count() == 1

    back = now + 31 * MINUTE
    land(first, "50", back)
    assert routes_decide_due(now=back) == 1
    assert states(policy) == [("in_use", "ready"), ("standby", "stale")]  # the second was not read meanwhile
    assert TargetOut.objects.count() == 0
    assert [change["what"] for change in RouteEvent.objects.latest("at").changes] == ["came_back"]


def test_deciding_again_writes_nothing_new(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    saved(organization, document([first], [second]), now)
    land(first, "1", now)
    for _ in range(3):
        routes_decide_account(account_id=first.pk, now=now)
    assert (RouteEvent.objects.count(), TargetOut.objects.count()) == (1, 1)


def test_a_worker_whose_clock_is_behind_turns_nothing_back(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    policy = saved(organization, document([first], [second], hold_down_minutes=0), now)
    land(first, "1", now)
    routes_decide_account(account_id=first.pk, now=now)
    routes_decide_account(account_id=first.pk, now=now - HOUR)
    policy.refresh_from_db()
    assert policy.decided_at == now
    assert TargetOut.objects.get().since == now


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_end_the_same(now: datetime) -> None:
    organization = Organization.objects.create(name="Harbor Labs")
    one, two = account(organization, "First"), account(organization, "Second")
    for each in (one, two):
        land(each, "100", now)
    policy = saved(organization, document([one], [two]), now)
    for each in (one, two):
        land(each, "1", now + MINUTE)
    together = Barrier(2)

    def work(which: ProviderAccount) -> None:
        try:
            together.wait(20)
            routes_decide_account(account_id=which.pk, now=now + MINUTE)
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(each,)) for each in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert states(policy) == [("passed_over", "balance"), ("passed_over", "balance")]
    assert policy.decided["routes"][0]["dead_end"]
    (event,) = RouteEvent.objects.all()
    assert [change["what"] for change in event.changes] == ["left", "left"]
    assert TargetOut.objects.count() == 2


def test_an_account_that_is_erased_carries_nothing(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    policy = saved(organization, document([first], [second]), now)
    first.delete()
    routes_decide_due(now=now + HOUR)
    assert states(policy)[0] == ("passed_over", "account_gone")


def test_only_policies_with_that_account_are_decided(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    saved(organization, document([first]), now)
    saved(organization, document([second]), now, team=team)
    assert routes_decide_account(account_id=first.pk, now=now) == 1
    assert routes_decide_account(account_id=account(organization, "Third").pk, now=now) == 0


def test_what_is_known_of_an_account_costs_as_much_for_one_as_for_many(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):
        facts = account_facts(account_ids=[first.pk, second.pk])
    assert {one.balance and one.balance.amount for one in facts.values()} == {Decimal(100)}


def test_health_comes_from_the_streams(organization: Organization, now: datetime) -> None:
    credential = connected(organization, "deepseek", now)
    one = credential.account_id
    streams = SyncStream.objects.filter(credential=credential)
    streams.update(state=StreamState.FAILING, last_run_at=now)
    assert account_facts(account_ids=[one])[one].failed_at == now
    streams.update(state=StreamState.OFFLINE, offline_since=now)
    assert account_facts(account_ids=[one])[one].offline_since == now
    read = streams.order_by("pk").first()
    assert read is not None
    SyncStream.objects.filter(pk=read.pk).update(state=StreamState.FRESH)
    facts = account_facts(account_ids=[one])[one]
    assert (facts.failed_at, facts.offline_since) == (None, None)


# --- Whose routes count -----------------------------------------------------------------------------------------


def test_a_team_without_a_policy_goes_by_the_organizations(
    organization: Organization, first: ProviderAccount, now: datetime
) -> None:
    search, support = (Team.objects.create(organization=organization, name=name) for name in ("Search", "Support"))
    assert policy_for_feed(organization_id=organization.pk, team_id=search.pk)[0] is None
    own = saved(organization, document([first]), now)
    theirs = saved(organization, document([first], match="mine"), now, team=search)
    assert policy_for_feed(organization_id=organization.pk, team_id=search.pk)[0] == theirs
    assert policy_for_feed(organization_id=organization.pk, team_id=support.pk)[0] == own
    assert policy_for_feed(organization_id=organization.pk, team_id=None)[0] == own
    policy_remove(policy=theirs, by=SYSTEM, now=now)
    assert policy_for_feed(organization_id=organization.pk, team_id=search.pk)[0] == own


def test_old_events_are_forgotten(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    saved(organization, document([first], [second]), now)
    land(first, "1", now)
    routes_decide_account(account_id=first.pk, now=now)
    assert route_events_prune(before=now) == 0
    assert route_events_prune(before=now + MINUTE) == 1


def test_a_policy_of_many_routes_is_saved_and_decided_in_few_statements(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    many = document([first], [second])
    route = many.routes[0]
    plain = plain_of(many)
    plain["routes"] = [{**plain["routes"][0], "match": f"{route.match}-{n}"} for n in range(50)]
    policy_save(
        organization=organization, team=None, document=document_of(plain), based_on=0, note="", by=SYSTEM, now=now
    )
    land(first, "1", now)
    with CaptureQueriesContext(connection) as told:
        routes_decide_account(account_id=first.pk, now=now)
    assert len(told) <= 19
    assert RouteEvent.objects.count() == 50


# --- One failure, and what says nothing new ---------------------------------------------------------------------


@pytest.mark.parametrize("way", ["after a landing", "as time passes"])
def test_one_policy_that_fails_stops_no_other(
    organization: Organization,
    first: ProviderAccount,
    second: ProviderAccount,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """The failing one keeps what was decided before, and says so until it works again."""
    teams = [Team.objects.create(organization=organization, name=name) for name in ("One", "Two", "Three")]
    policies = [saved(organization, document([first], [second]), now, team=team) for team in teams]
    elsewhere = Organization.objects.create(name="Island")
    there = account(elsewhere, "There")
    land(there, "100", now)
    far = saved(elsewhere, document([there]), now)
    broken, failing = policies[1].pk, [True]
    deciding: list[int] = []
    remembered = services._remember

    def watched(policy: RoutePolicy, *rest: Any) -> None:
        deciding.append(policy.pk)
        if failing and policy.pk == broken:
            raise ZeroDivisionError
        remembered(policy, *rest)

    monkeypatch.setattr(services, "_remember", watched)
    later = now + HOUR

    def decide_all(at: datetime) -> None:
        for one in (first, there):
            land(one, "1", at)
        if way == "as time passes":
            routes_decide_due(now=at)
        else:
            for one in (first, there):
                routes_decide_account(account_id=one.pk, now=at)

    with capture_logs() as logs:
        decide_all(later)
    assert [one["policy"] for one in logs if one["event"] == "routing.decision_failed"] == [broken]
    for policy in (policies[0], policies[2], far):
        assert states(policy)[0][0] == "passed_over"
        assert policy.failed_at is None
    assert states(policies[1])[0][0] == "in_use"
    assert policies[1].failed_at == later
    deciding.clear()
    decide_all(later + HOUR)
    assert deciding.count(policies[0].pk) <= 1, "what fails is tried alone, and makes nobody else be decided twice"
    failing.clear()
    decide_all(later + 2 * HOUR)
    assert states(policies[1])[0][0] == "passed_over"
    assert policies[1].failed_at is None


def test_what_landed_and_says_nothing_new_is_not_decided(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    teams = [Team.objects.create(organization=organization, name=str(number)) for number in range(3)]
    policies = [saved(organization, document([first], [second]), now, team=team) for team in teams]
    land(first, "99", now + MINUTE)
    with CaptureQueriesContext(connection) as quiet:
        assert routes_decide_account(account_id=first.pk, now=now + MINUTE) == 3
    assert not [one for one in quiet.captured_queries if one["sql"].startswith(("UPDATE", "INSERT", "DELETE"))]
    land(first, "4", now + 2 * MINUTE)
    assert routes_decide_account(account_id=first.pk, now=now + 2 * MINUTE) == 3
    for policy in policies:
        assert states(policy)[0] == ("passed_over", "balance")


def test_a_landing_costs_the_same_statements_for_one_policy_as_for_many(
    organization: Organization, first: ProviderAccount, second: ProviderAccount, now: datetime
) -> None:
    def statements(at: datetime, amount: str) -> int:
        land(first, amount, at)
        with CaptureQueriesContext(connection) as made:
            routes_decide_account(account_id=first.pk, now=at)
        return len(made)

    saved(organization, document([first], [second]), now)
    statements(now + MINUTE, "99")
    earlier = ((now + HOUR, "1"), (now + 2 * HOUR, "100"), (now + 2 * HOUR + MINUTE, "99"))
    one = [statements(*each) for each in earlier]
    for number in range(12):
        team = Team.objects.create(organization=organization, name=str(number))
        saved(organization, document([first], [second]), now + 2 * HOUR, team=team)
    many = [
        statements(now + 3 * HOUR, "1"),
        statements(now + 4 * HOUR, "100"),
        statements(now + 4 * HOUR + MINUTE, "99"),
    ]
    assert many == one


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["0", "1", "4.99", "5", "19", "20", "100"]), st.integers(1, 40)),
        max_size=10,
    )
)
def test_what_is_left_out_would_have_changed_nothing(
    organization: Organization,
    first: ProviderAccount,
    second: ProviderAccount,
    now: datetime,
    steps: list[tuple[int, str, int]],
) -> None:
    """After every landing the traffic goes where deciding everything anew would send it. Words alone may be older: that
    another account's reading went stale is told at the next look."""
    RoutePolicy.objects.all().delete()
    at = now
    policy = saved(organization, document([first], [second]), at)
    for which, amount, minutes in steps:
        at += minutes * MINUTE
        one = (first, second)[which]
        land(one, amount, at)
        routes_decide_due(now=at)
        routes_decide_account(account_id=one.pk, now=at)
        policy.refresh_from_db()
        facts = account_facts(account_ids=[first.pk, second.pk])
        anew = decide(document=document([first], [second]), facts=facts, known=targets_known(policy=policy), now=at)
        told = [(one["key"], one["state"], one["place"]) for one in policy.decided["routes"][0]["targets"]]
        assert told == [(one.target.key, one.state, one.place) for one in anew.routes[0].verdicts]
