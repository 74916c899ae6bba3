// Waiting clocks. They count on the server's time: a tablet's own clock may be minutes off.

const calls = document.getElementById("calls");

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

/** How a card looks at this age. The times are the restaurant's own and come with the list; the step is that of the
 *  escalation, which the server has taken and which no clock of a screen takes back. */
function levelOf({ state, step }, age) {
  const { nagMs, lateMs, forgottenMs } = calls.dataset;
  if (state === "accepted") return age < forgottenMs ? "coming" : "late";
  if (age >= lateMs || step >= 2) return "late";
  return age >= nagMs || step >= 1 ? "warn" : "calm";
}

/** Bring the clock of each card up to date; returns the cards that ask again just now: those that wait for so long
 *  that they nag, once in that time, and those that became late. */
export function tick(cards) {
  return cards.filter((card) => {
    const age = now() - card.dataset.firstMs;
    const clock = card.querySelector(".clock");
    if (clock.textContent !== spell(age)) clock.textContent = spell(age);
    const before = card.dataset.level;
    card.dataset.level = levelOf(card.dataset, age);
    const nags = card.dataset.state === "waiting" ? Math.floor(age / calls.dataset.nagMs) : 0;
    const again = nags > (card.nags ?? nags);
    card.nags = nags;
    return again || (card.dataset.level === "late" && Boolean(before) && before !== "late");
  });
}
