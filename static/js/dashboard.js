// The staff's screen: keeps the list true, rings for new calls, and never looks calm while it is deaf.

import { showBusy, startActs } from "./acts.js";
import { startAlerts } from "./alerts.js";
import { startAwake } from "./awake.js";
import { showCount } from "./badge.js";
import { cards, clear, draw, rearrange, refresh, startZones } from "./cards.js";
import { now, synchronise } from "./clock.js";
import { startKeyboard } from "./keyboard.js";
import { startKiosk } from "./kiosk.js";
import { notice } from "./notices.js";
import { lineUrl, tell } from "./presence.js";
import { areRounds, showRounds } from "./rounds.js";
import { ring } from "./sound.js";
import { Stream } from "./stream.js";
import { asksWho, renewNames } from "./who.js";

const LOOK_AGAIN = 10_000; // without a live line the page is asked instead
const UNDO_TIME = 5 * 60_000;

const { dataset: words } = document.getElementById("screen");
const said = document.getElementById("said");
const recent = document.getElementById("recent");
let looking = 0;

/** Take over a list that arrived. A card replaced under a finger loses its tap, so that waits for the finger to go. */
function takeOver(html) {
  clearTimeout(takeOver.waiting);
  if (document.querySelector("#calls button:active, #calls summary:active")) {
    takeOver.waiting = setTimeout(takeOver, 150, html);
    return;
  }
  const fragment = new DOMParser().parseFromString(html, "text/html").getElementById("calls");
  const before = cards().length;
  const asking = draw(fragment);
  showBusy();
  showTitle();
  if (cards().length < before && recent.open) look();
  call(asking, words.newCall);
}

/** Make cards heard, and read out by a screen reader. */
function call(asking, sentence) {
  if (!asking.length) return;
  said.textContent = asking.map((card) => sentence.replace("#", card.dataset.title)).join(". ");
  ring();
  notice(said.textContent);
}

function showTitle() {
  showCount(cards().length, document.body.dataset.live === "down");
}

function showLive(state, text) {
  document.body.dataset.live = state;
  document.getElementById("live").hidden = false;
  document.getElementById("live-words").textContent = text;
  document.getElementById("live-link").hidden = state !== "ended";
  showTitle();
}

/** Ask the page itself: what it shows now, and whether this screen is still logged in. */
async function look() {
  const page = await fetch(location.href, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (page?.type === "opaqueredirect" || page?.status === 401) return stream.end();
  if (!page?.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  synchronise(Number(fresh.getElementById("screen").dataset.nowMs));
  // The browser may have logged in anew: the form's token is that of the present login.
  document.querySelector("#act [name=csrf_token]").value = fresh.querySelector("#act [name=csrf_token]").value;
  recent.querySelector("ul").replaceWith(fresh.querySelector("#recent ul"));
  renewNames(fresh);
  if (!stream.live) takeOver(fresh.getElementById("calls").outerHTML);
}

function forgetEnded() {
  for (const line of recent.querySelectorAll("[data-ended-ms]")) {
    if (now() - line.dataset.endedMs > UNDO_TIME) line.remove();
  }
}

/** The switch between one card for each table and one round through each zone. */
function startRounds() {
  const button = document.getElementById("rounds");
  const show = () => button.setAttribute("aria-pressed", String(areRounds()));
  button.addEventListener("click", () => {
    showRounds(!areRounds());
    show();
    rearrange();
  });
  show();
  document.getElementById("tools").hidden = false;
}

synchronise(Number(words.nowMs));
startKiosk();
startRounds();
startZones();
startKeyboard();
startAlerts(tell);
startAwake();
showLive("connecting", words.connecting);

const stream = new Stream(() => lineUrl(words.liveUrl), ["calls"], {
  onEvent(name, data) {
    synchronise(data.now);
    if (name === "calls") takeOver(data.html);
  },
  onLive() {
    clearInterval(looking);
    showLive("live", words.live);
    tell();
    if (asksWho()) look(); // every ten minutes, when lines are renewed: somebody may be new in the team
  },
  onDown(since) {
    showLive("down", words.notLive.replace("#", new Date(since).toLocaleTimeString([], { timeStyle: "short" })));
    looking = setInterval(look, LOOK_AGAIN);
    look();
  },
  onGone: look,
  onEnd() {
    clearInterval(looking);
    clear();
    showLive("ended", words.loggedOut);
  },
});

startActs(document.getElementById("act"), {
  onAnswer: (ok) => (!ok || !stream.live || recent.open) && look(),
  onLoggedOut: () => stream.end(),
});

recent.addEventListener("toggle", () => recent.open && look());
// Whoever opens a card's menu may want to pass it on: to somebody who is still, or already, in the team.
document.addEventListener("toggle", (event) => event.target.matches(".more[open]") && look(), true);
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".more[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll(".more[open]")) menu.open = false;
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => {
  call(refresh(), words.stillWaiting);
  forgetEnded();
}, 1_000);
showTitle();
