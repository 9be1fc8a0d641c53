// A chart is drawn when it comes near the window, and only then is what draws it asked for: it names its own script, so
// that a page without a chart never loads it, and a page to which htmx brings one does. Who prints finds all of them drawn.
// The page itself is painted first.
const painted = new Promise((done) => {
  new PerformanceObserver((list, own) => {
    if (!list.getEntriesByName("first-contentful-paint").length) return;
    own.disconnect();
    done();
  }).observe({ type: "paint", buffered: true });
});
const observer = new IntersectionObserver(
  (entries) => {
    const near = entries.filter(({ isIntersecting }) => isIntersecting).map(({ target }) => target);
    if (!near.length) return;
    near.forEach((element) => observer.unobserve(element));
    painted.then(async () => (await import(near[0].dataset.script)).drawFirst(near));
  },
  { rootMargin: "320px" },
);

export function watchCharts() {
  document.querySelectorAll("[data-chart]:not([data-drawn])").forEach((element) => observer.observe(element));
}
