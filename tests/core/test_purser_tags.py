"""How amounts, shares and times are written. The language is English and the zone UTC unless a test says otherwise."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.test import RequestFactory, override_settings
from django.utils import timezone, translation
from django.utils.html import strip_tags

from dashboard.core.languages.numbers import money_words, number
from dashboard.core.middleware import ContentSecurityPolicyMiddleware
from dashboard.core.templatetags import purser

NOW = datetime(2026, 11, 20, 6, 32, tzinfo=UTC)
ENGINE = Engine(builtins=["dashboard.core.templatetags.purser"])


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    # The names of built files come from a manifest that only a build writes; the words under test need none.
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=plain), translation.override("en"), timezone.override(UTC):
        yield


def written(source: str, **context: Any) -> str:
    html = ENGINE.from_string(source).render(Context({"now": NOW, **context}))
    return strip_tags(html).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("amount", "unit", "words"),
    [
        ("1284.5", "CNY", "¥1,284.50 CNY"),
        ("-12.3", "USD", "−$12.30 USD"),
        ("0", "USD", "$0.00 USD"),
        ("0.004215", "USD", "$0.00422 USD"),
        ("-0.000009", "USD", "−$0.000009 USD"),
        ("0.01", "USD", "$0.01 USD"),
        ("1234567", "JPY", "¥1,234,567 JPY"),
        ("1.2345", "KWD", "1.234 KWD"),
        ("5", "XTS", "5.00 XTS"),
        ("48210", "points", "48,210 points"),
        ("0.5", "credits", "0.50 credits"),
    ],
)
def test_money_keeps_its_unit(amount: str, unit: str, words: str) -> None:
    assert written("{{ amount|money:unit }}", amount=Decimal(amount), unit=unit) == words
    assert money_words(Decimal(amount), unit).replace("\u00a0", " ") == words


def test_what_was_not_told_is_said_and_is_not_nought() -> None:
    assert written("{{ none|money:'USD' }}", none=None) == "not told"
    assert written("{% money none 'USD' 'unpriced' %}", none=None) == "unpriced"
    for name in ("quantity", "percent", "exact", "day", "clock", "moment", "money_bare:'USD'", "money_cell:'USD'"):
        assert written("{{ none|" + name + " }}", none=None) == "not told"


def test_an_amount_is_never_a_float() -> None:
    with pytest.raises(TypeError):
        number(1.5)  # type: ignore[arg-type]


def test_a_column_reserves_the_room_of_missing_decimals() -> None:
    assert "amount-pad" in purser.money_cell(Decimal(48210), "points")
    assert "amount-pad" not in purser.money_cell(Decimal("1.5"), "USD")


def test_a_name_from_outside_is_escaped() -> None:
    assert "<b>" not in purser.money_filter(Decimal(1), "<b>")
    assert "<b>" not in purser.state("<b>", "<b>", '"><b>')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", "0"), ("999", "999"), ("1234", "1.23k"), ("24612", "24.6k"), ("999999", "1M"), ("21440000", "21.4M"),
        ("1000000000", "1B"), ("-1500", "−1.5k"), ("120000", "120k"), ("0.5", "0.5"),
    ],
)  # fmt: skip
def test_quantity_has_three_figures(value: str, words: str) -> None:
    assert written("{{ value|quantity }}", value=Decimal(value)) == words


def test_quantity_says_the_exact_number_in_its_title() -> None:
    assert 'title="21,440,001"' in purser.quantity(21_440_001)
    assert purser.short_quantity(21_440_001) == "21.4M"
    assert "not told" in purser.short_quantity(None)


@pytest.mark.parametrize(
    ("value", "words"),
    [("0", "0 %"), ("0.4", "< 1 %"), ("71.4", "71 %"), ("99.9", "99 %"), ("100", "100 %")],
)
def test_percent_says_full_only_when_full(value: str, words: str) -> None:
    assert written("{{ value|percent }}", value=Decimal(value)).replace("&lt;", "<") == words


def test_chinese_writes_no_space_before_percent() -> None:
    texts = "{{ value|percent }} {{ value|exact_percent }} {% change_words value %}"
    assert written(texts, value=Decimal("33.5")) == "34 % 33.5 % +33.5 %"
    with translation.override("zh-hant"):
        assert written(texts, value=Decimal("33.5")) == "34% 33.5% +33.5%"


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=2), "just now"), (timedelta(seconds=56), "56 s ago"), (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=9), "9 h ago"), (timedelta(hours=47), "47 h ago"), (timedelta(days=8), "8 d ago"),
    ],
)  # fmt: skip
def test_age(ago: timedelta, words: str) -> None:
    assert written("{% age at %}", at=NOW - ago) == words


def test_age_without_a_time_and_in_short() -> None:
    assert written("{% age at %}", at=None) == "never"
    assert written("{% age at short=True %}", at=NOW - timedelta(minutes=4)) == "4 min"


def test_until() -> None:
    assert written("{% until at %}", at=NOW + timedelta(seconds=56)) == "in 56 s"
    assert written("{% until at %}", at=NOW - timedelta(seconds=5)) == "due now"
    assert written("{% until at none='on push' %}", at=None) == "on push"


def test_days_and_clocks_follow_the_reporting_zone() -> None:
    late = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
    assert written("{{ at|day }}", at=late) == "Mon 23 Nov"
    with timezone.override(ZoneInfo("Asia/Taipei")):
        assert written("{{ at|day }}", at=late) == "Tue 24 Nov"
        assert written("{{ at|moment }}", at=late) == "24 Nov, 04:15"
        assert written("{% page_clock %}") == "Fri 20 Nov, 14:32"
    assert written("{{ at|day }}", at=date(2026, 11, 24)) == "Tue 24 Nov"


def test_a_reset_is_a_clock_today_with_the_weekday_this_week_and_then_a_day() -> None:
    assert written("{% resets at %}", at=NOW + timedelta(hours=2)) == "08:32"
    assert written("{% resets at %}", at=NOW + timedelta(hours=18)) == "Sat 00:32"
    assert written("{% resets at %}", at=NOW + timedelta(days=6)) == "Thu 06:32"
    assert written("{% resets at %}", at=NOW + timedelta(days=7)) == "Fri 27 Nov"
    assert written("{% resets at %}", at=None) == "reset not told"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        ("0.29", "0.46", "7 to 11 h"),
        ("0.38", "0.38", "9 h"),
        ("2.1", "3.4", "2.1 to 3.4 d"),
        ("3.4", "2.1", "2.1 to 3.4 d"),
        ("6.4", "6.4", "6.4 d"),
        ("9.2", "13", "9 to 13 d"),
        ("40", "90", "40 to 60+ d"),
        ("80", "90", "60+ d"),
    ],
)
def test_a_range_of_time(low: str, high: str, words: str) -> None:
    assert written("{% duration_range low high %}", low=Decimal(low), high=Decimal(high)) == words


def test_an_unknown_range() -> None:
    assert written("{% duration_range none none %}", none=None) == "not told"


def test_a_provider_without_a_drawing_has_its_own_initials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purser, "_logos", lambda: frozenset({"deepseek"}))
    assert "#p-deepseek" in purser.logo("deepseek", "", "DeepSeek")
    for slug, name, letters in (
        ("gitlab-duo", "GitLab Duo", "GD"),
        ("own-quay", "Quay (relay)", "QR"),
        ("own-port", "港口", "港"),
        ("own-pier", "", "OP"),
        ("own-x", "<b>", "B"),
    ):
        mark = purser.logo(slug, "", name)
        assert strip_tags(mark) == letters
        assert "#p-" not in mark


def test_every_state_has_a_glyph_and_a_word() -> None:
    names = (
        "fresh stale failing backing_off paused not_offered not_available waiting provisional typed derived disabled "
        "syncing"
    )
    for name in names.split():
        glyph, _classes, word = purser.state_look(name)
        assert glyph.startswith("g-")
        assert word
    assert written("{% state 'backing_off' %}") == "Backing off"
    assert written("{% state 'something_new' %}") == "something new"


@pytest.mark.parametrize(("low", "severity"), [("0.5", "crit"), ("2.1", "warn"), ("3", "")])
def test_runway_severity(low: str, severity: str) -> None:
    assert purser.runway_severity({"low_days": Decimal(low)}) == severity
    assert purser.runway_severity(None) == ""


def test_counts_are_nouns_in_the_right_number() -> None:
    assert written("{% count_of 1 'account' %}") == "1 account"
    assert written("{% count_of 1200 'account' %}") == "1,200 accounts"


def test_the_policy_names_a_nonce_that_changes() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.csp_nonce)  # type: ignore[attr-defined]
        return HttpResponse()

    answers = [ContentSecurityPolicyMiddleware(view)(RequestFactory().get("/")) for _ in range(2)]
    assert seen[0] != seen[1]
    for nonce, answer in zip(seen, answers, strict=True):
        policy = answer.headers["Content-Security-Policy"]
        assert f"script-src 'self' 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


def test_a_long_name_breaks_after_its_dots_and_nowhere_else() -> None:
    assert purser.breakable("eu.anthropic.claude-sonnet-5") == "eu.<wbr>anthropic.<wbr>claude-sonnet-5"
    assert purser.breakable("Claude Sonnet 4.5") == "Claude Sonnet 4.5"
    assert purser.breakable("Zhipu GLM / Z.ai") == "Zhipu GLM / Z.ai"
    assert purser.breakable("<b>a</b>") == "&lt;b&gt;a&lt;/b&gt;"
