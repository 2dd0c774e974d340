// Lists that grow by themselves, and may be held still: rows wait while the feed is paused or the
// pointer rests on their list, and come in all at once after it.

import { arrive, keepFirst } from "./rows.js";
import { say } from "./words.js";

const button = document.getElementById("pause");
const held = document.getElementById("held");
const feeds = [];
let isPaused = false;

export class Feed {
  #list;
  #waiting = []; // oldest first
  #isPointedAt = false;

  constructor(list) {
    this.#list = list;
    feeds.push(this);
    list.addEventListener("pointerenter", ({ pointerType }) => this.#point(pointerType === "mouse"));
    list.addEventListener("pointerleave", () => this.#point(false));
  }

  // Every row, shown or waiting.
  get rows() {
    return [...this.#list.children, ...this.#waiting];
  }

  get waits() {
    return this.#waiting.length;
  }

  get isPointedAt() {
    return this.#isPointedAt;
  }

  add(element) {
    if (isPaused || this.#isPointedAt) {
      this.#waiting = [...this.#waiting, element].slice(-this.#most);
      showHeld();
    } else {
      this.#show(element);
    }
  }

  replace(elements) {
    this.#waiting = [];
    this.#list.replaceChildren(...elements);
    showHeld();
  }

  release() {
    if (isPaused || this.#isPointedAt) return;
    for (const element of this.#waiting) this.#show(element);
    this.#waiting = [];
    showHeld();
  }

  #show(element) {
    this.#list.prepend(element);
    arrive(element);
    keepFirst(this.#list, this.#most);
  }

  #point(isOver) {
    this.#isPointedAt = isOver;
    this.release();
  }

  get #most() {
    return Number(this.#list.dataset.shown);
  }
}

function showHeld() {
  if (!held) return;
  const n = feeds.reduce((sum, feed) => sum + feed.waits, 0);
  const key = !isPaused && feeds.some((feed) => feed.isPointedAt) ? "feed-held" : "feed-new";
  held.textContent = n ? say(key, { n }) : "";
}

export function pause(isWanted) {
  isPaused = isWanted;
  button.setAttribute("aria-pressed", String(isPaused));
  button.textContent = say(isPaused ? "feed-resume" : "feed-pause");
  for (const feed of feeds) feed.release();
}

export function begin() {
  button.hidden = false;
  button.addEventListener("click", () => pause(!isPaused));
}
