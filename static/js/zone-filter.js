// Which zones this screen shows: chosen by buttons, and kept by the screen.

import { findAll, setText } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";

const KEY = ofThisScreen("zones");

/** The ids of the zones this screen shows; an empty set stands for all. @type {Set<string>} */
const chosen = new Set(read(KEY, []));

/**
 * Whether a card is of a zone that this screen did not choose. A table without a zone is everybody's.
 * @param {HTMLElement} card
 */
export function isElsewhere(card) {
  const { zone } = card.dataset;
  return chosen.size > 0 && Boolean(zone) && !chosen.has(zone ?? "");
}

/**
 * Choose a zone, or no longer; "" stands for all.
 * @param {string} zone
 */
export function choose(zone) {
  if (!zone) chosen.clear();
  else if (!chosen.delete(zone)) chosen.add(zone);
  write(KEY, [...chosen]);
}

/**
 * Bring the buttons up to date: which are chosen, and how many tables wait in each zone.
 * @param {HTMLElement[]} cards
 */
export function showZones(cards) {
  const buttons = findAll("#zones button", HTMLElement);
  // A zone that was deleted since must not hide the others.
  for (const zone of chosen) if (!buttons.some((button) => button.dataset.zone === zone)) chosen.delete(zone);
  for (const button of buttons) {
    const { zone } = button.dataset;
    button.setAttribute("aria-pressed", String(zone ? chosen.has(zone) : !chosen.size));
    const count = button.querySelector("b");
    if (count) setText(count, String(cards.filter((card) => card.dataset.zone === zone).length || ""));
  }
}
