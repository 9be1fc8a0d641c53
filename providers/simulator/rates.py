"""The reference rates of the European Central Bank, made up: a slow walk around what each currency is worth."""

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from providers.ecb import EVERYTHING, RECENT, published_before

# Units for 1 EUR, about which each currency wanders. TWD is not among them: the ECB does not quote it.
_ABOUT = {
    "USD": "1.0850", "JPY": "163.20", "CZK": "25.150", "DKK": "7.4590", "GBP": "0.8440", "HUF": "398.50",
    "PLN": "4.2860", "RON": "4.9760", "SEK": "11.4200", "CHF": "0.9430", "ISK": "148.70", "NOK": "11.6900",
    "TRY": "46.2500", "AUD": "1.6520", "BRL": "6.1800", "CAD": "1.5010", "CNY": "7.8410", "HKD": "8.4400",
    "IDR": "17150.20", "ILS": "3.9900", "INR": "91.4300", "KRW": "1502.30", "MXN": "21.4800", "MYR": "4.7320",
    "NZD": "1.8060", "PHP": "62.910", "SGD": "1.4280", "THB": "36.710", "ZAR": "19.4100",
}  # fmt: skip
_BEGAN = date(2023, 1, 2)
_NAMESPACES = (
    'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
)
_SENDER = "<gesmes:Sender><gesmes:name>Simulator</gesmes:name></gesmes:Sender>"
_HEAD = f"<gesmes:subject>Reference rates</gesmes:subject>{_SENDER}"


def rates_file(path: str, now: datetime) -> bytes | None:
    """The file of that path as it was published before `now`; None where there is no such file."""
    name = path.rpartition("/")[2]
    last = published_before(now).date()
    if name not in (RECENT, EVERYTHING):
        return None
    first = last - timedelta(days=90) if name == RECENT else _BEGAN
    days = "".join(_day(day) for day in _weekdays(first, last))
    envelope = f"<gesmes:Envelope {_NAMESPACES}>{_HEAD}<Cube>{days}</Cube></gesmes:Envelope>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{envelope}'.encode()


def rate_on(day: date, currency: str) -> Decimal:
    """Units of that currency for 1 EUR on that day."""
    about = Decimal(_ABOUT[currency])
    turn = (day.toordinal() + 37 * sum(map(ord, currency))) / 58
    return (about * Decimal(str(round(1 + 0.021 * math.sin(turn), 6)))).quantize(about)


def _weekdays(first: date, last: date) -> Iterator[date]:
    """The newest first, as the ECB has them."""
    for back in range((last - first).days + 1):
        day = last - timedelta(days=back)
        if day.weekday() < 5:
            yield day


def _day(day: date) -> str:
    rates = "".join(f'<Cube currency="{code}" rate="{rate_on(day, code)}"/>' for code in _ABOUT)
    return f'<Cube time="{day.isoformat()}">{rates}</Cube>'
