// Rows: J and K walk them, some open to what they are made of. Both outlive a page that reads itself again.
import { $, $$, on, onClick } from "./dom.js";

let at = "";
const rows = () => $$("[data-row]").filter((row) => row.offsetParent !== null);

function mark(row) {
  for (const other of $$(".is-at")) other.classList.remove("is-at");
  if (!row) return;
  at = row.dataset.row;
  row.classList.add("is-at");
  row.scrollIntoView({ block: "nearest" });
}

export function walk(step) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.classList.contains("is-at"));
  mark(all[Math.min(all.length - 1, Math.max(0, here + step))]);
}

export const openRow = () => $(".is-at a[href]")?.click();

const opened = new Set();
function expand(button, open) {
  button.setAttribute("aria-expanded", String(open));
  for (const row of $$(`[data-of="${CSS.escape(button.dataset.expand)}"]`)) row.hidden = !open;
}
onClick("[data-expand]", (button) => {
  const name = button.dataset.expand;
  if (!opened.delete(name)) opened.add(name);
  expand(button, opened.has(name));
});

on("htmx:after:swap", () => {
  if (at && !$(".is-at")) mark(rows().find((row) => row.dataset.row === at));
  for (const button of $$("[data-expand]")) if (opened.has(button.dataset.expand)) expand(button, true);
});
