// Keeps a screen from falling asleep while the cards are in front.

/** @type {WakeLockSentinel | null} */
let lock = null;

async function request() {
  if (document.hidden || lock || !("wakeLock" in navigator)) return;
  lock = await navigator.wakeLock.request("screen").catch(() => null); // refused with a low battery
  lock?.addEventListener("release", () => (lock = null)); // by the system, when the page is hidden
}

/** Hold the screen's wake lock, and ask for it again whenever it was lost. */
export function startWakeLock() {
  document.addEventListener("visibilitychange", request);
  document.addEventListener("pointerup", request);
  request();
}
