// The keyboard of a till: j and k go from card to card, a accepts, r resolves, ? helps. Single letters get in the way of
// speech input, so they can be switched off.

import { cardsOnView, isSettling } from "./cards.js";
import { find } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";

const KEY = ofThisScreen("keys");
/** @type {Record<string, string>} */
const ACTIONS = { a: ".strong[data-act=accept]", r: "[data-act=resolve]" };

// An unknown element before Safari 15.4 and Firefox 98.
const help = /** @type {HTMLDialogElement} */ (find("#help", HTMLElement));
const helpButton = find("#help-open", HTMLElement);
const isOn = find("#keys-wanted", HTMLInputElement);
const canHelp = "showModal" in help;

function openHelp() {
  if (canHelp) help.showModal(); // eslint-disable-line no-restricted-properties -- guarded
}

function currentCard() {
  const card = document.activeElement?.closest(".table-card");
  return card instanceof HTMLElement ? card : null;
}

/** @param {1 | -1} step */
function go(step) {
  const cards = cardsOnView();
  const current = currentCard();
  const place = current ? cards.indexOf(current) : -1;
  const first = step > 0 ? 0 : cards.length - 1;
  cards[place < 0 ? first : Math.min(Math.max(place + step, 0), cards.length - 1)]?.focus();
}

/**
 * Press a button of the card that has the focus, where somebody sees which one that is. Without one the first card gets it,
 * and nothing else happens.
 * @param {string} selector @param {boolean} isSeen
 */
function press(selector, isSeen) {
  const card = currentCard();
  if (!card) return go(1);
  if (!isSeen) return;
  const button = card.querySelector(selector);
  if (!isSettling() && button instanceof HTMLElement) button.click();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || (event.repeat && event.key in ACTIONS)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.target instanceof Element && event.target.closest("input, textarea, select")) return;
  const isSeen = "keys" in document.body.dataset;
  document.body.dataset.keys = "";
  if (event.key === "?") openHelp();
  else if (!isOn.checked) return;
  else if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key in ACTIONS) press(ACTIONS[event.key], isSeen);
  else return;
  event.preventDefault();
}

export function startKeyboard() {
  isOn.checked = read(KEY, true);
  isOn.addEventListener("change", () => write(KEY, isOn.checked));
  helpButton.hidden = !canHelp;
  helpButton.addEventListener("click", openHelp);
  help.addEventListener("click", (event) => event.target === help && help.close());
  document.addEventListener("keydown", onKey);
  // Whoever points does not look for the mark of the focus, and browsers differ in whether there is one.
  document.addEventListener("pointerdown", () => delete document.body.dataset.keys);
}
