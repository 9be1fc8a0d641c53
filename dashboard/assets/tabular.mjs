// A font whose figures are tabular from the start: letters lead straight to the glyphs that the feature would put in their
// place, so that the others need not travel. Reads and writes plain OpenType.
import { assembled, covered, numbers, offsets, span, tablesOf } from "./sfnt.mjs";

const HYPHEN = "-".codePointAt(0);  // parts words, not figures: "pay-as-you-go"

export function tabular(font) {
  const tables = tablesOf(font);
  const instead = substitutes(tables.get("GSUB"));
  const letters = [...letterGlyphs(tables.get("cmap"))]
    .map(([letter, glyph]) => [letter, letter === HYPHEN ? glyph : (instead.get(glyph) ?? glyph)]);
  return assembled(font, tables.set("cmap", letterTable(letters)));
}

// glyph -> glyph, from every single substitution: the font was cut to the one feature before.
function substitutes(gsub) {
  const found = new Map();
  const list = gsub.readUInt16BE(8);
  for (const lookup of offsets(gsub, list, list)) {
    if (gsub.readUInt16BE(lookup) !== 1) continue;
    for (const one of offsets(gsub, lookup + 4, lookup)) {
      covered(gsub, one + gsub.readUInt16BE(one + 2)).forEach((glyph, index) => {
        const byShift = gsub.readUInt16BE(one) === 1;
        found.set(glyph, byShift ? (glyph + gsub.readInt16BE(one + 4)) & 0xffff : gsub.readUInt16BE(one + 6 + 2 * index));
      });
    }
  }
  return found;
}

function letterGlyphs(cmap) {
  const found = new Map();
  for (let record = 4; record < 4 + 8 * cmap.readUInt16BE(2); record += 8) {
    const at = cmap.readUInt32BE(record + 4);
    if (cmap.readUInt16BE(at) !== 4) continue;
    const count = cmap.readUInt16BE(at + 6) / 2;
    const [ends, starts, shifts, ranges] = [0, 1, 2, 3].map((part) => at + 14 + 2 * count * part + (part ? 2 : 0));
    for (let index = 0; index < count; index++) {
      const [end, start, shift, range] = [ends, starts, shifts, ranges].map((part) => cmap.readUInt16BE(part + 2 * index));
      if (start === 0xffff) continue;
      for (const letter of span(start, end)) {
        const glyph = range ? cmap.readUInt16BE(ranges + 2 * index + range + 2 * (letter - start)) : letter;
        if (!range || glyph) found.set(letter, (glyph + shift) & 0xffff);
      }
    }
  }
  if (!found.size) throw new Error("A font without letters of the kind that is read here");
  return found;
}

// One group of each letter: whoever cuts the font next writes it shorter.
function letterTable(letters) {
  const table = Buffer.alloc(28 + 12 * letters.length);
  table.writeUInt16BE(1, 2);
  table.writeUInt16BE(3, 4);
  table.writeUInt16BE(10, 6);
  table.writeUInt32BE(12, 8);
  table.writeUInt16BE(12, 12);
  table.writeUInt32BE(table.length - 12, 16);
  table.writeUInt32BE(letters.length, 24);
  letters.sort(([one], [other]) => one - other).forEach(([letter, glyph], index) => {
    [letter, letter, glyph].forEach((value, part) => table.writeUInt32BE(value, 28 + 12 * index + 4 * part));
  });
  return table;
}
