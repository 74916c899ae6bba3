// Waiting clocks. They count on the server's time: a tablet's own clock may be minutes off.

const WARN = 2 * 60_000;
const LATE = 4 * 60_000;

let offset = 0;

/** Take over the server's time (milliseconds). Small differences are the network's, and would make clocks jump. */
export function synchronise(serverNow) {
  const difference = serverNow - Date.now();
  if (Math.abs(difference - offset) > 1_000) offset = difference;
}

export function now() {
  return Date.now() + offset;
}

/** "4:12", or "1:04:12" after an hour. */
export function spell(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const start = minutes < 60 ? minutes : `${Math.floor(minutes / 60)}:${two(minutes % 60)}`;
  return `${start}:${two(seconds % 60)}`;
}

/** Bring the clock of each card up to date; returns the cards that became late just now. */
export function tick(cards) {
  const late = [];
  for (const card of cards) {
    const age = now() - card.dataset.firstMs;
    const level = age < WARN ? "calm" : age < LATE ? "warn" : "late";
    card.querySelector(".clock").textContent = spell(age);
    if (card.dataset.level === level) continue;
    if (level === "late" && card.dataset.level) late.push(card);
    card.dataset.level = level;
  }
  return late;
}
