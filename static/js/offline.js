// The page in place of one that did not come: says since when nothing is heard, and goes on by itself.

const AGAIN = 5_000;
const HEARD = "waitercaller.heard"; // kept by the line of a screen, see stream.js

const { dataset: words } = document.getElementById("offline");
const state = document.getElementById("state");

function heard() {
  try {
    return Number(localStorage.getItem(HEARD));
  } catch {
    return 0;
  }
}

function say() {
  const at = new Date(heard() || Date.now());
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleString([], { timeStyle: "short", dateStyle: isToday ? undefined : "short" });
  document.getElementById("since").textContent = (heard() ? words.heard : words.opened).replace("#", time);
}

/** Where the server answers again, the page that was wanted is loaded. */
async function tryAgain() {
  clearTimeout(tryAgain.waiting);
  state.textContent = words.trying;
  const giveUp = AbortSignal.timeout(AGAIN);
  const answer = await fetch("/healthz", { cache: "no-store", signal: giveUp }).catch(() => null);
  if (answer?.ok) return location.reload();
  state.textContent = words.waiting;
  tryAgain.waiting = setTimeout(tryAgain, AGAIN * (0.75 + Math.random() / 2)); // not all screens at once
}

say();
addEventListener("online", tryAgain);
document.addEventListener("visibilitychange", () => document.hidden || tryAgain());
tryAgain.waiting = setTimeout(tryAgain, AGAIN);
