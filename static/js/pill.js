// The connection, in a word.

import { live } from "./connection.js";
import { fill } from "./rows.js";
import { say } from "./words.js";

const pill = document.getElementById("connection");
const button = pill?.querySelector("button"); // a page of trouble has neither
let ticking = 0;

function show({ state, until }) {
  clearInterval(ticking);
  pill.dataset.state = state;
  button.hidden = until === undefined;
  const tick = () => {
    const seconds = until === undefined ? 0 : Math.ceil((until - performance.now()) / 1000);
    fill(pill, { state: say(`connection-${state}`, { n: Math.max(0, seconds) }) });
  };
  tick();
  if (until !== undefined) ticking = setInterval(tick, 250);
}

export function begin() {
  live.on("connection", show);
  button.addEventListener("click", () => live.hurry());
}
