// The list of live requests, one card for each table. Takes over each list that arrives, and shows it as this screen is
// set: which zones, as cards or grouped by zone. No setting hides a card that is late.

import { completeCards } from "./blank-cards.js";
import { levelAt, now, spell, tick } from "./clock.js";
import { closest, find, findAll, setText } from "./dom.js";
import { arrange, sumUp } from "./group-by-zone.js";
import { morph } from "./morph.js";
import { choose, isElsewhere, showZones } from "./zone-filter.js";

const SETTLING_MS = 350; // a tap within this after a change was meant for what was there before

/** @typedef {{ table: string, act: string | undefined, tag: string, index: number }} Focus  where the keyboard is */

const screen = find("#screen", HTMLElement);
const { dataset: words } = find("#words", HTMLElement);
const calls = find("#calls", HTMLElement);
const list = find(".cards", HTMLElement, calls);
const elsewhere = find("#elsewhere", HTMLElement);

completeCards(calls);

/** All cards, oldest first. */
let all = cardsIn(list);
/** What this screen last heard of each table; by it a new call is known, drawn or not. @type {Map<string | undefined, DOMStringMap>} */
let heardOf = new Map();
/** The cards that ask again, until somebody is told. @type {Set<HTMLElement>} */
const again = new Set();
let layout = places(); // what stood where
let settlingTimer = 0;

/**
 * @param {ParentNode} root
 * @returns {HTMLElement[]}
 */
function cardsIn(root) {
  return findAll(".table-card", HTMLElement, root);
}

export function cards() {
  return all;
}

/** @param {HTMLElement} card */
function isShown(card) {
  return !card.hasAttribute("data-elsewhere") || card.dataset.level === "late";
}

/** The cards on view, in the order of the page. */
export function cardsOnView() {
  return cardsIn(list).filter(isShown);
}

/** Whether cards moved a moment ago: a tap or a key may be meant for what was there before. */
export function isSettling() {
  return list.classList.contains("settling");
}

/**
 * The cards of a list that arrived which have something new for this screen: a request, a reminder, one passed on to me,
 * or one that waits again. Draws nothing, so that it can be told before the list is drawn, and where it cannot be.
 * @param {HTMLElement} fragment
 */
export function newsIn(fragment) {
  const fresh = cardsIn(fragment);
  const news = fresh.filter((card) => {
    markMine(card);
    card.dataset.level = levelAt(card, now());
    return isNews(card, heardOf.get(card.dataset.table)) && (!isElsewhere(card) || card.dataset.level === "late");
  });
  heardOf = new Map(fresh.map((card) => [card.dataset.table, { ...card.dataset }]));
  return news;
}

/**
 * Take over a list.
 * @param {HTMLElement} fragment
 */
export function draw(fragment) {
  const fresh = cardsIn(fragment);
  for (const card of fresh) keepState(card, all.find((old) => old.dataset.table === card.dataset.table));
  Object.assign(calls.dataset, { nagMs: fragment.dataset.nagMs, lateMs: fragment.dataset.lateMs });
  for (const part of findAll("[data-part]", HTMLElement, fragment)) {
    const [shown] = findAll(`[data-part="${part.dataset.part}"]`, HTMLElement, calls);
    if (shown) morph(shown, part); // a page that outlived a deployment may not have it
  }
  show(fresh);
}

/** The cards on view that have asked again since this was last called. */
export function takeAgain() {
  const asking = all.filter((card) => again.has(card) && isShown(card));
  again.clear();
  return asking;
}

/** Show the same cards as this screen is set now. */
export function rearrange() {
  show(all.map((card) => /** @type {HTMLElement} */ (card.cloneNode(true))));
}

/** Show no cards any more: this browser is logged out. */
export function clear() {
  show([]);
}

/**
 * Make these the cards of the page.
 * @param {HTMLElement[]} fresh
 */
function show(fresh) {
  const focus = currentFocus();
  const target = /** @type {HTMLElement} */ (list.cloneNode(false));
  arrange(target, fresh);
  const order = fresh.map((card) => card.dataset.table);
  morph(list, target);
  all = cardsIn(list).sort((a, b) => order.indexOf(a.dataset.table) - order.indexOf(b.dataset.table));
  refresh();
  restoreFocus(focus);
}

/**
 * Put into a card that arrived what the page knows and the server does not: the list is the same for all its viewers.
 * @param {HTMLElement} fresh
 * @param {HTMLElement | undefined} old
 */
function keepState(fresh, old) {
  markMine(fresh);
  fresh.classList.toggle("new", !old || old.classList.contains("new"));
  if (!old) return;
  fresh.dataset.level = old.dataset.level;
  find(".more", HTMLDetailsElement, fresh).open = find(".more", HTMLDetailsElement, old).open;
}

/** @param {HTMLElement} card */
function markMine(card) {
  card.toggleAttribute("data-mine", card.dataset.by !== "" && card.dataset.by === screen.dataset.me);
}

/**
 * Whether a card has a new request or a reminder, was passed on to me, or waits again although somebody was on the way.
 * @param {HTMLElement} card
 * @param {DOMStringMap | undefined} before
 */
function isNews(card, before) {
  const known = before?.ids?.split(" ") ?? [];
  const isMine = card.hasAttribute("data-mine");
  if (card.dataset.state === "waiting" && card.dataset.ids?.split(" ").some((id) => !known.includes(id))) return true;
  if (card.dataset.state === "waiting" && before?.state === "accepted") return true;
  if (card.querySelector(".passed") && isMine && before?.mine === undefined) return true;
  return Number(card.dataset.reminders) > Number(before?.reminders ?? 0);
}

function places() {
  return cardsOnView().map(({ dataset: { table, by, state } }) => `${table} ${by} ${state}`);
}

/** Where cards moved or their buttons changed, take no taps for a moment. */
function settle() {
  const before = layout;
  layout = places();
  if (before.every((place, index) => layout[index] === place)) return;
  list.classList.add("settling");
  clearTimeout(settlingTimer);
  settlingTimer = setTimeout(() => list.classList.remove("settling"), SETTLING_MS);
}

/** @returns {Focus | null} */
function currentFocus() {
  const element = document.activeElement;
  const card = element?.closest(".table-card");
  if (!(element instanceof HTMLElement) || !(card instanceof HTMLElement)) return null;
  const { act } = element.dataset;
  return { table: card.dataset.table ?? "", act, tag: element.localName, index: cardsOnView().indexOf(card) };
}

/** @param {Element | null | undefined} element */
const isVisible = (element) => Boolean(element?.getClientRects().length);

/**
 * The focus stays on its button; where that is gone, it goes to the card, or to the one that took the card's place: never
 * to a button that does something else, since Enter may be pressed twice.
 * @param {Focus | null} focus
 */
function restoreFocus(focus) {
  const { activeElement } = document;
  if (!focus || (activeElement?.closest(".table-card") && isVisible(activeElement))) return;
  const card = all.find((each) => each.dataset.table === focus.table && isShown(each));
  const [same] = card ? findAll(focus.act ? `[data-act="${focus.act}"]` : focus.tag, HTMLElement, card) : [];
  const onView = cardsOnView();
  if (isVisible(same)) same.focus();
  else (card ?? onView[focus.index] ?? onView[onView.length - 1] ?? find("#sentence", HTMLElement)).focus();
}

/** Bring clocks, zones and the sentence up to date. */
export function refresh() {
  for (const card of tick(all)) again.add(card);
  for (const card of all) card.toggleAttribute("data-elsewhere", isElsewhere(card));
  const onView = all.filter(isShown);
  const hidden = all.length - onView.length;
  say(onView, hidden);
  showZones(all);
  sumUp(isShown);
  elsewhere.hidden = !hidden;
  setText(elsewhere, hidden ? plural(words.elsewhere, hidden) : "");
  settle();
}

/**
 * @param {HTMLElement[]} onView
 * @param {number} hidden
 */
function say(onView, hidden) {
  calls.dataset.count = String(onView.length);
  const count = find("#sentence-count", HTMLElement);
  const nobody = hidden ? words.nobodyHere : words.nobody;
  setText(count, (onView.length ? plural(words.waiting, onView.length) : nobody) ?? "");
  const age = onView.length ? spell(now() - Number(onView[0].dataset.firstMs)) : "";
  const [between, oldest] = oldestParts(count);
  setText(between, age && " · ");
  setText(oldest, age && (words.oldest ?? "").replace("#", age));
}

/**
 * The part of the sentence about the oldest card. The server leaves it out of a list of nobody.
 * @param {HTMLElement} count
 */
function oldestParts(count) {
  const oldest = document.getElementById("sentence-oldest");
  if (oldest?.previousElementSibling) return [oldest.previousElementSibling, oldest];
  const parts = [document.createElement("span"), document.createElement("span")];
  parts[0].className = "between";
  parts[1].id = "sentence-oldest";
  count.after(...parts);
  return parts;
}

/**
 * Plural sentences come as examples for a few numbers; the one of the same plural category fits.
 * @param {string | undefined} examples
 * @param {number} number
 */
function plural(examples, number) {
  const rules = new Intl.PluralRules(document.documentElement.lang);
  /** @type {[string, string][]} */
  const sentences = Object.entries(JSON.parse(examples ?? "{}"));
  const [, sentence] = sentences.find(([example]) => rules.select(Number(example)) === rules.select(number)) ?? sentences[sentences.length - 1];
  return sentence.replace("#", String(number));
}

/** Zones are chosen by their buttons; the button that says how many cards are hidden chooses all. */
export function startCards() {
  document.addEventListener("click", (event) => {
    const button = closest(event, "#zones button, #elsewhere", HTMLElement);
    if (!button) return;
    const focus = currentFocus();
    choose(button.dataset.zone ?? "");
    refresh();
    restoreFocus(focus);
  });
  list.addEventListener("animationend", (event) => {
    if (closest(event, ".clock", HTMLElement)) closest(event, ".table-card", HTMLElement)?.classList.remove("new");
  });
  for (const card of all) markMine(card);
  heardOf = new Map(all.map((card) => [card.dataset.table, { ...card.dataset }]));
}
