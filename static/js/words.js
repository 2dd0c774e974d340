// The words of ledger/wording.py in the visitor's language, and the paths of our pages. They come
// with the page.

const words = JSON.parse(document.getElementById("words").textContent);

export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function has(key) {
  return key in words;
}

// Where a thing has its page. Browsers walk up at "." and "..": such names go into the query.
export function pathOf(route, value = "") {
  const isDots = value === "." || value === "..";
  const path = words[`path-${isDots ? `${route}-by-name` : route}`];
  return path.replace("{value}", () => encodeURIComponent(String(value).toWellFormed()));
}
