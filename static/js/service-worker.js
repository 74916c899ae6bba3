// Runs in the background for the staff's pages (/r/), also while none is open: shows push messages, and the offline page
// in place of a page that does not come. It caches the files of that page and nothing else: requests from a minute ago
// would be wrong. The server puts SHELL (those files, the page first) and ICONS before this; see site/app.py.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self)); // TypeScript takes it for any worker
const CACHE = "waitercaller-offline";
const ANSWER_TRIES = 4; // to tell the server that a message is shown: after 0, 2, 4 and 8 s
const ANSWER_TIMEOUT_MS = 5_000; // of each
const TIMEOUT_MS = 15_000; // for a page; after that it is as good as offline

/**
 * @typedef {object} Message  a push message, as in waitercaller/alerts/messages.py
 * @property {string} title
 * @property {string} [place]
 * @property {string} text  with # for the time
 * @property {number} at  in milliseconds
 * @property {string} tag  a message replaces the one of the same tag
 * @property {string} url  the path of the page it is about
 * @property {string} language
 * @property {NotificationDirection} direction
 * @property {boolean} silent  it replaces an earlier one
 * @property {string} [action]  the label of the button by which its reader accepts the request
 * @property {{shown: string, accept?: string}} tokens  what the server is to be told with, see push/signatures.py
 */

worker.addEventListener("install", (event) => {
  // Browsers stop an idle worker, and a busy device may not start it again before the page that said goodbye is gone, and
  // the words with it. Where the browser knows how (Chromium 123), what is posted goes past the worker.
  event.addRoutes?.({ condition: { requestMethod: "POST" }, source: "network" });
  event.waitUntil(cacheShell().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(worker.clients.claim());
});

/** Cache the files of this version, and drop those of the version before. */
async function cacheShell() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: "reload" })));
  for (const kept of await cache.keys()) {
    if (!SHELL.includes(new URL(kept.url).pathname)) await cache.delete(kept);
  }
}

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  // A request that must outlive its page (keepalive) is lost with it, unless it is sent on from here.
  if (request.method === "POST" && request.keepalive) event.respondWith(fetch(request));
  if (request.method !== "GET") return; // whether a form has arrived, only its answer can tell
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (SHELL.includes(path)) event.respondWith(caches.match(path).then((kept) => kept ?? fetch(request)));
});

/** @param {Request} request */
async function page(request) {
  /** @type {Promise<Response>} */
  const tooLate = new Promise((_resolve, reject) => setTimeout(reject, TIMEOUT_MS));
  try {
    return await Promise.race([fetch(request), tooLate]);
  } catch {
    return (await caches.match(SHELL[0])) ?? Response.error();
  }
}

worker.addEventListener("push", (event) => {
  event.waitUntil(receive(event.data?.json()));
});

/**
 * Show a message, and tell the server that it is shown.
 * @param {Message} message
 */
async function receive(message) {
  await show(message);
  await answer("/push/shown", message.tokens.shown);
}

/**
 * Tell the server something about a message; again where it does not answer.
 * @param {string} path @param {string} token @returns {Promise<Response | undefined>}
 */
async function answer(path, token) {
  for (let tries = 0; tries < ANSWER_TRIES; tries += 1) {
    if (tries) await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** tries));
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), ANSWER_TIMEOUT_MS);
    try {
      const response = await fetch(path, { method: "POST", body: new URLSearchParams({ token }), signal: controller.signal });
      if (response.status < 500) return response;
    } catch {
      // no network: once more
    } finally {
      clearTimeout(timer);
    }
  }
  return undefined;
}

/**
 * Show a message: each one, as browsers demand, but without a sound where the requests themselves are visible, or where
 * it only says what became of an earlier one.
 * @param {Message} message
 */
async function show(message) {
  const isVisible = (await windowsAt(message.url)).some((each) => each.visibilityState === "visible");
  const isSilent = isVisible || message.silent;
  const time = new Date(message.at).toLocaleTimeString([], { timeStyle: "short" });
  await worker.registration.showNotification(message.title, {
    body: message.place ?? message.text.replace("#", time),
    tag: message.tag,
    timestamp: message.at,
    lang: message.language,
    dir: message.direction,
    data: message,
    renotify: !isSilent,
    silent: isSilent,
    ...(isSilent ? {} : { vibrate: [300, 150, 300] }), // in milliseconds: on, off, on
    ...(message.action ? { actions: [{ action: "accept", title: message.action }] } : {}),
    ...ICONS,
  });
}

worker.addEventListener("notificationclick", (event) => {
  event.waitUntil(event.action === "accept" ? accept(event.notification) : leave(event.notification));
});

/** @param {Notification} notification */
function leave(notification) {
  notification.close();
  return openWindow(notification.data.url);
}

/**
 * The button on a message: its reader goes, and the message is replaced by the server's answer. (If it was closed before,
 * a slow browser could close what replaces it.) Where the server does not say so, the dashboard is opened.
 * @param {Notification} notification
 */
async function accept(notification) {
  /** @type {Message} */
  const message = notification.data;
  const response = await answer("/push/accept", message.tokens.accept ?? "");
  if (!response?.ok) return leave(notification);
  const { text } = await response.json();
  return show({ ...message, text, place: undefined, action: undefined, silent: true });
}

/** @param {string} url */
async function openWindow(url) {
  const [already] = await windowsAt(url);
  await (already ? already.focus() : worker.clients.openWindow(url));
}

/** @param {string} url */
async function windowsAt(url) {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return windows.filter((each) => new URL(each.url).pathname === url);
}
