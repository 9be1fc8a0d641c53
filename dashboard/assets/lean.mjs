// Takes out of a stylesheet what no page of ours can meet, and writes the rest as short as the browsers that we need can
// read it: all of them know light-dark(), and so everything that is older.
import { transform } from "lightningcss";

const version = (major, minor = 0) => (major << 16) | (minor << 8);
const TARGETS = { chrome: version(123), firefox: version(128), safari: version(17, 5) };

// Whoever knows light-dark() knows these as well; what is written for others goes.
const KNOWN = /^@supports ?\(color: ?color-mix\(/;
const FOR_OTHERS = /^@layer properties$/;
// Selectors of what our templates never hold: daisyUI's buttons that are inputs or stay pressed, its prose and its own theme
// switch; elements that preflight sets right. A test holds the list against the templates.
export const NEVER = [
  /\[type="?checkbox"?\],\s*\[type="?radio"?\]|:checked:not\(\.filter/,
  /^\.btn:is\(\[aria-pressed/,
  /\.prose\b|\.theme-controller\b|input\.theme-controller/,
  /^(?:hr|abbr:where\(\[title\]\)|sub,\s*sup|sub|sup|progress|small)$/,
  /optgroup/,
];

// What daisyUI's buttons draw of depth and noise, of which our theme has none: shadows that nobody sees, grain, and an edge
// darker than its button by nothing.
const UNSEEN =
  /(?<=[{;])(?:--btn-(?:shadow|inset):|text-shadow:|box-shadow:var\(--btn-|background-image:none, ?var\(--fx-noise|background-size:auto, ?calc\(var\(--noise)[^;}]*(?:;|(?=\}))/g;
// And what its selectors leave out, which none of our buttons is.
const OTHER_BUTTONS = /:not\((?:\.btn-active,\s*\[aria-pressed(?:[^()]|\([^()]*\))*|\.btn-link,\s*\.btn-ghost)\)|\.btn-disabled,\s*|(?<=:disabled,\s*)\[disabled\],\s*/g;
const NO_DARKER = /color-mix\(in oklab, ?((?:[^(),]|\((?:[^()]|\([^()]*\))*\))+), ?#000 calc\(var\(--depth\) ?\* ?5%\)\)/g;

export function lean(css) {
  const short = (text) => transform({ filename: "app.css", code: Buffer.from(text), minify: true, targets: TARGETS }).code.toString();
  let [before, text] = ["", pruned(short(css)).replace(UNSEEN, "").replace(OTHER_BUTTONS, "").replace(NO_DARKER, "$1")];
  text = withoutUnset(text);
  while (before !== text) [before, text] = [text, withoutUnread(text)];
  return short(text);
}

// Properties that a framework declares, and nobody reads. Our own tokens stay: scripts read them too.
function withoutUnread(css) {
  const read = new Set([...css.matchAll(/var\((--[\w-]+)/g)].map((match) => match[1]));
  const unread = (name) => /^--(?:tw|btn|color|radius|size)-/.test(name) && !read.has(name);
  return css
    .replace(/@property (--[\w-]+)\{[^}]*\}/g, (all, name) => (unread(name) ? "" : all))
    .replace(/(?<=[{;])(--[\w-]+):(?:[^;{}"']|"[^"]*"|'[^']*')*(;|(?=\}))/g, (all, name) => (unread(name) ? "" : all));
}

// A property that nobody sets is what stands in its place; one that the root sets needs nothing in its place.
function withoutUnset(css) {
  const names = (text) => [...text.matchAll(/(?<=[{;]\s*)(--[\w-]+)\s*:/g)].map((match) => match[1]);
  const set = new Set([...names(css), ...[...css.matchAll(/@property (--[\w-]+)/g)].map((match) => match[1])]);
  const always = new Set([...css.matchAll(/:(?:root|where\(:root\))(?:,[^{}]*)?(\{[^{}]*)/g)].flatMap((match) => names(match[1])));
  return css.replace(/var\((--[\w-]+), ?((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g, (all, name, instead) =>
    always.has(name) ? `var(${name})` : set.has(name) ? all : instead);
}

function pruned(css) {
  let out = "";
  for (const { head, body } of blocks(css)) {
    if (body === null) out += head;
    else if (KNOWN.test(head)) out += pruned(body);
    else if (FOR_OTHERS.test(head)) continue;
    else if (/^@(?:layer|media|supports|container)\b/.test(head)) out += `${head}{${pruned(body)}}`;
    else if (head.startsWith("@")) out += `${head}{${body}}`;
    else {
      const met = selectors(head).filter((one) => !NEVER.some((never) => never.test(one)));
      if (met.length) out += `${met.join(",")}{${body}}`;
    }
  }
  return out;
}

// The statements and blocks of one level; a block's body is what stands between its braces.
export function* blocks(css) {
  let begin = 0;
  for (let at = 0; at < css.length; at++) {
    at = past(css, at);
    if (css[at] === ";") {
      yield { head: css.slice(begin, at + 1), body: null };
      begin = at + 1;
    } else if (css[at] === "{") {
      const head = css.slice(begin, at).trim();
      const from = at + 1;
      for (let depth = 1; depth; ) {
        at = past(css, at + 1);
        depth += css[at] === "{" ? 1 : css[at] === "}" ? -1 : 0;
      }
      yield { head, body: css.slice(from, at) };
      begin = at + 1;
    }
  }
}

// The next place at or after `at` that is not inside a string, a comment or brackets, nor escaped.
function past(css, at) {
  for (let depth = 0; at < css.length; at++) {
    if (css[at] === "\\") at++;
    else if (css[at] === '"' || css[at] === "'") {
      const quote = css[at];
      for (at++; css[at] !== quote; at++) if (css[at] === "\\") at++;
    } else if (css.startsWith("/*", at)) at = css.indexOf("*/", at) + 1;
    else if (css[at] === "(" || css[at] === "[") depth++;
    else if (css[at] === ")" || css[at] === "]") depth--;
    else if (!depth && ";{}".includes(css[at])) return at;
  }
  return at;
}

export function selectors(head) {
  const found = [""];
  for (let at = 0, depth = 0; at < head.length; at++) {
    const escaped = head[at] === "\\";
    if ("([".includes(head[at])) depth++;
    else if (")]".includes(head[at])) depth--;
    if (head[at] === "," && !depth) found.push("");
    else found[found.length - 1] += escaped ? head[at] + head[++at] : head[at];
  }
  return found;
}
