// Messages at the bottom: they leave by themselves unless they are errors, or somebody looks at them.
import { $, $$, on, onClick } from "./dom.js";

const SECONDS = 6;
const place = () => $("#toasts");

function leave(box) {
  box.classList.add("is-leaving");
  setTimeout(() => box.remove(), 160);
}

function live(box) {
  if (box.dataset.live) return;
  box.dataset.live = "1";
  if (box.dataset.level === "error" || box.dataset.stays) return;
  let timer;
  const wait = () => (timer = setTimeout(() => leave(box), SECONDS * 1000));
  // Whoever is about to press Undo has all the time.
  for (const name of ["pointerenter", "focusin"]) box.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, wait);
  wait();
}

export const liveToasts = () => $$("[data-toast]", place() ?? document).forEach(live);

// `undo` is the address that a POST to takes the thing back; `stays` names a message that stands once, until dropToast.
export function toast(words, { level = "info", undo = "", stays = "" } = {}) {
  const template = $("#toast-template");
  if (!words || !template || !place() || (stays && $(`[data-stays="${CSS.escape(stays)}"]`))) return;
  const box = template.content.firstElementChild.cloneNode(true);
  box.dataset.level = level;
  if (stays) box.dataset.stays = stays;
  $$(".at-error, .at-warning", box).filter((icon) => !icon.matches(`.at-${level}`)).forEach((icon) => icon.remove());
  if (level === "error") box.classList.add("toast-crit");
  if (level === "warning") box.classList.add("toast-warn");
  $("[data-words]", box).textContent = words;
  const form = $("[data-undo]", box);
  if (undo) form.action = undo;
  else form?.remove();
  place().append(box);
  live(box);
}

export const dropToast = (stays) => $$(`[data-stays="${CSS.escape(stays)}"]`).forEach(leave);

on("toast", ({ detail }) => toast(detail?.words ?? detail?.value, detail ?? {}));
onClick("[data-dismiss]", (button) => leave(button.closest("[data-toast]")));
liveToasts();
