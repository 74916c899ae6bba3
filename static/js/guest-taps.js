// Taps are kept on the phone, each with its page's one-time key, until the server has answered them: dead Wi-Fi, a reload
// and a page that was closed lose none and send none twice.

const LIFE = 10 * 60_000; // by this phone's clock; an older tap is not meant any more
const PATIENCE = 8_000; // for one answer
const LONGEST = 10_000; // between two attempts, give or take a half
const place = location.pathname.toUpperCase(); // one for each table

let memory = []; // of a phone that lets pages keep nothing

function read() {
  try {
    return JSON.parse(localStorage.getItem("taps")) ?? memory;
  } catch {
    return memory;
  }
}

function write(taps) {
  memory = taps;
  try {
    localStorage.setItem("taps", JSON.stringify(taps));
  } catch {
    // Then they live as long as the page.
  }
}

const isYoung = (tap) => Math.abs(Date.now() - tap.at) < LIFE;
const isSame = (tap, other) => tap.place === other.place && tap.button === other.button;

export class Taps {
  /** Tells of each tap once: `onAnswer(page, address, tap)`, `onRefusal(words)` or, after LIFE, `onLate()`; and with `onChange()`
   *  that there are more or fewer of them, or that one could not be sent. `receipt()` is what the page holds by now, and
   *  `address(tap)` where the tap goes. */
  constructor(events) {
    Object.assign(this, events);
    this.failures = 0;
    addEventListener("online", () => this.send());
    addEventListener("storage", () => this.onChange()); // another page of this phone has sent it
  }

  /** Those of this table that wait, the oldest first. */
  get waiting() {
    return read().filter((tap) => tap.place === place && isYoung(tap));
  }

  /** Until when the oldest is tried. */
  get until() {
    return new Date(this.waiting[0].at + LIFE);
  }

  /** `wish`: by which button, to which address, with which fields of the form. */
  keep(wish) {
    const tap = { ...wish, place, at: Date.now() };
    write([...read().filter((other) => !isSame(tap, other)), tap]);
    this.send();
  }

  /** Not the same button's next tap, which was made while this one was on its way. */
  drop(tap) {
    write(read().filter((other) => !isSame(tap, other) || other.at !== tap.at));
  }

  dropLate() {
    const taps = read();
    const late = taps.filter((tap) => !isYoung(tap));
    if (late.length) write(taps.filter(isYoung));
    if (late.some((tap) => tap.place === place)) this.onLate();
  }

  async send() {
    clearTimeout(this.retry);
    this.dropLate();
    const [tap] = this.waiting;
    this.onChange();
    if (!tap || this.sending) return;
    this.sending = true;
    try {
      await this.post(tap);
      this.failures = 0;
    } catch {
      this.failures += 1;
    }
    this.sending = false;
    const pause = Math.min(500 * 2 ** this.failures, LONGEST) * (0.5 + Math.random());
    this.retry = setTimeout(() => this.send(), this.failures ? pause : 0);
    this.onChange();
  }

  /** Fails where no answer came, or one that is not ours: nothing is known then, and the same tap is sent again. */
  async post(tap) {
    const fields = { ...tap.fields, ...this.receipt() };
    const impatient = new AbortController();
    const timer = setTimeout(() => impatient.abort(), PATIENCE);
    try {
      const answer = await fetch(this.address(tap), {
        method: "POST",
        body: new URLSearchParams(fields),
        headers: { Accept: "application/json" }, // of a refusal; what was done is shown by the page
        signal: impatient.signal,
      });
      if (answer.status >= 500) throw new Error("try again");
      const words = answer.ok ? "" : (await answer.json()).message;
      const page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page && !page.getElementById("call")) throw new Error("the page of a stranger");
      this.drop(tap);
      if (page) this.onAnswer(page, answer.url, tap);
      else this.onRefusal(words);
    } finally {
      clearTimeout(timer);
    }
  }
}
