// What may keep this screen from ringing or showing calls: told to the server, so that other screens know, and said in one
// line at the lower edge while it is so, with what helps.

import { find, setText } from "./dom.js";
import { soundState } from "./sound.js";

const LOW_BATTERY = 0.2;
const FLAPPING_BREAKS = 4; // of the line, within
const FLAPPING_MS = 300_000;

/** @typedef {"drawing" | "battery" | "sleep" | "line"} Word  see Trouble in model/presence.py */
/** @type {Word[]} */
const WORST_FIRST = ["drawing", "battery", "line", "sleep"];

const line = find("#unheard", HTMLElement);
const button = find("button", HTMLElement, line);
/** @type {Set<Word>} */
const present = new Set();
/** When the stream broke off, in milliseconds. @type {number[]} */
let breaks = [];
let changed = () => {};

/** The words for the server. */
export function troubles() {
  const sound = soundState();
  const ofSound = sound === "blocked" ? ["blocked"] : sound === "dead" ? ["sound"] : [];
  return [...ofSound, ...WORST_FIRST.filter((word) => present.has(word))];
}

/** @param {Word} word @param {boolean} isSo */
export function setTrouble(word, isSo) {
  if (present.has(word) === isSo) return;
  if (isSo) present.add(word);
  else present.delete(word);
  showTroubles();
  changed();
}

/** One line: what the sound wants, which a button can help, and the worst of all else. */
export function showTroubles() {
  const sound = soundState();
  const { off, blocked, dead, battery, sleep, line: flapping } = line.dataset;
  const ofSound = { on: "", off, blocked, dead }[sound];
  const [worst] = WORST_FIRST.filter((word) => present.has(word));
  const other = worst && { drawing: "", battery, sleep, line: flapping }[worst]; // what cannot be drawn, the bar says
  const text = [ofSound, other].filter(Boolean).join(" ");
  line.hidden = !text;
  line.toggleAttribute("data-sound", Boolean(ofSound));
  button.hidden = !ofSound;
  setText(find("p", HTMLElement, line), text);
}

/** The stream broke off. */
export function noteBreak() {
  breaks.push(Date.now());
  checkLine();
}

export function checkLine() {
  breaks = breaks.filter((at) => Date.now() - at < FLAPPING_MS);
  setTrouble("line", breaks.length >= FLAPPING_BREAKS);
}

/** Safari and Firefox tell pages nothing about the battery. */
async function watchBattery() {
  const battery = await navigator.getBattery?.().catch(() => null);
  if (!battery) return;
  const look = () => setTrouble("battery", !battery.charging && battery.level < LOW_BATTERY);
  for (const change of ["levelchange", "chargingchange"]) battery.addEventListener(change, look);
  look();
}

/** @param {() => void} onChange  there is something new to tell the server */
export function startTroubles(onChange) {
  changed = onChange;
  watchBattery();
  showTroubles();
}
