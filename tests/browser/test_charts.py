"""Charts in a browser: what they draw, how they are walked, and that the table says the same."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.watching import WIDE, Watch

NewContext = Callable[..., tuple[BrowserContext, Watch]]

pytestmark = pytest.mark.usefixtures("demo")

# How many pixels of a chart's canvas have this colour of the page's tokens, give or take what is drawn over them.
_PAINTED = """
([id, token]) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${token})`;
  const dot = document.createElement("canvas").getContext("2d");
  dot.fillStyle = getComputedStyle(probe).color;
  dot.fillRect(0, 0, 1, 1);
  probe.remove();
  const [red, green, blue] = dot.getImageData(0, 0, 1, 1).data;
  const canvas = document.querySelector(`#${id} canvas`);
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    const far = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
    if (data[at + 3] > 250 && far < 4) found += 1;
  }
  return found;
}
"""


def painted(page: Page, chart: str, token: str) -> int:
    return page.evaluate(_PAINTED, [chart, token])


def await_painted(page: Page, chart: str, token: str) -> None:
    page.wait_for_function(f"(what) => ({_PAINTED})(what) > 100", arg=[chart, token])


def chart_on(page: Page, address: str, chart: str) -> Locator:
    page.goto(address)
    element = page.locator(f"#{chart}")
    element.scroll_into_view_if_needed()
    expect(element).to_have_attribute("data-drawn", re.compile("."))
    return element


def data_of(page: Page, chart: str) -> Any:
    return page.evaluate("(id) => JSON.parse(document.getElementById(`${id}-data`).textContent)", chart)


def rows_of(page: Page, chart: str) -> list[list[Decimal | None]]:
    """The amounts in the table's cells, row by row; None where a word stands."""
    texts: list[list[str]] = page.evaluate(
        """(id) => [...document.querySelectorAll(`#${id}-table tbody tr`)].map((row) =>
             [...row.querySelectorAll("td")].map((cell) => cell.textContent))""",
        chart,
    )
    return [[_amount(text) for text in row] for row in texts]


def _amount(text: str | None) -> Decimal | None:
    digits = re.sub(r"[^\d.]", "", text or "")
    return Decimal(digits) if digits else None


def account_page(page: Page, name: str) -> str:
    page.goto("/accounts/")
    address = page.locator("#accounts tbody a").filter(has_text=name).first.get_attribute("href")
    assert address
    return address


def told_by(chart: Locator) -> list[Decimal]:
    """The amounts that the tip tells, from the top."""
    told = [_amount(text) for text in chart.locator(".chart-tip dd").all_inner_texts()]
    return [amount for amount in told if amount is not None]


def says_each(chart: Locator, rows: list[list[Decimal | None]]) -> None:
    """Walked by the keyboard, the chart tells the amounts of these rows, one after the other."""
    chart.focus()
    chart.press("Home")
    for number, row in enumerate(rows):
        expect(chart).to_have_attribute("aria-valuenow", str(number + 1))
        assert told_by(chart) == [amount for amount in row if amount is not None]
        chart.press("ArrowRight")


def test_the_bars_say_what_the_table_says(page: Page) -> None:
    chart = chart_on(page, "/", "spend-chart")
    says_each(chart, rows_of(page, "spend-chart")[::-1])
    table = page.locator("#spend-chart-table")
    expect(table.get_by_role("table")).to_be_hidden()
    table.get_by_text("Show as table").click()
    expect(table.get_by_role("table")).to_be_visible()
    day, *names, total = [head.strip() for head in table.get_by_role("columnheader").all_inner_texts()]
    assert (day, total) == ("Day", "Total")
    keyed = page.locator("[data-chart-key=spend-chart] [data-series]")
    expect(keyed).to_have_count(len(names))
    sums = table.locator("tfoot td").all_inner_texts()
    for number, name in enumerate(names):
        expect(keyed.nth(number)).to_contain_text(name)
        expect(keyed.nth(number)).to_contain_text(sums[number])


def test_the_line_of_the_month_says_what_its_table_says(page: Page) -> None:
    chart = chart_on(page, "/", "spend-pace")
    says_each(chart, rows_of(page, "spend-pace"))


def test_the_theme_is_followed_without_a_reload(page: Page, watch: Watch) -> None:
    chart_on(page, "/", "spend-chart")
    page.emulate_media(color_scheme="light")
    await_painted(page, "spend-chart", "s1")
    light = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    await_painted(page, "spend-chart", "s1")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") != light
    page.get_by_role("button", name=re.compile("theme", re.IGNORECASE)).first.click()
    await_painted(page, "spend-chart", "s1")
    watch.assert_quiet()


def test_a_series_goes_when_it_is_pressed_and_comes_back(page: Page) -> None:
    chart_on(page, "/", "spend-chart")
    button = page.locator("[data-chart-key=spend-chart] [data-series]").first
    assert painted(page, "spend-chart", "s1") > 500
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert painted(page, "spend-chart", "s1") == 0
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)
    assert painted(page, "spend-chart", "s1") > 500


def test_a_series_stands_out_under_the_focus(page: Page) -> None:
    chart_on(page, "/", "spend-chart")
    assert painted(page, "spend-chart", "s2") > 500
    page.locator("[data-chart-key=spend-chart] [data-series]").first.focus()
    assert painted(page, "spend-chart", "s2") == 0
    assert painted(page, "spend-chart", "s1") > 500


def test_what_is_pressed_away_stays_away_when_the_page_reads_itself_again(page: Page) -> None:
    chart_on(page, "/", "spend-chart")
    button = page.locator("[data-chart-key=spend-chart] [data-series]").first
    button.click()
    page.evaluate(
        """() => new Promise((done) => {
             document.addEventListener("htmx:after:swap", () => setTimeout(done), {once: true});
             htmx.ajax("GET", "/", {target: "#overview", select: "#overview", swap: "outerMorph"});
           })"""
    )
    expect(button).to_have_attribute("aria-pressed", "false")
    assert painted(page, "spend-chart", "s1") == 0
    expect(page.locator("#spend-chart canvas")).to_have_count(1)


def test_a_chart_is_walked_day_by_day(page: Page) -> None:
    chart = chart_on(page, "/", "spend-chart")
    rows = rows_of(page, "spend-chart")
    chart.focus()
    tip = chart.locator(".chart-tip")
    expect(tip).to_be_hidden()
    chart.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\b1 Nov|\d"))
    expect(tip).to_be_visible()
    first = tip.inner_text()
    chart.press("ArrowRight")
    if len(rows) > 1:
        expect(chart).to_have_attribute("aria-valuenow", "2")
        assert tip.inner_text() != first
    chart.press("End")
    expect(chart).to_have_attribute("aria-valuenow", str(len(rows)))
    expect(tip).to_contain_text(f"{rows[0][-1]:,.2f}")
    chart.press("Escape")
    expect(tip).to_be_hidden()


def test_a_balance_is_drawn_with_its_top_ups_and_its_end(page: Page) -> None:
    chart = chart_on(page, account_page(page, "DeepSeek") + "?days=90", "balance-chart")
    data = data_of(page, "balance-chart")
    assert data["topups"]
    assert data["dry"]
    assert painted(page, "balance-chart", "brand") > 100
    assert painted(page, "balance-chart", "ink") > 100
    closing = [data["amounts"][place] for place in data["closing"]]
    rows = rows_of(page, "balance-chart")
    assert [row[0] for row in rows] == [Decimal(amount) for amount in closing[::-1]]
    assert sum(row[1] for row in rows if row[1]) == sum(Decimal(one["amount"]) for one in data["topups"])
    chart.hover(position={"x": 200, "y": 60})
    expect(chart.locator(".chart-tip")).to_be_visible()


def test_another_period_draws_the_same_chart_anew(page: Page) -> None:
    chart_on(page, account_page(page, "DeepSeek"), "balance-chart")
    month = data_of(page, "balance-chart")["start"]
    page.get_by_role("link", name="Last 7 days").click()
    page.wait_for_function(
        "(start) => JSON.parse(document.getElementById('balance-chart-data').textContent).start > start", arg=month
    )
    expect(page.locator("#balance-chart canvas")).to_have_count(1)
    assert painted(page, "balance-chart", "ink") > 100


def test_a_chart_takes_the_width_that_there_is(page: Page) -> None:
    chart_on(page, "/", "spend-chart")
    for size in ({"width": 390, "height": 844}, WIDE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.wait_for_function(
            "() => { const chart = document.querySelector('#spend-chart');"
            "return Math.abs(chart.querySelector('canvas').clientWidth - chart.clientWidth) < 2; }"
        )


def test_on_paper_a_chart_is_light_and_as_wide_as_the_page(page: Page) -> None:
    chart_on(page, "/", "spend-chart")
    page.emulate_media(color_scheme="dark")
    await_painted(page, "spend-chart", "s3")
    dark = page.evaluate("() => document.querySelector('#spend-chart canvas').width")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function("(before) => document.querySelector('#spend-chart canvas').width !== before", arg=dark)
    assert painted(page, "spend-chart", "s3") > 100
    expect(page.locator("#spend-chart-table")).to_be_hidden()
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function("(before) => document.querySelector('#spend-chart canvas').width === before", arg=dark)


def test_nothing_moves_when_a_chart_is_drawn(page: Page) -> None:
    page.goto("/")
    before = page.locator("#spend-chart").bounding_box()
    page.locator("#spend-chart").scroll_into_view_if_needed()
    expect(page.locator("#spend-chart")).to_have_attribute("data-drawn", "stack")
    after = page.locator("#spend-chart").bounding_box()
    assert before is not None
    assert after is not None
    assert (before["width"], before["height"]) == (after["width"], after["height"])


def test_a_page_without_a_chart_asks_for_no_chart_script(page: Page, watch: Watch) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for address in ("/accounts/", "/providers/"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "charts" in url]
    chart_on(page, "/", "spend-chart")
    assert [url for url in asked if re.search(r"charts[^/]*\.js", url)]
    watch.assert_quiet()


def test_without_scripts_the_table_stands_open(new_context: NewContext, owner_state: object) -> None:
    context, _watch = new_context(storage_state=owner_state, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#spend-chart")).to_be_hidden()
    expect(page.locator("#spend-chart-table").get_by_role("table")).to_be_visible()
    expect(page.locator("#spend-chart-table").get_by_role("rowheader", name="Total")).to_be_visible()


def test_figures_and_days_are_written_in_the_language_of_the_page(new_context: NewContext, owner_state: object) -> None:
    context, _watch = new_context(storage_state=owner_state, locale="zh-TW")
    page = context.new_page()
    chart = chart_on(page, "/", "spend-chart")
    chart.focus()
    chart.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\d+月1日"))
