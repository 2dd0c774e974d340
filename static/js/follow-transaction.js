// The life of a transaction: confirmations count up here; what happens to it is told by the page,
// made anew on the server.

import { live } from "./connection.js";
import { counted } from "./format.js";
import * as fragment from "./fragment.js";
import { fill } from "./rows.js";

const MOST_NAMED = 500; // transactions named in one event: beyond, it may be one that is not

const life = document.getElementById("life");
const { id } = life.dataset;

function place() {
  const { block } = life.querySelector("[data-place]").dataset;
  return block ? Number(block) : null;
}

function concerns({ confirmed = [], returned = [], released = [] }) {
  const named = [confirmed, returned, released];
  return named.some((ids) => ids.includes(id) || ids.length >= MOST_NAMED);
}

function extend(data, tip) {
  const index = place();
  if (index !== null) fill(life, { confirmations: counted(tip - index + 1, "confirmation") });
  else if (concerns(data)) fragment.lookNow();
}

live.on("block", ({ data }) => extend(data, data.index));
live.on("chain-extended", ({ data }) => extend(data, data.blocks.at(-1).index));
live.on("reorganisation", ({ data }) => {
  const index = place();
  if (concerns(data) || (index !== null && index > data.fork_index)) fragment.lookNow();
  else extend(data, data.blocks.at(-1).index);
});
live.on("transaction", ({ data }) => {
  if (data.id === id) fragment.lookNow();
});
live.on("operator", ({ data }) => {
  if (data.subject === id) fragment.lookNow();
});
live.on("snapshot", () => fragment.lookNow());
