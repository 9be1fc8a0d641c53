// A variable font on a coarser grid: what is drawn moves by less than a screen shows, and its numbers are short. Reads and
// writes plain OpenType of the kind that subsetting leaves: without hints, one axis, every point told of each weight.
import { assembled, tablesOf } from "./sfnt.mjs";

export function coarse(font, units) {
  const tables = tablesOf(font);
  const scale = units / tables.get("head").readUInt16BE(18);
  const round = (length) => Math.round(length * scale);
  const glyphs = glyphsOf(tables);
  const outlines = glyphs.map((glyph) => (glyph.box ? compound(glyph, round, scale) : simple(glyph, round)));
  tables.set("glyf", Buffer.concat(outlines));
  tables.set("loca", beginnings(outlines));
  tables.set("hmtx", measures(glyphs, outlines, round));
  tables.set("gvar", weights(tables.get("gvar"), glyphs, round));
  for (const [name, first, count] of LENGTHS) {
    const table = tables.get(name);
    for (let at = first; at < first + 2 * count; at += 2) table.writeInt16BE(round(table.readInt16BE(at)), at);
  }
  tables.get("head").writeUInt16BE(units, 18);
  tables.get("head").writeInt16BE(1, 50); // where glyphs begin stands there in long numbers
  return assembled(font, tables);
}

// Lengths elsewhere: the table, where they begin, how many stand there.
const LENGTHS = [
  ["head", 36, 4], // the box around every glyph
  ["hhea", 4, 3], // ascender, descender, gap between lines
  ["hhea", 10, 4], // the greatest width, the least bearings, the furthest reach
  ["OS/2", 2, 1], // the mean width
  ["OS/2", 10, 10], // subscript, superscript, the line through
  ["OS/2", 68, 5], // ascender, descender, gap, and what is never cut off
  ["OS/2", 86, 2], // the heights of x and H
  ["post", 8, 2], // the line under
];

// --- What is drawn --------------------------------------------------------------------------------------------------
const [LONG_OFFSETS, ARE_OFFSETS, ONE_SCALE, MORE, TWO_SCALES, FOUR_SCALES] = [0x01, 0x02, 0x08, 0x20, 0x40, 0x80]; // a part's
const [SHORT_X, SHORT_Y, REPEATED, SAME_X, SAME_Y] = [0x02, 0x04, 0x08, 0x10, 0x20]; // a point's
const KEPT = 0x41; // of a point's: that it lies on the curve, that contours overlap

function glyphsOf(tables) {
  const [glyf, loca, hmtx] = ["glyf", "loca", "hmtx"].map((name) => tables.get(name));
  const long = tables.get("head").readInt16BE(50);
  const count = tables.get("maxp").readUInt16BE(4);
  if (tables.get("hhea").readUInt16BE(34) !== count) throw new Error("A font in which glyphs share a width");
  const begin = (index) => (long ? loca.readUInt32BE(4 * index) : 2 * loca.readUInt16BE(2 * index));
  return Array.from({ length: count }, (_, index) => {
    const drawn = glyf.subarray(begin(index), begin(index + 1));
    const outline = !drawn.length ? { ends: [], points: [] } : drawn.readInt16BE(0) < 0 ? partsOf(drawn) : contoursOf(drawn);
    return { width: hmtx.readUInt16BE(4 * index), ...outline };
  });
}

// A glyph made of others: its points are where these stand, and weights move them like points.
function partsOf(drawn) {
  const points = [];
  for (let at = 10, flags = MORE; flags & MORE; ) {
    flags = drawn.readUInt16BE(at);
    if (!(flags & ARE_OFFSETS)) throw new Error("A part that hangs on a point");
    const [x, y] = flags & LONG_OFFSETS ? [drawn.readInt16BE(at + 4), drawn.readInt16BE(at + 6)] : [drawn.readInt8(at + 4), drawn.readInt8(at + 5)];
    const form = at + (flags & LONG_OFFSETS ? 8 : 6);
    const next = form + (flags & ONE_SCALE ? 2 : flags & TWO_SCALES ? 4 : flags & FOUR_SCALES ? 8 : 0);
    points.push({ x, y, flags, glyph: drawn.readUInt16BE(at + 2), form: drawn.subarray(form, next) });
    at = next;
  }
  return { points, box: [2, 4, 6, 8].map((at) => drawn.readInt16BE(at)) };
}

function contoursOf(drawn) {
  const ends = Array.from({ length: drawn.readInt16BE(0) }, (_, index) => drawn.readUInt16BE(10 + 2 * index));
  let at = 10 + 2 * ends.length;
  at += 2 + drawn.readUInt16BE(at); // instructions
  const flags = [];
  while (flags.length <= ends.at(-1)) {
    const flag = drawn[at++];
    const times = flag & REPEATED ? drawn[at++] + 1 : 1;
    flags.push(...Array(times).fill(flag));
  }
  const along = (short, same) => {
    let place = 0;
    return flags.map((flag) => {
      if (flag & short) place += flag & same ? drawn[at++] : -drawn[at++];
      else if (!(flag & same)) {
        place += drawn.readInt16BE(at);
        at += 2;
      }
      return place;
    });
  };
  const [xs, ys] = [along(SHORT_X, SAME_X), along(SHORT_Y, SAME_Y)];
  return { ends, points: flags.map((flag, index) => ({ x: xs[index], y: ys[index], flags: flag & KEPT })) };
}

function compound({ points, box }, round, scale) {
  const parts = points.map(({ x, y, flags, glyph, form }) => Buffer.concat([words(flags | LONG_OFFSETS, glyph, round(x), round(y)), form]));
  const around = box.map((edge, index) => (index < 2 ? Math.floor : Math.ceil)(edge * scale));
  return whole(Buffer.concat([words(-1, ...around), ...parts]));
}

// Each step in full: the compressed form of a font has a shorter one of its own.
function simple({ ends, points }, round) {
  if (!points.length) return Buffer.alloc(0);
  const [xs, ys] = ["x", "y"].map((axis) => points.map((point) => round(point[axis])));
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const steps = [xs, ys].flatMap((places) => places.map((place, index) => place - (places[index - 1] ?? 0)));
  const flags = Buffer.from(points.map((point) => point.flags));
  return whole(Buffer.concat([words(ends.length, ...box, ...ends, 0), flags, words(...steps)]));
}

const beginnings = (outlines) => {
  let at = 0;
  return Buffer.concat([long(0), ...outlines.map(({ length }) => long((at += length)))]);
};

// A glyph's width, and where it begins: its own left edge.
const measures = (glyphs, outlines, round) =>
  Buffer.concat(glyphs.map(({ width }, index) => words(round(width), outlines[index].length ? outlines[index].readInt16BE(2) : 0)));

// --- What weights move ----------------------------------------------------------------------------------------------
const EVERY_POINT = 0; // in place of how many
const [NONE, WIDE, MOST] = [0x80, 0x40, 64]; // of a run of steps: that all are nothing, that each is a word; its length

function weights(gvar, glyphs, round) {
  const [shared, from, wide] = [gvar.readUInt32BE(8), gvar.readUInt32BE(16), gvar.readUInt16BE(14) & 1];
  const begin = (index) => from + (wide ? gvar.readUInt32BE(20 + 4 * index) : 2 * gvar.readUInt16BE(20 + 2 * index));
  const moved = glyphs.map((glyph, index) => moves(gvar.subarray(begin(index), begin(index + 1)), glyph, round));
  const regions = gvar.subarray(shared, shared + 2 * gvar.readUInt16BE(4) * gvar.readUInt16BE(6));
  const head = Buffer.concat([gvar.subarray(0, 20), beginnings(moved)]);
  head.writeUInt32BE(head.length, 8);
  head.writeUInt16BE(1, 14); // long numbers here as well
  head.writeUInt32BE(head.length + regions.length, 16);
  return Buffer.concat([head, regions, ...moved]);
}

// One region, from the lightest weight to the heaviest: the steps of every point along x, then those along y. Four points
// beyond the outline stand for the glyph's measures.
function moves(told, { width, points }, round) {
  if (!told.length) return told;
  const from = told.readUInt16BE(2);
  if (told.readUInt16BE(0) !== 1 || told[from] !== EVERY_POINT) throw new Error("Weights that move only some points");
  const nought = { x: 0, y: 0 };
  const places = [...points, nought, { x: width, y: 0 }, nought, nought];
  const steps = stepsOf(told.subarray(from + 1), 2 * places.length);
  const coarser = (axis, first) => places.map((place, index) => round(place[axis] + steps[first + index]) - round(place[axis]));
  const runs = [EVERY_POINT, ...runsOf(coarser("x", 0)), ...runsOf(coarser("y", places.length))];
  const head = Buffer.from(told.subarray(0, from));
  head.writeUInt16BE(runs.length, 4);
  return Buffer.concat([head, Buffer.from(runs)]);
}

function stepsOf(runs, count) {
  const steps = [];
  for (let at = 0; steps.length < count; ) {
    const run = runs[at++];
    for (let left = (run % MOST) + 1; left; left--) {
      steps.push(run & NONE ? 0 : run & WIDE ? runs.readInt16BE(at) : runs.readInt8(at));
      at += run & NONE ? 0 : run & WIDE ? 2 : 1;
    }
  }
  return steps;
}

function runsOf(steps) {
  const kindOf = (step) => (step === 0 ? NONE : step === (step << 24) >> 24 ? 0 : WIDE);
  const runs = [];
  for (let at = 0, end; at < steps.length; at = end) {
    const kind = kindOf(steps[at]);
    for (end = at + 1; end < steps.length && end - at < MOST && kindOf(steps[end]) === kind; ) end++;
    runs.push(kind | (end - at - 1));
    if (kind !== NONE) runs.push(...steps.slice(at, end).flatMap((step) => (kind === WIDE ? [step >> 8, step] : [step]).map((byte) => byte & 0xff)));
  }
  return runs;
}

// --- Numbers --------------------------------------------------------------------------------------------------------
function words(...numbers) {
  const table = Buffer.alloc(2 * numbers.length);
  numbers.forEach((number, index) => table.writeUInt16BE(number & 0xffff, 2 * index));
  return table;
}

function long(number) {
  const table = Buffer.alloc(4);
  table.writeUInt32BE(number);
  return table;
}

// To its length in whole words of four bytes.
const whole = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
