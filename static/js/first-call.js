// The owner's first steps beside the dashboard: proposes the browser's time zone, rings, and follows the test call.

import { find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { morph } from "./morph.js";
import { testSound } from "./sound.js";

const UNSET = "UTC"; // of a restaurant whose zone is not known
const FOLLOW_MS = 2_000;

const guide = find("#first-call", HTMLElement);
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();

function proposeZone() {
  const [select] = findAll("#time_zone", HTMLSelectElement, guide);
  if (select?.value !== UNSET || ![...select.options].some((option) => option.value === timeZone)) return;
  select.value = timeZone;
  find("#zone-words", HTMLElement, guide).textContent = timeZone.split("/").slice(1).join("/").replace(/_/g, " ");
}

function showRing() {
  for (const button of findAll("#first-ring", HTMLElement, guide)) button.hidden = false;
}

/** Follow the test call. What somebody writes or has opened stays as it is. */
async function follow() {
  if (guide.dataset.current !== "call" || document.hidden || guide.querySelector("input:focus, select:focus")) return;
  const html = await fetchWithin(FOLLOW_MS * 2, location.href, { cache: "no-store" }, (page) => (page.ok ? page.text() : "")).catch(() => "");
  const [fresh] = findAll("#first-call", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (!fresh) return;
  if (fresh.dataset.current === guide.dataset.current) {
    const opened = findAll("details", HTMLDetailsElement, guide).map((each) => each.open);
    for (const [index, each] of findAll("details", HTMLDetailsElement, fresh).entries()) each.open = opened[index] ?? each.open;
  }
  morph(guide, fresh);
  showRing();
}

guide.addEventListener("click", ({ target }) => {
  if (target instanceof Element && target.closest("#first-ring")) testSound();
});
proposeZone();
showRing();
setInterval(follow, FOLLOW_MS);
