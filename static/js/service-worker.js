// Runs in the background for the staff's pages (/r/), also while none is open: shows push messages, and the offline page
// where a page does not come. It keeps the files of that page and nothing else: a call from a minute ago is a lie.
// The server puts SHELL (those files, the page first) and PICTURES before this.

const CACHE = "waitercaller-offline";
const PATIENCE = 15_000; // milliseconds for a page; then it is as good as not connected

self.addEventListener("install", (event) => {
  // Browsers stop an idle worker, and a busy device may not start it again before the page that said goodbye is gone, and
  // the words with it. Where the browser knows how (Chromium 123), what is posted goes past the worker.
  event.addRoutes?.({ condition: { requestMethod: "POST" }, source: "network" });
  event.waitUntil(keepShell().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

/** The files of this version in place of those of the last one. */
async function keepShell() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: "reload" })));
  for (const kept of await cache.keys()) {
    if (!SHELL.includes(new URL(kept.url).pathname)) await cache.delete(kept);
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  // What a page says while it goes would go with it, were it not sent on from here.
  if (request.method === "POST" && request.keepalive) event.respondWith(fetch(request));
  if (request.method !== "GET") return; // whether a form has arrived, only its answer can tell
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (SHELL.includes(path)) event.respondWith(caches.match(path).then((kept) => kept ?? fetch(request)));
});

async function page(request) {
  const tooLate = new Promise((_, reject) => setTimeout(reject, PATIENCE));
  try {
    return await Promise.race([fetch(request), tooLate]);
  } catch {
    return (await caches.match(SHELL[0])) ?? Response.error();
  }
}

self.addEventListener("push", (event) => {
  event.waitUntil(show(event.data.json()));
});

/** Every message is shown, as browsers demand; where the calls themselves are seen, it makes no noise of its own. */
async function show(message) {
  const seen = (await windowsOf(message.url)).some((each) => each.visibilityState === "visible");
  const time = new Date(message.at).toLocaleTimeString([], { timeStyle: "short" });
  await self.registration.showNotification(message.title, {
    body: message.place ?? message.text.replace("#", time),
    tag: message.tag,
    timestamp: message.at,
    lang: message.language,
    dir: message.direction,
    data: { url: message.url },
    renotify: !seen,
    silent: seen,
    ...(seen ? {} : { vibrate: [300, 150, 300] }),
    ...PICTURES,
  });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.url));
});

async function open(url) {
  const [already] = await windowsOf(url);
  await (already ? already.focus() : self.clients.openWindow(url));
}

async function windowsOf(url) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return windows.filter((each) => new URL(each.url).pathname === url);
}
