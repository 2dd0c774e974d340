// Parts of a page that are made anew on the server when something happened: each element with
// `data-fresh` is taken from the page as it is now. What others wrote was escaped there, and a
// parsed document runs no scripts.

import { live } from "./connection.js";

const EVERY = 1500; // milliseconds: many events in a row are one look
let timer = 0;
let isFetching = false;
let isStale = false;
let also = () => {};
let where = location.href;

async function refresh() {
  timer = 0;
  if (isFetching || document.visibilityState === "hidden") {
    isStale = true;
    return;
  }
  isFetching = true;
  isStale = false;
  try {
    const response = await fetch(where, { headers: { Accept: "text/html" } });
    if (response.ok) take(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    // The connection says so itself, and looks again when it is back.
  }
  isFetching = false;
  if (isStale) look(); // something happened meanwhile, and the answer may be from before
}

function take(fresh) {
  replace(fresh);
  also(fresh);
}

function replace(fresh) {
  for (const element of document.querySelectorAll("[data-fresh][id]")) {
    const other = fresh.getElementById(element.id);
    if (other === null || same(element, other)) continue;
    const active = document.activeElement;
    const focused = element.contains(active) ? describe(active) : "";
    for (const [at, details] of element.querySelectorAll("details").entries()) {
      other.querySelectorAll("details")[at]?.toggleAttribute("open", details.open);
    }
    const scrolled = element.querySelector(".tree")?.scrollLeft;
    element.replaceChildren(...document.adoptNode(other).childNodes);
    if (scrolled) element.querySelector(".tree").scrollLeft = scrolled;
    if (focused) element.querySelector(focused)?.focus();
  }
}

// Times tick by themselves: only the rest counts.
function same(one, other) {
  const still = (element) => {
    const copy = element.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) time.textContent = "";
    for (const details of copy.querySelectorAll("details")) details.open = false;
    return copy;
  };
  return still(one).isEqualNode(still(other));
}

function describe(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute("href");
  return href ? `[href="${CSS.escape(href)}"]` : element.localName;
}

// Look again soon.
export function look() {
  timer ||= setTimeout(refresh, EVERY);
}

// Look at once: something was done on this page.
export function lookNow() {
  clearTimeout(timer);
  return refresh();
}

// Look again after each event of these kinds, and after what was missed. `use` gets the page as it
// is then, for what is more than its text; `path` is where it is, if this one may become another's.
export function begin(kinds, use = also, path = where) {
  also = use;
  where = path;
  for (const kind of [...kinds, "snapshot", "resumed"]) live.on(kind, look);
  document.addEventListener("visibilitychange", () => {
    if (isStale && document.visibilityState === "visible") look();
  });
}
