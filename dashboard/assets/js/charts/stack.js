// Bars by day, one series over the other. What may still change is hatched.
import { every, frame, scale } from "./look.js";
import { dayOf, longDay, money, shortDay, shortMoney } from "./words.js";

export function stack(data, view) {
  const { colour, type, width, height, hidden, lit } = view;
  const shown = (index) => !hidden.has(index);
  const sums = data.days.map((_, day) => data.series.reduce((sum, { values }, index) => sum + (shown(index) ? Number(values[day] ?? 0) : 0), 0));
  const [low, high, step] = scale(sums, height);
  const base = frame({ colour, type }, { low, high, step, figure: (value) => shortMoney(data, value) });
  const skip = every(data.days.length, width - 72, 56);
  const hatch = { symbol: "rect", color: colour("panel", 0.8), dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -Math.PI / 4 };
  return {
    option: {
      ...base,
      grid: { ...base.grid, top: 12 },
      xAxis: {
        ...base.xAxis,
        type: "category",
        data: data.days,
        axisLabel: { ...base.xAxis.axisLabel, interval: (index) => index % skip === 0, formatter: (day, index) => data.labels?.[index] ?? shortDay(dayOf(day)) },
      },
      series: data.series.map(({ name, values, open }, index) => ({
        name,
        type: "bar",
        stack: "all",
        silent: true,
        barMaxWidth: 34,
        barCategoryGap: "34%",
        itemStyle: {
          color: colour(`s${index + 1}`),
          opacity: lit === null || lit === index ? 1 : 0.22,
          borderColor: colour("panel"),
          borderWidth: 1,
        },
        data: values.map((value, day) => ({
          value: value === null || !shown(index) ? null : Number(value),
          itemStyle: open[day] ? { decal: hatch } : undefined,
        })),
      })),
    },
    places: data.days.map((_, day) => day),
    walk: data.days.map((_, day) => day),
    tell(day) {
      const told = data.series.map(({ name, values }, index) => ({ mark: `fill-s${index + 1}`, name, amount: values[day], off: !shown(index) }));
      const rows = told.filter(({ amount }) => amount !== null).map((row) => ({ ...row, amount: money(data, row.amount) }));
      return {
        head: data.labels?.[day] ?? longDay(dayOf(data.days[day])),
        rows,
        foot: data.totals[day] === null || data.series.length < 2 ? null : { name: data.words.total, amount: money(data, data.totals[day]) },
        notes: [
          ...(rows.length ? [] : [data.words.none]),
          ...(data.series.some(({ open }) => open[day]) ? [data.words.open] : []),
          ...(data.notes[data.days[day]] ? [data.notes[data.days[day]]] : []),
        ],
      };
    },
  };
}
