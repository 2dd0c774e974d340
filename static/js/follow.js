// Following a transaction or an address, on whatever page of this node is open: a word on the
// page, the browser's notification where it is allowed, and a sound if it is wanted.
//
// What is followed is kept in this browser alone, with the node it was followed on.

import { announce } from "./announcer.js";
import { chime } from "./chime.js";
import { live } from "./connection.js";
import { grouped, state } from "./format.js";
import { pathOf, say } from "./words.js";

const STORE = "followed";
const MOST = 200;
const { node } = document.getElementById("main").dataset;

function followed() {
  try {
    return JSON.parse(localStorage.getItem(`${STORE}:${node}`)) ?? [];
  } catch {
    return [];
  }
}

function keep(names) {
  try {
    localStorage.setItem(`${STORE}:${node}`, JSON.stringify(names.slice(-MOST)));
  } catch {
    // Storage may be off limits: then nothing is followed beyond this page.
  }
}

function tell(text, path) {
  announce(text);
  chime();
  const toast = document.createElement("a");
  toast.className = "toast";
  toast.href = path;
  toast.textContent = text;
  document.body.append(toast);
  setTimeout(() => toast.remove(), 8000);
  if (globalThis.Notification?.permission !== "granted") return;
  const notification = new Notification("chainsite", { body: text, tag: path });
  notification.addEventListener("click", () => {
    window.focus();
    location.assign(path);
  });
}

function tellStates(uids, name, block) {
  const names = new Set(followed());
  for (const uid of uids ?? []) {
    if (!names.has(`transaction:${uid}`)) continue;
    tell(say("followed-transaction", { state: state(name, block) }), pathOf("transaction", uid));
  }
}

function tellAddresses({ id, sender, recipient, amount }) {
  const names = new Set(followed());
  for (const name of new Set([sender, recipient])) {
    if (!names.has(`address:${name}`)) continue;
    const text = say("followed-address", { name, amount: grouped(amount) });
    tell(text, pathOf("transaction", id));
  }
}

// In words, what following does here: notifications need a secure context and the visitor's leave.
async function askLeave() {
  if (!isSecureContext || !("Notification" in globalThis)) return say("follow-no-notification");
  const leave = await Notification.requestPermission();
  return say(leave === "granted" ? "follow-on" : "follow-refused");
}

function offer(button) {
  const name = `${button.dataset.follow}:${button.dataset.key}`;
  const said = button.parentElement.querySelector("[data-said]");
  const show = () => {
    const isOn = followed().includes(name);
    button.setAttribute("aria-pressed", String(isOn));
    button.textContent = say(isOn ? "following" : "follow");
    return isOn;
  };
  button.addEventListener("click", async () => {
    const isOn = followed().includes(name);
    keep(isOn ? followed().filter((other) => other !== name) : [...followed(), name]);
    show();
    said.textContent = isOn ? say("follow-off") : await askLeave();
  });
  show();
  button.hidden = false;
}

export function begin() {
  for (const button of document.querySelectorAll("button[data-follow]")) offer(button);
  live.on("transaction", ({ data }) => tellAddresses(data));
  live.on("block", ({ data }) => tellStates(data.confirmed, "confirmed", data.index));
  live.on("chain-extended", ({ data }) => tellStates(data.confirmed, "confirmed", null));
  live.on("reorganisation", ({ data }) => {
    tellStates(data.returned, "returned", null);
    tellStates(data.released, "released", null);
    tellStates(data.confirmed, "confirmed", null);
  });
}
