// Bars by day, one series over the other. What may still change is hatched.
import { every, frame, scale, widest } from "./look.js";
import { tableOf } from "./table.js";
import { dayOf, shortDay, shortMoney } from "./words.js";

export function stack(data, view, element) {
  const { colour, type, width, height, hidden, lit } = view;
  const { heads, rows: latestFirst } = tableOf(element, data);
  const rows = latestFirst.reverse();
  const [names, total] = [heads.slice(0, -1), heads.at(-1)];
  const shown = (index) => !hidden.has(index);
  const sums = rows.map(({ cells }) => names.reduce((sum, _, index) => sum + (shown(index) ? cells[index].value : 0), 0));
  const [low, high, step] = scale(sums, height);
  const base = frame({ colour, type }, { low, high, step, figure: (value) => shortMoney(data, value) });
  const labels = rows.map(({ name }, place) => (data.days ? shortDay(dayOf(data.days[place])) : name));
  const skip = every(rows.length, width - 72, Math.max(56, widest(type, labels) + 14));
  const hatch = { symbol: "rect", color: colour("panel", 0.8), dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -Math.PI / 4 };
  return {
    option: {
      ...base,
      grid: { ...base.grid, top: 12 },
      xAxis: {
        ...base.xAxis,
        type: "category",
        data: rows.map((_, place) => place),
        axisLabel: { ...base.xAxis.axisLabel, interval: (index) => index % skip === 0, formatter: (_, index) => labels[index] },
      },
      series: names.map((name, index) => ({
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
        data: rows.map(({ cells }, place) => ({
          value: shown(index) ? cells[index].value : null,
          itemStyle: data.open[index].includes(place) ? { decal: hatch } : undefined,
        })),
      })),
    },
    places: rows.map((_, place) => place),
    walk: rows.map((_, place) => place),
    tell(place) {
      const { name: head, cells, notes } = rows[place];
      const sum = cells.at(-1);
      const told = names.map((name, index) => ({ mark: `fill-s${index + 1}`, name, ...cells[index], off: !shown(index) })).filter(({ value }) => value !== null);
      return {
        head,
        rows: told.map(({ text, ...row }) => ({ ...row, amount: text })),
        foot: sum.value === null || names.length < 2 ? null : { name: total, amount: sum.text },
        notes: told.length ? notes : [sum.text, ...notes],
      };
    },
  };
}
