"""A page walked with the Tab key alone: what is reached, in which order, and whether one sees where one is."""

from playwright.sync_api import Page

# Notes every control that can be seen, as it stands there without the focus. What the page would fetch meanwhile waits.
_BEGIN = """
() => {
  const CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  // What stays at the edge of the window has a place of its own.
  const LANDMARK = "aside, header, nav.tabbar, dialog, .route-publish, main";
  document.activeElement?.blur();
  scrollTo({top: 0, behavior: "instant"});
  const open = document.querySelector("dialog:modal");
  const name = (one) => `${one.outerHTML.replace(/\\s+/g, " ").slice(0, 110)}`;
  const chosen = (one) => one.type !== "radio" || one.checked
    || ![...document.getElementsByName(one.name)].some((other) => other.checked);
  const look = (one) => {
    // A checkbox may show its focus on its label, a field on its frame.
    return [one, one.parentElement, one.nextElementSibling].filter(Boolean).map((near) => {
      const {outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor, textDecorationLine}
        = getComputedStyle(near);
      const outline = outlineStyle === "none" || outlineWidth === "0px" ? "" : outlineWidth + outlineColor;
      return [outline, boxShadow, borderColor, backgroundColor, textDecorationLine].join();
    }).join("|");
  };
  const all = [...(open ?? document).querySelectorAll(CONTROLS)].filter((one) => one.tabIndex >= 0 && !one.disabled
    && !one.closest("[inert]") && one.checkVisibility({visibilityProperty: true}) && chosen(one));
  // Seen from elsewhere, what is scrolled away inside a part of the page is at the edge of that part.
  const scroller = (one) => {
    const around = one.parentElement;
    if (!around || around === document.body) return null;
    return /auto|scroll/.test(getComputedStyle(around).overflowY) ? around : scroller(around);
  };
  const place = (one) => {
    const {left, right, top, bottom} = one.getBoundingClientRect();
    return {left, right, top: top + scrollY, bottom: bottom + scrollY, part: scroller(one), landmark: one.closest(LANDMARK)};
  };
  const seenFrom = (other, one) => {
    if (!one.part || one.part === other.part) return one;
    const edge = one.part.getBoundingClientRect();
    const within = (y) => Math.min(Math.max(y, edge.top + scrollY), edge.bottom + scrollY);
    return {...one, top: within(one.top), bottom: within(one.bottom)};
  };
  const places = all.map(place);
  const before = all.map(look);
  // A date is several fields in one: day, month, year, and the calendar behind it.
  const stopsIn = (one) => (["date", "datetime-local", "time", "month"].includes(one.type) ? 7 : 1);
  let stays = 0;
  const walked = [];
  const problems = [];
  const seen = () => {
    const one = document.activeElement;
    const at = all.indexOf(one);
    if (at < 0) return;
    stays = walked.at(-1) === at ? stays + 1 : 1;
    if (all.length > 1 && stays === stopsIn(one) + 1) problems.push(`the focus is trapped at ${name(one)}`);
    if (!walked.includes(at)) {
      if (look(one) === before[at]) problems.push(`no visible focus at ${name(one)}`);
      const box = one.getBoundingClientRect();
      const middle = (from, to, most) => (Math.max(from, 0) + Math.min(to, most)) / 2;
      const top = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
      const mine = top && (one.contains(top) || top.contains(one) || top.closest("label")?.control === one || top.closest("[data-toast]"));
      if (box.width > 1 && !mine) problems.push(`out of sight with the focus: ${name(one)}, behind ${top ? name(top) : "the edge"}`);
    }
    walked.push(at);
  };
  const end = () => {
    removeEventListener("keydown", seen, true);
    removeEventListener("htmx:before:request", wait, true);
    const missed = all.filter((_, at) => !walked.includes(at)).map((one) => `not reached: ${name(one)}`);
    const jumps = walked.slice(1).flatMap((to, step) => {
      const begun = walked[step];
      const here = seenFrom(places[to], places[begun]), there = seenFrom(places[begun], places[to]);
      if (to <= begun || here.landmark !== there.landmark || here.right - here.left <= 1) return [];
      const up = there.bottom <= here.top + 1 && there.left < here.right - 1;
      const back = there.right <= here.left + 1 && there.top < here.bottom - 1 && there.bottom > here.top + 1;
      return up || back ? [`goes ${up ? "up" : "back"} from ${name(all[begun])} to ${name(all[to])}`] : [];
    });
    const ordered = all.filter((one) => one.tabIndex > 0).map((one) => `a tabindex above 0: ${name(one)}`);
    return [...problems, ...missed, ...jumps, ...ordered];
  };
  const wait = (event) => event.preventDefault();
  addEventListener("keydown", seen, true);
  addEventListener("htmx:before:request", wait, true);
  window.tabWalk = {end};
  return all.reduce((sum, one) => sum + stopsIn(one), 0);
}
"""  # noqa: E501


# A chart is a stop of the way once it is drawn, which is when it comes near: all of them before the first step.
_DRAW = """
async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (const chart of document.querySelectorAll("[data-chart]")) {
    if (!chart.checkVisibility()) continue;
    chart.scrollIntoView({block: "center", behavior: "instant"});
    while (!chart.dataset.drawn) await frame();
  }
}
"""


def walk(page: Page) -> list[str]:
    """Through the whole page, or through the dialog that is open on it; what is wrong with the way."""
    page.evaluate(_DRAW)
    number: int = page.evaluate(_BEGIN)
    for _ in range(number + 3):
        page.keyboard.press("Tab")
    return page.evaluate("() => window.tabWalk.end()")


_OPENERS = "() => [...document.querySelectorAll('[data-open]')].filter((one) => one.checkVisibility()).length"


def dialogs(page: Page, *, most: int = 2) -> list[str]:
    """The dialogs behind the first buttons of the page: Enter opens them, Escape closes, the focus comes back."""
    problems = []
    openers = page.locator("[data-open]").locator("visible=true")
    for number in range(min(most, page.evaluate(_OPENERS))):
        opener = openers.nth(number)
        opener.focus()
        page.keyboard.press("Enter")
        if not page.evaluate("() => document.querySelector('dialog:modal')?.contains(document.activeElement)"):
            problems.append(f"Enter opens no dialog with the focus in it: {opener.inner_text()}")
        problems += [f"in the dialog: {problem}" for problem in walk(page)]
        page.keyboard.press("Escape")
        if page.locator("dialog:modal").count():
            problems.append(f"Escape closes nothing: {opener.inner_text()}")
        elif not opener.evaluate("(one) => one === document.activeElement"):
            problems.append(f"the focus does not come back to: {opener.inner_text()}")
    return problems
