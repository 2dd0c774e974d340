// The thread of blocks, and what the page says of its end.

import { live } from "./connection.js";
import { cameFrom, counted, grouped, shortened } from "./format.js";
import { arrive, fill, lead, row, time } from "./rows.js";
import { pathOf, say } from "./words.js";

const list = document.getElementById("chain");
const next = document.getElementById("next");
const mining = document.getElementById("mining"); // not on every page that has a thread
const cards = document.getElementById("cards");
const SHOWN = Number(list.dataset.shown);

function blockRow(block) {
  const element = row("block", {
    index: grouped(block.index),
    hash: { text: shortened(block.hash), title: block.hash },
    transactions: counted(block.transactions, "transaction"),
    time: time(block.timestamp),
    from: { text: cameFrom(block), title: block.source },
  });
  element.dataset.index = block.index;
  return lead(element, { index: pathOf("block", block.index) });
}

function shown() {
  return [...list.querySelectorAll(".block")];
}

// Put blocks at the end. Those shown from the first one's index on have left the chain; those
// before it go too if there is a gap.
function add(blocks) {
  const first = blocks[0].index;
  const before = shown().filter((element) => Number(element.dataset.index) < first);
  const isLinked = before.some((element) => Number(element.dataset.index) === first - 1);
  for (const element of shown()) {
    if (!isLinked || !before.includes(element)) element.remove();
  }
  for (const block of blocks) {
    const element = blockRow(block);
    next.before(element);
    arrive(element);
  }
  for (const element of shown().slice(0, -SHOWN)) element.remove();
  sayTip(blocks.at(-1));
}

function sayTip(tip) {
  fill(cards, {
    index: grouped(tip.index),
    time: time(tip.timestamp),
    from: cameFrom(tip),
  });
  lead(cards, { index: pathOf("block", tip.index) });
  const n = grouped(tip.index + 1);
  fill(next, { next: n });
  if (mining) fill(mining, { next: say("mine-next", { n }) });
  document.title = say("title", { n: grouped(tip.index) });
}

export function begin() {
  live.on("block", ({ data }) => add([data]));
  live.on("chain-extended", ({ data }) => add(data.blocks));
  live.on("reorganisation", ({ data }) => add(data.blocks));
  live.on("snapshot", ({ data }) => {
    for (const element of shown()) element.remove();
    for (const block of data.blocks) next.before(blockRow(block));
    sayTip(data.tip);
  });
}
