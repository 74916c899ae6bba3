// The list of calls: takes over what arrives, card by card, and shows it as this screen chose: which zones, as cards or
// as rounds. No choice hides a call that is overdue.

import { now, spell, tick } from "./clock.js";
import { arrange, sumUp } from "./rounds.js";
import { choose, isElsewhere, showZones } from "./zones.js";

const SETTLING = 350;

const screen = document.getElementById("screen");
const calls = document.getElementById("calls");
const list = calls.querySelector(".cards");
const elsewhere = document.getElementById("elsewhere");
const drawn = new WeakMap(); // card, or other part of the list → the HTML it came as
let layout = []; // where the cards stood

/** All cards, oldest call first. */
let all = [...list.children];

export function cards() {
  return all;
}

/** Whether a card is on view. */
function isShown(card) {
  return !card.hasAttribute("data-elsewhere") || card.dataset.level === "late";
}

/** The cards on view, as they stand on the screen. */
export function cardsOnView() {
  return [...list.querySelectorAll(".table-card")].filter(isShown);
}

/** Whether cards moved a moment ago: a tap or a key may be meant for what stood there before. */
export function isSettling() {
  return list.classList.contains("settling");
}

/** Take over a list, leaving unchanged cards, their open menus and the focus alone; returns the cards on view that
 *  ask for somebody anew, and those that ask again. */
export function draw(fragment) {
  const before = new Map(all.map((card) => [card.dataset.table, card]));
  all = [...fragment.querySelectorAll(".table-card")].map((fresh) => {
    const old = before.get(fresh.dataset.table);
    return old && drawn.get(old) === fresh.outerHTML ? old : adopt(fresh, old);
  });
  const { nagMs, lateMs, forgottenMs } = fragment.dataset;
  Object.assign(calls.dataset, { nagMs, lateMs, forgottenMs });
  drawParts(fragment);
  const again = rearrange();
  return all.filter((card) => isShown(card) && (again.includes(card) || asksAnew(card, before.get(card.dataset.table))));
}

/** Show the cards as this screen wants them now; returns those that ask again. */
export function rearrange() {
  const held = heldFocus();
  arrange(all);
  const again = refresh();
  restoreFocus(held);
  return again;
}

/** Show nothing any more: whoever comes next is no guest's business. */
export function clear() {
  all = [];
  rearrange();
}

/** What the list brings beside its cards: the zones, who is watching. */
function drawParts(fragment) {
  for (const fresh of fragment.querySelectorAll("[data-part]")) {
    const old = calls.querySelector(`[data-part="${fresh.dataset.part}"]`);
    if (!old || drawn.get(old) === fresh.outerHTML) continue;
    const part = document.importNode(fresh, true);
    drawn.set(part, fresh.outerHTML);
    old.replaceWith(part);
  }
}

/** Where cards moved or their buttons changed, take no taps for a moment: they were meant for what was there before. */
function settle() {
  const before = layout;
  layout = cardsOnView().map(({ dataset }) => `${dataset.table} ${dataset.by} ${dataset.state} ${dataset.level === "warn" || dataset.level === "late"}`);
  if (before.every((place, index) => layout[index] === place)) return;
  list.classList.add("settling");
  clearTimeout(settle.timer);
  settle.timer = setTimeout(() => list.classList.remove("settling"), SETTLING);
}

function adopt(fresh, old) {
  const card = document.importNode(fresh, true);
  drawn.set(card, fresh.outerHTML);
  markMine(card);
  if (old) {
    card.querySelector(".more").open = old.querySelector(".more").open;
    card.dataset.level = old.dataset.level ?? "";
    card.nags = old.nags;
  } else {
    card.classList.add("new");
    card.addEventListener("animationend", (event) => event.target === card.querySelector(".clock") && card.classList.remove("new"));
  }
  return card;
}

/** The list knows no viewer: whether it is me who is on the way is found out here. */
function markMine(card) {
  card.toggleAttribute("data-mine", card.dataset.by !== "" && card.dataset.by === screen.dataset.me);
}

/** Whether a card has a new call, a reminder, or was passed on to me. */
function asksAnew(card, old) {
  if (card === old) return false;
  const known = old ? old.dataset.ids.split(" ") : [];
  if (card.dataset.state === "waiting" && card.dataset.ids.split(" ").some((id) => !known.includes(id))) return true;
  if (card.querySelector(".passed") && card.hasAttribute("data-mine") && !old?.hasAttribute("data-mine")) return true;
  return Number(card.dataset.reminders) > Number(old?.dataset.reminders ?? 0);
}

function heldFocus() {
  const button = document.activeElement;
  const card = button?.closest?.(".table-card");
  if (!card) return null;
  return { table: card.dataset.table, index: cardsOnView().indexOf(card), act: button.dataset.act, name: button.localName };
}

/** The keyboard stays on the same button; where that is gone, on its card or the one that took its place: never on a
 *  button that does something else, since Enter may be pressed twice. */
function restoreFocus(held) {
  if (!held || document.activeElement?.closest(".table-card")) return;
  const card = all.find((one) => one.dataset.table === held.table && isShown(one));
  const same = card?.querySelector(held.act ? `[data-act="${held.act}"]` : held.name);
  if (same?.offsetParent) same.focus();
  else (card ?? cardsOnView()[held.index] ?? cardsOnView().at(-1) ?? document.getElementById("sentence")).focus();
}

/** Clocks, zones and the sentence, as of now; returns the cards on view that ask again. */
export function refresh() {
  const again = tick(all);
  for (const card of all) card.toggleAttribute("data-elsewhere", isElsewhere(card));
  const visible = all.filter(isShown);
  const hidden = all.length - visible.length;
  say(visible, hidden);
  showZones(all);
  sumUp(isShown);
  elsewhere.hidden = !hidden;
  setText(elsewhere, hidden ? plural("elsewhere", hidden) : "");
  settle();
  return again.filter(isShown);
}

function say(visible, hidden) {
  calls.dataset.count = visible.length;
  calls.dataset.oldestMs = visible[0]?.dataset.firstMs ?? "";
  const count = document.getElementById("sentence-count");
  const nobody = hidden ? screen.dataset.nobodyHere : screen.dataset.nobody;
  setText(count, visible.length ? plural("waiting", visible.length) : nobody);
  let oldest = document.getElementById("sentence-oldest");
  const between = oldest?.previousElementSibling ?? document.createElement("span");
  if (!oldest) {
    oldest = document.createElement("span");
    oldest.id = "sentence-oldest";
    between.className = "between";
    count.after(between, oldest);
  }
  const age = visible.length ? spell(now() - visible[0].dataset.firstMs) : "";
  setText(between, age && " · ");
  setText(oldest, age && screen.dataset.oldest.replace("#", age));
}

/** Plural sentences come as examples for a few numbers; the one of the same plural category fits. */
function plural(name, number) {
  const rules = new Intl.PluralRules(document.documentElement.lang);
  const examples = Object.entries(JSON.parse(screen.dataset[name]));
  const same = examples.find(([example]) => rules.select(Number(example)) === rules.select(number));
  return (same ?? examples.at(-1))[1].replace("#", number);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Zones are chosen by a tap on a chip, and those that are hidden brought back by a tap on their number. */
export function startZones() {
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("#zones button, #elsewhere");
    if (!chip) return;
    choose(chip.dataset.zone ?? "");
    rearrange();
  });
  for (const part of calls.querySelectorAll("[data-part]")) drawn.set(part, part.outerHTML);
  rearrange();
}

for (const card of all) {
  drawn.set(card, card.outerHTML);
  markMine(card);
}
