// A round: the calls of a zone as one list in the order of the tables, for a waiter who walks through it once.

import { read, write } from "./memory.js";

const template = document.getElementById("round");
const list = document.querySelector("#calls .cards");
const byName = new Intl.Collator(document.documentElement.lang, { numeric: true });
const nameOf = (card) => card.querySelector("h2").textContent;

let asRounds = read("rounds", false);

export function areRounds() {
  return asRounds;
}

/** Show rounds, or cards. */
export function showRounds(yes) {
  asRounds = yes;
  write("rounds", yes);
}

/** Put the cards, which come by age, where they belong: into the list, or into the round of their zone. */
export function arrange(cards) {
  list.classList.toggle("as-rounds", asRounds);
  if (!asRounds) return place(list, cards);
  const zones = [...new Set(cards.map((card) => card.dataset.zone))];
  const rounds = zones.map((zone) => {
    const stops = cards.filter((card) => card.dataset.zone === zone);
    const round = [...list.children].find((each) => each.dataset.round === zone) ?? begin(zone);
    round.querySelector("h2 bdi").textContent = stops[0].querySelector(".where bdi")?.textContent ?? template.dataset.nowhere;
    place(round.querySelector(".stops"), stops.sort((a, b) => byName.compare(nameOf(a), nameOf(b))));
    return round;
  });
  place(list, rounds);
}

function begin(zone) {
  const round = template.content.firstElementChild.cloneNode(true);
  round.dataset.round = zone;
  return round;
}

/** Make these the children of `parent`, moving none that stands where it should. */
function place(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  let spot = parent.firstElementChild;
  for (const child of children) {
    if (child === spot) spot = spot.nextElementSibling;
    else parent.insertBefore(child, spot);
  }
}

/** "4 Bill · 5 Water": how often each thing is wanted at these tables. */
function wanted(cards) {
  const counts = new Map();
  for (const card of cards) {
    for (const { textContent: kind } of card.querySelectorAll(".kinds li:not(.note) > bdi:first-child")) {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(" · ");
}

/** What each round says of the cards that are on view, and its button for all that wait: one tap, one walk. */
export function sumUp(isShown) {
  for (const round of list.querySelectorAll(".round")) {
    const cards = [...round.querySelectorAll(".table-card")].filter(isShown);
    const accepts = cards.filter((card) => card.dataset.state === "waiting").map((card) => card.querySelector("[data-act=accept]"));
    round.hidden = !cards.length;
    const count = round.querySelector(".round-count");
    const sum = wanted(cards);
    if (count.textContent !== sum) count.textContent = sum;
    const all = round.querySelector("[data-act=accept-all]");
    all.hidden = accepts.length < 2;
    if (all.hidden) continue;
    all.formAction = accepts[0].formAction;
    all.value = accepts.flatMap((button) => button.value.split(" ")).slice(0, template.dataset.most).join(" ");
  }
}
