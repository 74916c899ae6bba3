// The guest's page: keeps the state line true while somebody looks at it. Without it the page works by plain forms.

const SILENCE = 20_000; // the server is heard every 15 s; longer than this and the line is dead
const SENDING = 8_000; // after this a tap may be tried again

const { liveUrl, since } = document.body.dataset;
const form = document.getElementById("call");
const unconnected = document.getElementById("unconnected");

let source = null;
let drawing = 0;
let heard = 0;
let offset = 0;
let failures = 0;
let retry = 0;

function showAge() {
  const line = document.getElementById("since");
  const minutes = line ? Math.floor((Date.now() + offset - line.dataset.firstMs) / 60_000) : 0;
  if (minutes < 1) return;
  const ago = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });
  line.textContent = since.replace("#", ago.format(-minutes, "minute"));
  line.hidden = false;
}

function draw(html) {
  // A button replaced under a finger loses its tap: wait for the finger to go.
  clearTimeout(drawing);
  if (document.querySelector("button:active")) {
    drawing = setTimeout(draw, 200, html);
    return;
  }
  const headline = document.getElementById("headline")?.textContent;
  const { name, value, className } = document.activeElement;
  document.getElementById("state-and-kinds").outerHTML = html;
  if (name === "kind") document.querySelector(`button[value="${CSS.escape(value)}"]`)?.focus();
  else if (className) document.getElementsByClassName(className)[0]?.focus();
  const now = document.getElementById("headline")?.textContent;
  if (now !== headline) document.getElementById("said").textContent = now;
  showAge();
}

function open() {
  if (document.hidden || !liveUrl) return;
  close();
  heard = Date.now();
  source = new EventSource(liveUrl);
  source.addEventListener("state", (event) => draw(hear(event).html));
  source.addEventListener("ping", hear);
  source.addEventListener("bye", (event) => (JSON.parse(event.data).reason === "gone" ? location.reload() : later(1_000)));
  source.addEventListener("error", lost);
}

function close() {
  clearTimeout(retry);
  source?.close();
  source = null;
}

function later(milliseconds) {
  close();
  retry = setTimeout(open, milliseconds * (0.5 + Math.random()));
}

function hear(event) {
  const data = JSON.parse(event.data);
  heard = Date.now();
  offset = data.now - heard;
  failures = 0;
  unconnected.hidden = true;
  return data;
}

function lost() {
  if (failures || !navigator.onLine) unconnected.hidden = false; // one quick new try goes unsaid
  later(Math.min(1_000 * 2 ** failures++, 15_000));
}

form.addEventListener("submit", (event) => {
  if (form.dataset.sending) return event.preventDefault();
  form.dataset.sending = "yes";
  event.submitter?.classList.add("sending");
  setTimeout(() => {
    delete form.dataset.sending;
    document.querySelector(".sending")?.classList.remove("sending");
  }, SENDING);
});

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("online", open);
addEventListener("offline", lost);
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(() => {
  if (source && Date.now() - heard > SILENCE) lost();
  showAge();
}, 5_000);
showAge();
open();
