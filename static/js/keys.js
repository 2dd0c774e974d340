// Keys: they do nothing while something is being typed, or with Ctrl, Alt or Meta.

import * as theme from "./theme-choice.js";

const dialog = document.getElementById("keys-dialog");
const button = document.getElementById("keys");
const search = document.getElementById("search");

const ACTIONS = {
  "/": () => search?.focus(),
  "?": () => dialog?.showModal(),
  t: () => theme.next(),
  p: () => document.getElementById("pause")?.click(),
  ArrowLeft: () => document.querySelector("a[rel~=prev]")?.click(),
  ArrowRight: () => document.querySelector("a[rel~=next]")?.click(),
};

// Left and right belong to whoever has the focus: text, a list of options, what scrolls sideways.
function isTaken(target, key) {
  if (target.closest("input, textarea, select, [contenteditable], [role=listbox], [role=tab]")) {
    return true;
  }
  const scroller = target.closest("[tabindex='0']");
  return key.startsWith("Arrow") && scroller !== null && scroller.scrollWidth > scroller.clientWidth;
}

function press(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || dialog?.open) return;
  const action = ACTIONS[key.length === 1 ? key.toLowerCase() : key];
  if (!action || isTaken(target, key)) return;
  event.preventDefault();
  action();
}

export function begin() {
  document.addEventListener("keydown", press);
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
  }
  search?.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value === "") search.blur();
  });
}
