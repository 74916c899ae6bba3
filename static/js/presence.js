// What this screen tells the server of itself: whether it is visible and audible, what troubles it, that it is alive, and
// which requests it has shown ("seen").

import { find, findAll, safely } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { isAudible } from "./sound.js";
import { troubles } from "./trouble.js";

const RETRY_MS = 3_000;
const TIMEOUT_MS = 10_000;
const ANSWER_MS = 25_000; // from one sign of life to the next; SILENT_AFTER in model/presence.py is twice as long

const { dataset: settings } = find("#bell", HTMLElement);
const calls = find("#calls", HTMLElement);
const token = find("#act [name=csrf_token]", HTMLInputElement);
const screenId = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
/** The requests that the server knows this screen has shown. @type {Set<string>} */
const seen = new Set();

/** The requests for which this screen has rung. @type {Set<string>} */
const rung = new Set();

let told = ""; // the state that the server knows
let ringAnswer = ""; // what the server is to be told of a ring that it asked for
let toldAt = 0; // by this device's clock, in milliseconds
let isTelling = false;
let tellTimer = 0;
let isSending = false; // of what was seen
let isResting = false; // the last such request failed
let isLeaving = false; // the page is being closed: it has said so, and says nothing after that
let renew = () => {}; // of a page whose form's token is not that of the present login

function state() {
  const words = troubles();
  const isVisible = !document.hidden && !words.includes("drawing");
  return `visible=${Number(isVisible)}&audible=${Number(isAudible())}&trouble=${words.join("+")}`;
}

/** Whether there is a stream: a page that cannot draw has one too. */
const hasStream = () => ["live", "broken"].includes(document.body.dataset.live ?? "");

/** The address of the stream; it tells the state of this screen when it opens. */
export function streamUrl() {
  told = state();
  toldAt = Date.now();
  return `live?screen=${screenId}&${told}&answers=1`;
}

/** Whether this is the id of this screen, or the beginning of it. @param {string | undefined} id */
export function isThisScreen(id) {
  return Boolean(id) && screenId.startsWith(id ?? "");
}

/**
 * To be called at each event of the stream: from time to time it is answered. The stream of a page that is frozen, or of a
 * device that died, may stay open, but nobody answers. (A timer would not do: hidden pages run theirs once a minute.)
 */
export function answer() {
  if (Date.now() - toldAt < ANSWER_MS) return;
  told = "";
  tell();
}

/** Tell that it rang, as it was asked to at this time, by the server's clock. @param {number} askedMs */
export function answerRing(askedMs) {
  ringAnswer = `&rang=${askedMs}`;
  tell();
}

/** Tell the state if it has changed. While the stream is down there is nothing to tell: the next one will. */
export async function tell() {
  const telling = state();
  if (isLeaving || isTelling || (telling === told && !ringAnswer) || !hasStream()) return;
  isTelling = true;
  const ringTold = ringAnswer;
  const { kept } = await post("screens", telling + ringTold);
  isTelling = false;
  if (kept) {
    told = telling;
    toldAt = Date.now();
    if (ringAnswer === ringTold) ringAnswer = "";
    tell(); // it may have changed since
  } else {
    clearTimeout(tellTimer);
    tellTimer = setTimeout(tell, RETRY_MS);
  }
}

/** This screen has rung for these cards: what it reports as seen says so. @param {HTMLElement[]} cards */
export function noteRung(cards) {
  for (const id of cards.flatMap(idsOf)) rung.add(id);
}

/** @param {HTMLElement} card */
const idsOf = (card) => (card.dataset.ids ?? "").split(" ");

/** Report as seen what this screen shows to somebody, once it is painted: one request for all cards. */
export async function reportSeen() {
  if (isSending || isResting || document.hidden || document.body.dataset.live === "ended" || !unreported().length) return;
  isSending = true;
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  const ids = document.hidden ? [] : unreported();
  const rang = ids.filter((id) => rung.has(id));
  const { ok } = ids.length ? await post("shown", `ids=${ids.join("+")}&rang=${rang.join("+")}`) : { ok: true };
  if (ok) for (const id of ids) seen.add(id);
  isSending = false;
  isResting = !ok;
  if (!isResting) return reportSeen();
  setTimeout(() => ((isResting = false), reportSeen()), RETRY_MS);
}

/**
 * Whether a card is not hidden by a zone or a round. (Safari has checkVisibility since 17.4.)
 * @param {HTMLElement} card
 */
const isOnView = (card) => card.getClientRects().length > 0;

/** The ids of requests on view that are not reported yet. */
function unreported() {
  const cards = findAll("[data-ids]", HTMLElement, calls).filter(isOnView);
  return cards.flatMap(idsOf).filter((id) => id && !seen.has(id)).slice(0, Number(settings.seenLimit));
}

/**
 * @param {string} url  relative to the page
 * @param {string} fields  as in a query
 * @returns {Promise<{ ok: boolean, kept?: boolean }>}
 */
function post(url, fields) {
  const body = new URLSearchParams(`${fields}&screen=${screenId}`);
  body.set("csrf_token", token.value);
  // keepalive: what is said last must outlive the page.
  /** @type {RequestInit} */
  const options = { method: "POST", body, redirect: "manual", keepalive: true };
  return fetchWithin(TIMEOUT_MS, url, options, async (response) => {
    if (response.status === 400) renew();
    return { ...(await response.json().catch(() => ({}))), ok: response.ok };
  }).catch(() => ({ ok: false }));
}

/** Report after whatever draws the list or changes which of its cards are on view. */
function watchCards() {
  new MutationObserver(reportSeen).observe(calls, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-ids", "data-elsewhere", "data-level", "hidden"],
  });
}

/**
 * Where the cards cannot be watched, reportSeen() is called each second all the same.
 * @param {() => void} onRefused  to be called when the form's token is refused: the browser has logged in anew
 */
export function startPresence(onRefused) {
  renew = onRefused;
  safely(watchCards, undefined);
  document.addEventListener("visibilitychange", () => (tell(), reportSeen()));
  // The server may count the screen for some seconds after its stream has ended, so this is said without one too. The
  // page is hidden next, and would say that it can still be heard.
  addEventListener("pagehide", () => {
    isLeaving = true;
    if (document.body.dataset.live !== "ended") post("screens", "visible=0&audible=0");
  });
  // A tab that the browser freezes runs nothing from here on.
  document.addEventListener("freeze", () => post("screens", "visible=0&audible=0"));
  document.addEventListener("resume", () => ((told = ""), tell()));
  reportSeen();
}
