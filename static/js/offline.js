// The page in place of one that did not come: tells since when nothing was heard, and tries again by itself.

import { find } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { read } from "./storage.js";

const RETRY_MS = 5_000;

const { dataset: words } = find("#offline", HTMLElement);
const state = find("#state", HTMLElement);
let retryTimer = 0;

function showSince() {
  const heard = read("heard", 0); // written by dashboard.js at each event
  const at = new Date(heard || Date.now());
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleString([], { timeStyle: "short", dateStyle: isToday ? undefined : "short" });
  find("#since", HTMLElement).textContent = ((heard ? words.heard : words.opened) ?? "").replace("#", time);
}

/** Where the server answers again, the page that was wanted is loaded. */
async function tryAgain() {
  clearTimeout(retryTimer);
  state.textContent = words.trying ?? "";
  const isBack = await fetchWithin(RETRY_MS, "/healthz", { cache: "no-store" }, (answer) => answer.ok).catch(() => false);
  if (isBack) return location.reload();
  state.textContent = words.waiting ?? "";
  retryTimer = setTimeout(tryAgain, RETRY_MS * (0.75 + Math.random() / 2)); // jitter: not all screens at once
}

showSince();
addEventListener("online", tryAgain);
document.addEventListener("visibilitychange", () => document.hidden || tryAgain());
retryTimer = setTimeout(tryAgain, RETRY_MS);
