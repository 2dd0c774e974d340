// Who listens to the page is told what happens, but not without end: at most once in a while, and
// what came together is said together.

import { live } from "./connection.js";
import { grouped } from "./format.js";
import { say } from "./words.js";

const EVERY = 5000; // milliseconds

const announcer = document.getElementById("announcer");
let timer = 0;
let block = null;
let reorganised = null;
let transactions = 0;

function speak() {
  timer = 0;
  const said = [];
  if (reorganised !== null) said.push(say("announce-reorganisation", { n: grouped(reorganised) }));
  else if (block !== null) said.push(say("announce-block", { n: grouped(block) }));
  if (transactions) said.push(say("announce-transactions", { n: grouped(transactions) }));
  announcer.textContent = said.join(" ");
  [block, reorganised, transactions] = [null, null, 0];
}

function later() {
  timer ||= setTimeout(speak, EVERY);
}

// Say something now: an answer to what the visitor has just done.
export function announce(text) {
  announcer.textContent = text;
}

export function begin() {
  live.on("block", ({ data }) => later((block = data.index)));
  live.on("chain-extended", ({ data }) => later((block = data.blocks.at(-1).index)));
  live.on("reorganisation", ({ data }) => later((reorganised = data.blocks.at(-1).index)));
  live.on("transaction", () => later((transactions += 1)));
}
