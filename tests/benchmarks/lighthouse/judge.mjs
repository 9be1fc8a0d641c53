// Judges pages with Lighthouse in a Chromium that listens on `port`, as whoever is signed in there.
//   echo '{"port": 9222, "urls": ["http://..."]}' | node judge.mjs
// One JSON object per line: {url, form, scores: {performance, ...}, short: ["what costs points", ...]}
import { text } from "node:stream/consumers";
import lighthouse, { desktopConfig } from "lighthouse";

const CATEGORIES = ["performance", "accessibility", "best-practices"];
const { port, urls } = JSON.parse(await text(process.stdin));

// Others on the same machine can only make a page slower: the best of a few runs is nearest to the page itself.
const RUNS = 3;

async function judged(url, config) {
  const flags = { port, output: "json", logLevel: "error", onlyCategories: CATEGORIES };
  const { lhr } = await lighthouse(url, flags, config);
  if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  if (lhr.finalDisplayedUrl !== url) throw new Error(`${url} led to ${lhr.finalDisplayedUrl}`);
  return lhr;
}

for (const url of urls) {
  for (const [form, config] of [["mobile", undefined], ["desktop", desktopConfig]]) {
    let best;
    for (let run = 0; run < RUNS; run += 1) {
      const lhr = await judged(url, config);
      if (!best || lhr.categories.performance.score > best.categories.performance.score) best = lhr;
    }
    const scores = Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(best.categories[name].score * 100)]));
    const short = CATEGORIES.flatMap((name) =>
      best.categories[name].auditRefs
        .filter(({ id, weight }) => weight > 0 && best.audits[id].score !== null && best.audits[id].score < 0.9)
        .map(({ id }) => `${id}: ${best.audits[id].displayValue || best.audits[id].title}`),
    );
    console.log(JSON.stringify({ url, form, scores, short }));
  }
}
