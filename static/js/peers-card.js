// How many peers there are, and how this node stands among them.

import { live } from "./connection.js";
import { grouped, synced } from "./format.js";
import { fill } from "./rows.js";

const NAMED = 2; // of what is not as it should be: the card does not grow

const cards = document.getElementById("cards");

function showCount({ peers }) {
  fill(cards, { peers: grouped(peers) });
}

export function begin() {
  live.on("now", ({ data }) => showCount(data));
  live.on("snapshot", ({ data }) => {
    showCount(data);
    fill(cards, { sync: synced(data.network.peers, NAMED) });
  });
  live.on("network", ({ data }) => fill(cards, { sync: synced(data.peers, NAMED) }));
}
