// The search: tries, pace, time, and how lucky it was so far.

import { live } from "./connection.js";
import { counted, lasting, overBy, paced, shortened } from "./format.js";
import { fill } from "./rows.js";
import { say } from "./words.js";

const panel = document.getElementById("mining");
const next = document.getElementById("next");
const meter = panel.querySelector("[data-meter]");

function sayMining({ searching, tries, rate, elapsed, odds, waiting }) {
  const isSearching = searching !== null;
  panel.toggleAttribute("data-searching", isSearching);
  next.toggleAttribute("data-searching", isSearching);
  const over = overBy(tries, odds);
  meter.value = over;
  fill(panel, {
    try: isSearching ? String(tries) : "n",
    over: say("over-by-now", { n: over }),
    tries: counted(tries, "try"),
    rate: paced(rate),
    elapsed: lasting(elapsed),
    waiting: waiting ? counted(waiting, "waiting") : "",
  });
}

function sayPuzzle({ before, after }) {
  fill(panel, { before, after: { text: shortened(after), title: after } });
}

export function begin() {
  live.on("mining", ({ data }) => sayMining(data));
  live.on("now", ({ data }) => sayPuzzle(data.puzzle));
  live.on("snapshot", ({ data }) => {
    sayMining(data.mining);
    sayPuzzle(data.puzzle);
  });
}
