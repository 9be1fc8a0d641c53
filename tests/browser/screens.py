"""A page on small and large screens: nothing is cut off, covered, or too small for a finger."""

from playwright.sync_api import Page

from tests.browser.watching import too_wide

SMALL = {"width": 360, "height": 740}
WIDTHS = (768, 1024, 2560)  # and 1440, at which pages are looked at anyway
# WCAG 2.2, 2.5.8: 24 px, or so much room around it; targets in a line of text are as high as the line.
_TARGETS = """
() => {
  const LEAST = 24, ROOMY = 39.5;
  const PRIMARY = ".btn-primary, .btn-danger, .tabbar a, .tabbar button, dialog .nav-item, "
    + ".field input:not([type=checkbox], [type=radio], [type=hidden]), .field select, .field textarea";
  const name = (one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 110);
  const open = document.querySelector("dialog:modal");
  const targets = [...(open ?? document).querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled && !one.matches(".skip"))
    .map((one) => {
      const boxes = [one, ...(["checkbox", "radio"].includes(one.type) ? one.labels : [])].map((each) => each.getBoundingClientRect());
      const left = Math.min(...boxes.map((box) => box.left)), right = Math.max(...boxes.map((box) => box.right));
      const top = Math.min(...boxes.map((box) => box.top)), bottom = Math.max(...boxes.map((box) => box.bottom));
      return {one, left, right, top, bottom, x: (left + right) / 2, y: (top + bottom) / 2, small: right - left < LEAST || bottom - top < LEAST};
    })
    .filter(({left, right}) => right - left > 1);
  const inText = (one) => getComputedStyle(one).display === "inline"
    && one.parentElement.textContent.trim().length > one.textContent.trim().length;
  const near = (a, b) => b.small
    ? Math.hypot(a.x - b.x, a.y - b.y) < LEAST
    : Math.hypot(a.x - Math.min(Math.max(a.x, b.left), b.right), a.y - Math.min(Math.max(a.y, b.top), b.bottom)) < LEAST / 2;
  const cramped = targets.filter((a) => a.small && !inText(a.one)
    && targets.some((b) => b !== a && !a.one.contains(b.one) && !b.one.contains(a.one) && near(a, b)));
  const size = ({left, right, top, bottom}) => `${Math.round(right - left)} x ${Math.round(bottom - top)} px`;
  return [
    ...cramped.map((each) => `too small for a finger (${size(each)}): ${name(each.one)}`),
    ...targets.filter(({one, top, bottom}) => one.matches(PRIMARY) && bottom - top < ROOMY)
      .map((each) => `lower than 40 px (${size(each)}): ${name(each.one)}`),
  ];
}
"""  # noqa: E501
# At the end of the page the last control of the content stands above the bar at the bottom.
_COVERED = """
() => {
  scrollTo({top: document.documentElement.scrollHeight, behavior: "instant"});
  const bar = document.querySelector("nav.tabbar");
  const controls = [...document.querySelectorAll("main :is(a[href], button, input:not([type=hidden]), select, textarea, summary)")]
    .filter((one) => one.checkVisibility({visibilityProperty: true}));
  if (!bar?.checkVisibility() || !controls.length) return [];
  const last = controls.reduce((a, b) => (b.getBoundingClientRect().bottom > a.getBoundingClientRect().bottom ? b : a));
  return last.getBoundingClientRect().bottom > bar.getBoundingClientRect().top
    ? [`the tab bar covers the last control: ${last.outerHTML.replace(/\\s+/g, " ").slice(0, 110)}`] : [];
}
"""  # noqa: E501


def small(page: Page) -> list[str]:
    """On the smallest phone."""
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    found = [*too_wide(page), *page.evaluate(_TARGETS), *page.evaluate(_COVERED)]
    # As high as the page, so that whoever looks next sees nothing behind the bars that stay at the edges.
    page.set_viewport_size({"width": SMALL["width"], "height": page.evaluate("document.documentElement.scrollHeight")})
    return [f"360 px: {problem}" for problem in found]


def other_widths(page: Page) -> list[str]:
    problems = [f"1440 px: {problem}" for problem in too_wide(page)]
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        problems += [f"{width} px: {problem}" for problem in too_wide(page)]
    return problems
