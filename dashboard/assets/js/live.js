// What htmx does on our pages: polls rest while nobody looks, failures are said, what somebody opened stays open.
import { $$, on } from "./dom.js";
import { dropToast, liveToasts, toast } from "./toasts.js";

const isPoll = (ctx) => ctx?.sourceEvent?.type === "every";
let missed = 0;

on("htmx:before:request", (event) => {
  // A page nobody looks at asks nothing.
  if (document.hidden && isPoll(event.detail.ctx)) event.preventDefault();
});
on("visibilitychange", () => {
  if (!document.hidden) $$("[hx-trigger*='every']").forEach((element) => window.htmx?.trigger(element, "every"));
});

on("htmx:before:response", (event) => {
  const { ctx } = event.detail;
  const { raw } = ctx.response;
  if (!raw.redirected) return;
  // A redirect answers a form, or the session has ended: the browser goes there, nothing is swapped. Whoever signs in
  // again comes back to this page, not to the piece of it that was asked for.
  event.preventDefault();
  const there = new URL(raw.url);
  if (ctx.request.method === "GET" && there.searchParams.has("next")) {
    there.searchParams.set("next", location.pathname + location.search);
  }
  location.assign(there);
});

// A failure swaps nothing (noSwap in the head): the last good figures stay. It is said where it happened when there is a
// place for it (data-failure), else in a toast; polls are forgiven once.
const placesNear = (ctx) => {
  const around = ctx?.sourceElement?.closest?.("dialog, section, .panel");
  return around ? $$("[data-failure]", around) : [];
};
function failed(ctx, words) {
  if (isPoll(ctx)) {
    missed += 1;
    if (missed > 1) toast(document.body.dataset.offline, { level: "warning", stays: "offline" });
    return;
  }
  const [here] = placesNear(ctx);
  if (here) here.hidden = false;
  else toast(words, { level: "error" });
}
on("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  // 422 is a form with its errors.
  if (ctx.response.status !== 422) failed(ctx, document.body.dataset.failed);
});
on("htmx:error", (event) => {
  if (event.detail.ctx) failed(event.detail.ctx, document.body.dataset.offline);
});
on("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  liveToasts();
  if (!(ctx?.response?.status < 400)) return;
  for (const place of placesNear(ctx)) place.hidden = true;
  if (isPoll(ctx)) {
    missed = 0;
    dropToast("offline");
  }
});

// The server does not know what is open on this screen.
const OURS = { open: "details, dialog", hidden: "[data-failure]" };
window.htmx?.registerExtension("purser", {
  htmx_before_morph_attr: (element, { attrName }) => !(OURS[attrName] && element.matches(OURS[attrName])),
});

// A link that changes the view of a page in place: the address says so too, and Back still leads to the page before. The
// link itself may lead elsewhere by then.
on("htmx:after:swap", (event) => {
  const link = event.detail.ctx?.sourceElement;
  if (!link?.matches?.("a[data-address]")) return;
  const { pathname, search } = new URL(event.detail.ctx.response.raw.url);
  history.replaceState(history.state, "", pathname + search);
});
