"""The rows of the spend page's table, as one tag: they are a hundred of eight cells, and templates for each would take
longer than everything else on the page. What rows have in common is still made by its template, once."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.core.templatetags.drawings import chart_mark
from dashboard.core.templatetags.purser import change_words, logo, money, money_bare, money_text, percent, quantity
from dashboard.core.templatetags.swaps import swap_link

register = template.Library()

Row = Mapping[str, Any]


@register.simple_tag(takes_context=True)
def spend_rows(context: Context, rows: Iterable[Row], state: str = "") -> SafeString:
    """`{% spend_rows rows %}`: a `<tr>` for each, with the columns that the reader chose. `state`: "" of what is in the
    main unit, "apart" of what is not converted, "unpriced". For a row see usage.explorer.page."""
    shown = context["view"].shown
    optional = {
        "basis": ' class="col-basis"',
        "tokens": ' class="num text-ink-2 col-tokens"',
        "before": ' class="num text-ink-3 col-before"' if not state else ' class="col-before"',
        "change": ' class="num col-change"' if not state else ' class="col-change"',
        "share": ' class="num text-ink-2 col-share"' if not state else ' class="col-share"',
    }
    heads = {name: f"<td{look}>" if name in shown else "" for name, look in optional.items()}
    amount = {"": _main(context["unit"]), "apart": _apart(), "unpriced": _unknown}[state]
    name = _name(manages=context["request"].membership.may_manage)
    basis = _unpriced_tag() if state == "unpriced" else _basis()

    def written(row: Row) -> str:
        cells = [f'<tr data-row="{row["id"]}"><th scope="row">' if not state else '<tr><th scope="row">', name(row)]
        cells.append("</th>")
        if heads["basis"]:
            cells += heads["basis"], basis(row), "</td>"
        if heads["tokens"]:
            cells += heads["tokens"], quantity(row["tokens"]), "</td>"
        cells.append(amount(row))
        for column, value in _COMPARED:
            if heads[column]:
                cells += heads[column], "" if state else conditional_escape(value(row, context["unit"])), "</td>"
        cells.append("</tr>\n")
        return "".join(cells)

    return SafeString("".join(map(written, rows)))


_COMPARED: tuple[tuple[str, Callable[[Row, str], str]], ...] = (
    ("before", lambda row, unit: money_bare(row["before"], unit)),
    ("change", lambda row, _unit: change_words(row["change"])),
    ("share", lambda row, _unit: "" if row["share"] is None else percent(row["share"])),
)


def _name(*, manages: bool) -> Callable[[Row], str]:
    """Its colour in the chart, its logo, and the way closer."""
    whose = ""
    if manages:
        words, to = escape(_("Whose is it?")), escape(reverse("usage:rules"))
        whose = f'<a class="lnk text-xs shrink-0" href="{to}#uncaught">{words}</a>'

    def written(row: Row) -> str:
        name = escape(row["name"])
        mark = chart_mark("stack", row["series"]) if row.get("marked") else ""
        shown = f'<span class="max-sm:hidden">{logo(row["slug"], name=row["name"])}</span>' if row["slug"] else ""
        link = f'<a class="hover:underline" {swap_link(row["url"], "spend")}>{name}</a>' if row["url"] else name
        asked = whose if row["unallocated"] else ""
        return f'<span class="who">{mark}{shown}<span class="t font-medium" title="{name}">{link}</span>{asked}</span>'

    return written


def _basis() -> Callable[[Row], str]:
    """Rows stand on few different ones."""
    made = get_template("usage/_explorer_basis.html")

    @cache
    def written(bases: tuple[str, ...], provisional: bool) -> str:
        return made.render({"row": {"bases": bases, "provisional": provisional}}).strip()

    return lambda row: written(tuple(row["bases"]), row["provisional"])


def _unpriced_tag() -> Callable[[Row], str]:
    words = escape(_("Unpriced"))
    return lambda _row: f'<span class="tag tag-warn">{words}</span>'


def _main(unit: str) -> Callable[[Row], str]:
    def beside(row: Row) -> Iterable[str]:
        return (money_text(amount, code) for code, amount in row["own"])

    return _amount(lambda row: money_bare(row["spend"], unit), beside)


def _apart() -> Callable[[Row], str]:
    return _amount(lambda row: money(row["spend"], row["unit"]), lambda row: filter(None, [row["whose"]]))


def _amount(figure: Callable[[Row], str], beside: Callable[[Row], Iterable[str]]) -> Callable[[Row], str]:
    """The cell of the money, with lines below it."""
    estimated = get_template("usage/_estimated_mark.html").render().strip() + " "

    def written(row: Row) -> str:
        lines = "".join(
            f'<span class="block text-xs text-ink-3 font-normal">{escape(words)}</span>' for words in beside(row)
        )
        look, mark = " !py-1" if lines else "", estimated if row["estimated"] else ""
        return f'<td class="num font-medium{look}">{mark}{conditional_escape(figure(row))}{lines}</td>'

    return written


def _unknown(_row: Row) -> str:
    words = escape(_("unknown"))
    return f'<td class="num untold">{words}</td>'
