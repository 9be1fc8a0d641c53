// Figures and days in the language of the page. Amounts that stand in no table come as decimal strings and are written from
// them, digit by digit.

// Plain English writes "9 Nov", as the pages do.
const language = document.documentElement.lang.replace(/^en$/, "en-GB") || "en-GB";
const made = new Map();
function once(kind, options) {
  const name = kind.name + JSON.stringify(options);
  if (!made.has(name)) made.set(name, new kind(language, options));
  return made.get(name);
}
const unsigned = (amount) => amount.replace(/^-/, "");
const signed = (amount, words) => (amount.startsWith("-") && Number(amount) ? `\u2212${words}` : words);

// The sign stands in front; a unit without one follows.
export function money({ symbol, unit, digits }, amount) {
  const size = Math.abs(Number(amount));
  const small = size > 0 && size < 0.01;
  const whole = !symbol && digits === 0;
  const options = small
    ? { maximumSignificantDigits: 3 }
    : { minimumFractionDigits: whole && Number.isInteger(size) ? 0 : digits || (whole ? 2 : 0), maximumFractionDigits: digits || (whole ? 2 : 0) };
  const number = once(Intl.NumberFormat, { ...options, roundingMode: "halfEven" }).format(unsigned(amount));
  return signed(amount, symbol ? symbol + number : `${number}\u00a0${unit}`);
}

// For an axis: as short as it can be said, with the letters of the tables in every language ("$60k").
const letters = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
export function shortMoney({ symbol }, value) {
  const size = Math.abs(value);
  const number =
    size >= 10_000
      ? letters.format(size).replace("K", "k")
      : once(Intl.NumberFormat, { maximumFractionDigits: size < 1 ? 4 : 2 }).format(size);
  return `${value < 0 ? "\u2212" : ""}${symbol}${number}`;
}

// English months as the pages write them: British usage has one of four letters.
const days = (options, zone) => {
  const format = once(Intl.DateTimeFormat, { timeZone: zone, day: "numeric", month: "short", ...options });
  return (at) => format.formatToParts(at).map(({ type, value }) => (type === "month" && value === "Sept" ? "Sep" : value)).join("");
};

export const dayOf = (day) => new Date(`${day}T00:00:00Z`);
export const shortDay = (at, zone = "UTC") => days({}, zone)(at);
export const longDay = (at, zone = "UTC") => days({ weekday: "short" }, zone)(at);
export const moment = (at, zone) => days({ weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, zone)(at);
export const list = (words) => once(Intl.ListFormat, { type: "unit", style: "short" }).format(words);
