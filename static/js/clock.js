// Waiting times. They count on the server's clock: a tablet's own may be minutes off.

import { find, setText } from "./dom.js";

const JITTER_MS = 1_000; // smaller differences are the network's, and would make clocks jump

const calls = find("#calls", HTMLElement);

let offset = 0;
/** How many times each card has asked again. @type {WeakMap<HTMLElement, number>} */
const nagsOf = new WeakMap();

/**
 * Take over the server's clock.
 * @param {number} serverNow  in milliseconds
 */
export function synchronise(serverNow) {
  const difference = serverNow - Date.now();
  if (Math.abs(difference - offset) > JITTER_MS) offset = difference;
}

/** The server's time, in milliseconds. */
export function now() {
  return Date.now() + offset;
}

/**
 * "4:12", or "1:04:12" after an hour.
 * @param {number} milliseconds
 */
export function spell(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const minutes = Math.floor(seconds / 60);
  const start = minutes < 60 ? minutes : `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}`;
  return `${start}:${twoDigits(seconds % 60)}`;
}

/** @param {number} number */
const twoDigits = (number) => String(number).padStart(2, "0");

/**
 * How a card looks at this age (milliseconds). The server says from which ages on it warns and is late; the rule is
 * Card.level_at() in cards.py.
 * @param {DOMStringMap} card
 * @param {number} age
 */
function levelOf({ state, warnMs, lateMs }, age) {
  if (age >= Number(lateMs)) return "late";
  if (age >= Number(warnMs)) return "warn"; // false where there is no such age: NaN
  return state === "accepted" ? "coming" : "calm";
}

/**
 * How a card looks at this time (milliseconds).
 * @param {HTMLElement} card @param {number} time
 */
export function levelAt({ dataset }, time) {
  return levelOf(dataset, time - Number(dataset.firstMs));
}

/**
 * Bring the clock of each card up to date. Returns the cards that ask again now: those that wait, each time the nag time
 * has passed once more, and those that became late.
 * @param {HTMLElement[]} cards
 */
export function tick(cards) {
  return cards.filter((card) => {
    const nagMs = Number(card.dataset.nagMs ?? calls.dataset.nagMs);
    const age = now() - Number(card.dataset.firstMs);
    setText(find(".clock", HTMLElement, card), spell(age));
    const before = card.dataset.level;
    card.dataset.level = levelOf(card.dataset, age);
    const nags = card.dataset.state === "waiting" ? Math.floor(age / nagMs) : 0;
    const asksAgain = nags > (nagsOf.get(card) ?? nags);
    nagsOf.set(card, nags);
    return asksAgain || (card.dataset.level === "late" && Boolean(before) && before !== "late");
  });
}
