// The list of calls: takes over what arrives, card by card, and shows the zones that this screen chose.

import { now, spell, tick } from "./clock.js";

const SETTLING = 350;

const screen = document.getElementById("screen");
const calls = document.getElementById("calls");
const list = calls.querySelector(".cards");
const remembered = `waitercaller.zones.${location.pathname}`;

/** The zones this screen shows; none chosen means all. */
const chosen = new Set(JSON.parse(localStorage.getItem(remembered) ?? "[]"));
const drawn = new WeakMap(); // card → the HTML it came as

export function cards() {
  return [...list.children];
}

/** Whether a card is on view: its zone is chosen, it has none, or it is overdue, which no filter hides. */
function shown(card) {
  return !card.hasAttribute("data-elsewhere") || card.dataset.level === "late";
}

/** Take over a list, leaving unchanged cards, their open menus and the focus alone; returns the cards on view that
 *  ask for somebody anew. */
export function draw(fragment) {
  const held = heldFocus();
  const before = new Map(cards().map((card) => [card.dataset.table, card]));
  const after = [...fragment.querySelectorAll(".table-card")].map((fresh) => {
    const old = before.get(fresh.dataset.table);
    return old && drawn.get(old) === fresh.outerHTML ? old : adopt(fresh, old);
  });
  if (cards().some((card, index) => !standsStill(card, after[index]))) settle();
  for (const card of cards()) if (!after.includes(card)) card.remove();
  let place = list.firstElementChild;
  for (const card of after) {
    if (card === place) place = place.nextElementSibling;
    else list.insertBefore(card, place);
  }
  refresh();
  restoreFocus(held);
  return after.filter((card) => shown(card) && asksAnew(card, before.get(card.dataset.table)));
}

function standsStill(card, next) {
  return next?.dataset.table === card.dataset.table && next.dataset.by === card.dataset.by;
}

/** Cards moved or their buttons changed: take no taps for a moment, they were meant for what was there before. */
function settle() {
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

function asksAnew(card, old) {
  if (card === old) return false;
  const known = old ? old.dataset.ids.split(" ") : [];
  return card.dataset.ids.split(" ").some((id) => !known.includes(id)) || Number(card.dataset.reminders) > Number(old.dataset.reminders);
}

function heldFocus() {
  const button = document.activeElement;
  const card = button?.closest?.(".table-card");
  if (!card) return null;
  return { table: card.dataset.table, index: cards().indexOf(card), act: button.dataset.act, name: button.localName };
}

/** The keyboard stays on the same button; where that is gone, on its card or the one that took its place: never on a
 *  button that does something else, since Enter may be pressed twice. */
function restoreFocus(held) {
  if (!held || document.activeElement?.closest(".table-card")) return;
  const card = cards().find((one) => one.dataset.table === held.table);
  const same = card?.querySelector(held.act ? `[data-act="${held.act}"]` : held.name);
  if (same?.offsetParent) same.focus();
  else (card ?? cards()[held.index] ?? document.getElementById("sentence")).focus();
}

/** Clocks, zones and the sentence, as of now; returns the cards that became late just now. */
export function refresh() {
  const late = tick(cards());
  for (const card of cards()) {
    card.toggleAttribute("data-elsewhere", chosen.size > 0 && card.dataset.zone !== "" && !chosen.has(card.dataset.zone));
  }
  const visible = cards().filter(shown);
  say(visible);
  countZones();
  const hidden = cards().length - visible.length;
  const elsewhere = document.getElementById("elsewhere");
  elsewhere.hidden = !hidden;
  setText(elsewhere, hidden ? plural("elsewhere", hidden) : "");
  return late;
}

function say(visible) {
  calls.dataset.count = visible.length;
  calls.dataset.oldestMs = visible[0]?.dataset.firstMs ?? "";
  const count = document.getElementById("sentence-count");
  setText(count, visible.length ? plural("waiting", visible.length) : screen.dataset.nobody);
  let oldest = document.getElementById("sentence-oldest");
  if (!oldest) {
    oldest = document.createElement("span");
    oldest.id = "sentence-oldest";
    count.after(oldest);
  }
  const age = visible.length ? spell(now() - visible[0].dataset.firstMs) : "";
  setText(oldest, age && ` · ${screen.dataset.oldest.replace("#", age)}`);
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

function countZones() {
  for (const button of document.querySelectorAll("#zones button")) {
    const { zone } = button.dataset;
    button.setAttribute("aria-pressed", String(zone ? chosen.has(zone) : !chosen.size));
    if (zone) setText(button.querySelector("b"), String(cards().filter((card) => card.dataset.zone === zone).length || ""));
  }
}

/** The chips choose zones for this screen, and the screen remembers. */
export function startZones() {
  const zones = document.getElementById("zones");
  const choose = (zone) => {
    if (!zone) chosen.clear();
    else if (!chosen.delete(zone)) chosen.add(zone);
    localStorage.setItem(remembered, JSON.stringify([...chosen]));
    document.body.dataset.zones = [...chosen].join(" ");
    refresh();
  };
  // A zone that was removed since must not hide the others.
  const known = new Set([...(zones?.querySelectorAll("button") ?? [])].map((button) => button.dataset.zone));
  for (const zone of chosen) if (!known.has(zone)) chosen.delete(zone);
  zones?.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(button.dataset.zone);
  });
  document.getElementById("elsewhere").addEventListener("click", () => choose(""));
  if (zones) zones.hidden = false;
}

for (const card of cards()) {
  drawn.set(card, card.outerHTML);
  markMine(card);
}
