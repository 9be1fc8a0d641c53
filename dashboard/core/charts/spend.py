"""Spend by day, one bar of layers each, and the month's spend added up."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Layer, Row, Table, figures, folded, total
from dashboard.core.languages.numbers import money_words
from dashboard.core.templatetags.purser import day


def stack_chart(
    days: Sequence[date],
    layers: Sequence[Layer],
    *,
    unit: str,
    title: str,
    notes: Mapping[date, str] | None = None,
    labels: Sequence[str] | None = None,
) -> Chart:
    """Bars by day, one layer over the other. `title` says what they are; `notes` tell something more of a day. With
    `labels` a bar is something else than a day, such as the month that begins on it."""
    names = [day(at) for at in days] if labels is None else list(labels)
    shown, notes = folded(layers), notes or {}
    totals = [total([layer.values[place] for layer in shown]) for place in range(len(days))]
    said = {"total": _("Total"), "none": _("nothing told"), "open": _("may still change")}
    rows = [
        Row(
            names[place],
            [*(layer.values[place] for layer in shown), totals[place]],
            _notes(at, shown, said["open"], notes),
        )
        for place, at in enumerate(days)
    ]
    return Chart(
        kind="stack",
        summary=_stack_words(title, names, totals, unit, by_day=labels is None),
        data={
            **figures(unit),
            **({"days": [at.isoformat() for at in days]} if labels is None else {}),
            "open": [[place for place, at in enumerate(days) if at in layer.open_days] for layer in shown],
        },
        table=Table(
            caption=title,
            heads=[_("Day") if labels is None else _("Month"), *(layer.name for layer in shown), said["total"]],
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


def _stack_words(title: str, names: Sequence[str], totals: Sequence[Decimal | None], unit: str, *, by_day: bool) -> str:
    known = [(value, place) for place, value in enumerate(totals) if value is not None]
    if not known:
        return title
    most, on = max(known)
    words = _("%(title)s: %(total)s on %(count)d days, the most on %(day)s with %(most)s.")
    if not by_day:
        words = _("%(title)s: %(total)s, the most in %(day)s with %(most)s.")
    elif len(known) == 1:
        words = _("%(title)s: %(total)s on %(day)s alone.")
    whole = money_words(total(totals), unit)
    return words % {
        "title": title, "total": whole, "count": len(known), "day": names[on], "most": money_words(most, unit),
    }  # fmt: skip


# --- The month so far -------------------------------------------------------------------------------------------


def pace_chart(
    days: Sequence[date], spent: Sequence[Decimal | None], before: Sequence[Decimal | None], *, unit: str, today: date
) -> Chart:
    """The sum of the month up to each of its `days`, beside that of the month before; days to come are None in `spent`,
    and `before` has a value or None for as many days as its month had. What compares the two months in words ends with
    the last day that is over: today would seem cheap beside a whole day."""
    sums = _running(spent, [at <= today for at in days])
    earlier = _running([*before, *[None] * len(days)][: len(days)], [place < len(before) for place in range(len(days))])
    names = [date_format(days[0], "F"), date_format(days[0] - timedelta(days=1), "F")]
    shown = [(names[0], sums), *([(names[1], earlier)] if total(before) is not None else [])]
    key = _to_yesterday(days, sums, earlier, len(before), today)[: len(shown)]
    said = {"none": _("still to come")}
    return Chart(
        kind="pace",
        summary=_pace_words(sums[today.day - 1], key, today, unit),
        data={
            **figures(unit),
            "days": [at.isoformat() for at in days],
            "today": today.isoformat(),
        },
        table=Table(
            caption=_("Spend added up from the first day of the month"),
            heads=[_("Up to"), *(name for name, _values in shown)],
            rows=[Row(day(at), [values[place] for _name, values in shown]) for place, at in enumerate(days)],
            unit=unit,
            none=said["none"],
        ),
        unit=unit,
        key=key,
    )


def _running(values: Sequence[Decimal | None], reached: Sequence[bool]) -> list[Decimal | None]:
    """The sum up to each day that is `reached`; a day of which nothing is told adds nothing."""
    sums: list[Decimal | None] = []
    so_far = Decimal(0)
    for value, there in zip(values, reached, strict=True):
        so_far += value or 0
        sums.append(so_far if there else None)
    return sums


def _to_yesterday(
    days: Sequence[date],
    sums: Sequence[Decimal | None],
    earlier: Sequence[Decimal | None],
    length: int,
    today: date,
) -> list[tuple[str, Decimal | None]]:
    """Both months up to the last day that is over, and in the month before, of `length` days, to the same day."""
    place = max(0, today.day - 2)
    same = min(place, length - 1)
    first = (days[0] - timedelta(days=1)).replace(day=1)
    ends = [(days[place], sums[place]), (first + timedelta(days=same), earlier[same])]
    return [(_("to %(day)s") % {"day": day(at)}, amount) for at, amount in ends]


def _pace_words(so_far: Decimal | None, key: Sequence[tuple[str, Decimal | None]], today: date, unit: str) -> str:
    sentences = [
        _("Spend of the month, added up: %(amount)s by %(day)s.")
        % {"amount": money_words(so_far, unit), "day": day(today)}
    ]
    if len(key) > 1:
        over, before = (money_words(amount, unit) for _label, amount in key)
        sentences.append(
            _("On the days that are over it was %(over)s, and on the same days of the month before %(before)s.")
            % {"over": over, "before": before}
        )
    return " ".join(sentences)
