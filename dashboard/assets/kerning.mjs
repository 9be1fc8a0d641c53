// By how much pairs of letters are moved, as one short list: GPOS tells it for classes of letters and for every weight.
// What could not be seen is left out; between the weights that we use the rest hardly differs.
import { assembled, covered, numbers, offsets, tablesOf } from "./sfnt.mjs";

const FORMATS = { 0: [], 4: [0], 0x44: [0] }; // where the advance stands in a value: it is the first of its words, or missing

// `least` is the smallest movement that is kept, as a share of the letters' size.
export function plainlyKerned(font, least) {
  const tables = tablesOf(font);
  const few = least * tables.get("head").readUInt16BE(18);
  const pairs = [...movements(tables.get("GPOS"), tables.get("maxp").readUInt16BE(4))].filter(([, by]) => Math.abs(by) >= few);
  tables.delete("GPOS");
  tables.delete("GDEF");
  return assembled(font, tables.set("kern", kernTable(pairs)));
}

// left << 16 | right -> by how much, over all lookups: the font was cut to kerning before.
function movements(gpos, glyphs) {
  const sums = new Map();
  const list = gpos.readUInt16BE(8);
  for (const lookup of offsets(gpos, list, list)) {
    const extended = gpos.readUInt16BE(lookup) === 9;
    if (!extended && gpos.readUInt16BE(lookup) !== 2) throw new Error("A lookup that moves no pairs");
    const found = new Map(); // the first part that knows a pair decides
    for (const part of offsets(gpos, lookup + 4, lookup)) {
      const at = extended ? part + gpos.readUInt32BE(part + 4) : part;
      for (const [pair, by] of pairsOf(gpos, at, glyphs)) if (!found.has(pair)) found.set(pair, by);
    }
    for (const [pair, by] of found) sums.set(pair, (sums.get(pair) ?? 0) + by);
  }
  return sums;
}

function* pairsOf(gpos, at, glyphs) {
  const [format, coverage, first, second] = numbers(gpos, at, 4);
  if (!(first in FORMATS) || second) throw new Error("Pairs that move by more than an advance");
  const words = first === 0x44 ? 2 : first ? 1 : 0;
  const by = (place) => (words ? gpos.readInt16BE(place) : 0);
  const left = covered(gpos, at + coverage);
  if (format === 1) {
    const sets = offsets(gpos, at + 8, at);
    for (const [index, set] of sets.entries())
      for (let place = set + 2, count = gpos.readUInt16BE(set); count--; place += 2 + 2 * words)
        yield [left[index] * 65536 + gpos.readUInt16BE(place), by(place + 2)];
    return;
  }
  const [lefts, rights, , columns] = numbers(gpos, at + 8, 4);
  const [classOf, column] = [classes(gpos, at + lefts), classes(gpos, at + rights)];
  for (const one of left)
    for (let other = 0; other < glyphs; other++)
      yield [one * 65536 + other, by(at + 16 + 2 * words * (classOf(one) * columns + column(other)))];
}

function classes(table, at) {
  const [format, start, count] = numbers(table, at, 3);
  const found = new Map();
  if (format === 1) numbers(table, at + 6, count).forEach((one, index) => found.set(start + index, one));
  else
    for (let range = 0; range < start; range++) {
      const [from, to, one] = numbers(table, at + 4 + 6 * range, 3);
      for (let glyph = from; glyph <= to; glyph++) found.set(glyph, one);
    }
  return (glyph) => found.get(glyph) ?? 0;
}

function kernTable(pairs) {
  const table = Buffer.alloc(18 + 6 * pairs.length);
  const power = Math.floor(Math.log2(pairs.length));
  [0, 1, 0, table.length - 4, 1, pairs.length, 6 * 2 ** power, power, 6 * (pairs.length - 2 ** power)].forEach((value, index) =>
    table.writeUInt16BE(value, 2 * index),
  );
  pairs.sort(([one], [other]) => one - other).forEach(([pair, by], index) => {
    table.writeUInt32BE(pair, 18 + 6 * index);
    table.writeInt16BE(by, 22 + 6 * index);
  });
  return table;
}
