// How this screen calls for attention, and what stands in its way: the bell's menu, and a strip that nobody overlooks
// where no call would be heard.

import { isNoticing, mayAsk, startNotices } from "./notices.js";
import { soundState, startSound, switchSound, testSound } from "./sound.js";

const bell = document.getElementById("bell");
const unheard = document.getElementById("unheard");
const soundSwitch = document.getElementById("sound-switch");
const noticesSwitch = document.getElementById("notices-switch");
const noticesBlocked = document.getElementById("notices-blocked");

function show() {
  const state = soundState();
  const { [state]: words } = bell.dataset;
  bell.dataset.state = state;
  document.getElementById("sound-words").textContent = words;
  soundSwitch.setAttribute("aria-checked", String(state === "on"));
  unheard.hidden = state === "on";
  unheard.querySelector("p").textContent = state === "off" ? unheard.dataset.off : unheard.dataset.blocked;
}

function showNotices() {
  noticesSwitch.setAttribute("aria-checked", String(isNoticing()));
  noticesSwitch.hidden = !mayAsk() && !isNoticing();
  noticesBlocked.hidden = mayAsk() || isNoticing();
}

/** Begin; `onChange()` follows whenever this screen can be heard, or no longer. */
export function startAlerts(onChange) {
  soundSwitch.addEventListener("click", () => switchSound(soundState() !== "on"));
  unheard.querySelector("button").addEventListener("click", () => switchSound(true));
  document.getElementById("sound-test").addEventListener("click", testSound);
  startNotices(noticesSwitch, showNotices);
  document.addEventListener("click", (event) => bell.contains(event.target) || (bell.open = false));
  document.addEventListener("keydown", (event) => event.key === "Escape" && (bell.open = false));
  bell.hidden = false;
  startSound(() => (show(), onChange()));
}
