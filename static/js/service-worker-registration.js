// On every page of the staff: registers the service worker, and keeps this browser's push subscription up to date.

import { isSupported, registerWorker, renew } from "./push-subscription.js";

/** Push messages about calls are closed when the calls themselves are looked at. */
async function closeMessages() {
  if (document.hidden || !location.pathname.endsWith("/dashboard")) return;
  const messages = await (await navigator.serviceWorker.ready).getNotifications?.();
  for (const message of messages ?? []) if (message.data?.url === location.pathname) message.close();
}

if ("serviceWorker" in navigator) {
  registerWorker();
  closeMessages();
  document.addEventListener("visibilitychange", closeMessages);
  if (isSupported()) renew().catch(() => {}); // the next page tries again
}
