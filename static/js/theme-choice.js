// The button that chooses the theme: the system's, light, dark. theme.js applies it before the
// page is painted.

import { say } from "./words.js";

const THEMES = ["auto", "light", "dark"];
const button = document.getElementById("theme");
const root = document.documentElement;

function current() {
  return root.dataset.theme ?? "auto";
}

function label() {
  const text = say(`theme-${current()}`);
  button.setAttribute("aria-label", text);
  button.title = text;
}

// The browser's own bar, where it has a colour, goes along.
function colourBar() {
  for (const colour of document.querySelectorAll("meta[name=theme-color]")) {
    const { theme } = colour.dataset;
    if (current() === "auto") colour.media = `(prefers-color-scheme: ${theme})`;
    else colour.media = current() === theme ? "all" : "not all";
  }
}

function apply(theme) {
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  label();
  colourBar();
  // Canvases are painted by scripts: they must know.
  dispatchEvent(new CustomEvent("themechange"));
}

export function next() {
  const theme = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length];
  apply(theme);
  try {
    if (theme === "auto") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage may be off limits; the choice lasts as long as the page.
  }
}

export function begin() {
  colourBar();
  if (!button) return;
  label();
  button.hidden = false;
  button.addEventListener("click", next);
  addEventListener("storage", ({ key, newValue }) => {
    if (key === "theme") apply(newValue ?? "auto");
  });
}
