"""The euro foreign exchange reference rates of the European Central Bank, as it publishes them.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates (2026-11): around 16:00 CET on
every working day of its calendar, units of a currency for 1 EUR, as XML: a Cube of Cubes with a `time`, newest first,
each with Cubes of `currency` and `rate`. `eurofxref-hist-90d.xml` holds the last 90 days, `eurofxref-hist.xml` all
since 1999, some ten MB. Weekends and holidays have no rate; a currency that is no longer quoted is left out.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from xml.parsers import expat
from zoneinfo import ZoneInfo

from providers.errors import PayloadError, Retryable
from providers.spec import Reply

HOST = "www.ecb.europa.eu"
RECENT, EVERYTHING = "eurofxref-hist-90d.xml", "eurofxref-hist.xml"
RECENT_DAYS = 85  # a few less than it holds: whatever day it begins on
# 16:00, and half an hour in which it may be late.
PUBLISHED = time(16, 30)
FRANKFURT = ZoneInfo("Europe/Berlin")
SATURDAY = 5
_CUBE = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref Cube"
_CODE, _RATE = re.compile(r"[A-Z]{3}"), re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Told(NamedTuple):
    """1 EUR was `rate` `currency` on that day."""

    day: date
    currency: str
    rate: Decimal


def published_before(now: datetime) -> datetime:
    """The last moment before `now` at which new rates came, holidays aside."""
    local = now.astimezone(FRANKFURT)
    day = local.date() if local.time() >= PUBLISHED else local.date() - timedelta(days=1)
    while day.weekday() >= SATURDAY:
        day -= timedelta(days=1)
    return datetime.combine(day, PUBLISHED, FRANKFURT)


def parse_rates(reply: Reply, *, host: str, since: date, today: date) -> list[Told]:
    """Every rate of a file from that day on. Raises PayloadError for what is not as described above; a document type,
    with which entities begin, is refused before anything is expanded. Raises Retryable for another status than 200."""
    if reply.status != 200:
        raise Retryable(f"{host} answered {reply.status}.", status=reply.status)
    reading = _Reading(since, today)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = reading.begin
    parser.EndElementHandler = reading.end
    try:
        parser.Parse(reply.body, True)
    except expat.ExpatError:
        raise PayloadError("The ECB's file of rates is no XML, or broke off.") from None
    if not reading.days:
        raise PayloadError("The ECB's file of rates holds none.")
    return [Told(day, currency, rate) for (day, currency), rate in reading.found.items()]


def _refuse_document_type(*_told: object) -> None:
    raise PayloadError("The ECB's file of rates has a document type, which it never had; it was not read.")


class _Reading:
    """Where the parser stands: within which Cubes, and of which day."""

    def __init__(self, since: date, today: date) -> None:
        self.found: dict[tuple[date, str], Decimal] = {}
        self.days = 0
        self._since = since
        self._latest = today + timedelta(days=1)  # a day ahead of us it is already tomorrow
        self._day: date | None = None
        self._cubes = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name != _CUBE:
            return
        self._cubes += 1
        if self._cubes == 2:
            self._day = self._day_of(attributes.get("time", ""))
        elif self._cubes == 3 and self._day is not None:
            self._take(self._day, attributes.get("currency", ""), attributes.get("rate", ""))
        elif self._cubes > 3:
            raise PayloadError("The ECB's file of rates has another form than it is described with.")

    def end(self, name: str) -> None:
        self._cubes -= name == _CUBE

    def _day_of(self, text: str) -> date:
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or day > self._latest:
            raise PayloadError("The ECB's file of rates names a day that cannot be.")
        self.days += 1
        return day

    def _take(self, day: date, currency: str, text: str) -> None:
        rate = Decimal(text) if _RATE.fullmatch(text) else Decimal(0)
        if not _CODE.fullmatch(currency) or rate <= 0:
            raise PayloadError("The ECB's file of rates names a rate that cannot be.")
        if day >= self._since and self.found.setdefault((day, currency), rate) != rate:
            raise PayloadError("The ECB's file of rates tells two rates of one day.")
