// The bell of a screen. Browsers allow sound only after somebody has touched the page.

import { read, write } from "./memory.js";

const SHAKE = [200, 100, 200];

const AudioContext = window.AudioContext ?? window.webkitAudioContext;
const context = AudioContext ? new AudioContext() : null;
let changed = () => {};

/** "on", "off" (somebody wants it so) or "blocked" (the browser does). */
export function soundState() {
  if (read("sound", "on") === "off") return "off";
  return context?.state === "running" ? "on" : "blocked";
}

/** Whether a call would be heard here. */
export function isAudible() {
  return soundState() === "on";
}

/** Unlock the sound with the first touch of the page; `onChange()` follows each change of the state. */
export function startSound(onChange) {
  changed = onChange;
  context?.addEventListener("statechange", changed);
  for (const touch of ["pointerup", "keyup"]) document.addEventListener(touch, () => soundState() === "blocked" && unlock());
  changed();
}

/** Switch the sound of this screen on or off, by a tap, and let it be heard. */
export async function switchSound(on) {
  write("sound", on ? "on" : "off");
  changed();
  if (on) await testSound();
}

/** Ring by a tap: what it will sound like, and how loud this device is set. */
export async function testSound() {
  await unlock();
  ring();
}

function unlock() {
  return Promise.resolve(context?.resume()).catch(() => {}).then(changed);
}

/** Ring once, if this screen may, and shake, if it can: two strokes on a small bell, each a few partials that die away. */
export function ring() {
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(SHAKE);
  if (!isAudible()) return;
  stroke(context.currentTime);
  stroke(context.currentTime + 0.28);
}

function stroke(start) {
  const partials = [[1568, 0.3, 1.4], [3136, 0.12, 0.8], [4250, 0.06, 0.4]];
  for (const [frequency, loudness, length] of partials) {
    const tone = new OscillatorNode(context, { frequency });
    const fade = new GainNode(context, { gain: 0 });
    fade.gain.setValueAtTime(0.0001, start);
    fade.gain.exponentialRampToValueAtTime(loudness, start + 0.005);
    fade.gain.exponentialRampToValueAtTime(0.0001, start + length);
    tone.connect(fade).connect(context.destination);
    tone.start(start);
    tone.stop(start + length);
  }
}
