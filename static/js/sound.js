// The bell of a screen. Browsers allow sound only after somebody has touched the page, and may take it away again: a call
// on the phone interrupts it, a driver dies. What can be done about that without a touch is done here.

import { safely } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";
import { play, sayPlayback } from "./tones.js";

const KEY = ofThisScreen("sound");
const VIBRATION_MS = [200, 100, 200]; // on, off, on
const STILL_CHECKS = 3; // in a row, that find the clock of the sound where it was
const BETWEEN_CHECKS_MS = 800; // at least
const RENEW_MS = 10_000; // between two attempts to get the sound back
const RESUME_MS = 500; // to wait for an answer, which an interrupted one may never give

let changed = () => {};
let hasRun = false;
let isDead = false; // it says that it runs, and its clock stands still; or it reported an error
let isRefused = false; // a touch did not start it: there is no device, or something else has it
let heardTime = -1; // of the clock of the sound, in seconds
let stillChecks = 0;
let checkedAt = 0;
let renewedAt = -RENEW_MS;
let context = createContext();

/** @returns {AudioContext | null} */
function createContext() {
  const Context = window.AudioContext ?? window.webkitAudioContext; // Safari before 14.1
  const made = Context ? safely(() => new Context(), null) : null;
  made?.addEventListener("statechange", () => {
    if (made !== context) return;
    if (made.state === "running") [hasRun, isRefused] = [true, false];
    else renew();
    changed();
  });
  made?.addEventListener("error", () => {
    if (made !== context) return;
    isDead = true;
    renew();
    changed();
  });
  return made;
}

/**
 * "off": switched off here. "blocked": by the browser, until it is touched. "dead": it does not play although it was.
 * @returns {"on" | "off" | "blocked" | "dead"}
 */
export function soundState() {
  if (!read(KEY, true)) return "off";
  if (!context || isDead) return "dead";
  if (context.state === "running") return "on";
  return isRefused ? "dead" : "blocked";
}

/** Whether a call would be heard here. */
export function isAudible() {
  return soundState() === "on";
}

/**
 * Unlock the sound with the first touch of the page.
 * @param {() => void} onChange  called at once and after each change of the state
 */
export function startSound(onChange) {
  changed = onChange;
  safely(sayPlayback, undefined);
  for (const touch of ["pointerup", "keyup"]) {
    document.addEventListener(touch, () => ["blocked", "dead"].includes(soundState()) && unlock());
  }
  document.addEventListener("visibilitychange", () => document.hidden || renew());
  changed();
}

/** Whether the ringer's switch of this device silences the bell, and nothing tells whether it is on. */
export function obeysRinger() {
  return "standalone" in navigator && navigator.maxTouchPoints > 0 && !("audioSession" in navigator);
}

/** Whether the clock of the sound moves: to be called about once a second. */
export function checkSound() {
  if (!context || performance.now() - checkedAt < BETWEEN_CHECKS_MS) return;
  checkedAt = performance.now();
  const isStill = context.state === "running" && context.currentTime === heardTime;
  heardTime = context.currentTime;
  stillChecks = isStill ? stillChecks + 1 : 0;
  if (stillChecks === 1) keepBusy(context); // a browser may let the clock of one with nothing to play stand
  const wasDead = isDead;
  isDead = stillChecks >= STILL_CHECKS || (isDead && isStill);
  if (isDead !== wasDead) changed();
  if (isDead || context.state !== "running") renew();
}

/** Let it play nothing for some seconds. @param {AudioContext} audio */
function keepBusy(audio) {
  const source = audio.createOscillator();
  const mute = audio.createGain();
  mute.gain.value = 0;
  source.connect(mute).connect(audio.destination);
  source.start();
  source.stop(audio.currentTime + STILL_CHECKS + 1);
}

/** Get a sound back that was there: it is resumed, or replaced where it is dead. */
function renew() {
  if (!context || !hasRun || !read(KEY, true) || performance.now() - renewedAt < RENEW_MS) return;
  if (context.state === "running" && !isDead) return;
  renewedAt = performance.now();
  revive(isDead);
}

/** @param {boolean} anew  with another context, as where this one is over */
async function revive(anew) {
  if (!context || anew || !["suspended", "running"].includes(context.state)) {
    context?.close().catch(() => {});
    context = createContext();
    heardTime = context?.currentTime ?? -1; // a dead one stays dead until the new clock has moved
  }
  await context?.resume().catch(() => {});
}

/**
 * Switch the sound of this screen, by a click, and let it be heard.
 * @param {boolean} on
 */
export async function switchSound(on) {
  write(KEY, on);
  changed();
  if (on) await testSound();
}

/** Ring, by a click: what it sounds like, and how loud this device is set. */
export async function testSound() {
  await unlock();
  ring();
}

async function unlock() {
  const isTouched = navigator.userActivation?.isActive ?? true; // not by each key
  await Promise.race([revive(isDead || isRefused), new Promise((resolve) => setTimeout(resolve, RESUME_MS))]);
  if (context?.state === "running") hasRun = true;
  else if (isTouched) isRefused = true;
  changed();
}

/**
 * Ring, if this screen may, and vibrate, if it can.
 * @param {string} [sound] @param {number} [strength]  0 to 3
 */
export function ring(sound = "bell", strength = 0) {
  const vibration = Array(strength + 1).fill([...VIBRATION_MS, 400]).flat();
  if (navigator.userActivation?.hasBeenActive) safely(() => navigator.vibrate?.(vibration), undefined);
  // Also where it is taken for dead: it may not be.
  const audio = context?.state === "running" && read(KEY, true) ? context : null;
  if (audio) safely(() => play(audio, sound, strength), 0);
}
