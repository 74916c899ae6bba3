// What this screen says of itself: that it is in front, that it can be heard, and which calls it has drawn.

import { isAudible } from "./sound.js";

const AGAIN = 3_000;

const { dataset: urls } = document.getElementById("bell");
const calls = document.getElementById("calls");
const token = document.querySelector("#act [name=csrf_token]");
const screen = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const signed = new Set(); // the calls this screen has a receipt for

let told = ""; // what the server knows
let telling = false;
let signing = false;
let resting = false; // a receipt could not be handed in
let retelling = 0;
let left = false; // the page is being closed: it has said so, and nothing after that

function state() {
  return `visible=${Number(!document.hidden)}&audible=${Number(isAudible())}`;
}

/** The address of the live line: it says what a screen is like when it comes. */
export function lineUrl(url) {
  told = state();
  return `${url}?screen=${screen}&${told}`;
}

/** Say what has changed since; while the line is down there is nothing to say, the next one will. */
export async function tell() {
  const saying = state();
  if (left || telling || saying === told || document.body.dataset.live !== "live") return;
  telling = true;
  const answer = await post(urls.tellUrl, saying);
  if (answer?.ok && (await answer.json().catch(() => ({}))).kept) told = saying;
  telling = false;
  if (told === saying) tell();
  else {
    clearTimeout(retelling); // one timer, however often this has failed
    retelling = setTimeout(tell, AGAIN);
  }
}

/** Sign for the calls that this screen shows to somebody, once they are painted. */
async function sign() {
  if (signing || resting || document.hidden || document.body.dataset.live === "ended" || !unsigned().length) return;
  signing = true;
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  const ids = document.hidden ? [] : unsigned();
  const answer = ids.length ? await post(urls.shownUrl, `ids=${ids.join("+")}`) : null;
  if (answer?.ok) for (const id of ids) signed.add(id);
  signing = false;
  resting = Boolean(ids.length && !answer?.ok);
  if (!resting) return sign();
  setTimeout(() => ((resting = false), sign()), AGAIN);
}

/** Whether a card is not hidden by a zone or a round. (Safari has checkVisibility since 17.4.) */
const isOnView = (card) => card.checkVisibility?.() ?? card.getClientRects().length > 0;

/** The calls on view that have no receipt of this screen yet. */
function unsigned() {
  const cards = [...calls.querySelectorAll("[data-ids]")].map((card) => [card, card.dataset.ids.split(" ").filter((id) => id && !signed.has(id))]);
  return cards.filter(([card, ids]) => ids.length && isOnView(card)).flatMap(([, ids]) => ids).slice(0, 200);
}

function post(url, what) {
  const body = new URLSearchParams(`${what}&screen=${screen}`);
  body.set("csrf_token", token.value);
  // What is said last must outlive the page.
  return fetch(url, { method: "POST", body, redirect: "manual", keepalive: true }).catch(() => null);
}

// Whatever draws the list or changes what of it is on view: receipts follow.
new MutationObserver(sign).observe(calls, { childList: true, subtree: true, attributeFilter: ["data-ids", "data-elsewhere", "data-level", "hidden"] });
document.addEventListener("visibilitychange", () => (tell(), sign()));
// Who closes the page sees and hears nothing from now on; the server would notice by the silence of the line. It may keep
// the screen for some seconds after a line that ended, so this is said without one too. The page goes out of sight next,
// and would say that it can still be heard.
addEventListener("pagehide", () => {
  left = true;
  if (document.body.dataset.live !== "ended") post(urls.tellUrl, "visible=0&audible=0");
});
sign();
