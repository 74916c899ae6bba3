// The bell of a screen. Browsers allow sound only after somebody has touched the page.

import { ofThisScreen, read, write } from "./storage.js";

const KEY = ofThisScreen("sound");
const VIBRATION_MS = [200, 100, 200]; // on, off, on
const SECOND_STROKE_S = 0.28;
/** Frequency in Hz, gain, and length in seconds. */
const PARTIALS = [
  [1568, 0.3, 1.4],
  [3136, 0.12, 0.8],
  [4250, 0.06, 0.4],
];

const context = createContext();
let changed = () => {};

/** @returns {AudioContext | null} */
function createContext() {
  const Context = window.AudioContext ?? window.webkitAudioContext; // Safari before 14.1
  return Context ? new Context() : null;
}

/**
 * "off": switched off here. "blocked": by the browser, until it is touched.
 * @returns {"on" | "off" | "blocked"}
 */
export function soundState() {
  if (!read(KEY, true)) return "off";
  return context?.state === "running" ? "on" : "blocked";
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
  context?.addEventListener("statechange", changed);
  for (const touch of ["pointerup", "keyup"]) {
    document.addEventListener(touch, () => soundState() === "blocked" && unlock());
  }
  changed();
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
  await context?.resume().catch(() => {});
  changed();
}

/** Ring once, if this screen may, and vibrate, if it can. */
export function ring() {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(VIBRATION_MS);
  if (!context || !isAudible()) return;
  stroke(context, 0);
  stroke(context, SECOND_STROKE_S);
}

/**
 * One stroke on a small bell: a few partials that die away.
 * @param {AudioContext} audio
 * @param {number} delay  in seconds
 */
function stroke(audio, delay) {
  const start = audio.currentTime + delay;
  for (const [frequency, gain, length] of PARTIALS) {
    const tone = audio.createOscillator();
    const fade = audio.createGain();
    tone.frequency.value = frequency;
    fade.gain.value = 0;
    fade.gain.setValueAtTime(0.0001, start);
    fade.gain.exponentialRampToValueAtTime(gain, start + 0.005);
    fade.gain.exponentialRampToValueAtTime(0.0001, start + length);
    tone.connect(fade).connect(audio.destination);
    tone.start(start);
    tone.stop(start + length);
  }
}
