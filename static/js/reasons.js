// Why a peer was refused, in the visitor's language: ledger/faults.py again, line by line, for what
// arrives after the page. A test compares the two.

const SAID_TOO = new Set(["fault", "what", "kind", "either", "theirs", "ours"]);
const NUMBERS = new Set(["n", "expected", "zeros"]);

const pairs = JSON.parse(document.getElementById("reasons")?.textContent ?? "[]");
const known = pairs.map(([text, translated]) => [pattern(text), translated]);

function pattern(text) {
  const escaped = text.replace(/[\\^$.*+?()[\]|/]/g, "\\$&");
  const slot = (_, name) => `(?<${name}>${NUMBERS.has(name) ? "-?[0-9]+" : ".+"})`;
  return new RegExp(`^${escaped.replace(/\{(\w+)\}/g, slot)}$`, "s");
}

// The reason in the language of the page; as it is, if it is none of the known ones.
export function said(reason) {
  for (const [form, translated] of known) {
    const found = form.exec(reason);
    if (found === null) continue;
    return translated.replace(/\{(\w+)\}/g, (_, name) =>
      SAID_TOO.has(name) ? said(found.groups[name]) : found.groups[name],
    );
  }
  return reason;
}
