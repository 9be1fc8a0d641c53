// The month's spend added up, day by day, and behind it the month before.
import { every, frame, scale } from "./look.js";
import { tableOf } from "./table.js";
import { dayOf, shortDay, shortMoney } from "./words.js";

export function pace(data, view, element) {
  const { colour, type, width, height, hidden, lit } = view;
  const { heads, rows } = tableOf(element, data);
  const numbers = heads.map((_, index) => rows.map(({ cells }) => (hidden.has(index) ? null : cells[index].value)));
  const [low, high, step] = scale(numbers.flat().filter((value) => value !== null), height);
  const base = frame({ colour, type }, { low, high, step, figure: (value) => shortMoney(data, value) });
  const skip = every(data.days.length, width - 72, 64);
  const today = data.days.indexOf(data.today);
  const looks = [
    { color: colour("brand"), width: 2 },
    { color: colour("ink-3"), width: 1.25, type: [4, 3] },
  ];
  return {
    option: {
      ...base,
      grid: { ...base.grid, top: 12 },
      xAxis: {
        ...base.xAxis,
        type: "category",
        boundaryGap: false,
        data: data.days,
        axisLabel: { ...base.xAxis.axisLabel, interval: (index) => index % skip === 0, formatter: (day) => shortDay(dayOf(day)) },
      },
      series: heads.map((name, index) => ({
        name,
        type: "line",
        silent: true,
        symbol: "circle",
        // The line ends in a dot where the month has come to.
        symbolSize: (_, { dataIndex }) => (index === 0 && dataIndex === today ? 7 : 0),
        showAllSymbol: true,
        itemStyle: { color: looks[index].color, borderColor: colour("panel"), borderWidth: 1.5, opacity: 1 },
        lineStyle: { ...looks[index], opacity: lit === null || lit === index ? 1 : 0.25 },
        z: 3 - index,
        data: numbers[index],
      })),
    },
    places: data.days.map((_, day) => day),
    walk: data.days.map((_, day) => day),
    latest: today,
    tell(day) {
      const { name: head, cells } = rows[day];
      const told = heads.map((name, index) => ({ mark: index ? "fill-quiet" : "fill-brand", name, ...cells[index] }));
      return {
        head,
        rows: told.filter(({ value }) => value !== null).map(({ text, ...row }) => ({ ...row, amount: text })),
        notes: day > today ? [cells[0].text] : [],
      };
    },
  };
}
