// The theme: system, light, dark. theme.js has set it before the first paint; here it is switched.
import { $$, onClick } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const changed = () => document.dispatchEvent(new CustomEvent("purser:theme"));

function choose(choice) {
  const root = document.documentElement;
  root.dataset.choice = choice;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  for (const meta of $$("meta[data-scheme]")) {
    const { scheme } = meta.dataset;
    meta.media = choice === "system" ? `(prefers-color-scheme: ${scheme})` : scheme === choice ? "all" : "not all";
  }
  try {
    localStorage.setItem("purser-theme", choice);
  } catch {
    // Storage may be closed: the choice then lasts as long as the page.
  }
  changed();
}

onClick("[data-theme-toggle]", () => {
  const now = document.documentElement.dataset.choice || "system";
  choose(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
});
// Paper is always light: what is drawn in colours of the theme is drawn anew for it.
for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", changed);
