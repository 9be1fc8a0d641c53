"""The rows of the spend page's table: they are a hundred of eight cells, and templates for each would take longer than
everything else on the page. What rows have in common is still made by its template, once."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from html import escape
from typing import Any

from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.core.languages.numbers import NBSP, NumberFormat, number_format
from dashboard.core.templatetags.drawings import chart_mark
from dashboard.core.templatetags.purser import breakable, logo, money, short_figure, untold
from dashboard.core.templatetags.swaps import swap_link

Row = Mapping[str, Any]
Written = Callable[[Row], str]


def spend_rows(rows: Iterable[Row], state: str, *, shown: Collection[str], unit: str, manages: bool) -> SafeString:
    """A `<tr>` for each, with the columns that the reader chose, of what is in the "main" unit, "apart" from it, or
    "unpriced" (`state`). For a row see usage.explorer.page."""
    language, name = number_format(), _name(manages=manages)
    amount = {"main": _main(unit, language), "apart": _apart(), "unpriced": _unknown()}[state]
    cells: list[tuple[str, Written]] = [
        ("basis", _cell("col-basis", _unpriced_tag() if state == "unpriced" else _basis())),
        ("tokens", _cell("num text-ink-2 col-tokens", _tokens(language))),
        ("spend", amount),
        *(_compared(unit, language) if state == "main" else _alone()),
    ]
    others = [written for column, written in cells if column in shown]

    def line(row: Row) -> str:
        place = f' data-row="{row["id"]}"' if state == "main" else ""
        return f'<tr{place}><th scope="row">{name(row)}</th>{"".join([cell(row) for cell in others])}</tr>\n'

    return SafeString("".join(map(line, rows)))


def _cell(look: str, words: Written) -> Written:
    head = f'<td class="{look}">'
    return lambda row: f"{head}{words(row)}</td>"


def _compared(unit: str, language: NumberFormat) -> Iterable[tuple[str, Written]]:
    """With the days before, and with the total."""
    none, money_of_unit = untold(), language.money_of(unit)

    def before(row: Row) -> str:
        return none if row["before"] is None else money_of_unit(row["before"])

    def change(row: Row) -> str:
        return "" if row["change"] is None else language.change(row["change"])

    def share(row: Row) -> str:
        return "" if row["share"] is None else escape(language.percent(row["share"]))

    yield "before", _cell("num text-ink-3 col-before", before)
    yield "change", _cell("num col-change", change)
    yield "share", _cell("num text-ink-2 col-share", share)


def _alone() -> Iterable[tuple[str, Written]]:
    """What stands beside the total is compared with nothing."""
    for column in ("before", "change", "share"):
        yield column, _cell(f"col-{column}", lambda _row: "")


def _name(*, manages: bool) -> Written:
    """Its colour in the chart, its logo, and the way closer."""
    whose = ""
    if manages:
        words, to = escape(_("Whose is it?")), escape(reverse("usage:rules"))
        whose = f'<a class="lnk text-xs shrink-0" href="{to}#uncaught">{words}</a>'

    def written(row: Row) -> str:
        name = escape(row["name"])
        mark = chart_mark("stack", row["series"]) if row.get("marked") else ""
        shown = f'<span class="max-sm:hidden">{logo(row["slug"], name=row["name"])}</span>' if row["slug"] else ""
        words = breakable(row["name"])
        link = f'<a class="hover:underline" {swap_link(row["url"], "spend")}>{words}</a>' if row["url"] else words
        asked = whose if row["unallocated"] else ""
        return f'<span class="who">{mark}{shown}<span class="t font-medium" title="{name}">{link}</span>{asked}</span>'

    return written


def _basis() -> Written:
    """Rows stand on few different ones."""
    made = get_template("usage/_explorer_basis.html")

    @cache
    def written(bases: tuple[str, ...], provisional: bool) -> str:
        return made.render({"row": {"bases": bases, "provisional": provisional}}).strip()

    return lambda row: written(row["bases"], row["provisional"])


def _unpriced_tag() -> Written:
    words = escape(_("Unpriced"))
    return lambda _row: f'<span class="tag tag-warn">{words}</span>'


def _tokens(language: NumberFormat) -> Written:
    none = untold()

    def written(row: Row) -> str:
        if row["tokens"] is None:
            return "" if row.get("tokens_elsewhere") else none
        return short_figure(row["tokens"], language)

    return written


def _main(unit: str, language: NumberFormat) -> Written:
    none, money_of_unit = untold(), language.money_of(unit)

    def figure(row: Row) -> str:
        return none if row["spend"] is None else money_of_unit(row["spend"])

    def beside(row: Row) -> Iterable[str]:
        return (language.money_words(amount, code).replace(" ", NBSP) for code, amount in row["own"])

    return _amount(figure, beside)


def _apart() -> Written:
    return _amount(lambda row: money(row["spend"], row["unit"]), lambda row: filter(None, [row["whose"]]))


def _amount(figure: Written, beside: Callable[[Row], Iterable[str]]) -> Written:
    """The cell of the money, with lines below it."""
    estimated = get_template("usage/_estimated_mark.html").render().strip() + " "

    def written(row: Row) -> str:
        lines = "".join(
            [f'<span class="block text-xs text-ink-3 font-normal">{escape(words)}</span>' for words in beside(row)]
        )
        look, mark = " !py-1" if lines else "", estimated if row["estimated"] else ""
        return f'<td class="num font-medium col-spend{look}">{mark}{figure(row)}{lines}</td>'

    return written


def _unknown() -> Written:
    words = escape(_("unknown"))
    return lambda _row: f'<td class="num untold">{words}</td>'
