// "My zones": which zones this screen shows, chosen by chips and remembered by the screen.

import { read, write } from "./memory.js";

/** The zones this screen shows; none chosen means all. */
const chosen = new Set(read("zones", []));

/** Whether a card belongs to a zone that this screen did not choose. What has no zone belongs to everybody. */
export function isElsewhere(card) {
  return chosen.size > 0 && card.dataset.zone !== "" && !chosen.has(card.dataset.zone);
}

/** Choose or unchoose a zone; "" stands for all. */
export function choose(zone) {
  if (!zone) chosen.clear();
  else if (!chosen.delete(zone)) chosen.add(zone);
  write("zones", [...chosen]);
}

/** Bring the chips up to date: which are chosen, and how many tables call in each. */
export function showZones(cards) {
  const chips = [...document.querySelectorAll("#zones button")];
  // A zone that was removed since must not hide the others.
  for (const zone of chosen) if (!chips.some((chip) => chip.dataset.zone === zone)) chosen.delete(zone);
  for (const chip of chips) {
    const { zone } = chip.dataset;
    chip.setAttribute("aria-pressed", String(zone ? chosen.has(zone) : !chosen.size));
    const count = chip.querySelector("b");
    const calling = cards.filter((card) => card.dataset.zone === zone).length || "";
    if (count && count.textContent !== String(calling)) count.textContent = calling;
  }
}
