// Makes inter-core.woff2 again, after a new release of Inter or a new letter in its unicode-range (css/app.css).
// The tool that cuts fonts is needed then alone, so that no build carries it:
//   npm install --prefix <a folder elsewhere> subset-font@2.9.0
//   node fonts/subset.mjs <that folder>
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const subset = createRequire(join(resolve(process.argv[2]), "package.json"))("subset-font");
const css = readFileSync(join(here, "..", "css", "app.css"), "utf8");
const range = css.match(/inter-core[\s\S]*?unicode-range: ([^;]+);/)[1];
const letters = range.split(",").flatMap((part) => {
  const [from, to = from] = part.trim().slice(2).split("-").map((code) => parseInt(code, 16));
  return Array.from({ length: to - from + 1 }, (_, step) => String.fromCodePoint(from + step));
});
const whole = join(here, "..", "node_modules", "@fontsource-variable", "inter", "files", "inter-latin-wght-normal.woff2");
const cut = await subset(readFileSync(whole), letters.join(""), {
  targetFormat: "woff2",
  variationAxes: { wght: { min: 400, max: 700 } },
  // What css/theme.css switches on, and what letters need to stand well beside each other.
  keepFeatures: ["kern", "mark", "mkmk", "ccmp", "locl", "calt", "case", "tnum", "ss03"],
});
writeFileSync(join(here, "inter-core.woff2"), cut);
console.log(`inter-core.woff2: ${letters.length} letters, ${cut.length} bytes`);
