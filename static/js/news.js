// What this node did, newest first.

import { live } from "./connection.js";
import { Feed } from "./feed.js";
import { told } from "./format.js";
import { lead, row, time } from "./rows.js";
import { pathOf } from "./words.js";

const KINDS = ["block", "chain-extended", "reorganisation", "refusal", "peer", "node", "operator"];

function newsRow({ seq, kind, at, data }) {
  const { tone, did, what, who, why } = told(kind, data);
  const element = row("news", { time: time(at), did: { text: did, data: { tone } }, what, who, why });
  element.dataset.seq = seq;
  return lead(element, { what: leadsTo(kind, data) });
}

function leadsTo(kind, data) {
  if (kind === "block") return pathOf("block", data.index);
  if (kind === "chain-extended") return pathOf("block", data.blocks.at(-1).index);
  return kind === "reorganisation" ? pathOf("forks") : "";
}

export function begin() {
  const feed = new Feed(document.getElementById("news"));
  for (const kind of KINDS) live.on(kind, (frame) => feed.add(newsRow(frame)));
  live.on("snapshot", ({ data }) => feed.replace(data.news.map(newsRow)));
}
