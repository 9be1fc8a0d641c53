"""How busy a server of one's own is, and which version it runs, in words. Figures stay apart: none is a sum."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.core.drawing import Meter
from dashboard.core.languages.numbers import NBSP, number, unit_word
from dashboard.core.templatetags.purser import moment, percent
from dashboard.credentials.models import ServerReading
from dashboard.credentials.selectors import GaugeRow, gauges_view

LOAD_ROWS = 60
LONGEST_VERSION = 60
# Servers say "for good" by a time in a far century.
FOR_GOOD = timedelta(days=366)
MB, GB = 10**6, 10**9
_NAMES = {
    "models_loaded": gettext_noop("Models in memory"),
    "memory": gettext_noop("Graphics memory"),
    "context": gettext_noop("Context"),
    "requests_running": gettext_noop("Requests running"),
    "requests_waiting": gettext_noop("Requests waiting"),
    "cache_usage": gettext_noop("Cache in use"),
}


def version_words(reading: ServerReading | None) -> str:
    """The version; "" before the first reading."""
    if reading is None:
        return ""
    if not reading.version:
        return _("version not told")
    return _("version %(version)s") % {"version": Truncator(reading.version).chars(LONGEST_VERSION)}


def load_context(reading: ServerReading | None, *, offline: bool, now: datetime) -> dict[str, Any]:
    """The figures that were told last. Of a machine that is off they are as old as it is off, which alarms nobody."""
    rows = gauges_view(reading=reading, now=now) if reading is not None else []
    return {
        "load": [
            {
                "name": _(_NAMES[one.name]) if one.name in _NAMES else one.name,
                "scope": one.scope,
                "value": value_words(one.value, one.unit),
                "share": _plain_meter(one.value) if one.unit == "percent" else None,
                "note": _until_words(one, now),
                "at": one.at,
                "stale": one.stale and not offline,
            }
            for one in rows[:LOAD_ROWS]
        ],
        "load_left_out": max(0, len(rows) - LOAD_ROWS),
    }


def _plain_meter(share: Decimal) -> Meter:
    """A bar that warns of nothing: a full cache is no trouble."""
    return Meter(round(float(max(Decimal(0), min(Decimal(100), share))), 1), None, 100.0, False, "")


def value_words(value: Decimal, unit: str) -> str:
    """A figure with its unit, where its name does not say it already."""
    if unit == "percent":
        return str(percent(value))
    if unit == "bytes":
        return memory_words(value)
    return f"{number(value)}{NBSP}{unit_word(unit)}" if unit == "tokens" else number(value)


def memory_words(size: Decimal) -> str:
    """Bytes as "6.2 GB", below that as "320 MB"."""
    if size >= GB:
        return f"{number(size / GB, 1)}{NBSP}GB"
    return f"<{NBSP}1{NBSP}MB" if 0 < size < MB else f"{number(size / MB, 0)}{NBSP}MB"


def _until_words(gauge: GaugeRow, now: datetime) -> str:
    if gauge.until is None or gauge.until <= now:
        return ""
    if gauge.until - now > FOR_GOOD:
        return _("stays loaded")
    return _("loaded until %(moment)s") % {"moment": moment(gauge.until)}
