// The staff's screen: keeps the list true, rings for new requests, and never looks calm while it is not live or cannot show
// the calls.

import { startBellMenu } from "./bell-menu.js";
import { completeCards } from "./blank-cards.js";
import { cards, clear, draw, newsIn, rearrange, refresh, startCards, takeAgain } from "./cards.js";
import { now, synchronise } from "./clock.js";
import { notify } from "./desktop-notifications.js";
import { closest, find, findAll, safely, setText } from "./dom.js";
import { EventStream } from "./event-stream.js";
import { fetchWithin } from "./fetch-within.js";
import { areRounds, showRounds } from "./group-by-zone.js";
import { startKeyboard } from "./keyboard.js";
import { startKiosk } from "./kiosk.js";
import { mustAsk, renewNames } from "./member-dialog.js";
import { morph } from "./morph.js";
import { answer, isThisScreen, noteRung, reportSeen, startPresence, streamUrl, tell } from "./presence.js";
import { showBusy, startActions } from "./request-actions.js";
import { ringIfAsked } from "./ring-test.js";
import { checkSound, isAudible, ring } from "./sound.js";
import { write } from "./storage.js";
import { showCount } from "./tab-badge.js";
import { checkLine, noteBreak, setTrouble } from "./trouble.js";
import { startWakeLock } from "./wake-lock.js";

const POLL_MS = 10_000; // without a stream the page is asked instead
const HOLD_MS = 2_000; // for which a finger on a button keeps the list as it is: a wet screen may hold it for ever
const HOLD_CHECK_MS = 150;
const STRENGTHS = ["calm", "warn", "late"]; // by level of a card; "coming" rings as "calm"

const { dataset: settings } = find("#screen", HTMLElement);
const { dataset: words } = find("#words", HTMLElement);
const said = find("#said", HTMLElement);
const recent = find("#recent", HTMLDetailsElement);
const token = find("#act [name=csrf_token]", HTMLInputElement);
let pollTimer = 0;
let drawTimer = 0;
let pending = ""; // the list that arrived last, until it is drawn
let pendingSince = 0; // when a list arrived and could not be drawn at once
/** What the stream is, and its words. @type {["connecting" | "live" | "down" | "ended", string | undefined]} */
let stage = ["connecting", words.connecting];
let isBroken = false; // drawing failed: what the page shows is not true

/**
 * A list arrived: it rings at once, and is drawn as soon as it may be.
 * @param {string} html
 */
function takeOver(html) {
  if (!pending) pendingSince = Date.now();
  pending = html;
  try {
    const list = listIn(html);
    announce(newsIn(list), words.newCall);
    ringIfAsked(list);
  } catch (error) {
    ring(); // it may be one
    showBroken(error);
  }
  drawPending();
}

/** @param {string} html */
function listIn(html) {
  const list = find("#calls", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  completeCards(list);
  return list;
}

function drawPending() {
  clearTimeout(drawTimer);
  if (!pending) return;
  if (Date.now() - pendingSince < HOLD_MS && document.querySelector("#calls button:active, #calls summary:active")) {
    drawTimer = setTimeout(drawPending, HOLD_CHECK_MS); // what is under a finger must not change
    return;
  }
  attempt(() => {
    const before = cards().length;
    const list = listIn(pending);
    for (const each of findAll("[data-screen]", HTMLElement, list)) if (isThisScreen(each.dataset.screen)) each.remove();
    draw(list);
    pending = "";
    showBusy();
    if (cards().length < before && recent.open) poll();
  });
  showTitle();
}

/**
 * Whatever is thrown while drawing must not leave a page that looks live. It is tried again every second.
 * @param {() => void} work
 */
function attempt(work) {
  try {
    work();
  } catch (error) {
    return showBroken(error);
  }
  if (!isBroken || pending) return;
  isBroken = false;
  setTrouble("drawing", false);
  showLine();
}

/** @param {unknown} error */
function showBroken(error) {
  if (isBroken) return;
  isBroken = true;
  console.error(error);
  setTrouble("drawing", true);
  showLine();
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
  const [loudest] = [...asking].sort((a, b) => strengthOf(b) - strengthOf(a));
  ring(soundOf(loudest), strengthOf(loudest));
  if (isAudible()) noteRung(asking);
  notify(text).catch(console.error);
}

/** @param {HTMLElement} card */
function strengthOf(card) {
  return "alerted" in card.dataset ? STRENGTHS.length : Math.max(0, STRENGTHS.indexOf(card.dataset.level ?? ""));
}

/** The sound of a card's latest request that waits. @param {HTMLElement} card */
function soundOf(card) {
  return findAll(".kinds li:not(.note):not([data-state=accepted])", HTMLElement, card).pop()?.dataset.sound;
}

function showTitle() {
  showCount(cards().length, ["down", "broken"].includes(document.body.dataset.live ?? ""));
}

/**
 * @param {"connecting" | "live" | "down" | "ended"} state
 * @param {string | undefined} text
 */
function showLive(state, text) {
  stage = [state, text];
  showLine();
}

function showLine() {
  const [state, text] = isBroken && stage[0] !== "ended" ? ["broken", words.broken] : stage;
  document.body.dataset.live = state;
  document.documentElement.toggleAttribute("data-deaf", ["down", "broken", "ended"].includes(state)); // the style's word for it
  find("#live", HTMLElement).hidden = false;
  setText(find("#live-words", HTMLElement), text ?? "");
  find("#live-link", HTMLElement).hidden = state !== "ended";
  find("#live-again", HTMLElement).hidden = state !== "broken";
  showTitle();
}

/** Ask the page itself: what it shows now, and whether this browser is still logged in. */
async function poll() {
  /** @type {RequestInit} */
  const options = { redirect: "manual", cache: "no-store" };
  const page = await fetchWithin(POLL_MS, location.href, options, async (answered) => {
    const isOut = answered.type === "opaqueredirect" || answered.status === 401;
    return { isOut, html: await answered.text() };
  }).catch(() => null);
  if (page?.isOut) return endLogin();
  const fresh = new DOMParser().parseFromString(page?.html ?? "", "text/html");
  if (findAll("main[data-status='403']", HTMLElement, fresh).length) return location.reload(); // suspended: the page says so
  const [state] = findAll("#screen", HTMLElement, fresh);
  if (!state) return; // no answer, or none of ours: a Wi-Fi's log-in page
  synchronise(Number(state.dataset.nowMs));
  if (!stream.live) takeOver(find("#calls", HTMLElement, fresh).outerHTML);
  // The browser may have logged in anew: the form's token is that of the present login.
  token.value = find("#act [name=csrf_token]", HTMLInputElement, fresh).value;
  morph(find("ul", HTMLElement, recent), find("#recent ul", HTMLElement, fresh));
  renewNames(fresh);
}

function endLogin() {
  if (stream.isEnded) return;
  stream.end();
  clearInterval(pollTimer);
  clear();
  showLive("ended", words.loggedOut);
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
    attempt(rearrange);
  });
  show();
  find("#tools", HTMLElement).hidden = false;
}

/** What changes with time alone. */
function passTime() {
  if (isBroken) drawPending();
  attempt(refresh);
  for (const step of [() => announce(takeAgain(), words.stillWaiting), removeOld, checkSound, checkLine, reportSeen]) {
    safely(step, undefined);
  }
  document.dispatchEvent(new Event("alive")); // what cannot be drawn says so by itself
}

function startMenus() {
  // Whoever opens a card's menu may want to pass it on: to somebody who is still, or already, in the team.
  document.addEventListener("toggle", (event) => closest(event, ".more[open]", HTMLElement) && poll(), true);
  // On an iPhone plain text sends no click, and without a listener of touches a pressed button does not look so.
  for (const touch of ["click", "pointerup"]) {
    document.addEventListener(touch, ({ target }) => {
      for (const menu of findAll(".more[open]", HTMLDetailsElement)) {
        if (target instanceof Node && !menu.contains(target)) menu.open = false;
      }
    });
  }
  document.addEventListener("touchstart", () => {}, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of findAll(".more[open]", HTMLDetailsElement)) menu.open = false;
  });
}

synchronise(Number(settings.nowMs));
startCards();
attempt(rearrange);
startBellMenu(tell);
startPresence(poll);
// Without these the screen shows the calls and rings all the same.
for (const start of [startKiosk, startRounds, startKeyboard, startWakeLock, startMenus]) safely(start, undefined);
showLive("connecting", words.connecting);

const stream = new EventStream({
  url: streamUrl,
  eventName: "calls",
  heartbeatMs: Number(settings.heartbeatMs),
  inBackground: true,
  onEvent(_name, data) {
    write("heard", Date.now()); // offline.js tells since when nothing was
    synchronise(data.now);
    if (data.html) takeOver(data.html);
    else passTime(); // hidden pages run their timers once a minute
    answer();
  },
  onBreak: noteBreak,
  onLive() {
    clearInterval(pollTimer);
    showLive("live", words.live);
    tell();
    if (mustAsk()) poll(); // every ten minutes, as streams are renewed: somebody may be new in the team
  },
  onDown(since) {
    const at = new Date(since);
    const time = safely(() => at.toLocaleTimeString([], { timeStyle: "short" }), at.toTimeString().slice(0, 5));
    showLive("down", words.notLive?.replace("#", time));
    clearInterval(pollTimer);
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
setInterval(passTime, 1_000);
showTitle();
