// Keeps the list of a person's restaurants up to date while it is looked at.

import { find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { morph } from "./morph.js";

const REFRESH_MS = 10_000;
const FRESH_MS = 25_000; // how long the list is believed after an answer
const list = find("#houses", HTMLElement);
let answeredAt = Date.now();

async function refresh() {
  if (document.hidden) return;
  const html = await fetchWithin(REFRESH_MS, location.href, { cache: "no-store" }, (page) => (page.ok ? page.text() : "")).catch(() => "");
  const [fresh] = findAll("#houses", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (!fresh) return;
  morph(list, fresh);
  answeredAt = Date.now();
}

/** Without it watchdog.js says that the page may be out of date. */
function showAlive() {
  if (document.hidden || Date.now() - answeredAt < FRESH_MS) document.dispatchEvent(new Event("alive"));
}

setInterval(refresh, REFRESH_MS);
setInterval(showAlive, 1_000);
document.addEventListener("visibilitychange", refresh);
