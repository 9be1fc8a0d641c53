// Draws what `[data-chart]` names: the JSON beside it says how, and holds the figures that do not stand in its table.
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
const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

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

  // An observer begins with a call of its own, which is no change.
  fits() {
    const { element, size } = this;
    return !size || (size.width === element.clientWidth && size.height === element.clientHeight);
  }

  draw() {
    const view = this.look();
    if (!view) return;
    this.paint(view, false);
    this.tell(view);
  }

  // The same in steps, between which the page answers: the first drawing takes longest.
  async drawFirst() {
    const view = this.look();
    if (!view) return;
    await pause();
    if (this.chart.isDisposed()) return;
    this.paint(view, true);
    await frame();
    await pause();
    if (!this.chart.isDisposed()) this.tell(view);
  }

  // What the page says now: the figures, their colours, the room.
  look() {
    const { element } = this;
    const source = document.getElementById(element.dataset.src);
    this.size = printing ? PAPER : { width: element.clientWidth, height: element.clientHeight };
    if (!source || !this.size.width || !this.size.height) return null;
    const data = JSON.parse(source.textContent);
    const kind = element.dataset.chart;
    const view = { ...dress(printing), ...keyOf(element), ...this.size };
    return { ...KINDS[kind](data, view, element), kind, summary: data.summary };
  }

  paint({ option }, later) {
    const { chart, size } = this;
    if (chart.getWidth() !== size.width || chart.getHeight() !== size.height) chart.resize(size);
    chart.setOption(option, { notMerge: true, lazyUpdate: later });
  }

  tell(view) {
    this.tip.show(view);
    showKey(this.element);
    this.element.dataset.drawn = view.kind;
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

// Those that came near, in small steps: between two of them the page answers.
export async function drawFirst(elements) {
  await document.fonts.ready; // Text is measured with the typeface, or nothing would line up.
  for (const element of elements) {
    await pause();
    if (!element.isConnected || drawn.has(element)) continue;
    drawn.set(element, new Drawing(element));
    await pause();
    await drawn.get(element)?.drawFirst();
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
