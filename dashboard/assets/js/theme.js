// Loaded synchronously in <head>: the chosen theme stands before the first paint.
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
})();
