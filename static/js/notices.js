// Notices of the system for a screen that lies behind other windows. Asked for by a tap only, and remembered.

import { read, write } from "./memory.js";

const BADGE = "calls"; // one notice for this page: the latest takes the place of the one before

function permission() {
  return window.Notification?.permission ?? "denied"; // where there are none at all
}

/** Whether the browser shows notices, or would ask. */
export function mayAsk() {
  return permission() !== "denied";
}

export function isNoticing() {
  return permission() === "granted" && read("notices", false);
}

/** Make `button` the switch; `show()` follows each change. */
export function startNotices(button, show) {
  button.addEventListener("click", async () => {
    const wanted = !isNoticing();
    if (wanted && permission() === "default") await Notification.requestPermission();
    write("notices", wanted && permission() === "granted");
    show();
  });
  show();
}

/** Show a notice while nobody sees this page. */
export async function notice(text) {
  if (!document.hidden || !isNoticing()) return;
  const options = { tag: BADGE, renotify: true, icon: document.querySelector("link[rel=icon]").href };
  try {
    const shown = new Notification(text, options);
    shown.addEventListener("click", () => (window.focus(), shown.close()));
  } catch {
    // Phones show them by the service worker only.
    const worker = await navigator.serviceWorker?.getRegistration();
    await worker?.showNotification(text, options);
  }
}
