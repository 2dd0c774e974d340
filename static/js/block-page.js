// One block: confirmations count up, its successor appears, and a reorganisation is told.

import * as check from "./block-check.js";
import { live } from "./connection.js";
import { counted, grouped } from "./format.js";
import { fill } from "./rows.js";
import { pathOf, say } from "./words.js";

const title = document.getElementById("block");
const step = document.getElementById("step");
const left = document.getElementById("left");
const index = Number(title.dataset.index);
const { hash } = title.dataset;

function sayTip(tip) {
  if (!("active" in title.dataset) || tip < index) return;
  fill(title, { confirmations: counted(tip - index + 1, "confirmation") });
}

function sayNext(block) {
  if (block.previous_hash !== hash || step.querySelector("[rel=next]")) return;
  const template = document.getElementById("next-block");
  const link = template.content.firstElementChild.cloneNode(true);
  link.href = pathOf("block", block.index);
  step.append(fill(link, { next: grouped(block.index) }));
}

function sayLeft() {
  if (!("active" in title.dataset)) return;
  delete title.dataset.active;
  const state = { text: say("stale"), data: { state: "returned" } };
  fill(title, { confirmations: state });
  left.textContent = say("left-the-chain");
  left.hidden = false;
  step.querySelector("[rel=next]")?.remove();
}

function extend(blocks) {
  if ("active" in title.dataset) blocks.forEach(sayNext);
  sayTip(blocks.at(-1).index);
}

live.on("block", ({ data }) => extend([data]));
live.on("chain-extended", ({ data }) => extend(data.blocks));
live.on("reorganisation", ({ data }) => {
  if (data.fork_index < index) sayLeft();
  extend(data.blocks);
});
live.on("snapshot", ({ data }) => {
  const here = data.blocks.find((block) => block.index === index);
  if (data.tip.index < index || (here && here.hash !== hash)) sayLeft();
  extend(data.blocks);
});
check.begin();
