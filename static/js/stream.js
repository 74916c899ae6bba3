// One live line to the server. EventSource gives up for good on a refusal and does not notice a line that hangs, so it
// is watched by the heartbeat and always reopened from here.

const SILENCE = 18_000; // the server is heard every 15 s; longer than this and the line is dead
const WATCH = 1_000; // how often that is looked at: people are told within 20 s
const GRACE = 3_000; // a change of Wi-Fi cell is no news; longer than this and people are told
const LONGEST = 8_000; // between two attempts, give or take a half

/** The page that stands in for this one without a connection says since when, see offline.js. */
function keepHeard(at) {
  try {
    localStorage.setItem("waitercaller.heard", at);
  } catch {
    // A browser that keeps nothing: then it says when it was opened.
  }
}

/** Keep a line to the address that `url()` gives each time. Calls `onEvent(name, data)`, `onLive()`, `onDown(since)`, `onGone()` when the login has ended and,
 *  after `end()`, `onEnd()`. */
export class Stream {
  constructor(url, names, { onEvent, onLive, onDown, onGone, onEnd }) {
    Object.assign(this, { url, names, onEvent, onLive, onDown, onGone, onEnd });
    this.live = false;
    this.told = false; // whether people have been told that the line is down
    this.failures = 0;
    this.since = Date.now(); // what people see is no older than this
    setInterval(() => this.listen(), WATCH);
    addEventListener("offline", () => this.lost(0));
    addEventListener("online", () => this.open());
    // Browsers let pages in the background look seldom: who comes back to one must not see an old list as live.
    document.addEventListener("visibilitychange", () => document.hidden || this.listen() || this.live || this.open());
    this.open();
    this.tell(GRACE);
  }

  /** Notice a line that hangs without closing. */
  listen() {
    if (this.source && Date.now() - this.heard > SILENCE) this.lost(0);
  }

  open() {
    if (this.ended) return;
    this.close();
    this.heard = Date.now();
    this.source = new EventSource(this.url());
    for (const name of [...this.names, "ping"]) this.source.addEventListener(name, (event) => this.hear(name, event));
    this.source.addEventListener("bye", (event) => this.leave(JSON.parse(event.data).reason));
    this.source.addEventListener("error", () => this.lost(GRACE));
  }

  close() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
  }

  hear(name, event) {
    this.heard = this.since = Date.now();
    keepHeard(this.heard);
    this.failures = 0;
    this.onEvent(name, JSON.parse(event.data));
    if (this.live) return;
    this.live = true;
    this.told = false;
    clearTimeout(this.telling);
    this.telling = null;
    this.onLive();
  }

  /** The server ends each line after a while; that is no fault, and all screens should not come back at once. A login
   *  that has ended may have been followed by another one in this browser: whoever is told by `onGone` finds out. */
  leave(reason) {
    this.live = false;
    if (reason === "logged_out") this.onGone();
    this.reopen(1_000);
    this.tell(GRACE);
  }

  lost(grace) {
    this.live = false;
    this.reopen(Math.min(1_000 * 2 ** this.failures++, LONGEST));
    this.tell(grace);
  }

  reopen(milliseconds) {
    this.close();
    if (!this.ended) this.retry = setTimeout(() => this.open(), milliseconds * (0.5 + Math.random()));
  }

  tell(grace) {
    if (this.told || this.ended || (this.telling && grace)) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      this.told = true;
      this.telling = null;
      this.onDown(this.since);
    }, grace);
  }

  /** Stop for good: the login is gone. */
  end() {
    if (this.ended) return;
    this.ended = true;
    this.live = false;
    clearTimeout(this.telling);
    this.close();
    this.onEnd();
  }
}
