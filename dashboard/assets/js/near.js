// A chart is drawn when it comes near the window, and only then is what draws it asked for: it names its own script, so
// that a page without a chart never loads it, and a page to which htmx brings one does.
const observer = new IntersectionObserver(
  (entries) => {
    const near = entries.find(({ isIntersecting }) => isIntersecting);
    if (!near) return;
    observer.disconnect();
    // Where one is needed the others follow: whoever prints or jumps finds them drawn.
    import(near.target.dataset.script).then(({ drawFirst }) => drawFirst());
  },
  { rootMargin: "320px" },
);

export function watchCharts() {
  document.querySelectorAll("[data-chart]:not([data-drawn])").forEach((element) => observer.observe(element));
}
