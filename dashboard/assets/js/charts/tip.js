// Under the pointer, a finger or the arrow keys: one day of a chart in figures. For those who listen the chart is a slider
// whose value is what the tip says.
import { list } from "./words.js";

const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 7, PageDown: -7, Home: -Infinity, End: Infinity };
const SVG = "http://www.w3.org/2000/svg";

function make(name, words, classes) {
  const element = document.createElement(name);
  if (words) element.textContent = words;
  if (classes) element.className = classes;
  return element;
}

function swatch(mark) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 8 8");
  const square = svg.appendChild(document.createElementNS(SVG, "rect"));
  square.setAttribute("width", "8");
  square.setAttribute("height", "8");
  if (mark) square.setAttribute("class", mark);
  else svg.setAttribute("visibility", "hidden");
  return svg;
}

export class Tip {
  #view = null;
  #at = null;
  #xs = [];

  constructor(element, pixel) {
    this.element = element;
    this.pixel = pixel;
    this.line = element.appendChild(make("div", "", "chart-line"));
    this.box = element.appendChild(make("div", "", "chart-tip"));
    for (const part of [this.line, this.box]) {
      part.hidden = true;
      part.setAttribute("aria-hidden", "true");
    }
    element.addEventListener("pointermove", (event) => this.#follow(event));
    element.addEventListener("pointerdown", (event) => this.#follow(event));
    // A finger leaves with every tap: what it showed stays until it taps elsewhere.
    element.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && this.#point(null));
    element.addEventListener("blur", () => this.#point(null));
    element.addEventListener("keydown", (event) => this.#walk(event));
  }

  // The figures are new, or their places are.
  show(view) {
    this.#view = view;
    this.#xs = view.places.map(this.pixel);
    const { element } = this;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-label", view.summary);
    element.setAttribute("aria-valuemin", "1");
    element.setAttribute("aria-valuemax", String(view.walk.length));
    element.tabIndex = 0;
    this.#speak(view.latest ?? view.walk.length - 1);
    if (this.#at !== null) this.#point(Math.min(this.#at, this.#xs.length - 1));
  }

  #speak(step) {
    const { head, exact, rows, foot, notes } = this.#view.tell(this.#view.walk[step]);
    const figures = [...(foot ? [foot] : []), ...rows].map(({ name, amount }) => `${name} ${amount}`.trim());
    this.element.setAttribute("aria-valuenow", String(step + 1));
    this.element.setAttribute("aria-valuetext", list([exact ?? head, ...figures, ...notes]));
  }

  #follow({ clientX }) {
    const x = clientX - this.element.getBoundingClientRect().left;
    let nearest = 0;
    this.#xs.forEach((one, index) => {
      if (Math.abs(one - x) <= Math.abs(this.#xs[nearest] - x)) nearest = index;
    });
    this.#point(nearest);
  }

  #walk(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && this.#at !== null) {
      event.stopPropagation();
      this.#point(null);
    }
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const { walk } = this.#view;
    const last = walk.length - 1;
    // The first press stands on the latest day, the next ones go on from there.
    const here = this.#at === null ? null : walk.findLastIndex((index) => index <= this.#at);
    const start = Number.isFinite(step) ? this.#view.latest ?? last : step;
    const next = Math.max(0, Math.min(last, here === null ? start : here + step));
    this.#point(walk[next]);
    this.#speak(next);
  }

  #point(at) {
    this.#at = at;
    this.line.hidden = this.box.hidden = at === null;
    if (at === null) return;
    const { head, rows, foot, notes } = this.#view.tell(at);
    const table = make("dl");
    for (const row of [...rows, ...(foot ? [{ ...foot, total: true }] : [])]) {
      const line = table.appendChild(make("div", "", row.total ? "is-total" : row.off ? "is-off" : ""));
      const name = line.appendChild(make("dt"));
      if (row.mark) name.append(swatch(row.mark));
      name.append(row.name);
      line.append(make("dd", row.amount));
    }
    this.box.replaceChildren(make("p", head, "chart-tip-head"), ...(rows.length ? [table] : []), ...notes.map((words) => make("p", words, "chart-tip-note")));
    this.#place(this.#xs[at]);
  }

  // Beside the line, on the side that has the room.
  #place(x) {
    const { box, line, element } = this;
    line.style.translate = `${Math.round(x)}px`;
    const room = element.clientWidth - box.offsetWidth;
    const left = x + 12 <= room ? x + 12 : x - 12 - box.offsetWidth;
    box.style.translate = `${Math.round(Math.max(0, Math.min(room, left)))}px 8px`;
  }
}
