// Tables of a plain OpenType font (sfnt): taken apart, read, and put back into one.

export function tablesOf(font) {
  const tables = new Map();
  for (let at = 12; at < 12 + 16 * font.readUInt16BE(4); at += 16) {
    const [offset, length] = [font.readUInt32BE(at + 8), font.readUInt32BE(at + 12)];
    tables.set(font.toString("latin1", at, at + 4), font.subarray(offset, offset + length));
  }
  return tables;
}

export function assembled(font, tables) {
  const head = Buffer.alloc(12 + 16 * tables.size);
  font.copy(head, 0, 0, 4);
  const power = Math.floor(Math.log2(tables.size));
  [tables.size, 16 * 2 ** power, power, 16 * (tables.size - 2 ** power)].forEach((value, index) => head.writeUInt16BE(value, 4 + 2 * index));
  const parts = [head];
  let offset = head.length;
  const byTag = [...tables].sort(([one], [other]) => (one < other ? -1 : 1));
  byTag.forEach(([tag, table], index) => {
    const at = 12 + 16 * index;
    const padded = Buffer.alloc(Math.ceil(table.length / 4) * 4);
    table.copy(padded);
    head.write(tag, at, "latin1");
    head.writeUInt32BE(checksum(padded), at + 4);
    head.writeUInt32BE(offset, at + 8);
    head.writeUInt32BE(table.length, at + 12);
    parts.push(padded);
    offset += padded.length;
  });
  return Buffer.concat(parts);
}

export const numbers = (table, at, count) => Array.from({ length: count }, (_, index) => table.readUInt16BE(at + 2 * index));
export const offsets = (table, at, from) => numbers(table, at + 2, table.readUInt16BE(at)).map((offset) => from + offset);
export const span = (from, to) => Array.from({ length: to - from + 1 }, (_, step) => from + step);

export function covered(table, at) {
  const count = table.readUInt16BE(at + 2);
  if (table.readUInt16BE(at) === 1) return numbers(table, at + 4, count);
  return span(0, count - 1).flatMap((index) => span(...numbers(table, at + 4 + 6 * index, 2)));
}

function checksum(table) {
  let sum = 0;
  for (let at = 0; at < table.length; at += 4) sum = (sum + table.readUInt32BE(at)) >>> 0;
  return sum;
}
