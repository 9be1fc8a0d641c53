// Copying the words of the element that a button names. Without a clipboard (plain http, an old browser) they are
// marked instead, to be copied by hand.
import { onClick } from "./dom.js";
import { toast } from "./toasts.js";

onClick("[data-copy]", async (button) => {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    toast(button.dataset.copied);
  } catch {
    getSelection()?.selectAllChildren(source);
  }
});
