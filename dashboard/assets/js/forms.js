// Forms: one submit at a time, words to type before a loss, files that are read into a text area.
import { $, $$, on } from "./dom.js";
import { toast } from "./toasts.js";

const buttonsOf = (form) => $$("button:not([type=button])", form).concat(form.id ? $$(`button[form="${CSS.escape(form.id)}"]`) : []);

function rest(form) {
  delete form.dataset.busy;
  form.removeAttribute("aria-busy");
  for (const button of buttonsOf(form)) button.removeAttribute("aria-disabled");
}

on("submit", (event) => {
  const form = event.target;
  if (form.method === "get") return;
  if (form.dataset.busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.busy = "1";
  form.setAttribute("aria-busy", "true");
  for (const button of buttonsOf(form)) button.setAttribute("aria-disabled", "true");
}, { capture: true });
on("htmx:finally:request", (event) => {
  const form = event.detail.ctx?.sourceElement?.closest?.("form");
  if (form) rest(form);
});
// A page that comes back from the browser's memory may be sent again.
addEventListener("pageshow", () => $$("form[data-busy]").forEach(rest));

on("input", (event) => {
  const { confirmWord, confirmButton } = event.target.dataset;
  if (confirmWord) document.getElementById(confirmButton).disabled = event.target.value.trim() !== confirmWord;
});

// The server takes text alone.
const MOST_BYTES = 200_000;
for (const box of $$("[data-file-pick]")) {
  box.hidden = false;
  $("input", box).addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (file && file.size <= MOST_BYTES) document.getElementById(box.dataset.filePick).value = await file.text();
    else if (file) toast(box.dataset.tooLarge, { level: "error" });
  });
}

on("DOMContentLoaded", () => $("form[data-submit-now]")?.requestSubmit());
on("allauth.error", (event) => {
  // The person closed the browser's own dialog, or the device knows no passkey for this place.
  event.preventDefault();
  toast(document.body.dataset.passkey, { level: "error" });
});
