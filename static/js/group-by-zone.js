// "Rounds": the cards of each zone as one list in the order of the tables, for a waiter who walks through the zone once.

import { find, findAll, safely, setText } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";

const KEY = ofThisScreen("rounds");

const template = find("template#round", HTMLTemplateElement);
const list = find("#calls .cards", HTMLElement);
const byName = safely(() => new Intl.Collator(document.documentElement.lang, { numeric: true }).compare, compare);

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

let isGrouped = read(KEY, false);

export function areRounds() {
  return isGrouped;
}

/** @param {boolean} on */
export function showRounds(on) {
  isGrouped = on;
  write(KEY, on);
}

/**
 * Fill an empty list with cards, which come by age: as they are, or in one round for each zone.
 * @param {HTMLElement} target
 * @param {HTMLElement[]} cards
 */
export function arrange(target, cards) {
  target.classList.toggle("as-rounds", isGrouped);
  if (!isGrouped) return target.append(...cards);
  for (const zone of new Set(cards.map((card) => card.dataset.zone ?? ""))) {
    const stops = cards.filter((card) => (card.dataset.zone ?? "") === zone);
    target.append(roundOf(zone, stops));
  }
}

/**
 * @param {string} zone
 * @param {HTMLElement[]} cards
 */
function roundOf(zone, cards) {
  const round = find(".round", HTMLElement, /** @type {DocumentFragment} */ (template.content.cloneNode(true)));
  const zoneName = cards[0].querySelector(".where bdi")?.textContent;
  round.dataset.round = zone;
  find("h2 bdi", HTMLElement, round).textContent = zoneName ?? template.dataset.nowhere ?? "";
  find(".stops", HTMLElement, round).append(...cards.sort((a, b) => byName(nameOf(a), nameOf(b))));
  return round;
}

/** @param {HTMLElement} card */
const nameOf = (card) => find("h2", HTMLElement, card).textContent ?? "";

/**
 * "4 Bill · 5 Water": how often each kind is asked for at these tables.
 * @param {HTMLElement[]} cards
 */
function kindsOf(cards) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const card of cards) {
    for (const { textContent: kind } of findAll(".kinds li:not(.note) > bdi:first-child", HTMLElement, card)) {
      counts.set(kind ?? "", (counts.get(kind ?? "") ?? 0) + 1);
    }
  }
  return [...counts].map(([kind, count]) => `${count}\u00A0${kind}`).join(" · ");
}

/**
 * What each round says of its cards on view, and its button that accepts all that wait.
 * @param {(card: HTMLElement) => boolean} isShown
 */
export function sumUp(isShown) {
  for (const round of findAll(".round", HTMLElement, list)) {
    const cards = findAll(".table-card", HTMLElement, round).filter(isShown);
    const accepts = cards
      .filter((card) => card.dataset.state === "waiting")
      .map((card) => find("[data-act=accept]", HTMLButtonElement, card));
    const acceptAll = find("[data-act=accept-all]", HTMLButtonElement, round);
    round.hidden = !cards.length;
    setText(find(".round-count", HTMLElement, round), kindsOf(cards));
    acceptAll.hidden = accepts.length < 2;
    if (acceptAll.hidden) continue;
    acceptAll.formAction = accepts[0].formAction;
    acceptAll.value = accepts.flatMap((button) => button.value.split(" ")).slice(0, Number(template.dataset.most)).join(" ");
  }
}
