// Notifications of the system while this page is behind other windows. Asked for by a click only, and remembered.

import { find, safely } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";

const KEY = ofThisScreen("notices");
const TAG = ofThisScreen("calls"); // one notification for each restaurant: the latest replaces the one before

/** @returns {NotificationPermission} */
function permission() {
  return "Notification" in window ? safely(() => Notification.permission, "denied") : "denied";
}

/** Whether the browser shows notifications, or would ask. */
export function canNotify() {
  return permission() !== "denied";
}

export function isNotifying() {
  return permission() === "granted" && read(KEY, false);
}

/**
 * @param {HTMLElement} button  becomes the switch
 * @param {() => void} show  called at once and after each change
 */
export function startNotifications(button, show) {
  button.addEventListener("click", async () => {
    const isWanted = !isNotifying();
    if (isWanted && permission() === "default") await Notification.requestPermission().catch(() => {});
    write(KEY, isWanted && permission() === "granted");
    show();
  });
  show();
}

/**
 * Show a notification, if this page is hidden and they are switched on.
 * @param {string} text
 */
export async function notify(text) {
  if (!document.hidden || !isNotifying()) return;
  const icon = find("link[rel=icon]", HTMLLinkElement).href;
  const options = { body: find(".bar-name", HTMLElement).textContent ?? "", tag: TAG, renotify: true, icon };
  try {
    const shown = new Notification(text, options);
    shown.addEventListener("click", () => (window.focus(), shown.close()));
  } catch {
    // Android shows them by a service worker only.
    const worker = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
    await worker?.showNotification(text, options).catch(console.error);
  }
}
