// Keeps the part of a page that has data-refresh (in ms) up to date while it is looked at. Sends "alive" as long as it is,
// without which watchdog.js, where a page has it, says that the page may be out of date.

import { find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { morph } from "./morph.js";

const part = find("[data-refresh]", HTMLElement);
const refreshMs = Number(part.dataset.refresh);
const freshMs = 2.5 * refreshMs; // how long it is believed after an answer
let answeredAt = Date.now();

async function refresh() {
  if (document.hidden) return;
  const html = await fetchWithin(refreshMs, location.href, { cache: "no-store" }, (page) => (page.ok ? page.text() : "")).catch(() => "");
  const [fresh] = findAll("[data-refresh]", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (!fresh) return;
  morph(part, fresh);
  answeredAt = Date.now();
}

function showAlive() {
  if (document.hidden || Date.now() - answeredAt < freshMs) document.dispatchEvent(new Event("alive"));
}

setInterval(refresh, refreshMs);
setInterval(showAlive, 1_000);
document.addEventListener("visibilitychange", refresh);
