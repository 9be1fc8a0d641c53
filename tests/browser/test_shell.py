"""The frame of every page: what htmx does and does not do, keys, palette, toasts, paper."""

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Response, Route, expect

from tests.browser.parts import Purser
from tests.browser.watching import PHONE, Watch, check_page

NewContext = Callable[..., tuple[BrowserContext, Watch]]
pytestmark = pytest.mark.usefixtures("demo")

POLL = "htmx.trigger(document.querySelector('#overview'), 'every')"
# The tab comes and goes as the test says.
HIDING = "window.away = false; Object.defineProperty(document, 'hidden', {get: () => window.away});"


def polls(page: Page) -> list[Request]:
    """The requests that htmx makes from now on."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request) if "hx-request" in request.headers else None)
    return seen


def palette(page: Page) -> Any:
    return page.get_by_role("dialog", name="Search or jump")


def options(page: Page) -> Any:
    return palette(page).get_by_role("option")


def answer(status: int, body: str = "") -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, body=body, content_type="text/html")


# --- What htmx does -------------------------------------------------------------------------------------------------


def test_a_page_that_nobody_looks_at_asks_nothing(page: Page) -> None:
    page.add_init_script(HIDING)
    page.clock.install()
    page.goto("/")
    seen = polls(page)
    with page.expect_response("/"):
        page.clock.run_for(31_000)
    # The clock runs past what a request may take: none may be on its way then.
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate("window.away = true")
    seen.clear()
    page.clock.run_for(300_000)
    assert seen == []
    with page.expect_response("/"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_page_that_reads_itself_again_keeps_what_one_was_at(page: Page) -> None:
    def with_details(route: Route) -> None:
        response = route.fetch()
        more = r'\1<details id="kept"><summary>More</summary><input id="typed"></details>'
        route.fulfill(response=response, body=re.sub(r'(<div id="overview"[^>]*>)', more, response.text(), count=1))

    page.route("/", with_details)
    page.goto("/")
    page.locator("#kept summary").click()
    page.locator("#typed").fill("half a sent")
    page.evaluate("scrollTo(0, 300); window.node = document.activeElement")
    with page.expect_response("/"):
        page.evaluate(POLL)
    page.wait_for_function("document.querySelector('#overview') && !document.querySelector('.htmx-request')")
    expect(page.locator("#kept")).to_have_attribute("open", "")
    expect(page.locator("#typed")).to_have_value("half a sent")
    expect(page.locator("#typed")).to_be_focused()
    assert page.evaluate("window.node === document.activeElement")
    assert page.evaluate("scrollY") == 300


def test_a_failed_poll_is_forgiven_once_then_said_and_taken_back(page: Page, watch: Watch) -> None:
    page.goto("/")
    told = page.get_by_text("Purser could not be reached.")
    with watch.expecting(503):
        page.route("/", answer(503))
        for _ in range(3):
            with page.expect_response("/"):
                page.evaluate(POLL)
        expect(told).to_have_count(1)
        expect(page.locator("#balances tbody tr").first).to_be_visible()
    page.unroute("/")
    page.evaluate(POLL)
    expect(told).to_have_count(0)


def test_a_failure_is_told_where_it_happened_or_in_a_toast(page: Page, watch: Watch) -> None:
    page.goto("/connect/deepseek/")
    page.get_by_label("API key").fill("sk-sim-harbor")
    with watch.expecting(500):
        page.route("**/connect/deepseek/", answer(500))
        page.get_by_role("button", name="Check and connect").click()
        expect(page.get_by_role("status").get_by_text("That did not work.")).to_be_visible()
        page.route("**/palette/**", answer(500))
        page.keyboard.press("Control+k")
        expect(palette(page).get_by_text("The search did not answer.")).to_be_visible()
    page.unroute("**/palette/**")
    page.keyboard.type("deep")
    expect(options(page).first).to_contain_text("Deep")
    expect(palette(page).get_by_text("The search did not answer.")).to_be_hidden()


def test_a_session_that_ended_leads_to_the_sign_in_and_back_to_the_page(page: Page, purser: Purser) -> None:
    page.goto("/accounts/?provider=deepseek")
    page.context.clear_cookies()
    page.evaluate("htmx.trigger(document.querySelector('#accounts'), 'every')")
    expect(page).to_have_url(re.compile(r"/sign-in/\?next=%2Faccounts%2F%3Fprovider%3Ddeepseek$"))


def test_a_double_click_sends_once(page: Page) -> None:
    page.goto("/")
    posts: list[Request] = []
    page.on("request", lambda request: posts.append(request) if request.method == "POST" else None)
    page.get_by_role("main").get_by_role("button", name="Sync now").dblclick()
    expect(page.get_by_role("status").filter(has_text="now.")).to_be_visible()
    assert len(posts) == 1


# --- Toasts ---------------------------------------------------------------------------------------------------------


def tell(page: Page, **detail: str) -> None:
    page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('toast', {detail}))", detail)


def test_a_toast_leaves_by_itself_unless_somebody_looks_at_it(page: Page) -> None:
    page.clock.install()
    page.goto("/teams/")
    tell(page, words="Saved for now.")
    told = page.get_by_role("status").get_by_text("Saved for now.")
    told.hover()
    page.clock.run_for(20_000)
    expect(told).to_be_visible()
    page.mouse.move(0, 0)
    page.clock.run_for(7_000)
    expect(told).to_have_count(0)
    tell(page, words="It broke.", level="error")
    page.clock.run_for(60_000)
    expect(page.get_by_text("It broke.")).to_be_visible()


def test_z_takes_back_what_a_toast_tells_of(page: Page) -> None:
    page.goto("/accounts/")
    tell(page, words="Archived.", undo="/sync/")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    with page.expect_request(lambda request: request.method == "POST") as asked:
        page.keyboard.press("z")
    assert asked.value.url.endswith("/sync/")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


# --- The palette ----------------------------------------------------------------------------------------------------


def test_the_palette_finds_and_opens_an_account(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    field = palette(page).get_by_role("combobox")
    expect(field).to_be_focused()
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    page.keyboard.type("deepseek")
    expect(options(page).first).to_contain_text("DeepSeek")
    expect(options(page).first).to_contain_text("CNY")
    for key, at in (("End", "last"), ("ArrowDown", "first"), ("ArrowUp", "last"), ("Home", "first")):
        page.keyboard.press(key)
        chosen = getattr(options(page), at)
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("DeepSeek")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_palette_acts_and_says_when_nothing_is_found(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("zzqx")
    expect(palette(page).get_by_text("Nothing is called “zzqx”.")).to_be_visible()
    expect(palette(page).get_by_role("combobox")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Control+a")
    page.keyboard.type("switch theme")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(palette(page)).to_be_hidden()
    expect(page.locator("html")).to_have_attribute("data-choice", "light")
    page.keyboard.press("Control+k")
    expect(palette(page).get_by_role("combobox")).to_have_value("")
    page.keyboard.type("sync")
    expect(options(page).first).to_contain_text("Sync now")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="now.")).to_be_visible()


def test_who_types_faster_than_the_answer_gets_there_too(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("audit log")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/audit/$"))


def test_an_input_method_keeps_its_enter(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    expect(options(page).first).to_be_visible()
    composing = "{key: 'Enter', isComposing: true, bubbles: true, cancelable: true}"
    page.evaluate(f"document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {composing}))")
    expect(palette(page)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/$"))


def test_dialogs_give_the_focus_back(page: Page) -> None:
    page.goto("/")
    opener = page.get_by_role("complementary").get_by_role("link", name="Search or jump")
    opener.focus()
    page.keyboard.press("Enter")
    expect(palette(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()
    expect(opener).to_be_focused()
    switch = page.get_by_role("button", name="Keyboard shortcuts")
    switch.click()
    page.keyboard.press("Escape")
    expect(switch).to_be_focused()


def test_the_palette_and_the_keys_look_after_everybody(page: Page, watch: Watch) -> None:
    page.goto("/accounts/")
    page.keyboard.press("Control+k")
    expect(options(page).first).to_be_visible()
    check_page(page, watch)
    page.keyboard.press("Escape")
    expect(palette(page)).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    check_page(page, watch)


def test_the_palette_on_a_phone(new_context: NewContext, owner_state: object) -> None:
    context, _watch = new_context(storage_state=owner_state, viewport=PHONE, is_mobile=True, has_touch=True)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Search or jump").tap()
    expect(palette(page)).to_be_visible()
    page.keyboard.type("openr")
    options(page).first.tap()
    expect(page.get_by_role("heading", level=1)).to_contain_text("OpenRouter")


def test_without_javascript_the_palette_is_a_page(new_context: NewContext, owner_state: object) -> None:
    context, _watch = new_context(storage_state=owner_state, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("complementary").get_by_role("link", name="Search or jump").click()
    page.get_by_role("searchbox").fill("deepseek")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("region", name="Found").get_by_role("link", name="DeepSeek").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DeepSeek")


# --- Keys -----------------------------------------------------------------------------------------------------------


def test_the_sheet_lists_the_keys_that_work_here(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Overview", "Settings", "Sync now", "Connect a provider", "Next row"):
        expect(sheet.locator("dt").filter(has_text=re.compile(f"^{words}$"))).to_be_visible()
    expect(sheet.get_by_text("Search this page")).to_be_hidden()
    page.keyboard.press("Escape")
    page.goto("/providers/")
    page.keyboard.press("?")
    expect(sheet.get_by_text("Search this page")).to_be_visible()
    expect(sheet.locator("dt").filter(has_text=re.compile("^Sync now$"))).to_have_count(0)


def test_keys_work_whatever_the_input_method_makes_of_them(page: Page) -> None:
    page.goto("/")
    press = "(codes) => codes.forEach((code) => document.body.dispatchEvent(new KeyboardEvent('keydown', code)))"
    page.evaluate(press, [{"key": "Process", "code": code, "bubbles": True} for code in ("KeyG", "KeyA")])
    expect(page).to_have_url(re.compile(r"/accounts/$"))
    page.wait_for_load_state()
    page.evaluate(press, [{"key": "Process", "code": "Slash", "shiftKey": True, "bubbles": True}])
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()


def test_keys_rest_while_somebody_types_or_holds_another_key(page: Page) -> None:
    page.goto("/providers/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("?gacy/")
    expect(page.get_by_role("searchbox")).to_have_value("?gacy/")
    page.goto("/accounts/")
    for key in ("Alt+c", "Shift+c", "Control+y"):
        page.keyboard.press(key)
    assert page.url.endswith("/accounts/")
    expect(page.get_by_role("dialog")).to_have_count(0)


# --- Movement and paper ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "none"), ("no-preference", "breathe")])
def test_nothing_moves_for_those_who_asked_for_that(
    new_context: NewContext, owner_state: object, motion: str, animation: str
) -> None:
    context, _watch = new_context(storage_state=owner_state, reduced_motion=motion)
    page = context.new_page()
    page.goto("/")
    assert page.evaluate("getComputedStyle(document.querySelector('#palette .skel')).animationName") == animation


def test_paper_is_light_and_has_no_controls(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/accounts/")
    page.emulate_media(media="print", color_scheme="dark")
    for gone in ("aside", "header.topbar", "nav.tabbar", "main .btn"):
        assert all(not one.is_visible() for one in page.locator(gone).all()), gone
    expect(page.locator("#accounts tbody tr").first).to_be_visible()
    ink, paper = page.evaluate("['color', 'backgroundColor'].map((one) => getComputedStyle(document.body)[one])")
    assert paper == "rgb(255, 255, 255)"
    assert float(re.findall(r"[\d.]+", ink)[0]) < 0.4, ink


def test_the_first_view_stays_small(page: Page) -> None:
    """Compressed, without the charts: nothing that a page loads may double unseen."""
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response))
    page.goto("/")
    page.wait_for_load_state("networkidle")
    bodies = {answer.url: answer.body() for answer in answers if "/charts." not in answer.url}
    sizes = {url: len(body if url.endswith(".woff2") else gzip.compress(body)) for url, body in bodies.items()}
    assert sum(sizes.values()) <= 88_000, sizes
