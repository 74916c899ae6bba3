// A screen on the counter must not fall asleep while the calls are in front.

let lock = null;

async function stayAwake() {
  if (document.hidden || lock) return;
  lock = await navigator.wakeLock?.request("screen").catch(() => null); // a battery that is low may refuse
  lock?.addEventListener("release", () => (lock = null));
}

/** Keep the device from sleeping while this page is seen; the system lets go when it is hidden. */
export function startAwake() {
  document.addEventListener("visibilitychange", stayAwake);
  document.addEventListener("pointerup", stayAwake);
  stayAwake();
}
