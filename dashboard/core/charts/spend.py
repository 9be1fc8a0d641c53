"""Spend by day, one bar of layers each, and the month's spend added up."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Layer, Row, Table, figures, folded, text, total
from dashboard.core.templatetags.purser import day, money_words


def stack_chart(
    days: Sequence[date], layers: Sequence[Layer], *, unit: str, title: str, notes: Mapping[date, str] | None = None
) -> Chart:
    """Bars by day, one layer over the other. `title` says what they are; `notes` tell something more of a day."""
    shown, notes = folded(layers), notes or {}
    totals = [total([layer.values[place] for layer in shown]) for place in range(len(days))]
    said = {"total": _("Total"), "none": _("nothing told"), "open": _("may still change")}
    rows = [
        Row(
            day(at),
            [*(layer.values[place] for layer in shown), totals[place]],
            _notes(at, shown, said["open"], notes),
        )
        for place, at in enumerate(days)
    ]
    return Chart(
        kind="stack",
        summary=_stack_words(title, days, totals, unit),
        data={
            **figures(unit),
            "days": [at.isoformat() for at in days],
            "totals": [text(value) for value in totals],
            "notes": {at.isoformat(): words for at, words in notes.items()},
            "series": [
                {
                    "name": layer.name,
                    "values": [text(value) for value in layer.values],
                    "open": [at in layer.open_days for at in days],
                }
                for layer in shown
            ],
            "words": said,
        },
        table=Table(
            caption=title,
            heads=[_("Day"), *(layer.name for layer in shown), said["total"]],
            rows=rows[::-1],
            unit=unit,
            none=said["none"],
            foot=Row(said["total"], [*(layer.total for layer in shown), total(totals)]),
        ),
        unit=unit,
        key=[(layer.name, layer.total) for layer in shown],
    )


def _notes(at: date, layers: Sequence[Layer], open_words: str, notes: Mapping[date, str]) -> list[str]:
    is_open = any(at in layer.open_days for layer in layers)
    return [*([open_words] if is_open else []), *([notes[at]] if at in notes else [])]


def _stack_words(title: str, days: Sequence[date], totals: Sequence[Decimal | None], unit: str) -> str:
    known = [(value, at) for value, at in zip(totals, days, strict=True) if value is not None]
    if not known:
        return title
    most, on = max(known)
    words = _("%(title)s: %(total)s on %(count)d days, the most on %(day)s with %(most)s.")
    if len(known) == 1:
        words = _("%(title)s: %(total)s on %(day)s alone.")
    whole = money_words(total(totals), unit)
    return words % {
        "title": title, "total": whole, "count": len(known), "day": day(on), "most": money_words(most, unit),
    }  # fmt: skip


# --- The month so far -------------------------------------------------------------------------------------------


def pace_chart(
    days: Sequence[date], spent: Sequence[Decimal | None], before: Sequence[Decimal | None], *, unit: str, today: date
) -> Chart:
    """The sum of the month up to each of its `days`, beside that of the month before; days to come are None in `spent`,
    and `before` has a value or None for as many days as its month had, at least for those of `days` that it shares."""
    sums = _running(spent, [at <= today for at in days])
    earlier = _running([*before, *[None] * len(days)][: len(days)], [place < len(before) for place in range(len(days))])
    last = days[0] - timedelta(days=1)
    names = [date_format(days[0], "F"), date_format(last, "F")]
    so_far, compared = sums[today.day - 1], earlier[min(today.day, len(before)) - 1]
    shown = [(names[0], sums), *([(names[1], earlier)] if total(before) is not None else [])]
    said = {"none": _("still to come")}
    return Chart(
        kind="pace",
        summary=_pace_words(so_far, compared if len(shown) > 1 else None, names[1], today, unit),
        data={
            **figures(unit),
            "days": [at.isoformat() for at in days],
            "today": today.isoformat(),
            "series": [{"name": name, "values": [text(value) for value in values]} for name, values in shown],
            "words": said,
        },
        table=Table(
            caption=_("Spend added up from the first day of the month"),
            heads=[_("Up to"), *(name for name, _values in shown)],
            rows=[Row(day(at), [values[place] for _name, values in shown]) for place, at in enumerate(days)],
            unit=unit,
            none=said["none"],
        ),
        unit=unit,
        key=[
            (names[0], so_far),
            *([(_("%(month)s, same days") % {"month": names[1]}, compared)] if len(shown) > 1 else []),
        ],
    )


def _running(values: Sequence[Decimal | None], reached: Sequence[bool]) -> list[Decimal | None]:
    """The sum up to each day that is `reached`; a day of which nothing is told adds nothing."""
    sums: list[Decimal | None] = []
    so_far = Decimal(0)
    for value, there in zip(values, reached, strict=True):
        so_far += value or 0
        sums.append(so_far if there else None)
    return sums


def _pace_words(so_far: Decimal | None, compared: Decimal | None, before: str, today: date, unit: str) -> str:
    values = {"amount": money_words(so_far, unit), "day": day(today), "month": before}
    if compared is None:
        return _("Spend of the month, added up: %(amount)s by %(day)s.") % values
    values["compared"] = money_words(compared, unit)
    return (
        _("Spend of the month, added up: %(amount)s by %(day)s; on the same days of %(month)s %(compared)s.") % values
    )
