// The bell's menu: how this screen calls for attention.

import { canNotify, isNotifying, startNotifications } from "./desktop-notifications.js";
import { find, safely } from "./dom.js";
import { obeysRinger, soundState, startSound, switchSound, testSound } from "./sound.js";
import { showTroubles, startTroubles } from "./trouble.js";

const bell = find("#bell", HTMLDetailsElement);
const { on, off, blocked } = find(".menu-list", HTMLElement, bell).dataset;
const warning = find("#unheard", HTMLElement);
const soundSwitch = find("#sound-switch", HTMLElement);
const noticesSwitch = find("#notices-switch", HTMLElement);
// Changed in place: WebKit sends no click where the text that was pressed is replaced before the button is up.
const soundWords = find("#sound-words", HTMLElement).appendChild(new Text());

function showSound() {
  const state = soundState();
  bell.dataset.state = state;
  soundWords.data = { on, off, blocked, dead: blocked }[state] ?? "";
  soundSwitch.setAttribute("aria-checked", String(state === "on"));
  showTroubles();
}

function showNotifications() {
  const isPossible = canNotify() || isNotifying();
  noticesSwitch.setAttribute("aria-checked", String(isNotifying()));
  noticesSwitch.hidden = !isPossible;
  find("#notices-blocked", HTMLElement).hidden = isPossible;
}

/**
 * @param {() => void} onChange  this screen can be heard now, or no longer, or wants help
 */
export function startBellMenu(onChange) {
  soundSwitch.addEventListener("click", () => switchSound(soundState() !== "on"));
  find("button", HTMLElement, warning).addEventListener("click", () => switchSound(true));
  find("#sound-test", HTMLElement).addEventListener("click", testSound);
  find("#ringer", HTMLElement).hidden = !obeysRinger();
  safely(() => startNotifications(noticesSwitch, showNotifications), undefined);
  // On an iPhone plain text sends no click.
  for (const touch of ["click", "pointerup"]) {
    document.addEventListener(touch, ({ target }) => {
      if (target instanceof Node && !bell.contains(target)) bell.open = false;
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && (bell.open = false));
  bell.hidden = false;
  safely(() => startTroubles(onChange), undefined);
  startSound(() => (showSound(), onChange()));
}
