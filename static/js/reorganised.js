// News of a reorganisation, on whatever page is open: said once, and taken away by the reader.

import { live } from "./connection.js";
import { counted, grouped, shortened } from "./format.js";
import { has, say } from "./words.js";

const OPERATOR = ["invalidateblock", "reconsiderblock", "preciousblock"];

// ledger/wording.py's `reorganisation_kind` and `happened`.
function kindOf({ fork_index, disconnected, source }) {
  if (source === "repairchain") return "repair";
  if (OPERATOR.includes(source)) return "operator";
  return fork_index === 0 && disconnected === 1 ? "joined" : "switched";
}

function sentence(kind, { fork_index, disconnected, connected }) {
  return say(`happened-${kind}-what`, {
    disconnected: counted(disconnected, "block"),
    connected: counted(connected, "block"),
    n: grouped(fork_index + 1),
  });
}

function name({ index, hash }) {
  return `${grouped(index)} (${shortened(hash)})`;
}

function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

function show({ data }) {
  const kind = kindOf(data);
  if (!has(`happened-${kind}`)) return;
  document.getElementById("reorganised")?.remove();
  const banner = element("aside", "", { className: "reorganised", id: "reorganised" });
  banner.setAttribute("role", "status");
  const what = element("p", "");
  const tips = { old: name(data.old_tip), new: name(data.blocks.at(-1)) };
  what.append(
    element("b", say(`happened-${kind}`)),
    ` ${sentence(kind, data)} ${say("happened-tips", tips)} `,
    element("a", say("happened-see"), { href: `/reorganisation/${data.id}` }),
  );
  const dismiss = element("button", say("dismiss"), { type: "button" });
  dismiss.addEventListener("click", () => {
    banner.remove();
    document.getElementById("main").focus();
  });
  // A status is read out when it changes, not when it comes: in first, filled then.
  document.getElementById("main").prepend(banner);
  setTimeout(() => banner.append(what, dismiss), 50);
}

export function begin() {
  live.on("reorganisation", show);
}
