// The buttons that let the sounds of a kind be heard: as a new call, and then as one that is late.

import { findAll, safely } from "./dom.js";
import { play, sayPlayback } from "./tones.js";

const Context = window.AudioContext ?? window.webkitAudioContext; // Safari before 14.1
const NEW = 0;
const LATE = 2;
/** @type {AudioContext | undefined} */
let context;
let timer = 0;

/** @param {string} sound */
function listen(sound) {
  context?.close().catch(() => {}); // what still plays
  clearTimeout(timer);
  safely(sayPlayback, undefined);
  const audio = (context = new Context()); // within the click: browsers allow it then
  const seconds = play(audio, sound, NEW);
  timer = setTimeout(() => play(audio, sound, LATE), (seconds + 1) * 1_000);
}

for (const button of findAll("button[data-sound]", HTMLElement)) {
  button.hidden = !Context;
  button.addEventListener("click", () => listen(button.dataset.sound ?? ""));
}
