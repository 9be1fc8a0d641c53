"""Tables as the address asks for them: sorting, columns, and pages that lose and repeat no row."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.http import QueryDict
from django.template import Context, Engine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.core.cursors import Cursor, Kind, Order, compare, cursor_read, cursor_text
from dashboard.core.tables import Column, Page, Table, TableView
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization, Team

NAME = Column(name="name", label="Name", order=(Order(name="label"),), always=True)
TEAM = Column(
    name="team",
    label="Team",
    order=(Order(name="team_id", kind="whole", optional=True), Order(name="label")),
    falling=True,
)
NOTE = Column(name="note", label="Note", shown=False)
SUM = Column(name="sum", label="Sum", numeric=True)
TABLE = Table(name="accounts", columns=(NAME, TEAM, NOTE, SUM), size=3)


def view_of(address: str = "", table: Table = TABLE) -> TableView:
    return table.read(QueryDict(address.removeprefix("?")))


# --- What the address asks for ----------------------------------------------------------------------------------


def test_without_a_wish_the_table_is_as_declared() -> None:
    view = view_of()
    assert (view.sort, view.falling, view.after, view.before) == (None, False, None, None)
    assert view.shows == {"name": True, "team": True, "note": False, "sum": True}
    assert [head.url for head in view.heads] == ["?sort=name&dir=up", "?sort=team&dir=down", ""]
    assert [head.aria_sort for head in view.heads] == ["", "", ""]


def test_a_page_may_have_an_order_of_its_own() -> None:
    view = view_of("", Table(name="t", columns=(NAME, TEAM), sort="team", falling=True))
    assert (view.sort, view.falling) == (TEAM, True)
    assert [head.aria_sort for head in view.heads] == ["", "descending"]


@pytest.mark.parametrize(
    ("address", "column", "falling"),
    [
        ("sort=team", TEAM, True),
        ("sort=team&dir=up", TEAM, False),
        ("sort=name&dir=down", NAME, True),
        ("sort=name&dir=sideways", NAME, False),
        ("sort=sum&dir=down", None, False),
        ("sort=nobody", None, False),
        ("dir=down", None, False),
        ("sort=", None, False),
    ],
)
def test_sorting_is_by_known_columns_that_sort(address: str, column: Column | None, falling: bool) -> None:
    view = view_of(address)
    assert (view.sort, view.falling) == (column, falling)


def test_a_second_click_turns_the_order_round_and_begins_at_the_first_page() -> None:
    view = view_of("q=ink&sort=name&dir=up&after=7~%3Dx")
    assert view.after == ("x", 7)
    assert [head.url for head in view.heads][:2] == ["?q=ink&sort=name&dir=down", "?q=ink&sort=team&dir=down"]
    assert [head.aria_sort for head in view.heads] == ["ascending", "", ""]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("cols=note", {"name", "note"}),
        ("cols=note&cols=sum&cols=sum", {"name", "note", "sum"}),
        ("cols=", {"name"}),
        ("cols=&cols=team", {"name", "team"}),
        ("cols=nobody", {"name", "team", "sum"}),
        ("cols=nobody&cols=note", {"name", "note"}),
        ("cols=name", {"name", "team", "sum"}),
    ],
)
def test_columns_are_chosen_among_those_there_are(address: str, shown: set[str]) -> None:
    view = view_of(address)
    assert {name for name, is_shown in view.shows.items() if is_shown} == shown
    assert {head.name for head in view.heads} == shown


def test_what_else_the_address_says_is_carried_on() -> None:
    view = view_of("q=ink&kind=wallet&kind=bill&cols=note&sort=name&after=7~%3Dx")
    assert view.kept_beside_columns == [("q", "ink"), ("kind", "wallet"), ("kind", "bill"), ("sort", "name")]
    assert view.columns_url == "?q=ink&kind=wallet&kind=bill&sort=name"


# --- Cursors ----------------------------------------------------------------------------------------------------

VALUES: dict[Kind, Any] = {
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60),
    "whole": st.integers(-(2**63) + 1, 2**63 - 1),
    "number": st.decimals("-1e20", "1e20", places=12),
    "share": st.floats(allow_nan=False, allow_infinity=False),
    "moment": st.datetimes(timezones=st.just(UTC)),
    "day": st.dates(),
}


@st.composite
def places(draw: st.DrawFn) -> tuple[Cursor, list[Order]]:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3))
    orders = [Order(name=f"o{number}", kind=kind, optional=True) for number, kind in enumerate(kinds)]
    values = [draw(st.none() | VALUES[kind]) for kind in kinds]
    return (*values, draw(st.integers(0, 2**63 - 1))), orders


@given(places())
def test_a_cursor_is_read_as_it_was_written(place: tuple[Cursor, list[Order]]) -> None:
    cursor, orders = place
    query = QueryDict(mutable=True)
    query["after"] = cursor_text(cursor, orders)
    assert cursor_read(QueryDict(query.urlencode())["after"], orders) == cursor


@given(text=st.text(max_size=40), kind=st.sampled_from(sorted(VALUES)))
def test_whatever_stands_in_the_address_is_read_or_ignored(text: str, kind: Kind) -> None:
    for orders in ([], [Order(name="o", kind=kind)], [Order(name="o", kind=kind, optional=True)]):
        for told in (text, f"1~{text}", f"1~={text}"):
            cursor = cursor_read(told, orders)
            assert cursor is None or cursor_read(cursor_text(cursor, orders), orders) == cursor


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", []), ("x", []), ("-1", []), ("1~=a", []), ("٣", []), ("9" * 19, []), ("9" * 999, []), ("1\0", []),
        ("1", ["text"]), ("1~a", ["text"]), ("1~", ["text"]), ("~=a", ["text"]), ("1~=a~=b", ["text"]),
        ("1~=" + "a" * 1000, ["text"]), ("1~=a\0", ["text"]),
        ("1~=a", ["whole"]), ("1~=" + "9" * 19, ["whole"]), ("1~=1.5", ["whole"]), ("1~=--1", ["whole"]),
        ("1~=NaN", ["number"]), ("1~=Infinity", ["number"]), ("1~=1e99", ["number"]), ("1~=x", ["number"]),
        ("1~=nan", ["share"]), ("1~=inf", ["share"]), ("1~=x", ["share"]),
        ("1~=2026-11-20T10:00:00", ["moment"]), ("1~=yesterday", ["moment"]), ("1~=2026-02-30", ["day"]),
    ],
)  # fmt: skip
def test_what_is_no_place_in_this_order_is_no_cursor(text: str, kinds: list[Kind]) -> None:
    assert cursor_read(text, [Order(name=f"o{number}", kind=kind) for number, kind in enumerate(kinds)]) is None


def test_cursors_are_plain_to_read() -> None:
    orders = [
        Order(name="a", optional=True),
        Order(name="b", kind="number"),
        Order(name="c", kind="moment"),
        Order(name="d", kind="day"),
    ]
    place = (None, Decimal("12.50"), datetime(2026, 11, 20, tzinfo=UTC), date(2026, 11, 20), 17)
    assert cursor_text(place, orders) == "17~~=12.50~=2026-11-20T00:00:00+00:00~=2026-11-20"
    assert cursor_text((17,), []) == "17"
    assert cursor_text(("50 % ~", 17), [Order(name="a")]) == "17~=50 %25 %7E"


def test_unknown_stands_last_whichever_way() -> None:
    assert compare((None, 1), ("a", 1), falling=False) == compare((None, 1), ("a", 1), falling=True) == 1
    assert compare(("a", 2), ("a", 1), falling=False) == 1
    assert compare(("a", 2), ("a", 1), falling=True) == -1
    assert compare((None, 1), (None, 1), falling=True) == 0


# --- Pages ------------------------------------------------------------------------------------------------------

SORTS = ["", "sort=name&dir=up", "sort=name&dir=down", "sort=team&dir=up", "sort=team&dir=down"]
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1, 2])), max_size=14)
Row = dict[str, Any]


def key(view: TableView, row: Any) -> Cursor:
    names = [*(one.name for one in (view.sort.order if view.sort else ())), "pk"]
    return tuple(row[name] if isinstance(row, dict) else getattr(row, name) for name in names)


def walk(pages: Any, address: str, *, forwards: bool = True) -> list[list[Any]]:
    """Every page from this address on, by the links alone."""
    found = []
    while True:
        page: Page = pages(address)
        found.append([row["pk"] if isinstance(row, dict) else row.pk for row in page.rows])
        address = page.next_url if forwards else page.previous_url
        if not address:
            return found


@given(rows=ROWS, sort=st.sampled_from(SORTS))
def test_walking_a_list_meets_every_row_once_in_order(rows: list[tuple[str, int | None]], sort: str) -> None:
    kept: list[Row] = [{"pk": number, "label": a, "team_id": b} for number, (a, b) in enumerate(rows, 1)]

    def pages(address: str) -> Page:
        return view_of(address).page_of_list(kept)

    view = view_of(sort)
    met = walk(pages, sort)
    ids = [pk for page in met for pk in page]
    assert sorted(ids) == [row["pk"] for row in kept]
    ordered = [kept[pk - 1] for pk in ids]
    assert all(compare(key(view, one), key(view, two), view.falling) == -1 for one, two in pairwise(ordered))
    last = sort
    while view_of(last).page_of_list(kept).next_url:
        last = view_of(last).page_of_list(kept).next_url
    back = walk(pages, last, forwards=False)
    assert [pk for page in reversed(back) for pk in page] == ids


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rows=ROWS, late=ROWS, sort=st.sampled_from(SORTS))
def test_walking_a_query_set_survives_what_is_inserted_behind_the_walker(
    organization: Organization, rows: list[tuple[str, int | None]], late: list[tuple[str, int | None]], sort: str
) -> None:
    ProviderAccount.objects.filter(organization=organization).delete()
    teams = {
        number: Team.objects.get_or_create(organization=organization, name=f"T{number}")[0].pk for number in (1, 2)
    }

    def add(label: str, team: int | None) -> ProviderAccount:
        team_id = teams[team] if team else None
        return ProviderAccount.objects.create(
            organization=organization, provider_slug="one", label=label, team_id=team_id
        )

    before = {add(*row).pk for row in rows}
    waiting, met, address = list(late), [], sort
    while True:
        view = view_of(address)
        page = view.page_of(ProviderAccount.objects.filter(organization=organization))
        met += list(page.rows)
        if not page.next_url:
            break
        address = page.next_url
        if waiting:
            new = add(*waiting.pop())
            if compare(key(view, new), key(view, met[-1]), view.falling) == 1:
                before.add(new.pk)  # ahead of the walker: it is met too
    assert {row.pk for row in met} == before
    assert len(met) == len(before)
    view = view_of(sort)
    assert all(compare(key(view, one), key(view, two), view.falling) == -1 for one, two in pairwise(met))


@pytest.mark.django_db
@pytest.mark.parametrize("sort", SORTS)
def test_going_back_shows_what_was_there(organization: Organization, sort: str) -> None:
    team = Team.objects.create(organization=organization, name="Ink")
    for number in range(10):
        ProviderAccount.objects.create(
            organization=organization,
            provider_slug="one",
            label="ab"[number % 2],
            team=team if number % 3 else None,
        )
    everything = ProviderAccount.objects.filter(organization=organization)

    def pages(address: str) -> Page:
        return view_of(address).page_of(everything)

    there = walk(pages, sort)
    assert [len(page) for page in there] == [3, 3, 3, 1]
    third = pages(pages(pages(sort).next_url).next_url)
    second = pages(third.previous_url)
    assert [row.pk for row in second.rows] == there[1]
    assert [row.pk for row in pages(second.previous_url).rows] == there[0]
    assert pages(second.previous_url).previous_url == ""
    assert [row.pk for row in pages(second.next_url).rows] == there[2]


def test_a_cursor_behind_which_nothing_is_left_shows_the_first_page() -> None:
    rows: list[Row] = [{"pk": 1}, {"pk": 2}]
    for address in ("after=9", "before=1"):
        page = view_of(address).page_of_list(rows)
        assert (page.rows, page.next_url, page.previous_url) == (rows, "", "")


def test_rows_that_are_no_mappings_are_asked_their_own_way() -> None:
    rows = [(2, "b"), (1, "a")]
    page = view_of("sort=name").page_of_list(rows, lambda row, name: row[("pk", "label").index(name)])
    assert page.rows == [(1, "a"), (2, "b")]


# --- Templates --------------------------------------------------------------------------------------------------


def drawn(template: str, **context: Any) -> str:
    engine = Engine.get_default()
    return engine.get_template(f"components/{template}").render(Context(context))


def test_heads_say_how_they_sort_and_work_as_links() -> None:
    html = drawn("_table_head.html", view=view_of("sort=team&dir=down"))
    assert html.count("<th ") == 3
    assert html.count("aria-sort=") == 1
    assert 'aria-sort="descending"' in html
    assert 'href="?sort=team&amp;dir=up"' in html
    assert 'hx-target="#accounts"' in html
    assert "sort=sum" not in html


def test_the_chooser_carries_the_rest_of_the_address_on() -> None:
    html = drawn("_table_columns.html", view=view_of("q=%22ink%22&cols=note&after=3"))
    assert '<input type="hidden" name="q" value="&quot;ink&quot;">' in html
    assert 'name="after"' not in html
    assert html.count('type="checkbox"') == 3
    assert html.count(" checked") == 1


def test_the_pager_is_there_when_there_is_another_page() -> None:
    page = Page(rows=[], next_url="?after=3", previous_url="")
    html = drawn("_pager.html", view=view_of(), page=page)
    assert 'href="?after=3"' in html
    assert html.count("<a ") == 1
    assert drawn("_pager.html", view=view_of(), page=Page(rows=[], next_url="", previous_url="")).strip() == ""
