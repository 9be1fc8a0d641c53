// Loaded synchronously in <head>: what must stand before the first paint.
(() => {
  const root = document.documentElement;
  let choice = "system";
  try {
    choice = localStorage.getItem("purser-theme") || "system";
  } catch {
    // Storage may be closed; the system's theme then stands.
  }
  root.dataset.choice = choice;
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  // The browser's own bars take the colour of the chosen theme, not of the system's.
  if (root.dataset.theme) {
    for (const meta of document.querySelectorAll("meta[data-scheme]")) meta.media = meta.dataset.scheme === choice ? "all" : "not all";
  }
  if (/Mac|iPhone|iPad/.test(navigator.platform)) root.dataset.mac = "";
  root.dataset.script = "";
})();
