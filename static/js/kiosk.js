// The projector's page: the chain, the figures and the transactions, and a screen that stays on.

import * as catchingUp from "./catching-up.js";
import * as chain from "./chain.js";
import * as fragment from "./fragment.js";
import * as peers from "./peers-card.js";
import * as pool from "./pool.js";

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Not allowed here (plain http, low battery): then the screen does as it is set to.
  }
}

for (const part of [chain, catchingUp, pool, peers]) part.begin();
fragment.begin(["block", "chain-extended", "reorganisation"]);
stayAwake();
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") stayAwake();
});
