// Keeps a screen from falling asleep while the cards are in front.

import { setTrouble } from "./trouble.js";

const AGAIN_MS = 1_000; // after the system has released it
const RETRY_MS = 30_000; // after a refusal
const PHONE_PX = 600; // the shorter side of a screen below which it is a phone's

/** @type {WakeLockSentinel | null} */
let lock = null;
let isAsking = false;

async function request() {
  if (document.hidden || lock || isAsking || !("wakeLock" in navigator)) return;
  isAsking = true;
  try {
    lock = await navigator.wakeLock.request("screen");
  } catch {
    lock = null; // refused: with a low battery, or to save power
  }
  isAsking = false;
  // By the system: the page is hidden, or power is short.
  lock?.addEventListener("release", () => ((lock = null), setTimeout(request, AGAIN_MS)));
  if (lock || !document.hidden) setTrouble("sleep", !lock && !isPhone());
}

/** A phone may sleep: it is told of calls by messages, and is carried in a pocket. */
const isPhone = () => matchMedia("(pointer: coarse)").matches && Math.min(screen.width, screen.height) < PHONE_PX;

/** Hold the screen's wake lock, and ask for it again whenever it was lost. */
export function startWakeLock() {
  document.addEventListener("visibilitychange", request);
  document.addEventListener("pointerup", request);
  setInterval(request, RETRY_MS);
  request();
}
