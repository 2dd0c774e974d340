// Forms without leaving the page. They work without this script too: the server answers with JSON
// here, and with a page there.

import { say } from "./words.js";

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function tell(form, message, isBad) {
  const said = form.querySelector("[data-said]");
  said.toggleAttribute("data-bad", isBad);
  said.textContent = message;
}

function showErrors(form, errors) {
  for (const input of form.querySelectorAll("input[aria-describedby]")) {
    const error = errors[input.name] ?? "";
    document.getElementById(input.getAttribute("aria-describedby")).textContent = error;
    if (error) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  form.querySelector("[aria-invalid]")?.focus();
}

// The token of the cookie as it is now: another tab may have got a new one since this page came.
function token(form) {
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? cookie[1] : form.elements.csrfmiddlewaretoken.value;
}

async function post(form) {
  const body = new URLSearchParams(new FormData(form));
  body.delete("csrfmiddlewaretoken");
  const response = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "application/json", "X-CSRFToken": token(form) },
    body,
  });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  return { ok: response.ok, ...(isJson ? await response.json() : { message: response.statusText }) };
}

async function submit(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const { ok, message, errors } = await post(form);
    tell(form, message, !ok);
    showErrors(form, errors ?? {});
    if (ok) form.dispatchEvent(new Event("sent"));
  } catch {
    tell(form, say(form.elements.key ? "no-answer" : "no-answer-mining"), true);
  } finally {
    button.disabled = false;
  }
}

export function begin() {
  for (const form of document.querySelectorAll("form[data-form]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form);
    });
  }
  const send = document.querySelector('form[data-form="send"]');
  // Another transaction needs another key; the same one, sent again, keeps it and is added once.
  send.addEventListener("input", () => (send.elements.key.value = newKey()));
  send.addEventListener("sent", () => {
    for (const name of ["sender", "recipient", "amount"]) send.elements[name].value = "";
    send.elements.key.value = newKey();
    send.elements.sender.focus();
  });
}
