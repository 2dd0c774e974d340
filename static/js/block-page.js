// One block: confirmations count up. Whether it is active, and which block comes after it, is told by
// the page, made anew on the server.

import * as check from "./block-check.js";
import { live } from "./connection.js";
import { counted } from "./format.js";
import * as fragment from "./fragment.js";
import { fill } from "./rows.js";
import { pathOf, say } from "./words.js";

const moved = document.getElementById("moved");
const { hash } = title().dataset;
const index = Number(title().dataset.index);
let wasActive = isActive();

function title() {
  return document.getElementById("block");
}

function isActive() {
  return "active" in title().dataset;
}

function extend(blocks) {
  if (blocks.some((block) => block.hash === hash || block.previous_hash === hash)) {
    fragment.lookNow();
  } else if (isActive()) {
    const count = blocks.at(-1).index - index + 1;
    fill(title(), { confirmations: counted(count, "confirmation") });
  }
}

function looked() {
  check.begin();
  if (isActive() === wasActive) return;
  wasActive = isActive();
  moved.textContent = say(wasActive ? "back-on-the-chain" : "left-the-chain");
  moved.hidden = false;
}

live.on("block", ({ data }) => extend([data]));
// Of many blocks at once only the newest are named: this one may be among the others.
live.on("chain-extended", ({ data }) => (isActive() ? extend(data.blocks) : fragment.lookNow()));
live.on("reorganisation", ({ data }) => {
  if (data.fork_index < index) fragment.lookNow();
  else extend(data.blocks);
});
fragment.begin([], looked, pathOf("block", hash)); // an index may be another block's by then
check.begin();
