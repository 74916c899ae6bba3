// Keeps taps until answered; their key makes a repetition harmless.

import { safely } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { read, write } from "./storage.js";

const LIFETIME_MS = 10 * 60_000; // told in page.html
const TIMEOUT_MS = 8_000;
const LONGEST_RETRY_MS = 10_000;
const KEY = "taps";
const table = location.pathname.toUpperCase();

/** @typedef {import("./types").Tap} Tap */

/** @returns {Tap[]} */
const readTaps = () => read(KEY, []);

/** @param {Tap} tap */
const isYoung = (tap) => Math.abs(Date.now() - tap.at) < LIFETIME_MS;

/** @param {Tap} tap @param {Tap} other */
const isSame = (tap, other) => tap.table === other.table && tap.button === other.button;

export class Outbox {
  /** @param {import("./types").OutboxHandlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.failures = 0;
    this.page = Math.random();
    this.isSending = false;
    /** @type {number | undefined} */
    this.retryTimer = undefined;
    addEventListener("online", () => this.send());
    addEventListener("storage", () => this.tellChange());
  }

  /** Of this table, oldest first. */
  get waiting() {
    return readTaps().filter((tap) => tap.table === table && isYoung(tap));
  }

  /** When the oldest is given up. */
  get until() {
    return new Date(this.waiting[0].at + LIFETIME_MS);
  }

  /** @param {Omit<Tap, "table" | "at" | "page">} wish */
  keep(wish) {
    const tap = { ...wish, table, at: Date.now(), page: this.page };
    write(KEY, [...readTaps().filter((other) => !isSame(tap, other)), tap]);
    this.send();
  }

  /** A later one of this page gets a new key. @param {Tap} tap @param {string} [form] */
  drop(tap, form = tap.fields.form) {
    const others = readTaps().filter((other) => !isSame(tap, other) || other.at !== tap.at);
    for (const { button, fields } of others) if (button === tap.button && fields.form === tap.fields.form) fields.form = form;
    write(KEY, others);
  }

  dropLate() {
    const taps = readTaps();
    const late = taps.filter((tap) => !isYoung(tap));
    if (late.length) write(KEY, taps.filter(isYoung));
    if (late.some((tap) => tap.table === table)) safely(() => this.handlers.onLate(), undefined);
  }

  tellChange() {
    safely(() => this.handlers.onChange(), undefined);
  }

  /** One by one; retries with exponential backoff and jitter. */
  async send() {
    clearTimeout(this.retryTimer);
    this.dropLate();
    const [tap] = this.waiting;
    this.tellChange();
    if (!tap || this.isSending) return;
    this.isSending = true;
    try {
      await this.post(tap);
      this.failures = 0;
    } catch {
      this.failures += 1;
    }
    this.isSending = false;
    const delay = Math.min(500 * 2 ** this.failures, LONGEST_RETRY_MS) * (0.5 + Math.random());
    this.retryTimer = setTimeout(() => this.send(), this.failures ? delay : 0);
    this.tellChange();
  }

  /** @param {Tap} tap */
  async post(tap) {
    const options = {
      method: "POST",
      body: new URLSearchParams({ ...tap.fields, r: this.handlers.receipt(), answer: "state" }),
      headers: { Accept: "application/json" }, // of refusals
    };
    await fetchWithin(TIMEOUT_MS, this.handlers.address(tap), options, async (answer) => {
      if (answer.status >= 500) throw new Error("Try again");
      if (!answer.ok) {
        const { message } = await answer.json();
        this.drop(tap);
        return safely(() => this.handlers.onRefusal(message), undefined);
      }
      const state = await answer.json();
      if (!state.form) throw new Error("Not our page");
      this.drop(tap, state.form);
      return safely(() => this.handlers.onAnswer(state, tap), undefined);
    });
  }
}
