// Dragging targets of a route with a pointer: a script of the editor alone. The buttons beside them do the same, and without a script.
import { $, $$, on } from "./dom.js";

let drag = null;

function ready() {
  for (const form of $$("form[data-reorder]")) form.dataset.reorder = "ready";
  const next = $("form[data-reorder] [data-follow]");
  if (next && next !== document.activeElement) next.focus();
  next?.removeAttribute("data-follow");
}

// Where it would go: before the row under the pointer, or into a tier of its own at the end of the same route.
function goalAt(x, y) {
  const under = document.elementFromPoint(x, y)?.closest("[data-target-at], [data-tier-end]");
  if (!under || under === drag.row) return null;
  const [route] = (under.dataset.targetAt ?? under.dataset.tierEnd).split(".");
  return route === drag.row.dataset.targetAt.split(".")[0] ? under : null;
}

const unmark = () => $$(".is-goal").forEach((element) => element.classList.remove("is-goal"));

function stop() {
  unmark();
  drag?.row.classList.remove("is-dragged");
  drag = null;
}

on("pointerdown", (event) => {
  const handle = event.target.closest?.("[data-handle]");
  if (!handle || event.button !== 0) return;
  event.preventDefault();
  drag = { row: handle.closest("[data-target-at]"), goal: null };
  drag.row.classList.add("is-dragged");
});
on("pointermove", (event) => {
  if (!drag) return;
  unmark();
  drag.goal = goalAt(event.clientX, event.clientY);
  drag.goal?.classList.add("is-goal");
});
on("pointerup", () => {
  const { row, goal } = drag ?? {};
  stop();
  if (!goal) return;
  const to = (goal.dataset.targetAt ?? `${goal.dataset.tierEnd}.0`).split(".").slice(1).join(".");
  const button = $("[data-move]", row.closest("form"));
  button.value = `move:${row.dataset.targetAt}>${to}`;
  button.click();
});
on("pointercancel", stop);
on("keydown", (event) => {
  if (event.key === "Escape") stop();
});
on("htmx:after:swap", ready);
ready();
