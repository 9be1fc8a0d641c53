// Parts the stylesheet that is made of what templates say: utilities that no page of the first view has go to the sheet which
// other pages read after it.
import { blocks, selectors } from "./lean.mjs";

// `first` is what pages of the first view are made of, `others` all other templates. What goes comes to stand behind all that
// stays, and would win: it goes only where nothing that stays, followed it and sets the same stands beside it on any element.
export function parted(css, first, others) {
  const rules = [...utilities(css)];
  const held = new Set(words(first));
  const going = new Set(rules.flatMap(({ names }) => names).filter((name) => !held.has(name)));
  const stay = (names) => names.forEach((name) => going.delete(name));
  const stays = ({ names }) => names.some((name) => !going.has(name));
  // What is handed on stands beside classes that are not seen from here, and so does what stands beside such a one.
  stay(words(others.replace(CLASSES, "")));
  const elements = [...others.matchAll(CLASSES)].map(([, classes]) => classes.replace(TAG_NAMES, ""));
  elements.filter((classes) => classes.includes("{{")).forEach((classes) => stay(words(classes)));
  const companies = elements.map((classes) => new Set(words(classes))).map((company) => rules.filter(({ names }) => names.some((name) => company.has(name))));
  for (let before = -1; before !== going.size; ) {
    before = going.size;
    rules.filter(stays).forEach(({ names }) => stay(names));
    for (const company of companies) {
      company.forEach((one, index) => {
        const sets = new Set(one.properties);
        if (company.slice(index + 1).some((later) => stays(later) && later.properties.some((property) => sets.has(property)))) stay(one.names);
      });
    }
  }
  return divided(css, (names) => names.length > 0 && names.every((name) => going.has(name)));
}

const CLASSES = /\bclass="((?:\{[%{].*?[%}]\}|[^"])*)"/gs;
const TAG_NAMES = /\{% *\w+/g;
const words = (text) => text.split(/[\s"'`{}=|<]+/);

const IN_GROUP = /^@(?:media|supports|container|layer (?!daisyui))/;
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
