// The page to try the live API: what is followed, and the frames as they come.

import { LiveClient } from "./live-client.js";
import { fill } from "./rows.js";
import { say } from "./words.js";

const SHOWN = 100;
const FIRST = ["blocks", "transactions"];

const byId = (name) => document.getElementById(`try-${name}`);
const client = new LiveClient({ topics: FIRST });

function showTopics() {
  byId("chosen").replaceChildren(
    ...client.topics.map((topic) => {
      const chip = byId("chip").content.cloneNode(true);
      fill(chip, { topic });
      const button = chip.querySelector("button");
      button.setAttribute("aria-label", `${button.textContent} ${topic}`);
      button.addEventListener("click", () => {
        client.unsubscribe(topic);
        showTopics();
      });
      return chip;
    }),
  );
}

function show(frame) {
  const row = byId("frame").content.cloneNode(true);
  fill(row, { kind: frame.kind, text: JSON.stringify(frame) });
  byId("frames").prepend(row);
  while (byId("frames").childElementCount > SHOWN) byId("frames").lastElementChild.remove();
  if (client.seq !== null) fill(byId("number"), { seq: String(client.seq) });
  if (frame.kind === "error") {
    byId("error").textContent = frame.reason;
    showTopics();
  }
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const topic = byId("topic").value.trim();
  byId("error").textContent = "";
  if (topic) client.subscribe(topic);
  byId("topic").value = "";
  showTopics();
});
client.addEventListener("frame", ({ detail }) => show(detail));
client.addEventListener("state", ({ detail }) => {
  byId("state").dataset.state = detail === "open" ? "confirmed" : "pending";
  byId("state").textContent = say(`try-${detail}`);
});
showTopics();
client.connect();
