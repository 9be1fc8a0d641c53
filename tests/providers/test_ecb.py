"""The ECB's files of rates: as it documents them, and everything else that may come in their place."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.ecb import EVERYTHING, RECENT, Told, parse_rates, published_before
from providers.errors import PayloadError, ProviderError, Retryable
from providers.simulator.rates import rate_on, rates_file
from providers.spec import Reply

TODAY = date(2026, 11, 21)
# https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml, as its documentation gives the form; three of its
# thirty currencies.
DAILY = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank</gesmes:name>
	</gesmes:Sender>
	<Cube>
		<Cube time='2026-11-20'>
			<Cube currency='USD' rate='1.0821'/>
			<Cube currency='JPY' rate='163.05'/>
			<Cube currency='IDR' rate='17156.94'/>
		</Cube>
	</Cube>
</gesmes:Envelope>"""


def parsed(text: str | bytes, since: date = date(2026, 1, 1), status: int = 200) -> list[Told]:
    body = text if isinstance(text, bytes) else text.encode()
    reply = Reply(status=status, headers={}, body=body)
    return parse_rates(reply, host="www.ecb.europa.eu", since=since, today=TODAY)


def test_the_documented_file_is_read() -> None:
    assert parsed(DAILY) == [
        Told(date(2026, 11, 20), "USD", Decimal("1.0821")),
        Told(date(2026, 11, 20), "JPY", Decimal("163.05")),
        Told(date(2026, 11, 20), "IDR", Decimal("17156.94")),
    ]


def test_what_is_older_than_asked_for_is_left_out() -> None:
    assert parsed(DAILY, since=date(2026, 11, 21)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1.0821", "0"),
        ("1.0821", "-1.0821"),
        ("1.0821", "NaN"),
        ("1.0821", "1e9"),
        ("1.0821", "1,0821"),
        ("1.0821", ""),
        ("1.0821", "9" * 40),
        ("USD", "US"),
        ("USD", "usd"),
        ("2026-11-20", "2026-02-30"),
        ("2026-11-20", "20261120"),
        ("2026-11-20", "2027-11-20"),
        ("'USD' rate='1.0821'/>", "'USD' rate='1.0821'><Cube/></Cube>"),
        ("currency='JPY' rate='163.05'", "currency='USD' rate='163.05'"),
        ("</gesmes:Envelope>", ""),
        ("eurofxref\"", "another\""),
    ],
)  # fmt: skip
def test_what_is_not_as_described_is_refused_whole(old: str, new: str) -> None:
    assert old in DAILY
    with pytest.raises(PayloadError):
        parsed(DAILY.replace(old, new))


def test_nothing_is_expanded() -> None:
    """A bomb of entities, and one that would read a file: both begin with a document type."""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + level)} "{f"&{chr(97 + level)};" * 10}">' for level in range(9)
    )
    for inner in (
        f"{bomb}]>",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://x">',
    ):
        text = DAILY.replace("<gesmes:Envelope", f"{inner}<gesmes:Envelope", 1).replace("Reference rates", "&j;&a;")
        with pytest.raises(PayloadError, match="document type"):
            parsed(text)


@pytest.mark.parametrize("text", ["", "<html><body>502 Bad Gateway</body></html>", "{}", "\0\1", DAILY[:400]])
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(PayloadError):
        parsed(text)


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_another_status_may_be_better_later(status: int) -> None:
    with pytest.raises(Retryable, match=str(status)):
        parsed(DAILY, status=status)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_in_words(body: bytes) -> None:
    with pytest.raises(ProviderError):
        parsed(body)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 11, 20, 15, 29, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 15, 30, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 20)),  # Sunday
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 7, 17, 14, 30, tzinfo=UTC), date(2026, 7, 17)),  # summer time
    ],
)
def test_rates_come_on_working_days_in_the_afternoon(now: datetime, last: date) -> None:
    assert published_before(now).date() == last


def test_the_simulator_speaks_the_same_form() -> None:
    now = datetime(2026, 11, 21, 9, tzinfo=UTC)
    recent, everything = (rates_file(f"/stats/eurofxref/{name}", now) for name in (RECENT, EVERYTHING))
    assert recent is not None and everything is not None
    found = {(one.day, one.currency): one.rate for one in parsed(recent)}
    assert found[(date(2026, 11, 20), "CNY")] == rate_on(date(2026, 11, 20), "CNY")
    assert {day.weekday() for day, _code in found} == {0, 1, 2, 3, 4}
    assert max(found)[0] == date(2026, 11, 20)
    assert found.items() <= {(one.day, one.currency): one.rate for one in parsed(everything)}.items()
    assert rates_file("/stats/eurofxref/nothing.xml", now) is None
