// EventSource gives up when refused, and does not notice a connection that hangs.

const MARGIN_MS = 3_000; // that a heartbeat may be late
const CHECK_MS = 1_000;
const GRACE_MS = 3_000; // for a change of Wi-Fi cell
const LONGEST_RETRY_MS = 8_000; // before jitter

export class EventStream {
  /** @param {import("./types").EventStreamOptions} options */
  constructor(options) {
    this.options = options;
    this.live = false;
    this.isDownTold = false;
    this.isEnded = false;
    this.failures = 0;
    this.lastEvent = Date.now();
    this.lastSign = Date.now();
    /** @type {EventSource | null} */
    this.source = null;
    /** @type {number | undefined} */
    this.retryTimer = undefined;
    /** @type {number | undefined} */
    this.downTimer = undefined;
    setInterval(() => this.checkHeartbeat(), CHECK_MS);
    addEventListener("offline", () => this.lost(0));
    addEventListener("online", () => this.open());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.hide() : this.show()));
    if (options.inBackground || !document.hidden) this.show();
  }

  checkHeartbeat() {
    if (this.source && Date.now() - this.lastSign > this.options.heartbeatMs + MARGIN_MS) this.lost(0);
  }

  hide() {
    if (this.options.inBackground) return;
    this.close();
    this.live = false;
    this.forgetDown();
  }

  show() {
    this.checkHeartbeat();
    if (this.live) return;
    this.open();
    this.tellDown(GRACE_MS);
  }

  open() {
    if (this.isEnded || (document.hidden && !this.options.inBackground)) return;
    this.close();
    this.lastSign = Date.now();
    try {
      const source = (this.source = new EventSource(this.options.url()));
      for (const name of [this.options.eventName, "ping"]) source.addEventListener(name, (event) => this.hear(name, event));
      source.addEventListener("bye", (event) => this.leave(JSON.parse(event.data)));
      source.addEventListener("error", () => this.lost(GRACE_MS));
    } catch (error) {
      console.error(error);
      this.lost(GRACE_MS);
    }
  }

  close() {
    clearTimeout(this.retryTimer);
    this.source?.close();
    this.source = null;
  }

  /** @param {string} name @param {MessageEvent<string>} event */
  hear(name, event) {
    this.lastSign = Date.now();
    try {
      this.options.onEvent(name, JSON.parse(event.data));
    } catch (error) {
      console.error(error);
      return this.lost(0);
    }
    this.lastEvent = Date.now();
    this.failures = 0;
    if (this.live) return;
    this.live = true;
    this.isDownTold = false;
    this.forgetDown();
    this.options.onLive();
  }

  /** The server ends each after ten minutes. @param {{reason: string, retry_ms?: number}} event */
  leave({ reason, retry_ms: retryMs = 1_000 }) {
    this.live = false;
    if (reason === "logged_out" || reason === "gone") this.options.onGone();
    this.reopen(retryMs);
    this.tellDown(GRACE_MS);
  }

  /** @param {number} graceMs */
  lost(graceMs) {
    if (this.live) this.options.onBreak?.();
    this.live = false;
    this.reopen(Math.min(1_000 * 2 ** this.failures++, LONGEST_RETRY_MS) * (0.5 + Math.random()));
    this.tellDown(graceMs);
  }

  /** @param {number} delayMs */
  reopen(delayMs) {
    this.close();
    if (!this.isEnded) this.retryTimer = setTimeout(() => this.open(), delayMs);
  }

  /** @param {number} graceMs */
  tellDown(graceMs) {
    if (this.isDownTold || this.isEnded || (this.downTimer && graceMs)) return;
    this.forgetDown();
    this.downTimer = setTimeout(() => {
      this.isDownTold = true;
      this.downTimer = undefined;
      this.options.onDown(this.lastEvent);
    }, graceMs);
  }

  forgetDown() {
    clearTimeout(this.downTimer);
    this.downTimer = undefined;
  }

  end() {
    this.isEnded = true;
    this.live = false;
    this.forgetDown();
    this.close();
  }
}
