// The staff's screen: keeps the list true, rings for new requests, and never looks calm while it is not live.

import { startBellMenu } from "./bell-menu.js";
import { cards, clear, draw, rearrange, refresh, startCards } from "./cards.js";
import { now, synchronise } from "./clock.js";
import { notify } from "./desktop-notifications.js";
import { closest, find, findAll } from "./dom.js";
import { EventStream } from "./event-stream.js";
import { areRounds, showRounds } from "./group-by-zone.js";
import { startKeyboard } from "./keyboard.js";
import { startKiosk } from "./kiosk.js";
import { mustAsk, renewNames } from "./member-dialog.js";
import { morph } from "./morph.js";
import { startPresence, streamUrl, tell } from "./presence.js";
import { showBusy, startActions } from "./request-actions.js";
import { ring } from "./sound.js";
import { write } from "./storage.js";
import { showCount } from "./tab-badge.js";
import { startWakeLock } from "./wake-lock.js";

const POLL_MS = 10_000; // without a stream the page is asked instead

const { dataset: settings } = find("#screen", HTMLElement);
const said = find("#said", HTMLElement);
const recent = find("#recent", HTMLDetailsElement);
const token = find("#act [name=csrf_token]", HTMLInputElement);
let pollTimer = 0;
let drawTimer = 0;

/** @param {string} html */
function takeOver(html) {
  clearTimeout(drawTimer);
  if (document.querySelector("#calls button:active, #calls summary:active")) {
    drawTimer = setTimeout(() => takeOver(html), 150); // what is under a finger must not change
    return;
  }
  const before = cards().length;
  const asking = draw(find("#calls", HTMLElement, new DOMParser().parseFromString(html, "text/html")));
  showBusy();
  showTitle();
  if (cards().length < before && recent.open) poll();
  announce(asking, settings.newCall);
}

/**
 * Make cards heard, and read out by a screen reader.
 * @param {HTMLElement[]} asking
 * @param {string | undefined} sentence
 */
function announce(asking, sentence) {
  if (!asking.length || !sentence) return;
  const text = asking.map((card) => sentence.replace("#", card.dataset.title ?? "")).join(". ");
  said.textContent = text;
  ring();
  notify(text);
}

function showTitle() {
  showCount(cards().length, document.body.dataset.live === "down");
}

/**
 * @param {"connecting" | "live" | "down" | "ended"} state
 * @param {string | undefined} text
 */
function showLive(state, text) {
  document.body.dataset.live = state;
  find("#live", HTMLElement).hidden = false;
  find("#live-words", HTMLElement).textContent = text ?? "";
  find("#live-link", HTMLElement).hidden = state !== "ended";
  showTitle();
}

/** Ask the page itself: what it shows now, and whether this browser is still logged in. */
async function poll() {
  const page = await fetch(location.href, { redirect: "manual", cache: "no-store" }).catch(() => null);
  if (page?.type === "opaqueredirect" || page?.status === 401) return endLogin();
  if (!page?.ok) return;
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
  synchronise(Number(find("#screen", HTMLElement, fresh).dataset.nowMs));
  // The browser may have logged in anew: the form's token is that of the present login.
  token.value = find("#act [name=csrf_token]", HTMLInputElement, fresh).value;
  morph(find("ul", HTMLElement, recent), find("#recent ul", HTMLElement, fresh));
  renewNames(fresh);
  if (!stream.live) takeOver(find("#calls", HTMLElement, fresh).outerHTML);
}

function endLogin() {
  if (stream.isEnded) return;
  stream.end();
  clearInterval(pollTimer);
  clear();
  showLive("ended", settings.loggedOut);
}

/** What ended so long ago that the server would not undo it. */
function removeOld() {
  for (const line of findAll("[data-ended-ms]", HTMLElement, recent)) {
    if (now() - Number(line.dataset.endedMs) > Number(recent.dataset.undoMs)) line.remove();
  }
}

/** The switch between one card for each table and one round for each zone. */
function startRounds() {
  const button = find("button#rounds", HTMLButtonElement);
  const show = () => button.setAttribute("aria-pressed", String(areRounds()));
  button.addEventListener("click", () => {
    showRounds(!areRounds());
    show();
    rearrange();
  });
  show();
  find("#tools", HTMLElement).hidden = false;
}

function startMenus() {
  // Whoever opens a card's menu may want to pass it on: to somebody who is still, or already, in the team.
  document.addEventListener("toggle", (event) => closest(event, ".more[open]", HTMLElement) && poll(), true);
  document.addEventListener("click", ({ target }) => {
    for (const menu of findAll(".more[open]", HTMLDetailsElement)) {
      if (target instanceof Node && !menu.contains(target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of findAll(".more[open]", HTMLDetailsElement)) menu.open = false;
  });
}

synchronise(Number(settings.nowMs));
startKiosk();
startRounds();
startCards();
startKeyboard();
startBellMenu(tell);
startPresence();
startWakeLock();
startMenus();
showLive("connecting", settings.connecting);

const stream = new EventStream({
  url: () => streamUrl(settings.liveUrl ?? ""),
  eventName: "calls",
  heartbeatMs: Number(settings.heartbeatMs),
  inBackground: true,
  onEvent(_name, data) {
    write("heard", Date.now()); // offline.js tells since when nothing was
    synchronise(data.now);
    if (data.html) takeOver(data.html);
  },
  onLive() {
    clearInterval(pollTimer);
    showLive("live", settings.live);
    tell();
    if (mustAsk()) poll(); // every ten minutes, as streams are renewed: somebody may be new in the team
  },
  onDown(since) {
    const time = new Date(since).toLocaleTimeString([], { timeStyle: "short" });
    showLive("down", settings.notLive?.replace("#", time));
    pollTimer = setInterval(poll, POLL_MS);
    poll();
  },
  onGone: poll,
});

startActions(find("#act", HTMLFormElement), {
  onAnswer: (ok) => (!ok || !stream.live || recent.open) && poll(),
  onLoggedOut: endLogin,
});

recent.addEventListener("toggle", () => recent.open && poll());
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => {
  announce(refresh(), settings.stillWaiting);
  removeOld();
}, 1_000);
showTitle();
