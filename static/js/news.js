// What this node did, newest first.

import { live } from "./connection.js";
import { grouped, told } from "./format.js";
import { arrive, keepFirst, row, time } from "./rows.js";
import { say } from "./words.js";

const KINDS = ["block", "chain-extended", "reorganisation", "refusal", "peer", "node"];
const ANNOUNCE_EVERY = 5000; // milliseconds: who listens to the page is told, but not without end

const list = document.getElementById("news");
const announcer = document.getElementById("announcer");
let announcement = "";
let timer = 0;

function newsRow({ seq, kind, at, data }) {
  const { tone, did, what, who, why } = told(kind, data);
  const element = row("news", { time: time(at), did: { text: did, data: { tone } }, what, who, why });
  element.dataset.seq = seq;
  return element;
}

function add(frame) {
  const element = newsRow(frame);
  list.prepend(element);
  arrive(element);
  keepFirst(list, Number(list.dataset.shown));
}

function announce(text) {
  announcement = text;
  timer ||= setTimeout(() => {
    announcer.textContent = announcement;
    timer = 0;
  }, ANNOUNCE_EVERY);
}

export function begin() {
  for (const kind of KINDS) live.on(kind, add);
  live.on("block", ({ data }) => announce(say("announce-block", { n: grouped(data.index) })));
  live.on("reorganisation", ({ data }) =>
    announce(say("announce-reorganisation", { n: grouped(data.blocks.at(-1).index) })),
  );
  live.on("snapshot", ({ data }) => list.replaceChildren(...data.news.map(newsRow)));
}
