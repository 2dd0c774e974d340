// Transactions: each one's row comes with its event, its state with every word of how things
// stand now.

import { live } from "./connection.js";
import { grouped, shortened, sized, state } from "./format.js";
import { arrive, fill, keepFirst, row } from "./rows.js";

const list = document.getElementById("transactions");
const dots = document.getElementById("dots");
const MOST_DOTS = Number(dots.dataset.most);

function transactionRow(transaction) {
  const { sender, recipient, amount } = transaction;
  const element = row("transaction", {
    sender: { text: shortened(sender), title: sender },
    recipient: { text: shortened(recipient), title: recipient },
    amount: grouped(amount),
    state: stateSlot(transaction.state, transaction.block ?? null),
  });
  element.dataset.id = transaction.id;
  return element;
}

function stateSlot(name, block) {
  return { text: state(name, block), data: { state: name } };
}

function add(transaction) {
  const element = transactionRow(transaction);
  list.prepend(element);
  arrive(element);
  keepFirst(list, Number(list.dataset.shown));
}

function sayCounts({ pool }) {
  const count = grouped(pool.count);
  fill(document.getElementById("cards"), { pool: count, size: sized(pool.size) });
  fill(document.getElementById("next"), { pool: count });
  const drawn = Math.min(pool.count, MOST_DOTS);
  while (dots.childElementCount > drawn) dots.lastElementChild.remove();
  while (dots.childElementCount < drawn) dots.append(document.createElement("i"));
}

export function begin() {
  live.on("transaction", ({ data }) => add(data));
  live.on("now", ({ data }) => {
    sayCounts(data);
    for (const element of list.children) {
      const known = data.states[element.dataset.id];
      if (known) fill(element, { state: stateSlot(known.state, known.block) });
    }
  });
  live.on("snapshot", ({ data }) => {
    sayCounts(data);
    list.replaceChildren(...data.transactions.map(transactionRow));
  });
}
