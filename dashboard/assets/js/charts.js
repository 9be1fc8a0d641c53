// The two kinds of chart: a balance over time, and bars stacked by day.
// <div class="chart" data-chart="balance" data-src="id-of-a-json-script">: amounts come as decimal strings and are
// numbers only while they are drawn. Colours are read from the theme's custom properties each time.
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, CanvasRenderer]);

// Plain English writes "9 Nov", as the pages do.
const language = document.documentElement.lang.replace(/^en$/, "en-GB") || "en-GB";
const drawn = new Map();
const DAY = 86_400_000;

// A canvas cannot read light-dark(): the browser resolves it on a probe.
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);
const swatch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function colour(name, alpha = 1) {
  probe.style.color = `var(--${name})`;
  swatch.clearRect(0, 0, 1, 1);
  swatch.fillStyle = getComputedStyle(probe).color;
  swatch.fillRect(0, 0, 1, 1);
  const [red, green, blue] = swatch.getImageData(0, 0, 1, 1).data;
  return `rgba(${red},${green},${blue},${alpha})`;
}

const grouped = (value, digits) => value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const short = (value) => value.toLocaleString(language, { notation: "compact", maximumFractionDigits: 1 }).replace("K", "k");
// The sign stands in front; a unit without a sign is said once, beside the chart.
const money = (data, value, digits = data.digits ?? 2) => `${value < 0 ? "−" : ""}${data.symbol ?? ""}${grouped(Math.abs(value), digits)}${data.symbol ? "" : ` ${data.unit ?? ""}`}`;
const tickMoney = (data, value) => `${value < 0 ? "−" : ""}${data.symbol ?? ""}${Math.abs(value) >= 10_000 ? short(Math.abs(value)) : grouped(Math.abs(value), Number.isInteger(value) ? 0 : 2)}`;
function when(data, options) {
  return new Intl.DateTimeFormat(language, { timeZone: data.zone || undefined, ...options });
}

function common() {
  const ink = colour("ink-3");
  const type = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11, color: ink };
  return {
    animation: false,
    textStyle: type,
    grid: { left: 8, right: 16, top: 22, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      confine: true,
      backgroundColor: colour("raised"),
      borderColor: colour("line-strong"),
      borderWidth: 1,
      borderRadius: 6,
      padding: [6, 10],
      shadowBlur: 0,
      textStyle: { ...type, fontSize: 12, lineHeight: 18, color: colour("ink") },
      axisPointer: { type: "line", lineStyle: { color: colour("edge"), width: 1, type: "solid" }, shadowStyle: { color: colour("ink", 0.05) } },
    },
    yAxis: {
      type: "value",
      splitNumber: 4,
      axisLabel: { ...type, margin: 10 },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: colour("line") } },
    },
    xAxis: {
      axisLine: { lineStyle: { color: colour("line-strong") } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...type, hideOverlap: true },
    },
  };
}

/* data: {unit, symbol, digits, zone, now, points: [[ms, "1284.50"]], topups: [{at, value, label}],
          band: {early: ms, late: ms} | null, floor: {value, label} | null, stale: bool, words: {balance, now}} */
function balance(data, element) {
  const option = common();
  const told = data.points.map(([at, value]) => [at, Number(value)]);
  const last = told.at(-1);
  const days = Number(element.dataset.days || 0);
  const end = Math.max(data.now ?? last?.[0] ?? 0, Math.min(data.band?.late ?? 0, (data.now ?? 0) + Math.max(7, (days || 30) * 0.35) * DAY));
  // The axis begins at the period, or at the first reading when that is later; what stood then stands at its edge.
  const start = Math.max(told[0]?.[0] ?? 0, days ? (data.now ?? last?.[0]) - days * DAY : 0);
  const before = told.findLast(([at]) => at < start);
  const points = [...(before ? [[start, before[1]]] : []), ...told.filter(([at]) => at >= start)];
  const axis = when(data, { day: "numeric", month: "short" });
  const exact = when(data, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const label = { fontSize: 11, fontFamily: option.textStyle.fontFamily };
  const line = data.stale ? colour("idle-mark") : colour("ink");
  const series = [
    {
      name: data.words?.balance,
      type: "line",
      step: "end",
      data: points,
      showSymbol: points.length < 2,
      symbolSize: 6,
      lineStyle: { color: line, width: 1.5, type: data.stale ? "dashed" : "solid" },
      itemStyle: { color: line },
      areaStyle: { color: colour("ink", 0.045) },
      emphasis: { disabled: true },
      markPoint: {
        symbol: "circle",
        symbolSize: 7,
        silent: true,
        itemStyle: { color: colour("brand"), borderColor: colour("panel"), borderWidth: 1.5 },
        label: { ...label, show: true, position: "top", distance: 6, color: colour("brand"), fontWeight: 600, formatter: ({ name }) => name },
        data: (data.topups ?? []).filter(({ at }) => !start || at >= start).map(({ at, value, label: name }) => ({ name, coord: [at, Number(value)] })),
      },
      markLine: {
        symbol: "none",
        silent: true,
        label: { ...label, color: colour("ink-2") },
        data: [
          data.now ? { xAxis: data.now, lineStyle: { color: colour("edge"), type: "solid", width: 1 }, label: { show: true, position: "end", formatter: data.words?.now ?? "" } } : null,
          data.floor ? { yAxis: Number(data.floor.value), lineStyle: { color: colour("warn-mark"), type: [3, 2], width: 1 }, label: { show: true, position: "insideStartTop", color: colour("warn"), formatter: data.floor.label } } : null,
        ].filter(Boolean),
      },
    },
  ];
  if (data.band && last) {
    // Two lines to nothing, and the wedge between them: where it runs dry in eight cases of ten.
    const dashes = { color: colour("warn-mark"), type: [2, 2], width: 1 };
    const from = [data.now ?? last[0], last[1]];
    const samples = 24;
    const falls = (to) => (time) => (time >= to ? 0 : (from[1] * (to - time)) / (to - from[0]));
    const [early, late] = [falls(data.band.early), falls(data.band.late)];
    const times = Array.from({ length: samples + 1 }, (_, i) => from[0] + ((Math.min(data.band.late, end) - from[0]) * i) / samples);
    const base = { type: "line", stack: "band", silent: true, showSymbol: false, emphasis: { disabled: true }, tooltip: { show: false } };
    series.push(
      { ...base, data: times.map((time) => [time, early(time)]), lineStyle: { ...dashes, opacity: 0.9 } },
      { ...base, data: times.map((time) => [time, late(time) - early(time)]), lineStyle: dashes, areaStyle: { color: colour("warn-mark", 0.28) } },
    );
  }
  return {
    ...option,
    tooltip: {
      ...option.tooltip,
      formatter: (entries) => {
        const entry = entries.find(({ seriesIndex }) => seriesIndex === 0);
        return entry ? `${exact.format(entry.value[0])}\n${money(data, entry.value[1])}` : "";
      },
    },
    xAxis: { ...option.xAxis, type: "time", min: start, max: end, splitNumber: 6, axisLabel: { ...option.xAxis.axisLabel, formatter: (time) => axis.format(time) } },
    yAxis: { ...option.yAxis, min: (range) => Math.min(0, range.min), axisLabel: { ...option.yAxis.axisLabel, formatter: (value) => tickMoney(data, value) } },
    series,
  };
}

/* data: {unit, symbol, digits, zone, days: ["2026-11-20"], series: [{name, values: ["12.40" | null], provisional: [bool]}]} */
function stack(data) {
  const option = common();
  const axis = when({ zone: "UTC" }, { day: "numeric", month: "short" });
  const exact = when({ zone: "UTC" }, { weekday: "short", day: "numeric", month: "short" });
  const at = (day) => new Date(`${day}T00:00:00Z`);
  const hatch = { symbol: "rect", color: colour("panel", 0.75), dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -Math.PI / 4 };
  return {
    ...option,
    grid: { ...option.grid, top: 10 },
    tooltip: {
      ...option.tooltip,
      axisPointer: { ...option.tooltip.axisPointer, type: "shadow" },
      formatter: (entries) => {
        const told = entries.filter(({ value }) => value !== null && value !== undefined);
        const lines = told.toReversed().map(({ seriesName, value }) => `${seriesName}  ${money(data, value)}`);
        return [exact.format(at(entries[0].name)), ...lines].join("\n");
      },
    },
    xAxis: { ...option.xAxis, type: "category", data: data.days, axisLabel: { ...option.xAxis.axisLabel, formatter: (day) => axis.format(at(day)) } },
    yAxis: { ...option.yAxis, axisLabel: { ...option.yAxis.axisLabel, formatter: (value) => tickMoney(data, value) } },
    series: data.series.map(({ name, values, provisional }, index) => ({
      name,
      type: "bar",
      stack: "all",
      barMaxWidth: 34,
      barCategoryGap: "34%",
      emphasis: { disabled: true },
      itemStyle: { color: colour(`s${Math.min(index + 1, 8)}`), borderColor: colour("panel"), borderWidth: 1 },
      data: values.map((value, day) => ({
        value: value === null ? null : Number(value),
        itemStyle: provisional[day] ? { decal: hatch } : undefined,
      })),
    })),
  };
}

const kinds = { balance, stack };

function draw(element) {
  const source = document.getElementById(element.dataset.src);
  if (!source) return;
  const data = JSON.parse(source.textContent);
  let chart = drawn.get(element);
  if (!chart) {
    chart = init(element, null, { renderer: "canvas" });
    drawn.set(element, chart);
    new ResizeObserver(() => chart.resize()).observe(element);
  }
  chart.setOption(kinds[element.dataset.chart](data, element), { notMerge: true });
}
function drawAll() {
  for (const [element, chart] of drawn) {
    if (element.isConnected) continue;
    chart.dispose();
    drawn.delete(element);
  }
  document.querySelectorAll("[data-chart]").forEach(draw);
}

document.addEventListener("purser:theme", drawAll);
document.addEventListener("htmx:after:swap", drawAll);
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-chart-days]");
  if (!button) return;
  for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
  const element = document.getElementById(button.parentElement.getAttribute("aria-controls"));
  element.dataset.days = button.dataset.chartDays;
  draw(element);
});
// Text is measured once the typeface is there; until then nothing would line up.
document.fonts.ready.then(drawAll);
