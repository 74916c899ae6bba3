// On every page of the staff: the service worker, and this browser's subscription to push messages.

import { device, isSupported, renew } from "./push.js";

/** Whoever looks at the calls needs no note of them any more. */
async function clearNotes() {
  if (document.hidden || !location.pathname.endsWith("/dashboard")) return;
  const notes = await (await navigator.serviceWorker.ready).getNotifications?.();
  for (const note of notes ?? []) if (note.data?.url === location.pathname) note.close();
}

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/service-worker.js", { scope: "/r/" }).catch(() => {});
  clearNotes();
  document.addEventListener("visibilitychange", clearNotes);
  if (device && isSupported()) renew().catch(() => {}); // the next page tries again
}
