// This browser as one that push messages go to: subscribed at its own service, and known to our server by that.

export const device = document.getElementById("push")?.dataset;

const KEPT = `waitercaller.push.${device?.member}`;

export function isSupported() {
  return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** What this browser's member has chosen here, with the login and the address that the server knows it by. */
function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: after the next login it has to be asked again.
  }
}

/** The subscription of this browser, if it has one for our present key. */
export async function subscription() {
  const { pushManager } = await navigator.serviceWorker.ready;
  const found = await pushManager.getSubscription();
  if (!found || keyOf(found) === device.key) return found;
  await found.unsubscribe();
  return null;
}

/** The name that the server gives to a subscription. */
export async function nameOf({ endpoint }) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  return Array.from(digest.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Subscribe, if need be, and tell the server. Returns null, or why it did not take it; throws where nothing answers. */
export async function subscribe(choice, renewed = false) {
  const { pushManager } = await navigator.serviceWorker.ready;
  const own = (await subscription()) ?? (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: device.key }));
  const { endpoint, keys } = own.toJSON();
  const body = new URLSearchParams({ csrf_token: device.token, endpoint, p256dh: keys.p256dh, auth: keys.auth, choice });
  if (renewed) body.append("renewed", "yes");
  const response = await fetch(device.url, { method: "POST", body, redirect: "manual" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) return answer.message ?? "";
  remember({ choice: answer.choice, login: device.login, endpoint });
  return null;
}

/** After a new login, or when the browser's service has given it another address, the server is told by itself. */
export async function renew() {
  const before = remembered();
  if (!before || before.choice === "none" || Notification.permission !== "granted") return;
  const own = await subscription();
  if (own?.endpoint === before.endpoint && before.login === device.login) return;
  await subscribe(before.choice, true);
}

function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
