// A balance in steps: what was read holds until the next reading. What was put in stands as a drop-line; to the right
// of now lies the range in which it runs dry, and in it the likeliest end.
import { every, frame, scale } from "./look.js";
import { longDay, moment, money, shortDay, shortMoney } from "./words.js";

const quiet = { type: "line", silent: true, showSymbol: false };
const LABEL_ROOM = 84;

export function balance(data, view) {
  const { colour, type, width, height } = view;
  const times = timesOf(data.start, data.steps);
  const midnights = timesOf(data.start, data.midnights);
  const points = data.amounts.map((amount, place) => [times[place], Number(amount)]);
  const last = points.at(-1);
  const [low, high, step] = scale([...points.map(([, value]) => value), Number(data.floor?.value ?? 0)], height);
  const base = frame({ colour, type }, { low, high, step, figure: (value) => shortMoney(data, value) });
  const skip = every(midnights.length, width - 72, 64);
  const words = { fontSize: 11, fontFamily: type.fontFamily };
  const line = { color: colour("ink"), width: 1.5 };
  return {
    option: {
      ...base,
      xAxis: {
        ...base.xAxis,
        type: "value",
        min: data.start,
        max: data.end,
        axisLabel: {
          ...base.xAxis.axisLabel,
          customValues: midnights.filter((_, index) => (midnights.length - 1 - index) % skip === 0),
          formatter: (at) => shortDay(at, data.zone),
        },
      },
      series: [
        {
          ...quiet,
          step: "end",
          data: data.stale ? points : [...points, [data.now, last[1]]],
          lineStyle: line,
          areaStyle: { color: colour("ink", 0.045) },
        },
        ...(data.stale ? [{ ...quiet, data: [last, [data.now, last[1]]], lineStyle: { ...line, color: colour("idle-mark"), type: [3, 3] } }] : []),
        ...range(data, last, { colour }),
        ...topups(data, points, low, width, { colour, words }),
        {
          ...quiet,
          data: [[data.now, low], [data.now, high]],
          lineStyle: { color: colour("edge"), width: 1 },
          endLabel: { show: true, ...words, color: colour("ink-2"), formatter: data.words.now, align: "center", verticalAlign: "bottom", offset: [-5, -4] },
        },
        ...floor(data, { colour, words }),
      ],
    },
    places: points.map(([at]) => at),
    walk: data.closing,
    tell(index) {
      const [at] = points[index];
      const topup = data.topups.find(({ place }) => place === index);
      return {
        head: data.closing.includes(index) && index !== points.length - 1 ? longDay(at, data.zone) : moment(at, data.zone),
        exact: moment(at, data.zone),
        rows: [{ amount: money(data, data.amounts[index]), name: "" }, ...(topup ? [{ mark: "fill-brand", name: data.words.topup, amount: `+${money(data, topup.amount)}` }] : [])],
        notes: data.stale && index === points.length - 1 ? [data.words.stale] : [],
      };
    },
  };
}

// Told in seconds, each since the one before.
const timesOf = (start, steps) => steps.map((seconds) => (start += seconds * 1000));

function topups({ topups: all, symbol, unit, digits, start, end }, points, low, width, { colour, words }) {
  // Amounts are written where they have room; the tooltip and the table have them all.
  const perPixel = (end - start) / Math.max(1, width - 90);
  let free = -Infinity;
  const peaks = all.map(({ place, amount }) => {
    const [at, after] = points[place];
    const fits = at - free > LABEL_ROOM * perPixel;
    if (fits) free = at;
    return { value: [at, after], name: fits ? `+${money({ symbol, unit, digits: Number(amount) >= 1000 ? 0 : digits }, amount)}` : "" };
  });
  if (!peaks.length) return [];
  const drops = peaks.flatMap(({ value: [at, after] }) => [[at, low], [at, after], [at, null]]);
  return [
    { ...quiet, data: drops, lineStyle: { color: colour("brand"), width: 1.5 }, z: 4 },
    {
      ...quiet,
      data: peaks,
      z: 5,
      showSymbol: true,
      symbol: "circle",
      symbolSize: 7,
      lineStyle: { width: 0 },
      itemStyle: { color: colour("brand"), borderColor: colour("panel"), borderWidth: 1.5, opacity: 1 },
      label: { show: true, position: "top", distance: 6, ...words, color: colour("brand"), fontWeight: 600, formatter: ({ name }) => name },
    },
  ];
}

// Two straight falls to nothing and the wedge between them; the notch marks the likeliest end.
function range({ dry, now, end }, last, { colour }) {
  if (!dry || last[1] <= 0) return [];
  const from = last[1];
  const { early, late, likely } = dry;
  const dashes = { color: colour("warn-mark"), width: 1, type: [2, 2] };
  return [
    // One closed line, because lines over an axis of values do not stack; what lies after the end is cut off.
    { ...quiet, data: [[now, from], [early, 0], [late, 0], [now, from]], lineStyle: dashes, areaStyle: { color: colour("warn-mark", 0.26) } },
    ...(likely !== null && likely < end
      ? [
          { ...quiet, data: [[now, from], [likely, 0]], lineStyle: { color: colour("warn-mark"), width: 1.25 } },
          { ...quiet, data: [[likely, 0], [likely, from * 0.07]], lineStyle: { color: colour("ink"), width: 2, cap: "butt" }, z: 4 },
        ]
      : []),
  ];
}

function floor({ floor: limit, start, end }, { colour, words }) {
  if (!limit) return [];
  const at = Number(limit.value);
  return [
    {
      ...quiet,
      data: [{ value: [start, at], label: { show: true } }, [end, at]],
      showSymbol: true,
      symbolSize: 0,
      lineStyle: { color: colour("warn-mark"), width: 1, type: [3, 2] },
      label: { show: false, position: "right", offset: [0, -8], ...words, color: colour("warn"), formatter: limit.label },
    },
  ];
}
