// Peers' rows change without an event: their revision moves. What was missed while there was no
// connection is looked at again anyway, once it is back.

import { live } from "./connection.js";

export function onPeersChanged(listener) {
  let seen = null;
  live.on("network", ({ data: { revision } }) => {
    if (seen !== null && revision !== seen) listener();
    seen = revision;
  });
}
