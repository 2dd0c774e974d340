// Transactions: each one's row comes with its event, its state with every word of how things
// stand now.

import { live } from "./connection.js";
import { Feed } from "./feed.js";
import { counted, grouped, shortened, sized, state } from "./format.js";
import { fill, lead, row } from "./rows.js";
import { pathOf } from "./words.js";

const list = document.getElementById("transactions");
const dots = document.getElementById("dots");
const MOST_DOTS = Number(dots.dataset.most);

function transactionRow(transaction) {
  const { id, sender, recipient, amount } = transaction;
  const element = row("transaction", {
    sender: { text: shortened(sender), title: sender },
    recipient: { text: shortened(recipient), title: recipient },
    amount: grouped(amount),
    state: stateSlot(transaction.state, transaction.block ?? null),
  });
  element.dataset.id = id;
  return lead(element, {
    sender: pathOf("address", sender),
    recipient: pathOf("address", recipient),
    id: pathOf("transaction", id),
  });
}

function stateSlot(name, block) {
  return { text: state(name, block), data: { state: name } };
}

function sayCounts({ pool }) {
  fill(document.getElementById("cards"), { pool: grouped(pool.count), size: sized(pool.size) });
  fill(document.getElementById("next"), { pending: counted(pool.count, "pending") });
  const drawn = Math.min(pool.count, MOST_DOTS);
  while (dots.childElementCount > drawn) dots.lastElementChild.remove();
  while (dots.childElementCount < drawn) dots.append(document.createElement("i"));
}

export function begin() {
  const feed = new Feed(list);
  live.on("transaction", ({ data }) => feed.add(transactionRow(data)));
  live.on("now", ({ data }) => {
    sayCounts(data);
    for (const element of feed.rows) {
      const known = data.states[element.dataset.id];
      if (known) fill(element, { state: stateSlot(known.state, known.block) });
    }
  });
  live.on("snapshot", ({ data }) => {
    sayCounts(data);
    feed.replace(data.transactions.map(transactionRow));
  });
}
