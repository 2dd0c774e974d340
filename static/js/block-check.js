// The steps of "Check it yourself", taken again in the reader's browser, from the bytes.

import { fill } from "./rows.js";
import { sha256 } from "./sha256.js";
import { say } from "./words.js";

const bytes = document.getElementById("bytes");
let panel; // made anew with the page

function mark(step, holds) {
  const item = panel.querySelector(`[data-step="${step}"]`);
  if (item) item.dataset.holds = holds ? "yes" : "no";
  return item === null || holds;
}

async function bytesOf(hash) {
  const response = await fetch(`/block/${hash}/raw`);
  if (!response.ok) throw new Error(response.statusText);
  return new Uint8Array(await response.arrayBuffer());
}

// Whether the text names a hash as its block's previous one. Keys are sorted, and a text inside the
// block has its quotes escaped, so that this is found as a member of an object only.
function names(text, hash) {
  return new RegExp(`"previous_hash": ?"${hash}"`).test(text);
}

function checkProof() {
  const message = panel.querySelector("[data-message]");
  if (message === null) return true;
  const digest = sha256(message.textContent);
  const needed = Number(panel.dataset.needed);
  const zeros = Math.min(/^0*/.exec(digest)[0].length, needed);
  fill(panel, { zeros: digest.slice(0, zeros), rest: digest.slice(zeros) });
  return mark("proof", zeros >= needed);
}

async function check() {
  const { hash, previous, following } = panel.dataset;
  const whole = "whole" in bytes.dataset;
  const own = whole ? new TextEncoder().encode(bytes.textContent) : await bytesOf(hash);
  const computed = sha256(own);
  fill(panel, { computed });
  const holds = [mark("hash", computed === hash), checkProof()];
  if (previous) holds.push(mark("previous", names(new TextDecoder().decode(own), previous)));
  if (following) {
    const next = await bytesOf(following);
    const isNext = sha256(next) === following && names(new TextDecoder().decode(next), computed);
    holds.push(mark("following", isNext));
  }
  return holds.every(Boolean);
}

export async function begin() {
  panel = document.getElementById("check");
  fill(panel, { status: say("check-computing") });
  try {
    const holds = await check();
    panel.toggleAttribute("data-checked", holds);
    fill(panel, { status: say(holds ? "check-computed" : "check-failed") });
  } catch {
    fill(panel, { status: say("check-not-there") });
  }
}
