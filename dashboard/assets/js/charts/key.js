// The key of a chart: its series as buttons. Under the pointer or the focus one of them stands out; pressed, it goes.
const states = new Map();
const listOf = (element) => document.querySelector(`[data-chart-key="${CSS.escape(element.id)}"]`);

export function keyOf(element) {
  if (!states.has(element)) states.set(element, { hidden: new Set(), lit: null });
  return states.get(element);
}

export const forget = (element) => states.delete(element);

// The buttons say what is drawn, also after the page has read itself again.
export function showKey(element) {
  const { hidden } = keyOf(element);
  listOf(element)?.querySelectorAll("[data-series]").forEach((button) => {
    button.disabled = false;
    button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.series))));
  });
}

export function highlight(redraw) {
  function chartOf({ target }) {
    const button = target.closest?.("[data-chart-key] [data-series]");
    const element = button && document.getElementById(button.closest("[data-chart-key]").dataset.chartKey);
    return element ? { element, state: keyOf(element), index: Number(button.dataset.series) } : null;
  }
  function light(event, on) {
    const found = chartOf(event);
    const lit = found && on && !found.state.hidden.has(found.index) ? found.index : null;
    if (!found || found.state.lit === lit) return;
    found.state.lit = lit;
    redraw(found.element);
  }
  for (const name of ["pointerover", "focusin"]) document.addEventListener(name, (event) => light(event, true));
  for (const name of ["pointerout", "focusout"]) document.addEventListener(name, (event) => light(event, false));
  document.addEventListener("click", (event) => {
    const found = chartOf(event);
    if (!found) return;
    const { hidden } = found.state;
    if (!hidden.delete(found.index)) hidden.add(found.index);
    found.state.lit = null;
    redraw(found.element);
  });
}
