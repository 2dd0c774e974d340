// A client of the live API: follows topics, comes back after a break and misses nothing.
//
//   const client = new LiveClient({ topics: ["blocks"] });
//   client.addEventListener("frame", ({ detail }) => console.log(detail.kind, detail));
//   client.connect();
//
// Copy it: it needs nothing else. "frame" has each frame once and in order; "state" says
// connecting, open or waiting. Documented at /api/docs/live.

const SILENT_AFTER = 40_000; // the node says something every 15 s
const LONGEST_WAIT = 10_000;

export class LiveClient extends EventTarget {
  #topics;
  #told = new Set(); // those whose state was told: what is new of them is missed, not their state
  #url;
  #socket = null;
  #seq = null; // all of our topics up to this event has been told
  #node = null; // whose number that is
  #last = 0; // the last event that was handed on
  #failures = 0;
  #timer = 0;

  constructor({ topics = [], url = new URL("/ws/", location.href) } = {}) {
    super();
    this.#topics = new Set(topics);
    this.#url = new URL(url);
    this.#url.protocol = this.#url.protocol === "https:" ? "wss:" : "ws:";
  }

  get topics() {
    return [...this.#topics];
  }

  get seq() {
    return this.#seq;
  }

  connect() {
    clearTimeout(this.#timer);
    const url = new URL(this.#url);
    // Commas stand between topics; a name that has one is asked for by a message, and so is what
    // we have never heard of: its state comes first then.
    const isMissed = (topic) => !topic.includes(",") && (this.#seq === null || this.#told.has(topic));
    const others = this.topics.filter((topic) => !isMissed(topic));
    url.searchParams.set("topics", this.topics.filter(isMissed).join(","));
    if (this.#seq !== null) {
      url.searchParams.set("after", this.#seq);
      url.searchParams.set("node", this.#node);
    }
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#tell("state", "connecting");
    socket.addEventListener("open", () => {
      this.#tell("state", "open");
      if (others.length) this.#say({ subscribe: others });
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket) this.#take(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      if (socket === this.#socket) this.#lost();
    });
    this.#watch();
  }

  // Also while there is no connection: then it is asked for with the next one.
  subscribe(...topics) {
    for (const topic of topics) this.#topics.add(topic);
    this.#say({ subscribe: topics });
  }

  unsubscribe(...topics) {
    for (const topic of topics) {
      this.#topics.delete(topic);
      this.#told.delete(topic);
    }
    this.#say({ unsubscribe: topics });
  }

  close() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take(frame) {
    this.#watch();
    this.#failures = 0;
    if (frame.kind === "subscribed") {
      if (frame.node.identifier !== this.#node) this.#last = 0;
      this.#node = frame.node.identifier;
      this.#seq = frame.seq;
      for (const topic of Object.keys(frame.states)) this.#told.add(topic);
    } else if (frame.kind === "error") {
      this.#topics.delete(frame.topic); // there is no such topic: do not ask again
    } else if (frame.kind === "upto" || frame.kind === "beat") {
      this.#seq = frame.seq;
    }
    if (frame.at !== undefined) {
      // An event. After a break in the midst of several, some come again.
      if (frame.seq <= this.#last) return;
      this.#last = frame.seq;
    }
    this.#tell("frame", frame);
  }

  // A connection can be dead without a word.
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const socket = this.#socket;
      this.#lost();
      socket.close();
    }, SILENT_AFTER);
  }

  #lost() {
    clearTimeout(this.#timer);
    this.#socket = null;
    this.#failures += 1;
    // Half of it is chance: not all clients come back in the same moment.
    const longest = Math.min(LONGEST_WAIT, 500 * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.connect(), longest / 2 + (Math.random() * longest) / 2);
    this.#tell("state", "waiting");
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
