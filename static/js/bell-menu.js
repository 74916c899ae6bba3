// The bell's menu: how this screen calls for attention. And the warning over the cards while no call would be heard.

import { canNotify, isNotifying, startNotifications } from "./desktop-notifications.js";
import { find } from "./dom.js";
import { soundState, startSound, switchSound, testSound } from "./sound.js";

const bell = find("#bell", HTMLDetailsElement);
const warning = find("#unheard", HTMLElement);
const soundSwitch = find("#sound-switch", HTMLElement);
const noticesSwitch = find("#notices-switch", HTMLElement);

function showSound() {
  const state = soundState();
  bell.dataset.state = state;
  find("#sound-words", HTMLElement).textContent = { on: bell.dataset.on, off: bell.dataset.off, blocked: bell.dataset.blocked }[state] ?? "";
  soundSwitch.setAttribute("aria-checked", String(state === "on"));
  warning.hidden = state === "on";
  find("p", HTMLElement, warning).textContent = (state === "off" ? warning.dataset.off : warning.dataset.blocked) ?? "";
}

function showNotifications() {
  const isPossible = canNotify() || isNotifying();
  noticesSwitch.setAttribute("aria-checked", String(isNotifying()));
  noticesSwitch.hidden = !isPossible;
  find("#notices-blocked", HTMLElement).hidden = isPossible;
}

/**
 * @param {() => void} onChange  this screen can be heard now, or no longer
 */
export function startBellMenu(onChange) {
  soundSwitch.addEventListener("click", () => switchSound(soundState() !== "on"));
  find("button", HTMLElement, warning).addEventListener("click", () => switchSound(true));
  find("#sound-test", HTMLElement).addEventListener("click", testSound);
  startNotifications(noticesSwitch, showNotifications);
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Node && !bell.contains(target)) bell.open = false;
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && (bell.open = false));
  bell.hidden = false;
  startSound(() => (showSound(), onChange()));
}
