// Rows that arrive: the page's own templates, filled by text alone. What others wrote is never
// read as markup.

import { absolute, ago, moment } from "./format.js";
import { say } from "./words.js";
import { secondsSince } from "./times.js";

// A copy of the template `row-NAME` with its slots filled.
export function row(name, values) {
  const template = document.getElementById(`row-${name}`);
  return fill(template.content.firstElementChild.cloneNode(true), values);
}

// Fill the slots of an element: with text, or with {text, title, data: {…}}; others stay.
export function fill(element, values) {
  for (const slot of element.querySelectorAll("[data-slot]")) {
    const value = values[slot.dataset.slot];
    if (value === undefined) continue;
    const { text, title, datetime, data } = typeof value === "object" ? value : { text: value };
    if (slot.textContent !== text) slot.textContent = text;
    if (title !== undefined) slot.title = title;
    if (datetime !== undefined) slot.setAttribute("datetime", datetime);
    Object.assign(slot.dataset, data);
  }
  return element;
}

// Let the links of an element lead somewhere; one without an address is no link.
export function lead(element, paths) {
  for (const link of element.querySelectorAll("[data-link]")) {
    const path = paths[link.dataset.link];
    if (path === undefined) continue;
    if (path) link.setAttribute("href", path);
    else link.removeAttribute("href");
  }
  return element;
}

// The value of a slot that is a <time>.
export function time(value) {
  const date = moment(value);
  if (date === null) return { text: say("no-time"), datetime: "", title: "" };
  return {
    text: ago(secondsSince(date)),
    title: absolute(date),
    datetime: date.toISOString(),
  };
}

// Let an element that has just arrived be noticed (motion is news: see the styles).
export function arrive(element) {
  element.classList.add("arrived");
  element.addEventListener("animationend", () => element.classList.remove("arrived"));
}

export function keepFirst(list, count) {
  while (list.childElementCount > count) list.lastElementChild.remove();
}
