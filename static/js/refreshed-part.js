// Keeps the part of a page that has data-refresh (in ms) up to date while it is looked at.

import { find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { morph } from "./morph.js";

const part = find("[data-refresh]", HTMLElement);
const refreshMs = Number(part.dataset.refresh);

async function refresh() {
  if (document.hidden) return;
  const html = await fetchWithin(refreshMs, location.href, { cache: "no-store" }, (page) => (page.ok ? page.text() : "")).catch(() => "");
  const [fresh] = findAll("[data-refresh]", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (fresh) morph(part, fresh);
}

setInterval(refresh, refreshMs);
document.addEventListener("visibilitychange", refresh);
