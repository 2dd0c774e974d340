// The socket: says what happens, in order, each event once, and comes back after it was lost.
//
// Listen with `live.on(kind, listener)`. Kinds are those of the frames (see ledger/live/frames.py)
// and "connection", whose detail is {state, until}: connecting, live, waiting or offline.

const DEAD_AFTER = 40_000; // without a frame; the server says something every 15 s
const LONGEST_WAIT = 8_000;
const TOO_SLOW = 4008; // the server's code for: come back with your last number
const AT_ONCE_EVERY = 5000; // a server that is always too fast for us is not asked without end
const OFFLINE_AFTER = 5; // failures in a row

class Connection extends EventTarget {
  #seq = null; // the last event that was taken account of
  #node = "";
  #socket = null;
  #failures = 0;
  #lastFrame = 0;
  #atOnceLast = -Infinity;
  #timer = 0;

  // Begin after event `seq` of the node `node`: what the page was made from.
  begin(seq, node) {
    this.#seq = seq;
    this.#node = node;
    addEventListener("online", () => this.hurry());
    addEventListener("pageshow", () => this.hurry());
    document.addEventListener("visibilitychange", () => this.#lookAfterSleep());
    this.#connect();
  }

  on(kind, listener) {
    this.addEventListener(kind, (event) => listener(event.detail));
  }

  // Try again now, if it is waiting to.
  hurry() {
    if (this.#socket === null) this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    const url = new URL("/ws/", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.#seq !== null) {
      url.searchParams.set("after", this.#seq);
      url.searchParams.set("node", this.#node);
    }
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#tell("connection", { state: "connecting" });
    socket.addEventListener("message", (event) => {
      if (socket === this.#socket) this.#take(JSON.parse(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    });
    this.#watch();
  }

  #take(frame) {
    this.#lastFrame = performance.now();
    this.#watch();
    if (frame.kind === "snapshot" || frame.kind === "resumed") {
      this.#seq = frame.seq;
      this.#failures = 0;
      this.#tell("connection", { state: "live" });
      if (frame.kind === "snapshot") this.#node = frame.data.node.identifier;
    } else if (frame.kind === "beat") {
      return;
    } else if (frame.seq !== undefined) {
      if (frame.seq <= this.#seq) return;
      this.#seq = frame.seq;
    }
    this.#tell(frame.kind, frame);
  }

  // A socket can be dead without a word: a frame is awaited, and then given up.
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#giveUp(), DEAD_AFTER);
  }

  #giveUp() {
    const socket = this.#socket;
    this.#lost(0);
    socket.close();
  }

  #lookAfterSleep() {
    if (document.visibilityState !== "visible") return;
    if (this.#socket === null) this.#connect();
    else if (this.#lastFrame && performance.now() - this.#lastFrame > DEAD_AFTER) this.#giveUp();
  }

  #lost(code) {
    clearTimeout(this.#timer);
    this.#socket = null;
    const now = performance.now();
    const atOnce = code === TOO_SLOW && now - this.#atOnceLast > AT_ONCE_EVERY;
    if (atOnce) this.#atOnceLast = now;
    this.#failures += 1;
    // Half of the wait is chance: not all pages of a classroom come back in the same moment.
    const longest = Math.min(LONGEST_WAIT, 1000 * 2 ** (this.#failures - 1));
    const wait = atOnce ? 0 : longest / 2 + (Math.random() * longest) / 2;
    const offline = this.#failures >= OFFLINE_AFTER || !navigator.onLine;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#tell("connection", {
      state: offline ? "offline" : "waiting",
      until: now + wait,
    });
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

export const live = new Connection();
