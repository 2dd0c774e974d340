// What every page does: the connection, times that tick, and the counts in the bar.

import { live } from "./connection.js";
import { counted, grouped } from "./format.js";
import * as pill from "./pill.js";
import { fill } from "./rows.js";
import * as times from "./times.js";

const { seq, node, at } = document.getElementById("main").dataset;

function sayCounts({ pool, peers }) {
  fill(document.querySelector(".bar"), { pool: grouped(pool.count) });
  fill(document.querySelector("footer"), { peers: counted(peers, "peer") });
}

if (node) {
  times.begin(at);
  pill.begin();
  live.on("now", ({ data }) => sayCounts(data));
  live.on("snapshot", ({ data }) => sayCounts(data));
  // Modules run in the order of the page: by now the page's own listeners may not be there yet,
  // and frames come later than this task in any case.
  live.begin(Number(seq), node);
}
