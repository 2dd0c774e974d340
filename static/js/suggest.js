// Suggestions below the search box, as it is typed in: a combobox with a list of options.
// (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/)

import { announce } from "./announcer.js";
import { counted } from "./format.js";
import { say } from "./words.js";

const DEBOUNCE = 200; // milliseconds

const form = document.querySelector("form.search");
const input = form?.querySelector("input");
let list = null;
let timer = 0;
let asking = null; // what can call the question under way off

function options() {
  return [...list.querySelectorAll("[role=option]")];
}

function chosen() {
  return list.querySelector("[aria-selected=true]");
}

function close() {
  clearTimeout(timer);
  asking?.abort();
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) return input.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", option.id);
}

function move(by) {
  const all = options();
  const at = all.indexOf(chosen());
  // One place beyond the ends is the box itself, with what was typed.
  const next = at === -1 ? (by > 0 ? 0 : all.length - 1) : at + by;
  choose(all[next]);
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function optionOf(hit, number) {
  const link = element("a", "option", "");
  link.id = `suggestion-${number}`;
  link.href = hit.url;
  link.tabIndex = -1;
  link.setAttribute("role", "option");
  link.setAttribute("aria-selected", "false");
  link.append(element("bdi", "what", hit.name));
  if (hit.detail) link.append(element("bdi", "detail hash", hit.detail));
  if (hit.stale) link.append(element("span", "state", say("stale")));
  return link;
}

function show({ groups, query }) {
  let number = 0;
  const made = groups.map((group, at) => {
    const box = element("div", "group", "");
    const label = element("div", "label", group.label);
    label.id = `suggestions-${at}`;
    box.setAttribute("role", "group");
    box.setAttribute("aria-labelledby", label.id);
    box.append(label, ...group.hits.map((hit) => optionOf(hit, (number += 1))));
    return box;
  });
  list.replaceChildren(...made);
  list.hidden = number === 0;
  input.setAttribute("aria-expanded", String(number > 0));
  input.removeAttribute("aria-activedescendant");
  if (query) announce(number ? counted(number, "suggestion") : say("suggestion-none"));
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const query = input.value.trim();
  if (!query) return close();
  const url = `/search/suggest?q=${encodeURIComponent(query)}`;
  try {
    const response = await fetch(url, { signal: asking.signal });
    if (response.ok && document.activeElement === input) show(await response.json());
  } catch {
    // Called off, or no answer: Enter still searches.
  }
}

function press(event) {
  if (event.isComposing) return;
  if (event.key === "Escape" && !list.hidden) {
    event.stopImmediatePropagation();
    event.preventDefault();
    close();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && !list.hidden && chosen()) {
    event.preventDefault();
    location.assign(chosen().href);
  }
}

export function begin() {
  if (!form) return;
  list = element("div", "suggestions", "");
  list.id = "suggestions";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.getAttribute("aria-label"));
  form.append(list);
  const roles = { role: "combobox", "aria-expanded": "false", "aria-controls": list.id };
  Object.entries({ ...roles, "aria-autocomplete": "list" }).forEach(([k, v]) => input.setAttribute(k, v));
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, DEBOUNCE);
  });
  input.addEventListener("keydown", press);
  input.addEventListener("focus", () => input.value.trim() && ask());
  // A press on an option would take the focus first, and with it the option.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  form.addEventListener("submit", close);
  input.addEventListener("blur", close);
}
