// The stream sends of each card only in what it differs from others; the rest is in the blank cards. The page's own cards,
// which work without scripts, are put together in the same way.

import { find, findAll } from "./dom.js";

// In the order in which they stand in a card.
const PARTS = ["h2", ".where", ".kinds", ".coming", ".passed", ".mine"];

const blanks = find("template#blank-cards", HTMLTemplateElement);
const { dataset: words } = find("#words", HTMLElement);

/**
 * Complete the cards of a list that arrived.
 * @param {HTMLElement} list
 */
export function completeCards(list) {
  const zones = new Map(findAll("#zones button", HTMLElement, list).map((zone) => [nameIn(zone), zone.dataset.zone]));
  for (const bare of findAll(".table-card", HTMLElement, list)) {
    const card = complete(bare, list.dataset);
    // A card tells the id of its zone only where that has another name by now, or is no more.
    const zone = card.dataset.zone ?? zones.get(nameIn(find(".where", HTMLElement, card)) ?? "");
    if (zone) card.dataset.zone = zone;
    bare.replaceWith(card);
  }
}

/** What a person has called it. @param {HTMLElement} element */
const nameIn = (element) => element.querySelector("bdi")?.textContent;

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
  takeIds(bare, card.dataset);
  for (const name of PARTS) {
    const [part] = findAll(name, HTMLElement, bare);
    const [place] = findAll(name, HTMLElement, card);
    if (part && place) place.replaceWith(part);
    else if (part) find(".acts", HTMLElement, card).before(part);
  }
  if (!("alerted" in card.dataset)) for (const part of findAll(".alerted", HTMLElement, card)) part.remove();
  const heading = find("h2", HTMLElement, card);
  card.dataset.title = titleOf(heading.textContent ?? "");
  heading.id = `table-${card.dataset.table}`;
  card.tabIndex = -1;
  card.setAttribute("aria-labelledby", heading.id);
  for (const part of findAll("summary, .acts button", HTMLElement, card)) part.setAttribute("aria-describedby", heading.id);
  for (const button of findAll("[data-act]", HTMLButtonElement, card)) address(button, card.dataset);
  find(".join", HTMLAnchorElement, card).href = `joined?table=${card.dataset.table}`;
  return card;
}

/**
 * The page's own cards have their ids in their buttons.
 * @param {HTMLElement} bare @param {DOMStringMap} card
 */
function takeIds(bare, card) {
  const [accept, resolve] = ["accept", "resolve"].map((name) => findAll(`[name=${name}]`, HTMLButtonElement, bare)[0]);
  if (!resolve) return;
  card.ids = resolve.value;
  if (card.state === "waiting" && accept.value !== resolve.value) card.waiting = accept.value;
}

/**
 * The name of a table for use in a sentence, as table_title() in model/languages.py.
 * @param {string} name
 */
function titleOf(name) {
  const names = name.split(" + ");
  if (!names.every((each) => /^\p{Nd}+$/u.test(each))) return name;
  return (names.length > 1 ? words.tables : words.table)?.replace("#", name) ?? name;
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
