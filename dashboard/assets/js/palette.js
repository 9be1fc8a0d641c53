// The command palette: a field that points into a list which the server draws. Focus stays in the field.
import { $, $$, on, onClick } from "./dom.js";

const palette = () => $("#palette");
const words = () => $("#palette-words");
const options = () => $$("[role=option]", palette());
const chosen = () => $("[aria-selected=true]", palette());
// Whether the list answers what stands in the field, or what stood there a moment ago.
const answered = () => $("[data-words]", palette())?.dataset.words === words().value.trim();
let eager = false; // Enter came before the answer

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) words().setAttribute("aria-activedescendant", option.id);
  else words().removeAttribute("aria-activedescendant");
}

// Whether there is one to open.
export function openPalette() {
  const dialog = palette();
  if (!dialog) return false;
  if (dialog.open) return true;
  for (const other of $$("dialog[open]")) other.close();
  words().value = "";
  eager = false;
  const results = $("#palette-results");
  // What was found for other words would be wrong under an empty field.
  if ($("[data-words]", results)?.dataset.words !== "") results.replaceChildren($("#palette-skeleton").content.cloneNode(true));
  dialog.showModal();
  // Who is quicker than htmx, which comes to the page a moment after it has loaded, is served as well.
  window.htmx?.process(words());
  window.htmx?.trigger(words(), "palette");
  return true;
}

const STEPS = {
  ArrowDown: (here, count) => (here + 1) % count,
  ArrowUp: (here, count) => (here <= 0 ? count : here) - 1,
  Home: () => 0,
  End: (_, count) => count - 1,
};

function keydown(event) {
  // Enter and the arrows belong to an input method while it composes.
  if (event.isComposing || event.keyCode === 229) return;
  const all = options();
  if (event.key in STEPS && all.length) {
    event.preventDefault();
    choose(all[STEPS[event.key](all.indexOf(chosen()), all.length)]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (answered() && chosen()) chosen().click();
    else eager = true;
  } else if (event.key === "?" && !words().value) {
    event.preventDefault();
    $("[data-open=shortcuts]", palette())?.click();
  }
}

onClick("[data-palette]", (_, event) => {
  // With a modifier the link opens its page in another tab.
  if (!event.ctrlKey && !event.metaKey && !event.shiftKey && openPalette()) event.preventDefault();
});
on("keydown", (event) => event.target === words() && keydown(event));
on("input", (event) => event.target === words() && (eager = false));
on("pointermove", (event) => {
  const option = event.target.closest?.("#palette [role=option]");
  if (option && option !== chosen()) choose(option);
});
// What acts on this page acts after the palette is gone.
on("click", (event) => {
  if (event.target.closest?.("#palette button[role=option][type=button]")) palette().close();
}, { capture: true });
on("htmx:after:swap", (event) => {
  if (event.detail.ctx?.target?.id !== "palette-results") return;
  const all = options();
  words().setAttribute("aria-expanded", String(all.length > 0));
  choose(all[0]);
  if (eager && answered()) {
    eager = false;
    chosen()?.click();
  }
  $("#palette-told").textContent = $("[data-told]", palette())?.dataset.told ?? "";
});
