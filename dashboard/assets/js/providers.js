// The list of providers, a script of the page that connects one alone: found by name, and by what a provider can tell. Without a script the search asks the server.
import { $, $$, on } from "./dom.js";

function filter() {
  const words = ($("[data-provider-search]")?.value ?? "").trim().toLowerCase();
  const wanted = $$("[data-capability]:checked").map((box) => box.value);
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

on("input", (event) => {
  if (event.target.matches("[data-provider-search], [data-capability]")) filter();
});
on("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches?.("[data-provider-search]")) return;
  // Straight to what is found.
  const found = $("[data-provider]:not([hidden])");
  if (found) event.preventDefault();
  found?.click();
});
