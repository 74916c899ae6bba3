// The keyboard of a till: j and k go from card to card, a accepts, r resolves, ? helps. Single letters get in the way of
// speech input, so they can be switched off.

import { cardsOnView, isSettling } from "./cards.js";
import { read, write } from "./memory.js";

const help = document.getElementById("help");
const wanted = document.getElementById("keys-wanted");
const acts = { a: ".strong[data-act=accept]", r: "[data-act=resolve]" };

const current = () => document.activeElement?.closest(".table-card");

function go(step) {
  const cards = cardsOnView();
  const place = cards.indexOf(current());
  const next = place < 0 ? (step > 0 ? 0 : cards.length - 1) : Math.min(Math.max(place + step, 0), cards.length - 1);
  cards[next]?.focus();
}

/** Press a button of the card that has the keyboard; without one the first card gets it, and nothing else happens. */
function press(selector) {
  if (!current()) return go(1);
  if (!isSettling()) current().querySelector(selector)?.click();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key in acts) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, textarea, select")) return;
  if (event.key === "?") help.showModal();
  else if (!wanted.checked) return;
  else if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (event.key in acts) press(acts[event.key]);
  else return;
  event.preventDefault();
}

export function startKeyboard() {
  wanted.checked = read("keys", true);
  wanted.addEventListener("change", () => write("keys", wanted.checked));
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => event.target === help && help.close());
  document.addEventListener("keydown", onKey);
}
