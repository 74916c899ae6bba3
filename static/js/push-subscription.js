// This browser as one that push messages go to: subscribed at its own push service, and known to our server by that.

import { read, write } from "./storage.js";

/** @typedef {{ choice: string, login: string | undefined, endpoint: string | undefined }} Kept */

const settings = document.getElementById("push")?.dataset; // in pages of members, where the operator has keys for push

const KEY = `push.${settings?.member}`;

/** Whether this page is of a member and the browser can take push messages. */
export function isSupported() {
  return Boolean(settings) && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
}

/** The service worker, which shows the messages; undefined where the browser takes none, as one that keeps nothing for sites. */
export function registerWorker() {
  return navigator.serviceWorker.register("/service-worker.js", { scope: "/r/" }).catch(() => undefined);
}

/** The subscription of this browser, if it has one for our present key. */
export async function currentSubscription() {
  const { pushManager } = await navigator.serviceWorker.ready;
  const found = await pushManager.getSubscription();
  if (!found || keyOf(found) === settings?.key) return found;
  await found.unsubscribe();
  return null;
}

/**
 * The name that the server gives to a subscription; see waitercaller/push/subscriptions.py.
 * @param {PushSubscription} subscription
 */
export async function nameOf({ endpoint }) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(endpoint)));
  return Array.from(digest.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Subscribe, if need be, and tell the server. Throws where nothing answers.
 * @param {string} choice  which messages
 * @param {boolean} [isRenewed]  by itself, and not by the member
 * @returns {Promise<string | null>} null, or why the server did not take it ("" where it did not say)
 */
export async function subscribe(choice, isRenewed = false) {
  const { pushManager } = await navigator.serviceWorker.ready;
  const own =
    (await currentSubscription()) ??
    (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: settings?.key }));
  const { endpoint = "", keys = {} } = own.toJSON();
  const fields = { csrf_token: settings?.token ?? "", endpoint, p256dh: keys.p256dh, auth: keys.auth, choice };
  const body = new URLSearchParams(isRenewed ? { ...fields, renewed: "yes" } : fields);
  const response = await fetch(settings?.url ?? "", { method: "POST", body, redirect: "manual" });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) return answer.message ?? "";
  write(KEY, { choice: answer.choice, login: settings?.login, endpoint });
  return null;
}

/** Tell the server by itself, after a new login, or when the push service has given this browser another address. */
export async function renew() {
  const before = read(KEY, /** @type {Kept | null} */ (null));
  if (!before || before.choice === "none" || Notification.permission !== "granted") return;
  const own = await currentSubscription();
  if (own?.endpoint === before.endpoint && before.login === settings?.login) return;
  await subscribe(before.choice, true);
}

/**
 * The server's key that a subscription was made with, in URL-safe base 64 without padding.
 * @param {PushSubscription} subscription
 */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}
