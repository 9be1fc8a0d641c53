// Rows: J and K walk them. Where somebody is outlives a page that reads itself again: a row is known by its id, or by data-row.
import { $, $$, on } from "./dom.js";

let at = "";
const nameOf = (row) => row.dataset.row || row.id;
const rows = () => $$("[data-row]").filter((row) => row.offsetParent !== null);

function mark(row) {
  for (const other of $$(".is-at")) other.classList.remove("is-at");
  if (!row) return;
  at = nameOf(row);
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

on("htmx:after:swap", () => {
  if (at && !$(".is-at")) mark(rows().find((row) => nameOf(row) === at));
});
