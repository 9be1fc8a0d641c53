// Parts the stylesheet that is made of what templates say: utilities that no page of the first view has go to the sheet which
// other pages read after it.
import { blocks, selectors } from "./lean.mjs";

// `first` is what pages of the first view are made of, `others` all other templates. A utility that comes later wins over those
// before it: one that stands beside such a one stays where that is.
export function parted(css, first, others) {
  const rules = [...utilities(css)];
  const held = new Set(words(first));
  const rest = new Set(rules.flatMap(({ names }) => names).filter((name) => !held.has(name)));
  const stay = (names) => names.forEach((name) => rest.delete(name));
  // Nobody sees beside what a class stands that is handed on, or that is in company with one.
  stay(words(others.replace(CLASSES, "")));
  const companies = [...others.matchAll(CLASSES)].map(([, value]) => new Set(words(value.replace(TAG_NAMES, ""))));
  for (const [index, [, value]] of [...others.matchAll(CLASSES)].entries()) if (value.includes("{{")) stay([...companies[index]]);
  for (let before = -1; before !== rest.size; ) {
    before = rest.size;
    for (const { names } of rules) if (names.some((name) => !rest.has(name))) stay(names);
    for (const company of companies) {
      const beside = rules.filter(({ names }) => names.some((name) => company.has(name)));
      beside.forEach(({ names, properties }, index) => {
        const later = beside.slice(index + 1).filter((one) => one.names.some((name) => !rest.has(name)));
        if (later.some((one) => one.properties.some((property) => properties.includes(property)))) stay(names);
      });
    }
  }
  return divided(css, (names) => names.length && names.every((name) => rest.has(name)));
}

const CLASSES = /\bclass="((?:\{[%{].*?[%}]\}|[^"])*)"/gs;
const TAG_NAMES = /\{% *\w+/g;
const words = (text) => text.split(/[\s"'`{}=|<]+/);

const IN_GROUP = /^@(?:media|supports|container|layer)\b/;
const namesOf = (head) => selectors(head).map((one) => one.match(/\.((?:\\.|[\w-])+)/)?.[1].replace(/\\(.)/g, "$1") ?? "");
// What a rule sets; of a shorthand and its parts the word that they have in common.
const propertiesOf = (body) => [...body.matchAll(/(?:^|;)([a-z-]+):/g)].map(([, name]) => name.match(SHORTHANDS)?.[0] ?? ALIKE[name] ?? name);
const SHORTHANDS = /^(?:margin|padding|border|overflow|grid-column|grid-row|flex(?!-direction|-wrap))/;
const ALIKE = { "row-gap": "gap", "column-gap": "gap" };

function* utilities(css, inside = false) {
  for (const { head, body } of blocks(css)) {
    if (body !== null && IN_GROUP.test(head)) yield* utilities(body, inside || head === "@layer utilities");
    else if (inside && body !== null && !head.startsWith("@")) yield { names: namesOf(head), properties: propertiesOf(body) };
  }
}

// What stays, and what goes.
function divided(css, goes, inside = false) {
  const parts = ["", ""];
  for (const { head, body } of blocks(css)) {
    if (body === null) parts[0] += head;
    else if (IN_GROUP.test(head)) divided(body, goes, inside || head === "@layer utilities").forEach((part, index) => (parts[index] += part && `${head}{${part}}`));
    else parts[inside && !head.startsWith("@") && goes(namesOf(head)) ? 1 : 0] += `${head}{${body}}`;
  }
  return parts;
}
