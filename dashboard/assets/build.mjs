// Builds static/ from this folder: app.css, app.js, theme.js, providers.js, reorder.js, charts.js, icons.svg,
// more.svg, logos.svg, favicon.svg, fonts/.
//   node build.mjs            once, minified
//   node build.mjs --watch    again whenever a source, a template or a Python file changes
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, watch, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { convert } from "fontverter";
import subset from "subset-font";
import { optimize } from "svgo";
import { coarse } from "./coarse.mjs";
import { lean } from "./lean.mjs";
import { parted } from "./part.mjs";
import { tabular } from "./tabular.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const out = join(root, "static");
const modules = join(here, "node_modules");

// Icons that Python chooses by name at run time; every other one is found where a template names it.
const CHOSEN_AT_RUN_TIME = [
  "activity", "boxes", "circle-check", "circle-x", "gauge", "inbox", "key-round", "list", "receipt", "triangle-alert", "wallet", "wifi-off",
];

function files(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((path) => !path.includes("node_modules"));
}

function found(paths, pattern) {
  return paths.flatMap((path) => [...readFileSync(path, "utf8").matchAll(pattern)].map((match) => match[1]));
}

// A unit is one of the 24 that an icon is drawn on; a tenth of it is finer than any screen at 16 px.
function symbol(id, source, floatPrecision = 1) {
  const { data: svg } = optimize(source, { multipass: true, floatPrecision, plugins: ["preset-default", "removeTitle"] });
  const head = svg.match(/<svg[^>]*>/)[0];
  const attribute = (name) => head.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1];
  const kept = ["viewBox", "fill", "fill-rule", "stroke", "stroke-linecap", "stroke-linejoin"]
    .map((name) => [name, attribute(name)])
    .filter(([, value]) => value)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join("");
  const body = svg.slice(svg.indexOf(head) + head.length, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").replace(/> </g, "><").trim();
  return `<symbol id="${id}"${kept}>${body}</symbol>`;
}

// A quarter of a unit is a sixth of a pixel on a logo of 16 px, and a point strays by half of it at most: logos are drawn on
// quarters, which are whole numbers and short.
const QUARTERS = 4;

function logo(source) {
  const { data: svg } = optimize(source, { multipass: true, plugins: ["preset-default", "removeTitle"] });
  const scaled = svg
    .replace(/viewBox="0 0 24 24"/, `viewBox="0 0 ${24 * QUARTERS} ${24 * QUARTERS}"`)
    .replace(/<svg([^>]*)>(.*)<\/svg>/s, `<svg$1><g transform="scale(${QUARTERS})">$2</g></svg>`);
  const { data: drawn } = optimize(scaled, { multipass: true, floatPrecision: 0, plugins: ["preset-default"] });
  if (!drawn.includes(`viewBox="0 0 ${24 * QUARTERS} `) || drawn.includes("transform")) throw new Error(`A logo that cannot be scaled: ${drawn.slice(0, 200)}`);
  return drawn;
}

function write(name, symbols) {
  writeFileSync(join(out, name), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
}

// Our templates by name, and what those that begin hold: themselves and all that they are made of.
function templates() {
  const folder = join(root, "templates");
  const texts = new Map(files(folder, ".html").map((path) => [relative(folder, path), readFileSync(path, "utf8")]));
  const named = (text) => [...text.matchAll(/"([\w/]+\.html)"/g)].map((match) => match[1]).filter((name) => texts.has(name));
  const held = (beginnings) => {
    const found = new Set(beginnings);
    for (const name of found) named(texts.get(name)).forEach((other) => found.add(other)); // which is come to as well
    return found;
  };
  const leaves = [...texts].filter(([, text]) => text.includes("{% block styles %}{% endblock %}")).map(([name]) => name);
  return { texts, named, held, leaves };
}

// What a page may hold that leaves out rest.css: it and all that it is made of, and the pieces of pages that views draw.
function firstAndOthers({ texts, named, held, leaves }) {
  const code = files(join(root, "dashboard"), ".py").map((path) => readFileSync(path, "utf8")).join("\n");
  const pieces = named(code).filter((name) => !/{% extends|<html/.test(texts.get(name)));
  const first = held([...pieces, ...leaves]);
  const scripts = files(join(here, "js"), ".js").map((path) => readFileSync(path, "utf8")).join("\n");
  const all = (inFirst) => [...texts].filter(([name]) => first.has(name) === inFirst).map(([, text]) => text).join("\n");
  return [`${all(true)}\n${code}\n${scripts}`, all(false)];
}

const NAMED = /(?:{% icon|\bicon=)\s*"([a-z0-9-]+)"/g;

function sprites({ texts, held, leaves }) {
  const iconsIn = (text) => [...text.matchAll(NAMED)].map((match) => match[1]);
  const named = [...[...texts.values()].flatMap(iconsIn), ...found(files(join(root, "dashboard"), ".py"), NAMED)];
  const icons = [...new Set([...CHOSEN_AT_RUN_TIME, ...named])].filter((name) => name !== "purser" && !/^[gip]-/.test(name)).sort();
  const missing = icons.filter((name) => !existsSync(join(modules, "lucide-static", "icons", `${name}.svg`)));
  if (missing.length) throw new Error(`No such icon in lucide: ${missing.join(", ")}`);

  // A provider's logo carries its slug; the drawing is the `icon` that the adapter declares, or the one named as the slug.
  const logoFile = (name) => join(modules, "@lobehub", "icons-static-svg", "icons", `${name}.svg`);
  const logos = files(join(root, "providers", "adapters"), ".py").flatMap((path) => {
    const [slug, icon] = [/^    slug="([a-z0-9-]+)"/gm, /^    icon="([a-z0-9-]+)"/gm].map((pattern) => found([path], pattern)[0]);
    if (icon && !existsSync(logoFile(icon))) throw new Error(`No such logo: ${icon}, named by ${path}`);
    return slug && existsSync(logoFile(icon ?? slug)) ? [[slug, logoFile(icon ?? slug)]] : [];
  });

  const glyphs = readFileSync(join(here, "icons", "glyphs.svg"), "utf8").replace(/<\/?svg[^>]*>/g, "").replace(/>\s+</g, "><").trim();
  const drawn = (names) => names.map((name) => symbol(`i-${name}`, readFileSync(join(modules, "lucide-static", "icons", `${name}.svg`), "utf8")));
  // Those of the first view, and those that other pages have beside them: the tag asks the built sprite which it is.
  const places = readFileSync(join(root, "dashboard", "core", "context.py"), "utf8");
  const said = [places, ...[...held(leaves)].map((name) => texts.get(name))];
  const early = new Set([...CHOSEN_AT_RUN_TIME, ...said.flatMap(iconsIn)]);
  const [first, more] = [icons.filter((name) => early.has(name)), icons.filter((name) => !early.has(name))];
  write("icons.svg", [...drawn(first), glyphs]);
  write("more.svg", drawn(more));
  // Apart, because many pages show no logo, or one that is drawn in place.
  write("logos.svg", logos.sort().map(([slug, path]) => symbol(`p-${slug}`, logo(readFileSync(path, "utf8")), 0)));
}

const inter = (part) => join(modules, "@fontsource-variable", "inter", "files", `inter-${part}-wght-normal.woff2`);

function copies() {
  mkdirSync(join(out, "fonts"), { recursive: true });
  for (const part of ["latin", "latin-ext"]) copyFileSync(inter(part), join(out, "fonts", `inter-${part}.woff2`));
  copyFileSync(join(here, "icons", "favicon.svg"), join(out, "favicon.svg"));
}

// A letter is drawn on this many units each way. Half a unit is what a point may move by: at 28 px, our largest, that is a
// fortieth of a pixel.
const UNITS = 512;

// The letters of English and of figures, a third of the file: what else a name holds is fetched when a page has it. Which
// letters those are is said once, in the unicode-range of css/app.css. Figures are tabular everywhere, and here from the start.
async function core() {
  const css = readFileSync(join(here, "css", "app.css"), "utf8");
  const [, range] = css.match(/inter-core[\s\S]*?unicode-range: ([^;]+);/);
  const letters = range.split(",").flatMap((part) => {
    const [from, to = from] = part.trim().slice(2).split("-").map((code) => parseInt(code, 16));
    return Array.from({ length: to - from + 1 }, (_, step) => String.fromCodePoint(from + step));
  });
  const text = letters.join("");
  const options = { variationAxes: { wght: { min: 400, max: 600 } }, keepFeatures: ["tnum"] };
  const both = await subset(readFileSync(inter("latin")), text, { ...options, targetFormat: "sfnt" });
  const cut = await subset(tabular(both), text, {
    targetFormat: "sfnt",
    noHinting: true,
    // Substitutes, of which none is left; the names of styles; widths that the outlines tell as well; and by how much
    // pairs of letters are moved, which is half a pixel in our text.
    dropTables: ["STAT", "MVAR", "HVAR", "GSUB", "GPOS", "GDEF"],
  });
  writeFileSync(join(out, "fonts", "inter-core.woff2"), await convert(coarse(cut, UNITS), "woff2"));
}

async function styles(ours) {
  const cli = join(modules, "@tailwindcss", "cli", "dist", "index.mjs");
  const app = join(out, "app.css");
  await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, "--input", join(here, "css", "app.css"), "--output", app, "--minify"], { cwd: here, stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    child.stderr.on("data", (part) => (words += part));
    child.on("close", (code) => (code ? reject(new Error(words)) : resolve()));
  });
  const [first, left] = parted(lean(readFileSync(app, "utf8")), ...firstAndOthers(ours));
  writeFileSync(app, first);
  // The stylesheet beside it is written by hand: nothing else of it is made from what templates say.
  const { outputFiles } = await bundle({ entryPoints: [join(here, "css", "rest.css")], bundle: true, write: false, logLevel: "warning" });
  writeFileSync(join(out, "rest.css"), lean(outputFiles[0].text) + left);
}

// htmx stands as it comes at the head of our own script: one file weighs less than two.
function scripts() {
  const htmx = `${readFileSync(join(modules, "htmx.org", "dist", "htmx.min.js"), "utf8").trim()};window.htmx=htmx;`;
  const options = { bundle: true, minify: true, outdir: out, target: "es2022", legalComments: "none", logLevel: "warning" };
  const script = (name) => join(here, "js", `${name}.js`);
  return Promise.all([
    bundle({ ...options, entryPoints: [script("theme")], format: "iife" }),
    bundle({ ...options, entryPoints: [script("app")], format: "esm", banner: { js: htmx } }),
    bundle({ ...options, entryPoints: ["charts", "providers", "reorder"].map(script), format: "esm" }),
  ]);
}

async function build() {
  const began = Date.now();
  mkdirSync(out, { recursive: true });
  const ours = templates();
  sprites(ours);
  copies();
  await Promise.all([styles(ours), scripts(), core()]);
  for (const name of ["app.css", "rest.css", "app.js", "theme.js", "providers.js", "reorder.js", "charts.js", "icons.svg", "more.svg", "logos.svg"]) {
    const content = readFileSync(join(out, name));
    console.log(`${name.padEnd(10)} ${(content.length / 1000).toFixed(1).padStart(7)} kB  ${(brotliCompressSync(content).length / 1000).toFixed(1).padStart(6)} kB brotli`);
  }
  console.log(`static/ built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

await build();
if (process.argv.includes("--watch")) {
  let timer;
  const again = (_, name) => {
    if (name?.includes("node_modules") || name?.includes("__pycache__")) return;
    clearTimeout(timer);
    timer = setTimeout(() => build().catch((error) => console.error(error.message)), 150);
  };
  for (const folder of [join(root, "templates"), join(root, "dashboard"), join(root, "providers", "adapters")]) {
    if (existsSync(folder)) watch(folder, { recursive: true }, again);
  }
  console.log(`watching ${relative(process.cwd(), root) || "."}`);
}
