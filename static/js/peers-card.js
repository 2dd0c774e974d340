// How many peers there are, and how this node stands among them.

import { live } from "./connection.js";
import { grouped, synced } from "./format.js";
import { fill } from "./rows.js";

const cards = document.getElementById("cards");

function show({ peers, height, sync }) {
  fill(cards, { peers: grouped(peers), sync: synced(peers, height, sync) });
}

export function begin() {
  live.on("now", ({ data }) => show(data));
  live.on("snapshot", ({ data }) => show(data));
}
