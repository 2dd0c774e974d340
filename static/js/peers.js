// Peers: the table follows what happens; the forms work without leaving the page.

import { counted } from "./format.js";
import * as fragment from "./fragment.js";
import { onPeersChanged } from "./peers-changed.js";
import { say } from "./words.js";

function tell(form, message, isBad = false) {
  const said = form.querySelector("[data-said]");
  said.toggleAttribute("data-bad", isBad);
  said.textContent = message;
}

function showError(form, error) {
  const input = form.querySelector("input[aria-describedby]");
  if (!input) return;
  document.getElementById(input.getAttribute("aria-describedby")).textContent = error;
  if (error) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  if (error) input.focus();
}

function showOutcomes(form, reports) {
  const list = form.querySelector("[data-outcomes]");
  if (!list) return;
  list.replaceChildren(
    ...reports.map(({ address, length, failure }) => {
      const item = document.createElement("li");
      const name = document.createElement("bdi");
      name.textContent = address;
      item.append(name, `: ${failure || counted(length, "block")}`);
      return item;
    }),
  );
}

async function submit(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  if (form.dataset.peers === "resolve") tell(form, say("asking"));
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const { message, errors, reports } = await response.json();
    tell(form, message, !response.ok);
    showError(form, errors?.address ?? "");
    showOutcomes(form, reports ?? []);
    if (response.ok) form.reset();
    fragment.lookNow(); // not awaited: the form is ready for the next one
  } catch {
    tell(form, say("no-answer-mining"), true);
  } finally {
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-peers]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
}
onPeersChanged(fragment.look);
fragment.begin(["peer", "refusal", "operator", "reorganisation", "block", "chain-extended"]);
