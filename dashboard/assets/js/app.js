// What the pages need beyond htmx: theme, guards, toasts, keys. No framework, nothing here is needed to read or to act.
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (name, handler, options) => document.addEventListener(name, handler, options);

// --- theme: system, light, dark ------------------------------------------------------------------------------
const THEMES = ["system", "light", "dark"];
function chooseTheme(choice) {
  const root = document.documentElement;
  root.dataset.choice = choice;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  try {
    localStorage.setItem("purser-theme", choice);
  } catch {
    // Storage may be closed: the choice then lasts as long as the page.
  }
  document.dispatchEvent(new CustomEvent("purser:theme"));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("purser:theme")));

// --- toasts ----------------------------------------------------------------------------------------------------
const toasts = () => $("#toasts");
function leave(box) {
  box.classList.add("is-leaving");
  setTimeout(() => box.remove(), 160);
}
function live(box) {
  if (box.dataset.live) return;
  box.dataset.live = "1";
  // An error stays until it is read.
  if (box.dataset.level !== "error") setTimeout(() => leave(box), 6000);
}
function toast(words, level = "info") {
  const template = $("#toast-template");
  if (!template || !toasts()) return;
  const box = template.content.firstElementChild.cloneNode(true);
  box.dataset.level = level;
  if (level === "error") box.classList.add("toast-crit");
  $("[data-words]", box).textContent = words;
  toasts().append(box);
  live(box);
}
on("toast", (event) => toast(event.detail?.words ?? event.detail?.value, event.detail?.level));

// --- rows that open: what is open stays open when the page reads itself again ---------------------------------------
const opened = new Set();
function expand(button, open) {
  button.setAttribute("aria-expanded", String(open));
  for (const row of $$(`[data-of="${CSS.escape(button.dataset.expand)}"]`)) row.hidden = !open;
}

// --- copying: the words of the element that the button names; where the browser forbids it, they are marked instead ---
async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    toast(button.dataset.copied);
  } catch {
    getSelection().selectAllChildren(source);
  }
}

// --- clicks ----------------------------------------------------------------------------------------------------
on("click", (event) => {
  const hit = (selector) => event.target.closest?.(selector);
  let at;
  if (hit("[data-theme-toggle]")) {
    const now = document.documentElement.dataset.choice || "system";
    chooseTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  } else if ((at = hit("[data-open]"))) {
    document.getElementById(at.dataset.open)?.showModal();
  } else if ((at = hit("[data-close]"))) {
    at.closest("dialog")?.close();
  } else if ((at = hit("[data-dismiss]"))) {
    leave(at.closest("[data-toast]"));
  } else if ((at = hit("[data-copy]"))) {
    // Without a clipboard (plain http, an old browser) the text is marked, to be copied by hand.
    const text = document.getElementById(at.dataset.copy);
    const words = at.dataset.copied;
    const mark = () => getSelection()?.selectAllChildren(text);
    if (navigator.clipboard) navigator.clipboard.writeText(text.textContent.trim()).then(() => toast(words), mark);
    else mark();
  } else if ((at = hit("[data-expand]"))) {
    const name = at.dataset.expand;
    if (!opened.delete(name)) opened.add(name);
    expand(at, opened.has(name));
  } else if ((at = hit("[data-copy]"))) {
    copy(at);
  } else if ((at = hit("[data-capability]"))) {
    at.setAttribute("aria-pressed", String(at.getAttribute("aria-pressed") !== "true"));
    filterProviders();
  } else if (event.target.matches?.("dialog")) {
    event.target.close();
  }
});

// --- forms: one submit at a time, words to type before a loss -----------------------------------------------------
const buttonsOf = (form) => $$("button:not([type=button])", form).concat(form.id ? $$(`button[form="${form.id}"]`) : []);
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
addEventListener("pageshow", () => $$("form[data-busy]").forEach(rest));
on("input", (event) => {
  const { confirmWord, confirmButton } = event.target.dataset;
  if (confirmWord) document.getElementById(confirmButton).disabled = event.target.value.trim() !== confirmWord;
  if (event.target.matches("[data-provider-search]")) filterProviders();
});

// --- a file that is read into a text area: the server takes text alone ---------------------------------------------
for (const box of $$("[data-file-pick]")) {
  box.hidden = false;
  $("input", box).addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (file && file.size <= 200_000) document.getElementById(box.dataset.filePick).value = await file.text();
    else if (file) toast(box.dataset.tooLarge, "error");
  });
}

// --- the provider list: search by name, and by what a provider can tell -------------------------------------------
function filterProviders() {
  const words = ($("[data-provider-search]")?.value ?? "").trim().toLowerCase();
  const wanted = $$("[data-capability][aria-pressed=true]").map((chip) => chip.dataset.capability);
  const cards = $$("[data-provider]");
  let shown = 0;
  for (const card of cards) {
    const tells = card.dataset.tells.split(" ");
    card.hidden = !(card.dataset.provider.toLowerCase().includes(words) && wanted.every((name) => tells.includes(name)));
    shown += card.hidden ? 0 : 1;
  }
  for (const group of $$("[data-provider-group]")) group.hidden = !$("[data-provider]:not([hidden])", group);
  const count = $("[data-provider-count]");
  if (count) count.textContent = count.dataset.words.replace("{shown}", shown).replace("{all}", cards.length);
  const none = $("[data-provider-none]");
  if (none) none.hidden = shown > 0;
}

// --- htmx --------------------------------------------------------------------------------------------------------
const isPoll = (ctx) => ctx?.sourceEvent?.type === "every";
on("htmx:before:request", (event) => {
  // A page nobody looks at asks nothing.
  if (document.hidden && isPoll(event.detail.ctx)) event.preventDefault();
});
on("visibilitychange", () => {
  if (!document.hidden) $$("[hx-trigger*='every']").forEach((element) => window.htmx?.trigger(element, "every"));
});
on("htmx:before:response", (event) => {
  const { raw } = event.detail.ctx.response;
  // A redirect answers a form, or the session has ended: the browser goes there, nothing is swapped.
  if (raw.redirected) {
    event.preventDefault();
    location.assign(raw.url);
  }
});
on("htmx:response:error", (event) => {
  // A failure swaps nothing (noSwap in base.html): the last good figures stay. 422 is a form with its errors.
  const { ctx } = event.detail;
  if (ctx.response.status !== 422 && !isPoll(ctx)) toast(document.body.dataset.failed ?? "", "error");
});
on("htmx:error", (event) => {
  if (event.detail.ctx && !isPoll(event.detail.ctx)) toast(document.body.dataset.offline ?? "", "error");
});

// --- keys: G then a letter, J and K, single keys, slash ------------------------------------------------------------
let first = "";
let timer;
const rows = () => $$("[data-row]").filter((row) => row.offsetParent !== null);
let at = "";
function mark(row) {
  for (const other of $$(".is-at")) other.classList.remove("is-at");
  if (!row) return;
  at = row.dataset.row;
  row.classList.add("is-at");
  row.scrollIntoView({ block: "nearest" });
}
function walk(step) {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row.classList.contains("is-at"));
  mark(all[Math.min(all.length - 1, Math.max(0, here + step))]);
}
on("htmx:after:swap", () => {
  if (at && !$(".is-at")) mark(rows().find((row) => row.dataset.row === at));
  $$("[data-toast]", toasts() ?? document).forEach(live);
  for (const button of $$("[data-expand]")) if (opened.has(button.dataset.expand)) expand(button, true);
});
on("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Enter" && event.target.matches?.("[data-provider-search]")) {
    // Straight to what is found; only without a script does the search ask the server.
    const found = $("[data-provider]:not([hidden])");
    if (found) event.preventDefault();
    found?.click();
  }
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog")) return;
  const key = event.key.toLowerCase();
  if (key === "j" || key === "k") walk(key === "j" ? 1 : -1);
  else if (key === "enter" && event.target === document.body) $(".is-at a[href]")?.click();
  else if (key === "/") {
    const search = $("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  } else {
    const target = $(`[data-key="${CSS.escape(first ? `${first} ${key}` : key)}"]`);
    clearTimeout(timer);
    if (target) {
      first = "";
      event.preventDefault();
      target.click();
    } else {
      first = key === "g" ? "g" : "";
      timer = setTimeout(() => (first = ""), 1200);
    }
  }
});

$$("[data-toast]", toasts() ?? document).forEach(live);

// --- signing in --------------------------------------------------------------------------------------------------
on("allauth.error", (event) => {
  // The person closed the browser's own dialog, or the device knows no passkey for this place.
  event.preventDefault();
  toast(document.body.dataset.passkey ?? "", "error");
});
on("DOMContentLoaded", () => $("form[data-submit-now]")?.requestSubmit());
