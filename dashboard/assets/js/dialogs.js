// Native dialogs and menus. The browser returns the focus to what opened a dialog; menus are <details> and close when
// somebody goes elsewhere.
import { $, $$, on, onClick } from "./dom.js";

onClick("[data-open]", (button) => {
  const dialog = document.getElementById(button.dataset.open);
  if (dialog && !dialog.open) dialog.showModal();
});
onClick("[data-close]", (button) => button.closest("dialog")?.close());
// A click beside the dialog is one on the dialog itself: everything in it stands in an element of its own.
onClick("dialog", (dialog, event) => {
  if (event.target === dialog) dialog.close();
});

const menus = () => $$("details[data-menu][open]");
function close(menu, focus) {
  menu.open = false;
  if (focus) menu.firstElementChild.focus();
}
on("click", (event) => menus().forEach((menu) => menu.contains(event.target) || close(menu)));
on("focusin", (event) => menus().forEach((menu) => menu.contains(event.target) || close(menu)));
// One that would end beyond the edge of the window opens to the other side.
on("toggle", ({ target }) => {
  const panel = target.matches("details[data-menu][open]") && $(".pop-panel", target);
  if (!panel) return;
  panel.classList.remove("pop-turned");
  panel.classList.toggle("pop-turned", panel.getBoundingClientRect().right > document.documentElement.clientWidth);
}, true);
on("keydown", (event) => {
  const open = menus();
  if (event.key === "Escape" && open.length) {
    // The dialog that a menu stands in stays open.
    event.preventDefault();
    open.forEach((menu) => close(menu, menu.contains(document.activeElement)));
  }
});
