// The thread of blocks, and what the page says of its end.

import { live } from "./connection.js";
import { Hold } from "./feed.js";
import { cameFrom, counted, grouped, shortened } from "./format.js";
import { arrive, fill, lead, row, time } from "./rows.js";
import { pathOf, say } from "./words.js";

const list = document.getElementById("chain");
const next = document.getElementById("next");
const mining = document.getElementById("mining"); // not on every page that has a thread
const cards = document.getElementById("cards");
const fresh = document.getElementById("chain-fresh");
const SHOWN = Number(list.dataset.shown);
let waiting = []; // blocks that are held back, in order
let count = 0; // of those that came meanwhile, also if they are too many to be shown

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
}

// Blocks came, `connected` of them: into the thread, or to those that wait until it may move. What
// waits is a chain too, that ends with the newest.
function take(blocks, connected) {
  const before = waiting.filter((block) => block.index < blocks[0].index);
  const isLinked = before.at(-1)?.index === blocks[0].index - 1;
  waiting = (isLinked ? [...before, ...blocks] : blocks).slice(-SHOWN);
  count += connected;
  sayTip(blocks.at(-1));
  if (hold.isOn) sayFresh();
  else release();
}

function release() {
  if (waiting.length) add(waiting);
  waiting = [];
  count = 0;
  sayFresh();
}

function sayFresh() {
  if (!fresh) return;
  fresh.hidden = count === 0;
  fresh.textContent = counted(count, "new-block");
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

const hold = new Hold(list.parentElement, release);

export function begin() {
  live.on("block", ({ data }) => take([data], 1));
  live.on("chain-extended", ({ data }) => take(data.blocks, data.connected));
  live.on("reorganisation", ({ data }) => take(data.blocks, data.connected));
  fresh?.addEventListener("click", release);
  live.on("snapshot", ({ data }) => {
    waiting = [];
    release();
    for (const element of shown()) element.remove();
    for (const block of data.blocks) next.before(blockRow(block));
    sayTip(data.tip);
  });
}
