"""An import from upload to undo, in the services: what lands, what gives way, and that nothing is left half done."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks

from dashboard import pipeline
from dashboard.balances.models import BalanceSeries, EntryKind
from dashboard.balances.services import Place, balances_land
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import AuditEvent, Organization, User
from dashboard.organizations.services import Refused
from dashboard.usage.entries.services import Typed, entry_add
from dashboard.usage.imports import services
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.selectors import imports_stalled, mapping_remembered
from dashboard.usage.imports.services import (
    AlreadyThere,
    import_commit,
    import_drop,
    import_reread,
    import_try,
    import_undo,
    import_upload,
    imports_sweep,
)
from dashboard.usage.imports.work import MOST_TRIES, import_work
from dashboard.usage.models import (
    CostRecord,
    ImportState,
    SpendDaily,
    UsageDaily,
    UsageImport,
    UsageImportPart,
    UsageRecord,
)
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import cost_land, usage_land
from providers.records import Balance, CostBucket, UsageBucket
from tests.sync.driving import connected
from tests.usage.imports.files import COSTS, USAGE, written

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
DAY = timedelta(days=1)
MONDAY, TUESDAY = datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 17, tzinfo=UTC)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")


@pytest.fixture
def by(owner: User) -> Actor:
    return Actor(owner)


def clock() -> datetime:
    return NOW


def uploaded(account: ProviderAccount, by: Actor, text: str | bytes, name: str = "costs.csv") -> UsageImport:
    data = text if isinstance(text, bytes) else text.encode()
    return import_upload(account=account, file_name=name, file=io.BytesIO(data), by=by, now=NOW)


def tried(one: UsageImport, **said: Any) -> UsageImport:
    mapping = Mapping.from_json({**one.mapping, **said})
    assert import_try(usage_import=one, mapping=mapping, now=NOW)
    import_work(import_id=one.pk, clock=clock)
    one.refresh_from_db()
    return one


def committed(one: UsageImport, by: Actor) -> UsageImport:
    assert import_commit(usage_import=one, by=by, now=NOW)
    import_work(import_id=one.pk, clock=clock)
    one.refresh_from_db()
    return one


def brought(account: ProviderAccount, by: Actor, text: str | bytes, **said: Any) -> UsageImport:
    return committed(tried(uploaded(account, by, text), **said), by)


def tables(account: ProviderAccount) -> dict[str, list[Any]]:
    """Everything that figures are read from."""
    rollups = {
        model.__name__: sorted(model.objects.filter(account=account).values_list(*names), key=str)
        for model, names in (
            (UsageDaily, [field.name for field in UsageDaily._meta.fields if field.name != "id"]),
            (SpendDaily, [field.name for field in SpendDaily._meta.fields if field.name != "id"]),
        )
    }
    records = {
        model.__name__: sorted(model.objects.filter(account=account).values_list("start", "key_hash"), key=str)
        for model in (UsageRecord, CostRecord)
    }
    return {**rollups, **records}


def from_api(account: ProviderAccount, *buckets: UsageBucket | CostBucket) -> None:
    for table, kind, land in (
        ("usage_usagerecord", UsageBucket, usage_land),
        ("usage_costrecord", CostBucket, cost_land),
    ):
        mine = [one for one in buckets if isinstance(one, kind)]
        partitions_ensure(table=table, starts=(one.start for one in mine), now=NOW)
        land(account_id=account.pk, buckets=mine)  # type: ignore[operator]


def spent(account: ProviderAccount) -> dict[date, Decimal]:
    rows = UsageDaily.objects.filter(account=account, spend__isnull=False)
    found: dict[date, Decimal] = {}
    for row in rows:
        assert row.spend is not None
        found[row.day] = found.get(row.day, Decimal(0)) + row.spend
    return found


# --- The way through --------------------------------------------------------------------------------------------


def test_what_a_file_says_lands_and_counts(account: ProviderAccount, by: Actor) -> None:
    one = brought(account, by, COSTS)
    assert (one.state, one.records, one.imported_at) == (ImportState.IMPORTED, 3, NOW)
    assert spent(account) == {MONDAY.date(): Decimal(2), TUESDAY.date(): Decimal("0.5")}
    assert set(CostRecord.objects.values_list("source", "provider_key", "project")) == {
        (f"import:{one.pk}", "ci", "Research")
    }
    assert {row.basis for row in UsageDaily.objects.all()} == {"billed"}
    event = AuditEvent.objects.get(action="import.made")
    assert event.changes["money"] == [None, ["2.50 USD"]]
    assert not UsageImportPart.objects.exists(), "the upload is gone once it is in"


def test_usage_lands_with_its_token_classes(account: ProviderAccount, by: Actor) -> None:
    brought(account, by, USAGE)
    row = UsageDaily.objects.get(day=MONDAY.date())
    assert (row.input_tokens, row.cached_input_tokens, row.output_tokens, row.requests) == (600, 400, 50, 7)
    assert (row.cache_write_tokens, row.spend, row.basis) == (None, None, "unpriced")


def test_a_dry_run_changes_nothing(account: ProviderAccount, by: Actor) -> None:
    from_api(account, CostBucket(start=MONDAY, end=MONDAY + DAY, amount=Decimal(9), unit="USD", final=True))
    before = tables(account)
    one = tried(uploaded(account, by, COSTS + "Total,,,,,2.5\n"))
    assert tables(account) == before
    assert not AuditEvent.objects.filter(action__startswith="import.").exists()
    report = one.report
    assert (one.state, report["rows"], report["refused"], report["refusals"][0]["line"]) == (
        ImportState.CHECKED,
        4,
        1,
        5,
    )
    assert report["money"] == {"stays": {"USD": "2.00"}, "counts": {"USD": "0.5"}}
    assert [(day["day"], day["fates"]) for day in report["days"]] == [
        ("2026-11-16", {"cost": "stays"}),
        ("2026-11-17", {"cost": "counts"}),
    ]


def test_better_figures_stay_and_the_file_counts_where_they_are_missing(account: ProviderAccount, by: Actor) -> None:
    api = CostBucket(start=MONDAY, end=MONDAY + DAY, amount=Decimal(9), unit="USD", final=True)
    from_api(account, api, UsageBucket(start=MONDAY, end=MONDAY + DAY, model="m", input_tokens=5, final=True))
    brought(account, by, COSTS)
    assert spent(account) == {MONDAY.date(): Decimal(9), TUESDAY.date(): Decimal("0.5")}
    assert UsageDaily.objects.get(day=MONDAY.date(), model="m").input_tokens == 5


def test_what_is_billed_replaces_what_the_api_reports_and_says_so(account: ProviderAccount, by: Actor) -> None:
    used = UsageBucket(start=MONDAY, end=MONDAY + DAY, model="m", input_tokens=5, cost=Decimal(3), unit="USD")
    from_api(account, used)
    one = tried(uploaded(account, by, COSTS))
    assert one.report["money"] == {"replaces": {"USD": "2.00"}, "counts": {"USD": "0.5"}}
    committed(one, by)
    row = UsageDaily.objects.get(day=MONDAY.date(), model="m")
    assert (row.billed, row.reported, row.spend) == (Decimal(2), Decimal(3), Decimal(2))


def test_undo_restores_exactly_what_was(account: ProviderAccount, by: Actor) -> None:
    from_api(
        account,
        CostBucket(start=MONDAY, end=MONDAY + DAY, amount=Decimal(9), unit="USD", final=True),
        UsageBucket(start=TUESDAY, end=TUESDAY + DAY, model="m", input_tokens=5, cost=Decimal(3), unit="USD"),
    )
    before = tables(account)
    one = brought(account, by, COSTS)
    assert tables(account) != before
    assert import_undo(usage_import=one, by=by, now=NOW) == 3
    assert tables(account) == before
    one.refresh_from_db()
    assert (one.state, one.undone_at) == (ImportState.UNDONE, NOW)
    assert AuditEvent.objects.get(action="import.undone").changes == {"records": [3, 0]}
    with pytest.raises(Refused):
        import_undo(usage_import=one, by=by, now=NOW)


def test_the_same_file_comes_once_unless_it_was_undone(account: ProviderAccount, by: Actor) -> None:
    first = uploaded(account, by, COSTS)
    with pytest.raises(AlreadyThere) as there:
        uploaded(account, by, COSTS, "other name.csv")
    assert there.value.other == first
    committed(tried(first), by)
    with pytest.raises(AlreadyThere):
        uploaded(account, by, COSTS)
    import_undo(usage_import=first, by=by, now=NOW)
    again = brought(account, by, COSTS)
    assert spent(account)[MONDAY.date()] == Decimal(2)
    assert again.pk != first.pk


def test_another_account_may_take_the_same_file(account: ProviderAccount, by: Actor) -> None:
    other = ProviderAccount.objects.create(
        organization=account.organization, provider_slug=account.provider_slug, label="Second"
    )
    brought(account, by, COSTS)
    brought(other, by, COSTS)
    assert spent(account) == spent(other)


def test_days_that_another_import_has_are_left_out_or_added(account: ProviderAccount, by: Actor) -> None:
    brought(account, by, COSTS)
    later = COSTS.replace("Research", "Support").replace("0.5", "0.25") + "2026-11-18,m,Support,ci,input,8\n"
    one = tried(uploaded(account, by, later, "later.csv"))
    assert one.report["money"] == {"left": {"USD": "2.25"}, "counts": {"USD": "8"}}
    committed(one, by)
    assert spent(account) == {MONDAY.date(): Decimal(2), TUESDAY.date(): Decimal("0.5"), date(2026, 11, 18): Decimal(8)}
    import_undo(usage_import=one, by=by, now=NOW)
    added = tried(uploaded(account, by, later, "later.csv"), overlap="add")
    assert added.report["fates"]["cost"] == {"adds": 2, "counts": 1}
    committed(added, by)
    assert spent(account)[MONDAY.date()] == Decimal(4)


def test_a_file_of_which_nothing_is_left_is_not_imported(account: ProviderAccount, by: Actor) -> None:
    brought(account, by, COSTS)
    same = tried(uploaded(account, by, COSTS + "\n", "same.csv"))
    with pytest.raises(Refused, match="all of these days"):
        import_commit(usage_import=same, by=by, now=NOW)
    empty = tried(uploaded(account, by, "date,cost_usd\n2026-11-16,x\n"))
    with pytest.raises(Refused, match="no line"):
        import_commit(usage_import=empty, by=by, now=NOW)


def test_a_trial_that_another_import_made_old_is_asked_for_again(account: ProviderAccount, by: Actor) -> None:
    waiting = tried(uploaded(account, by, COSTS))
    other = brought(account, by, COSTS.replace("m,", "n,"))
    UsageImport.objects.filter(pk=other.pk).update(imported_at=NOW + timedelta(seconds=1))
    with pytest.raises(Refused, match="Try this one again"):
        import_commit(usage_import=waiting, by=by, now=NOW)
    UsageImport.objects.filter(pk=other.pk).update(state=ImportState.IMPORTING)
    with pytest.raises(Refused, match="under way"):
        import_commit(usage_import=waiting, by=by, now=NOW)


def test_months_and_hours_land_on_their_days(account: ProviderAccount, by: Actor) -> None:
    brought(account, by, "month,cost_usd\n2026-09,310\n2026-10,31\n")
    rows = UsageDaily.objects.filter(account=account).order_by("day")
    assert [(row.day, row.span, row.spend) for row in rows] == [
        (date(2026, 9, 1), "month", Decimal(310)),
        (date(2026, 10, 1), "month", Decimal(31)),
    ]
    brought(account, by, "time,cost_usd\n2026-11-16 15:10,1\n2026-11-16 15:50,2\n2026-11-16 16:00,4\n")
    assert spent(account)[date(2026, 11, 16)] == Decimal(3), "Taipei's day begins at 16:00 UTC"
    assert spent(account)[date(2026, 11, 17)] == Decimal(4)


def test_own_units_of_the_account_are_known(organization: Organization, by: Actor) -> None:
    credential = connected(organization, "deepseek", NOW)
    account = credential.account
    first = tried(uploaded(account, by, "date,cost,currency\n2026-11-16,1,API points\n"))
    assert first.report["refused"] == 1
    place = Place(
        organization_id=organization.pk,
        account_id=account.pk,
        credential_id=credential.pk,
        interval=timedelta(hours=1),
    )
    wallet = Balance(name="Wallet", kind="prepaid", amount=Decimal(5), unit="API points")
    balances_land(place=place, balances=[wallet], now=NOW)
    assert tried(first).report["money"] == {"counts": {"API points": "1"}}


# --- Remembering, dropping, sweeping ----------------------------------------------------------------------------


def test_what_was_said_of_such_a_file_is_remembered(account: ProviderAccount, by: Actor) -> None:
    first = uploaded(account, by, "when,what,paid\n03/04/2026,m,1\n")
    assert first.mapping["columns"] == ["", "", ""]
    tried(first, columns=["time", "model", "amount"], order="dmy", unit="EUR", zone="Europe/Paris")
    again = uploaded(account, by, "When,What,Paid\n05/04/2026,m,7\n")
    mapping = Mapping.from_json(again.mapping)
    assert (mapping.columns, mapping.order, mapping.unit, mapping.zone) == (
        ("time", "model", "amount"),
        "dmy",
        "EUR",
        "Europe/Paris",
    )
    elsewhere = ProviderAccount.objects.create(
        organization=Organization.objects.create(name="Island"), provider_slug=account.provider_slug, label="Theirs"
    )
    assert mapping_remembered(account=elsewhere, signature=again.signature) is None


def test_a_file_can_be_read_again_in_another_encoding(account: ProviderAccount, by: Actor) -> None:
    one = uploaded(account, by, "date;model;cost\n2026-11-16;Café;1\n".encode("latin-1"))
    assert one.mapping["encoding"] == "latin-1"
    import_reread(usage_import=one, encoding="gb18030", delimiter=";", now=NOW)
    one.refresh_from_db()
    assert one.mapping["encoding"] == "gb18030"
    assert one.state == ImportState.PREVIEWED


def test_what_waits_is_dropped_by_hand_or_after_a_day_and_what_is_in_is_not(
    account: ProviderAccount, by: Actor
) -> None:
    done = brought(account, by, COSTS)
    waiting = uploaded(account, by, USAGE)
    assert not import_drop(usage_import=done)
    assert import_drop(usage_import=waiting)
    uploaded(account, by, USAGE)
    imports_sweep(now=NOW + DAY)
    assert UsageImport.objects.count() == 2
    imports_sweep(now=NOW + DAY + timedelta(seconds=1))
    assert list(UsageImport.objects.all()) == [done]
    assert not UsageImportPart.objects.exists()


def test_the_upload_lies_sealed(account: ProviderAccount, by: Actor) -> None:
    uploaded(account, by, COSTS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed_content FROM usage_usageimportpart")
        (content,) = cursor.fetchone()
    assert content.startswith("gAAAA")
    assert "Research" not in content


# --- Large files, and workers that die --------------------------------------------------------------------------


@pytest.fixture
def large(account: ProviderAccount, by: Actor, monkeypatch: pytest.MonkeyPatch) -> UsageImport:
    """A tried import of 900 lines in 300 records, that takes the background way in nine shares."""
    monkeypatch.setattr(services, "SHARE", 100)
    monkeypatch.setattr(services, "INLINE_BYTES", 1000)
    rows = [[f"2026-11-{n % 20 + 1:02}", f"m{n % 15}", n % 5, n + 1] for n in range(900)]
    one = uploaded(account, by, written(["date", "model", "project", "cost usd"], rows))
    assert not import_try(usage_import=one, mapping=Mapping.from_json(one.mapping), now=NOW)
    pipeline.work_import(one.pk)
    one.refresh_from_db()
    assert one.state == ImportState.CHECKED
    return one


def test_a_large_file_is_queued_and_lands_in_shares(
    large: UsageImport, by: Actor, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as queued:
        assert not import_commit(usage_import=large, by=by, now=NOW)
    assert [callback.args[:2] for callback in queued] == [("work_import", (large.pk,))]  # type: ignore[attr-defined]
    pipeline.work_import(large.pk)
    large.refresh_from_db()
    assert (large.state, large.steps, large.steps_done) == (ImportState.IMPORTED, 9, 9)
    assert CostRecord.objects.count() == large.records == 60
    assert sum(spent(large.account).values()) == Decimal(900 * 901 // 2)


def test_a_landing_that_died_goes_on_and_nothing_comes_twice(
    large: UsageImport, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_commit(usage_import=large, by=by, now=NOW)
    calls = iter(range(100))

    def dying(**values: Any) -> Any:
        if next(calls) == 4:
            raise RuntimeError("the worker died")
        return cost_land(**values)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr("dashboard.usage.imports.work.cost_land", dying)
        import_work(import_id=large.pk, clock=clock)
    large.refresh_from_db()
    assert (large.state, large.steps_done) == (ImportState.IMPORTING, 4)
    assert imports_stalled(before=NOW) == []
    assert imports_stalled(before=NOW + timedelta(minutes=3)) == [large.pk]
    import_work(import_id=large.pk, clock=clock)
    import_work(import_id=large.pk, clock=clock)
    large.refresh_from_db()
    assert (large.state, large.records) == (ImportState.IMPORTED, CostRecord.objects.count())
    assert sum(spent(large.account).values()) == Decimal(900 * 901 // 2)


def test_an_import_that_always_dies_fails_and_leaves_nothing(
    large: UsageImport, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed_in = Typed(kind=EntryKind.BALANCE, amount=Decimal(100), unit="USD", at=MONDAY - 400 * DAY)
    entry_add(account=large.account, typed_in=typed_in, by=by, now=NOW)
    import_commit(usage_import=large, by=by, now=NOW)
    import_work(import_id=large.pk, clock=clock)
    UsageImport.objects.filter(pk=large.pk).update(state=ImportState.IMPORTING, steps_done=4, tries=MOST_TRIES)
    import_work(import_id=large.pk, clock=clock)
    large.refresh_from_db()
    assert large.state == ImportState.FAILED
    assert "Nothing was imported" in large.problem
    assert BalanceSeries.objects.get(account=large.account).amount == 100
    assert tables(large.account) == {"UsageDaily": [], "SpendDaily": [], "UsageRecord": [], "CostRecord": []}


def test_undo_stops_a_landing_under_way(large: UsageImport, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    import_commit(usage_import=large, by=by, now=NOW)
    calls = iter(range(100))

    def undone_meanwhile(**values: Any) -> Any:
        if next(calls) == 6:
            import_undo(usage_import=large, by=by, now=NOW)
        return partitions_ensure(**values)

    monkeypatch.setattr("dashboard.usage.imports.work.partitions_ensure", undone_meanwhile)
    import_work(import_id=large.pk, clock=clock)
    large.refresh_from_db()
    assert large.state == ImportState.UNDONE
    assert tables(large.account) == {"UsageDaily": [], "SpendDaily": [], "UsageRecord": [], "CostRecord": []}


def test_an_upload_that_no_key_opens_fails_in_words(account: ProviderAccount, by: Actor) -> None:
    one = tried(uploaded(account, by, COSTS))
    import_commit(usage_import=one, by=by, now=NOW)
    UsageImportPart.objects.update(sealed_content="gAAAAA-not-ours")
    import_work(import_id=one.pk, clock=clock)
    one.refresh_from_db()
    assert (one.state, "upload it again" in one.problem) == (ImportState.FAILED, True)
    assert uploaded(account, by, COSTS).pk != one.pk


# --- What follows -----------------------------------------------------------------------------------------------


def test_a_typed_balance_goes_down_by_what_a_file_brings_and_up_again(account: ProviderAccount, by: Actor) -> None:
    typed_in = Typed(kind=EntryKind.BALANCE, amount=Decimal(100), unit="USD", at=MONDAY)
    entry_add(account=account, typed_in=typed_in, by=by, now=NOW)
    one = brought(account, by, "date,cost_usd\n2026-11-17,12\n")
    assert BalanceSeries.objects.get(account=account).amount == 88
    import_undo(usage_import=one, by=by, now=NOW)
    assert BalanceSeries.objects.get(account=account).amount == 100
