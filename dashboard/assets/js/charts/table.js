// What bars and lines draw stands in the chart's table, as the page writes it: there it is read, and travels once.
const words = (element) => element.textContent.trim();

// `rows` with their name, what is noted beside it and their cells: the amount as text, and as a number or null.
export function tableOf(element, { symbol, unit, point }) {
  const { tHead, tBodies } = document.querySelector(`#${CSS.escape(element.id)}-table table`);
  const figure = (cell) => {
    const text = words(cell);
    // What is no amount is said in words, which stand in an element of their own.
    if (cell.firstElementChild) return { text, value: null };
    const digits = text.replace(symbol, "").replaceAll(new RegExp(`[^\\d${point}]`, "g"), "").replace(point, ".");
    return { text: symbol ? text : `${text}\u00a0${unit}`, value: text.startsWith("\u2212") ? -digits : +digits };
  };
  return {
    heads: [...tHead.rows[0].cells].slice(1).map(words),
    rows: [...tBodies[0].rows].map(({ cells: [name, ...cells] }) => ({
      name: name.firstChild.textContent.trim(),
      notes: [...name.children].map(words),
      cells: cells.map(figure),
    })),
  };
}
