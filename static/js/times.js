// Times are said relative to now, by the node's clock, and go on; those to come (`data-coming`) too.

import { ago, coming } from "./format.js";
import { live } from "./connection.js";

let ahead = 0; // milliseconds by which this computer's clock is ahead of the node's

export function secondsSince(date) {
  return (Date.now() - ahead - date) / 1000;
}

function setClock(at) {
  ahead = Date.now() - new Date(at);
}

function tick() {
  for (const element of document.querySelectorAll("time[data-slot][datetime]")) {
    const date = new Date(element.dateTime);
    if (isNaN(date)) continue;
    const seconds = secondsSince(date);
    const text = "coming" in element.dataset ? coming(-seconds) : ago(seconds);
    if (element.textContent !== text) element.textContent = text;
  }
}

export function begin(at) {
  setClock(at);
  live.on("snapshot", ({ data }) => setClock(data.at));
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 1000);
}
