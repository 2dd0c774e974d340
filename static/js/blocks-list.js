// The list of blocks. On its first page new ones slide in, unless the pointer rests on the list;
// elsewhere, and meanwhile, a link says how many came.

import { live } from "./connection.js";
import { cameFrom, counted, grouped, shortened, sized } from "./format.js";
import * as fragment from "./fragment.js";
import { arrive, fill, keepFirst, lead, row, time } from "./rows.js";
import { pathOf } from "./words.js";

const list = document.getElementById("list");
const fresh = document.getElementById("fresh");
const heading = document.querySelector(".heading");
const isNewest = "newest" in list.dataset;
const held = [];
let tip = Number(list.dataset.tip);
let missed = 0;

function blockRow(block) {
  const element = row("block", {
    index: grouped(block.index),
    hash: { text: shortened(block.hash), title: block.hash },
    transactions: grouped(block.transactions),
    time: time(block.timestamp),
    size: sized(block.size),
    from: { text: cameFrom(block), title: block.source },
  });
  element.dataset.index = block.index;
  const paths = { index: pathOf("block", block.index), hash: pathOf("block", block.hash) };
  return lead(element, paths);
}

function show(blocks) {
  const rows = document.getElementById("blocks");
  for (const block of blocks) {
    if (Number(rows.firstElementChild?.dataset.index ?? 0) !== block.index - 1) return fragment.look();
    const element = blockRow(block);
    rows.prepend(element);
    arrive(element);
  }
  keepFirst(rows, Number(rows.dataset.shown));
}

function isHeld() {
  return list.matches(":hover") || list.contains(document.activeElement);
}

function sayFresh() {
  const count = missed + held.length;
  fresh.hidden = count === 0;
  fresh.textContent = counted(count, "new-block");
}

function release() {
  show(held.splice(0));
  sayFresh();
}

function add(block) {
  if (block.index <= tip) return;
  tip = block.index;
  fill(heading, { tip: grouped(tip) });
  if (!isNewest) missed += 1;
  else if (isHeld() || held.length) held.push(block);
  else show([block]);
  sayFresh();
}

// What is not told block by block: the server makes the page anew.
function jump(newTip) {
  missed += isNewest ? 0 : Math.max(0, newTip - tip);
  tip = newTip;
  held.length = 0;
  fill(heading, { tip: grouped(tip) });
  if (isNewest) fragment.look();
  sayFresh();
}

live.on("block", ({ data }) => add(data));
live.on("chain-extended", ({ data }) => jump(data.blocks.at(-1).index));
live.on("reorganisation", ({ data }) => jump(data.blocks.at(-1).index));
live.on("snapshot", ({ data }) => jump(data.tip.index));
if (isNewest) {
  list.addEventListener("pointerleave", () => held.length && !isHeld() && release());
  fresh.addEventListener("click", (event) => {
    event.preventDefault();
    release();
  });
}
