// The stream sends of each card only in what it differs from others; the rest is in the page's blank cards.

import { find, findAll } from "./dom.js";

// In the order in which they stand in a card.
const PARTS = ["h2", ".where", ".kinds", ".coming", ".passed", ".mine"];

const blanks = find("template#blank-cards", HTMLTemplateElement);

/**
 * Complete the cards of a list that arrived. The page's own are put together in the same way.
 * @param {HTMLElement} list
 */
export function completeCards(list) {
  for (const bare of findAll(".table-card", HTMLElement, list)) bare.replaceWith(complete(bare, list.dataset));
}

/**
 * @param {HTMLElement} bare  whose parts are moved into the card
 * @param {DOMStringMap} usual  what holds for a card that does not say otherwise
 */
function complete(bare, { nagMs, lateMs }) {
  const { state = "waiting" } = bare.dataset;
  const blank = find(`.table-card[data-state="${state}"]`, HTMLElement, blanks.content);
  const card = document.importNode(blank, true);
  if (state === "waiting") Object.assign(card.dataset, { warnMs: nagMs, lateMs });
  for (const { name, value } of [...bare.attributes]) card.setAttribute(name, value);
  for (const name of PARTS) {
    const [part] = findAll(name, HTMLElement, bare);
    const [place] = findAll(name, HTMLElement, card);
    if (part && place) place.replaceWith(part);
    else if (part) find(".acts", HTMLElement, card).before(part);
  }
  if (!("alerted" in card.dataset)) for (const part of findAll(".alerted", HTMLElement, card)) part.remove();
  const heading = find("h2", HTMLElement, card);
  heading.id = `table-${card.dataset.table}`;
  card.tabIndex = -1;
  card.setAttribute("aria-labelledby", heading.id);
  for (const part of findAll("summary, .acts button", HTMLElement, card)) part.setAttribute("aria-describedby", heading.id);
  for (const button of findAll("[data-act]", HTMLButtonElement, card)) address(button, card.dataset);
  find(".join", HTMLAnchorElement, card).href = `joined?table=${card.dataset.table}`;
  return card;
}

/**
 * Where a card's button leads: relative, as in the page's own cards.
 * @param {HTMLButtonElement} button @param {DOMStringMap} card
 */
function address(button, { table, ids = "", waiting = ids, state, by }) {
  const act = button.dataset.act ?? "";
  const [lead] = waiting.split(" ");
  const from = act === "accept" && state === "accepted" && by ? `?from=${encodeURIComponent(by)}` : "";
  button.setAttribute("formaction", act === "pause" ? `tables/${table}/pause` : `requests/${lead}/${act}${from}`);
  if (act === "pause") return;
  button.name = "ids";
  button.value = act === "accept" ? waiting : ids;
}
