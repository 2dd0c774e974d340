// Blocks on their way from a peer, in a strip that lies over the page: nothing moves for it.

import { announce } from "./announcer.js";
import { live } from "./connection.js";
import { caughtUp, counted } from "./format.js";
import { fill } from "./rows.js";
import { say } from "./words.js";

const strip = document.getElementById("catching-up");
const bar = strip.querySelector("progress");

function show([way]) {
  const isUnderWay = way !== undefined;
  if (isUnderWay === strip.hidden) announce(isUnderWay ? began(way) : say("catching-up-ended"));
  strip.hidden = !isUnderWay;
  if (!isUnderWay) return;
  const { address, received, expected, rate } = way;
  fill(strip, { peer: address, figures: caughtUp(received, expected, rate) });
  if (expected) {
    bar.max = expected;
    bar.value = received;
  } else {
    bar.removeAttribute("value"); // how many there are is not known
  }
}

function began({ address, received, expected }) {
  return say("catching-up-began", { peer: address, blocks: counted(expected || received, "block") });
}

export function begin() {
  live.on("network", ({ data }) => show(data.catching_up));
  live.on("snapshot", ({ data }) => show(data.network.catching_up));
}
