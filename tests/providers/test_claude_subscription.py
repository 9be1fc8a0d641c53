"""Claude subscription against its simulator: what is read back is the ledger, to the last fraction of a cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters.claude_subscription import PROVIDER, report_requests, results, seats_request
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable, PayloadError
from providers.records import CostBucket, Identity, Quota, UsageBucket
from providers.simulator.parts.claude_subscription import CLAUDE_CODE, LAG, PROFILE, SEATS
from providers.spec import Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 25, tzinfo=UTC)
START = datetime(2026, 11, 10, tzinfo=UTC)
WINDOW = Window(start=START, end=NOW, now=NOW)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)


def entered(mode: str = "enterprise", key: str = "sk-ant-api01-sim-harbor") -> Credentials:
    return Credentials(values={"mode": mode, "api_key": key})


CONSOLE = entered("console_claude_code", "sk-ant-admin01-sim-harbor")


def read(capability: str, window: Window = WINDOW, credentials: Credentials | None = None) -> tuple[Collected, Any]:
    send, simulator = simulated("claude-subscription", NOW)
    found = collect(PROVIDER, capability, credentials or entered(), window, send)
    return found, simulator.world.account(PROFILE, "harbor")


def checked(credentials: Credentials) -> Identity:
    return check(PROVIDER, credentials, WINDOW, simulated("claude-subscription", NOW)[0])


def test_cost_is_the_ledger() -> None:
    found, account = read("cost")
    rows = [row for row in found.records if isinstance(row, CostBucket)]
    assert found.partial == ()
    assert sum(row.amount for row in rows) == account.spent(START, NOW - LAG) > 0
    for day in (START + timedelta(days=n) for n in range(11)):
        told = sum(row.amount for row in rows if row.start == day)
        assert told == account.spent(day, min(day + timedelta(days=1), NOW - LAG))
    assert {row.start for row in rows if row.final is False} == {TODAY}
    assert {row.line_item for row in rows} == set(PROFILE.keys)


def test_usage_is_the_ledger() -> None:
    found, account = read("usage")
    rows = [row for row in found.records if isinstance(row, UsageBucket)]
    charges = list(account.daily(START, NOW - LAG))
    for ours, theirs in (
        ("input_tokens", "input_tokens"),
        ("cached_input_tokens", "cached_tokens"),
        ("cache_write_tokens", "cache_write_tokens"),
        ("output_tokens", "output_tokens"),
        ("requests", "requests"),
    ):
        assert sum(getattr(row, ours) for row in rows) == sum(getattr(charge, theirs) for charge in charges) > 0


def test_ninety_days_are_read_in_spans() -> None:
    start = datetime(2026, 8, 20, tzinfo=UTC)
    found, account = read("cost", Window(start=start, end=NOW, now=NOW))
    assert found.calls == 3
    assert sum(row.amount for row in found.records if isinstance(row, CostBucket)) == account.spent(start, NOW - LAG)
    assert {row.final for row in found.records if isinstance(row, CostBucket)} == {True, None, False}


def test_spans_stay_within_what_is_allowed() -> None:
    def spans(start: datetime, end: datetime, now: datetime = NOW) -> list[tuple[str, str | None]]:
        window = Window(start=start, end=end, now=now)
        asked = [dict(request.params) for request in report_requests("cost_report", window)]
        return [(params["starting_at"], params.get("ending_at")) for params in asked]

    assert spans(START, NOW) == [("2026-11-10T00:00:00Z", None)]
    assert spans(datetime(2026, 9, 30, 5, tzinfo=UTC), NOW) == [
        ("2026-09-30T00:00:00Z", "2026-10-31T00:00:00Z"),
        ("2026-10-31T00:00:00Z", None),
    ]
    january = datetime(2026, 1, 3, tzinfo=UTC)
    assert spans(january - timedelta(days=20), january) == [("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z")]
    later = datetime(2027, 3, 1, 9, tzinfo=UTC)
    assert spans(january, datetime(2026, 3, 4, tzinfo=UTC), later) == [("2026-03-02T00:00:00Z", "2026-03-04T00:00:00Z")]


@pytest.mark.parametrize("hour", [0, 9, 10, 23])
def test_seats_are_asked_for_days_that_are_there(hour: int) -> None:
    params = dict(seats_request(datetime(2026, 11, 20, hour, 59, tzinfo=UTC)).params)
    assert params == {"starting_date": "2026-11-17", "ending_date": "2026-11-19"}


def test_limits_and_seats() -> None:
    found, _ = read("quota")
    rows = [row for row in found.records if isinstance(row, Quota)]
    seats = [row for row in rows if row.unit == "seats"]
    assert [row.used for row in seats] == [SEATS]
    members = [row for row in rows if row.unit == "EUR"]
    assert Decimal(0) in {row.limit for row in members}
    assert {row.resets_at for row in members} == {datetime(2026, 12, 1, tzinfo=UTC)}


@pytest.mark.parametrize(("end", "units"), [("-analytics", {"seats"}), ("-limits", {"EUR"})])
def test_one_scope_is_enough_for_its_part(end: str, units: set[str]) -> None:
    credentials = entered(key=f"sk-ant-api01-sim-harbor{end}")
    found, _ = read("quota", credentials=credentials)
    assert {row.unit for row in found.records if isinstance(row, Quota)} == units
    assert len(found.partial) == 1
    assert len(checked(credentials).scopes) == 1


def test_claude_code_is_the_ledger() -> None:
    found, account = read("usage", credentials=CONSOLE)
    rows = [row for row in found.records if isinstance(row, UsageBucket)]
    charges = list(account.daily(START, NOW))
    assert found.calls == 11
    assert sum(row.output_tokens or 0 for row in rows) == sum(charge.output_tokens for charge in charges)
    assert sum(row.cost or 0 for row in rows) == sum(charge.cost for charge in charges if charge.key == CLAUDE_CODE)
    notional = sum(row.quantities.get("notional_cost_usd", Decimal(0)) for row in rows)
    assert notional == sum(charge.cost for charge in charges if charge.key != CLAUDE_CODE)
    assert {row.start for row in rows if row.final is False} == {TODAY}


@pytest.mark.parametrize("capability", ["cost", "quota"])
def test_a_console_key_reads_claude_code_alone(capability: str) -> None:
    with pytest.raises(NotAvailable):
        read(capability, credentials=CONSOLE)


def test_check_tells_the_kind_of_key() -> None:
    told = checked(entered())
    assert (told.key_kind, told.scopes) == ("enterprise", ("read:analytics", "read:spend_limits"))
    assert told.account_id
    assert checked(CONSOLE).key_kind == "admin"


@pytest.mark.parametrize(
    "credentials",
    [
        entered(key="sk-ant-admin01-sim-harbor"),
        entered(key="sk-ant-api03-sim-harbor"),
        entered("console_claude_code"),
        entered(key="sk-ant-api01-nobody"),
    ],
)
def test_a_wrong_key_is_explained(credentials: Credentials) -> None:
    with pytest.raises(ActionNeeded) as caught:
        checked(credentials)
    assert caught.value.field == "api_key"
    assert caught.value.url


def test_sign_in_tokens_are_warned_of() -> None:
    warned = PROVIDER.field("api_key").wrong_starts
    assert all("terms forbid" in warned[start] for start in ("sk-ant-oat", "sk-ant-ort", "sk-ant-sid"))
    assert not any("token" in declared.name or "json" in declared.kind for declared in PROVIDER.fields)


def test_a_bucket_far_ahead_is_refused() -> None:
    bucket = {"starting_at": "9999-12-30T00:00:00Z", "ending_at": "9999-12-31T05:00:00Z", "results": []}
    with pytest.raises(PayloadError):
        list(results([{"data": [bucket]}], NOW))
