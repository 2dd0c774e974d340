// What every page does: the connection, times that tick, and the counts in the bar.

import * as announcer from "./announcer.js";
import * as chime from "./chime.js";
import { live } from "./connection.js";
import * as copy from "./copy.js";
import { counted, grouped } from "./format.js";
import * as follow from "./follow.js";
import * as keys from "./keys.js";
import * as pill from "./pill.js";
import * as reorganised from "./reorganised.js";
import { fill } from "./rows.js";
import * as suggest from "./suggest.js";
import * as themeChoice from "./theme-choice.js";
import * as times from "./times.js";

const { seq, node, at } = document.getElementById("main").dataset;

function sayCounts({ pool, peers }) {
  const [bar, footer] = [document.querySelector(".bar"), document.querySelector("footer")];
  if (bar) fill(bar, { pool: grouped(pool.count) });
  if (footer) fill(footer, { peers: counted(peers, "peer") });
}

// On a phone the list of pages scrolls: where one is should be in sight.
const here = document.querySelector(".bar nav [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2;
for (const part of [themeChoice, keys, chime, copy, suggest]) part.begin();
if (node) {
  times.begin(at);
  for (const part of [pill, announcer, follow, reorganised]) part.begin();
  live.on("now", ({ data }) => sayCounts(data));
  live.on("snapshot", ({ data }) => sayCounts(data));
  // Modules run in the order of the page: by now the page's own listeners may not be there yet,
  // and frames come later than this task in any case.
  live.begin(Number(seq), node);
}
