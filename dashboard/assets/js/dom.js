// The three words that every module speaks.
export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
export const on = (name, handler, options) => document.addEventListener(name, handler, options);

// Clicks by what was clicked: onClick("[data-open]", (element, event) => ...).
const clicks = [];
export const onClick = (selector, handler) => clicks.push([selector, handler]);
on("click", (event) => {
  for (const [selector, handler] of clicks) {
    const element = event.target.closest?.(selector);
    if (element) handler(element, event);
  }
});
