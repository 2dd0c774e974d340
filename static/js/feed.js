// What grows by itself, and may be held still: what is new waits while the page is paused or the
// pointer rests there, and comes in all at once after it. Where nothing can be pressed (on the
// projector's page), nothing is held.

import { arrive, keepFirst } from "./rows.js";
import { say } from "./words.js";

const button = document.getElementById("pause");
const held = document.getElementById("held");
const feeds = [];
const holds = [];
let isPaused = false;

// Whether an element is held; `letGo` is called when it may be no more.
export class Hold {
  isPointedAt = false;
  #letGo;

  constructor(element, letGo) {
    this.#letGo = letGo;
    if (!button) return;
    holds.push(this);
    element.addEventListener("pointerenter", (event) => this.#point(event.pointerType === "mouse"));
    element.addEventListener("pointerleave", () => this.#point(false));
  }

  get isOn() {
    return isPaused || this.isPointedAt;
  }

  look() {
    if (!this.isOn) this.#letGo();
  }

  #point(isOver) {
    this.isPointedAt = isOver;
    this.look();
  }
}

export class Feed {
  #list;
  #hold;
  #waiting = []; // oldest first

  constructor(list) {
    this.#list = list;
    this.#hold = new Hold(list, () => this.#release());
    feeds.push(this);
  }

  // Every row, shown or waiting.
  get rows() {
    return [...this.#list.children, ...this.#waiting];
  }

  get waits() {
    return this.#waiting.length;
  }

  get isPointedAt() {
    return this.#hold.isPointedAt;
  }

  add(element) {
    if (this.#hold.isOn) {
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

  #release() {
    for (const element of this.#waiting) this.#show(element);
    this.#waiting = [];
    showHeld();
  }

  #show(element) {
    this.#list.prepend(element);
    arrive(element);
    keepFirst(this.#list, this.#most);
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
  for (const hold of holds) hold.look();
}

export function begin() {
  button.hidden = false;
  button.addEventListener("click", () => pause(!isPaused));
}
