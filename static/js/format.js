// Words and numbers as pages show them: ledger/wording.py again, line by line, for what arrives
// after the page. A test compares the two.

import { said } from "./reasons.js";
import { has, say } from "./words.js";

export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

export function counted(count, key) {
  return count === 1 ? say(`${key}-one`) : say(`${key}-many`, { n: grouped(count) });
}

export function shortened(text) {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 4)}…${text.slice(-4)}` : text;
}

export function sized(size) {
  if (size < 1000) return say("bytes", { n: size });
  if (size < 1_000_000) return say("kilobytes", { n: oneDecimal(size / 1000) });
  return say("megabytes", { n: oneDecimal(size / 1_000_000) });
}

export function paced(rate) {
  if (rate < 1000) return say("rate", { n: Math.floor(rate) });
  if (rate < 1_000_000) return say("rate-thousands", { n: oneDecimal(rate / 1000) });
  return say("rate-millions", { n: oneDecimal(rate / 1_000_000) });
}

export function lasting(seconds) {
  if (seconds < 60) return say("seconds", { n: oneDecimal(seconds) });
  return say("minutes", { n: oneDecimal(seconds / 60) });
}

export function overBy(tries, odds) {
  return Math.floor(100 * (1 - Math.exp(-tries / odds)));
}

export function cameFrom({ origin, source }) {
  return say(`from-${origin}`, { source });
}

export function state(name, block) {
  if (name === "confirmed" && block === null) return say("state-confirmed-somewhere");
  return say(`state-${name}`, { n: grouped(block ?? 0) });
}

export function synced(peers, most = Infinity) {
  const { ahead, forked, unreachable, behind } = peers;
  const refused = peers.network + peers.invalid + peers.marked;
  const troubles = Object.entries({ ahead, forked, unreachable, behind, refused });
  const asked = troubles.reduce((sum, [, n]) => sum + n, peers.agrees);
  if (asked + peers.unasked + peers.paused === 0) return say("sync-alone");
  if (asked === 0) return say("sync-unasked");
  const all = grouped(asked + peers.unasked);
  const agree = say("sync-agrees", { n: grouped(peers.agrees), asked: all });
  const named = troubles.filter(([, n]) => n > 0).slice(0, most);
  return [agree, ...named.map(([name, n]) => say(`sync-${name}`, { n: grouped(n) }))].join(", ");
}

export function caughtUp(received, expected, rate) {
  let blocks = counted(received, "block");
  if (expected) {
    blocks = say("caught-up", { n: grouped(received), blocks: counted(expected, "block") });
  }
  return rate < 1 ? blocks : say("caught-up-rate", { blocks, n: grouped(Math.floor(rate)) });
}

export function told(kind, data) {
  if (kind === "block") {
    const n = grouped(data.index);
    const transactions = counted(data.transactions, "transaction");
    if (data.origin === "mined") {
      return sentence("good", "mined", say("mined-what", { n, transactions }));
    }
    const what = say("received-what", { n, transactions });
    return sentence("good", "received", what, data.source || say("a-file"));
  }
  if (kind === "chain-extended") {
    const blocks = counted(data.connected, "block");
    const what = say("received-many", { blocks, n: grouped(data.blocks.at(-1).index) });
    return sentence("good", "received", what, data.source || say("a-file"));
  }
  if (kind === "reorganisation") {
    const what = say("reorganised-what", {
      disconnected: counted(data.disconnected, "block"),
      connected: counted(data.connected, "block"),
      n: grouped(data.fork_index + 1),
      returned: counted(returnedBy(data), "transaction"),
    });
    return sentence("back", "reorganised", what, data.source || say("unknown"));
  }
  if (kind === "refusal") {
    return sentence("bad", "refused", say("refused-what"), data.peer, said(data.reason));
  }
  if (kind === "peer") {
    const what = `registered-${data.source}`;
    return sentence("", "registered", say(has(what) ? what : "registered-what"), data.address);
  }
  if (kind === "operator") {
    const what = say(`operator-${data.act}`, { n: grouped(data.index) });
    return sentence("", "operator", what, shortened(data.subject), data.reason);
  }
  return sentence("", "started", say("started-what"));
}

// Events from before there was a count have the names only.
function returnedBy({ returned, returned_count: count }) {
  return count ?? returned.length;
}

function sentence(tone, did, what, who = "", why = "") {
  return { tone, did: say(did), what, who, why };
}

export function ago(seconds) {
  if (seconds < -5) return say("ahead");
  const units = [
    ["second", 1, 60],
    ["minute", 60, 3600],
    ["hour", 3600, 86400],
    ["day", 86400, 365 * 86400],
  ];
  for (const [unit, length, limit] of units) {
    if (seconds < limit) return agoIn(unit, Math.floor(seconds / length));
  }
  return agoIn("year", Math.floor(seconds / (365 * 86400)));
}

function agoIn(unit, count) {
  if (count < 1) return say("ago-now");
  const singular = `ago-${unit}-one`;
  return count === 1 && has(singular) ? say(singular) : say(`ago-${unit}`, { n: count });
}

export function coming(seconds) {
  if (seconds <= 0) return say("in-now");
  const units = [
    ["second", 1, 60],
    ["minute", 60, 3600],
    ["hour", 3600, 86400],
  ];
  for (const [unit, length, limit] of units) {
    const count = Math.ceil(seconds / length);
    if (count * length < limit) return say(`in-${unit}`, { n: count });
  }
  const days = Math.ceil(seconds / 86400);
  return days === 1 ? say("in-day-one") : say("in-day", { n: grouped(days) });
}

// Unix seconds or ISO text as a Date; null where there is none, or none a calendar has.
export function moment(value) {
  const date = value === null ? new Date(NaN) : new Date(isText(value) ? value : value * 1000);
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date : null;
}

export function absolute(date) {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function isText(value) {
  return typeof value === "string";
}

function oneDecimal(number) {
  return (Math.floor(number * 10) / 10).toFixed(1);
}
