// Judges pages with Lighthouse in a Chromium that listens on `port`.
//   echo '{"port": 9222, "headers": {"Cookie": "..."}, "urls": ["http://..."]}' | node judge.mjs
// One JSON object per line: {url, form, scores: {performance, ...}, short: ["what costs points", ...]}
import { text } from "node:stream/consumers";
import lighthouse, { desktopConfig } from "lighthouse";

const CATEGORIES = ["performance", "accessibility", "best-practices"];
const { port, headers, urls } = JSON.parse(await text(process.stdin));

for (const url of urls) {
  for (const [form, config] of [["mobile", undefined], ["desktop", desktopConfig]]) {
    const flags = { port, output: "json", logLevel: "error", onlyCategories: CATEGORIES, extraHeaders: headers };
    const { lhr } = await lighthouse(url, flags, config);
    if (lhr.runtimeError) throw new Error(`${url}: ${lhr.runtimeError.message}`);
    if (lhr.finalDisplayedUrl !== url) throw new Error(`${url} led to ${lhr.finalDisplayedUrl}`);
    const scores = Object.fromEntries(CATEGORIES.map((name) => [name, Math.round(lhr.categories[name].score * 100)]));
    const short = CATEGORIES.flatMap((name) =>
      lhr.categories[name].auditRefs
        .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
        .map(({ id }) => `${id}: ${lhr.audits[id].displayValue || lhr.audits[id].title}`),
    );
    console.log(JSON.stringify({ url, form, scores, short }));
  }
}
