// Draws what `[data-chart]` names: the JSON beside it says which kind, its figures and every word.
import { forget, highlight, keyOf, showKey } from "./charts/key.js";
import { dress } from "./charts/look.js";
import { balance } from "./charts/balance.js";
import { pace } from "./charts/pace.js";
import { stack } from "./charts/stack.js";
import { Tip } from "./charts/tip.js";
import { BarChart, LineChart } from "echarts/charts";
import { GridSimpleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridSimpleComponent, CanvasRenderer]);

const KINDS = { balance, pace, stack };
const PAPER = { width: 680, height: 220 };
const drawn = new Map();
let printing = false;
const pause = () => new Promise((resolve) => setTimeout(resolve));

class Drawing {
  constructor(element) {
    this.element = element;
    this.chart = init(element.querySelector("[data-plot]"), null, { renderer: "canvas", devicePixelRatio: Math.max(2, devicePixelRatio) });
    this.tip = new Tip(element, (place) => this.chart.convertToPixel({ xAxisIndex: 0 }, place));
    let asked;
    this.observer = new ResizeObserver(() => {
      cancelAnimationFrame(asked);
      if (!this.fits()) asked = requestAnimationFrame(() => this.draw());
    });
    this.observer.observe(element);
  }

  fits() {
    const { element, drawn } = this;
    return drawn?.width === element.clientWidth && drawn.height === element.clientHeight;
  }

  draw() {
    const { element, chart } = this;
    const source = document.getElementById(element.dataset.src);
    const size = printing ? PAPER : { width: element.clientWidth, height: element.clientHeight };
    if (!source || !size.width || !size.height) return;
    const data = JSON.parse(source.textContent);
    const key = keyOf(element);
    const view = KINDS[data.kind](data, { ...dress(printing), ...key, ...size });
    this.drawn = size;
    chart.resize(size);
    chart.setOption(view.option, { notMerge: true });
    this.tip.show(view, data.summary);
    showKey(element);
    element.dataset.drawn = data.kind;
  }

  leave() {
    this.observer.disconnect();
    this.chart.dispose();
    forget(this.element);
  }
}

export function drawAll() {
  for (const [element, drawing] of drawn) {
    if (element.isConnected) continue;
    drawing.leave();
    drawn.delete(element);
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (!drawn.has(element)) drawn.set(element, new Drawing(element));
    drawn.get(element).draw();
  }
}

// The first time one after the other, the nearest to the top first: between two of them the page answers.
export async function drawFirst() {
  await document.fonts.ready; // Text is measured with the typeface, or nothing would line up.
  for (const element of document.querySelectorAll("[data-chart]:not([data-drawn])")) {
    await pause();
    if (!element.isConnected || drawn.has(element)) continue;
    drawn.set(element, new Drawing(element));
    drawn.get(element).draw();
  }
}

// On paper: light, without the room that a window happens to have, whichever way the browser says that it prints.
function print(begins) {
  if (printing === begins) return;
  printing = begins;
  drawAll();
}

addEventListener("beforeprint", () => print(true));
addEventListener("afterprint", () => print(false));
matchMedia("print").addEventListener("change", ({ matches }) => print(matches));
document.addEventListener("purser:theme", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
highlight((element) => drawn.get(element)?.draw());
