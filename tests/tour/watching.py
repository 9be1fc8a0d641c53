"""Watches what moves: every layout shift that nobody asked for since the page began, with the elements."""

# To be run before the page's own scripts.
WATCH_SHIFTS = """
window.layoutShifts = [];
new PerformanceObserver((list) => {
  for (const {value, sources, hadRecentInput} of list.getEntries()) {
    if (hadRecentInput) continue;
    const moved = sources.map(({node, previousRect, currentRect}) => {
      const element = node?.nodeType === 1 ? node : node?.parentElement;
      const words = element ? element.outerHTML.slice(0, 120) : "gone";
      return `${words} from ${previousRect.x},${previousRect.y} to ${currentRect.x},${currentRect.y}`;
    });
    window.layoutShifts.push({value, moved});
  }
}).observe({type: "layout-shift", buffered: true});
"""
SHIFTS = "() => window.layoutShifts"
# A page that reads itself again now and then does so now.
REFRESH = """() => htmx.trigger(document.querySelector("[hx-trigger*='every']"), "every")"""
