// Keys: whatever declares data-key is pressed by it ("y", "g o"), J and K walk rows, slash searches. They never fire while
// somebody types, nor with a modifier; only Ctrl or Cmd with K is for everywhere.
import { $, $$, on } from "./dom.js";
import { openPalette } from "./palette.js";
import { openRow, walk } from "./rows.js";

const PAUSE = 1200; // between the two keys of a pair
let first = "";
let timer;

// The letter on the keyboard, whatever an input method or another alphabet makes of it.
function letter(event) {
  if (/^[!-~]$/.test(event.key)) return event.key.toLowerCase();
  const [, name] = /^(?:Key([A-Z])|Slash|Comma)$/.exec(event.code) ?? [];
  if (name) return name.toLowerCase();
  if (event.code === "Slash") return event.shiftKey ? "?" : "/";
  return event.code === "Comma" ? "," : "";
}

const reachable = (element) => !element.closest("[hidden], dialog:not([open])") && !element.matches(":disabled");
const bound = (keys) => $$(`[data-key="${CSS.escape(keys)}"]`).find(reachable);

function press(key) {
  const target = bound(first ? `${first} ${key}` : key);
  clearTimeout(timer);
  first = !target && key === "g" ? "g" : "";
  if (first) timer = setTimeout(() => (first = ""), PAUSE);
  target?.click();
  return Boolean(target);
}

function search() {
  const field = $("[data-search]");
  if (field) field.focus();
  else openPalette();
}

on("keydown", (event) => {
  const key = letter(event);
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key === "k") {
    if (openPalette()) event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || (event.shiftKey && key !== "?")) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  if (event.key === "Enter") {
    if (event.target === document.body) openRow();
  } else if (!first && (key === "j" || key === "k")) walk(key === "j" ? 1 : -1);
  else if (key === "/") {
    event.preventDefault();
    search();
  } else if (key && press(key)) event.preventDefault();
});

// --- the sheet of all keys, made of the same declarations ------------------------------------------------------------
function draw(keys) {
  return keys.split(" ").map((key) => {
    const box = $("#shortcuts-key").content.firstElementChild.cloneNode();
    box.textContent = key.toUpperCase();
    return box;
  });
}

function list() {
  const sheet = $("#shortcuts");
  for (const old of $$("[data-made]", sheet)) old.remove();
  const told = new Set();
  for (const element of $$("[data-key]").filter(reachable)) {
    const { key } = element.dataset;
    if (told.has(key)) continue;
    told.add(key);
    const row = $("#shortcuts-row").content.firstElementChild.cloneNode(true);
    row.dataset.made = "";
    const name = element.dataset.keyName ?? element.getAttribute("aria-label") ?? ($("[data-name]", element) ?? element).textContent;
    $("dt", row).textContent = name.trim();
    $("dd", row).append(...draw(key));
    $(`[data-keys=${key.startsWith("g ") ? "go" : "page"}] dl`, sheet).append(row);
  }
  for (const part of $$("[data-when]", sheet)) part.hidden = !$(part.dataset.when);
  for (const part of $$("[data-unless]", sheet)) part.hidden = Boolean($(part.dataset.unless));
  for (const part of $$("section", sheet)) part.hidden ||= !$("dl > :not([hidden])", part);
}
// Before dialogs.js opens it.
on("click", (event) => event.target.closest?.("[data-open=shortcuts]") && list(), { capture: true });
