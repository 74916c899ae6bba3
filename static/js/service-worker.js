// Runs in the background for the staff's pages (/r/), also while none is open: shows push messages, and the offline page
// in place of a page that does not come. It caches the files of that page and nothing else: requests from a minute ago
// would be wrong. The server puts SHELL (those files, the page first) and ICONS before this; see site/app.py.

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self)); // TypeScript takes it for any worker
const CACHE = "waitercaller-offline";
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
  event.waitUntil(show(event.data?.json()));
});

/**
 * Show a message: each one, as browsers demand, but without a sound where the requests themselves are visible.
 * @param {Message} message
 */
async function show(message) {
  const isVisible = (await windowsAt(message.url)).some((each) => each.visibilityState === "visible");
  const time = new Date(message.at).toLocaleTimeString([], { timeStyle: "short" });
  await worker.registration.showNotification(message.title, {
    body: message.place ?? message.text.replace("#", time),
    tag: message.tag,
    timestamp: message.at,
    lang: message.language,
    dir: message.direction,
    data: { url: message.url },
    renotify: !isVisible,
    silent: isVisible,
    ...(isVisible ? {} : { vibrate: [300, 150, 300] }), // in milliseconds: on, off, on
    ...ICONS,
  });
}

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openWindow(event.notification.data.url));
});

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
