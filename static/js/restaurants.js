// Keeps the list of a person's restaurants up to date while it is looked at.

import { find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { morph } from "./morph.js";

const REFRESH_MS = 10_000;
const list = find("#houses", HTMLElement);

async function refresh() {
  if (document.hidden) return;
  const html = await fetchWithin(REFRESH_MS, location.href, { cache: "no-store" }, (page) => (page.ok ? page.text() : "")).catch(() => "");
  const [fresh] = findAll("#houses", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (fresh) morph(list, fresh);
}

setInterval(refresh, REFRESH_MS);
document.addEventListener("visibilitychange", refresh);
