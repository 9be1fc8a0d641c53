// What all charts share: colours from the tokens of the page, type, grid, axes.

// A canvas cannot read light-dark(): the browser resolves it on a probe, for paper always on its light side.
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);
const swatch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

export function dress(onPaper) {
  probe.style.colorScheme = onPaper ? "light" : "";
  const known = new Map();
  function colour(name, alpha = 1) {
    if (!known.has(name)) {
      probe.style.color = `var(--${name})`;
      swatch.clearRect(0, 0, 1, 1);
      swatch.fillStyle = getComputedStyle(probe).color;
      swatch.fillRect(0, 0, 1, 1);
      known.set(name, swatch.getImageData(0, 0, 1, 1).data);
    }
    const [red, green, blue] = known.get(name);
    return `rgba(${red},${green},${blue},${alpha})`;
  }
  const type = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11, color: colour("ink-3") };
  return { colour, type };
}

const LABEL_GAP = 10;

// Round steps from zero, or from below it, to above the highest: [lowest, highest, step].
export function scale(values, room) {
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const wanted = (high - low || 1) / Math.max(2, Math.min(5, Math.floor(room / 56)));
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 2.5, 5, 10].find((one) => one * power >= wanted * 0.999) * power;
  return [Math.floor(low / step) * step, Math.ceil((high || step) / step) * step, step];
}

// Every how many of `count` labels fit on `width`.
export const every = (count, width, each) => Math.max(1, Math.ceil((count * each) / Math.max(each, width)));

// The room that labels take. ECharts would lay out the whole drawing twice to learn it.
export function widest({ fontFamily, fontSize }, labels) {
  swatch.font = `${fontSize}px ${fontFamily}`;
  return Math.ceil(Math.max(0, ...labels.map((label) => swatch.measureText(label).width)));
}

export function frame({ colour, type }, axis) {
  const { low, high, step, figure } = axis;
  const figures = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) => figure(low + index * step));
  return {
    animation: false,
    textStyle: type,
    grid: { left: widest(type, figures) + LABEL_GAP + 8, right: 24, top: 24, bottom: 28, outerBoundsMode: "none" },
    xAxis: {
      axisLine: { lineStyle: { color: colour("line-strong") }, onZero: false },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...type, margin: 8 },
    },
    yAxis: {
      type: "value",
      min: low,
      max: high,
      interval: step,
      axisLabel: { ...type, margin: LABEL_GAP, formatter: figure },
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: colour("line") } },
    },
  };
}
