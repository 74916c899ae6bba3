// The guest's page: sends taps until they are answered, and keeps the state line true while somebody looks at it. Without
// it the page works by plain forms.

import { Taps } from "./guest-taps.js";

const SILENCE = 20_000; // the server is heard every 15 s; longer than this and the line is dead
const SLOW = 2_500; // a tap without an answer so far is said to be unsent
const TWICE = 600; // two taps on one button within this are one

const { since } = document.body.dataset;
const { lang } = document.documentElement;
const locale = navigator.languages.find((each) => each.startsWith(lang)) ?? lang; // 14:30, or 2:30 pm
const form = document.getElementById("call");
const unconnected = document.getElementById("unconnected");
const unsent = document.getElementById("unsent");
const failed = document.getElementById("failed");
const notSent = unsent.firstElementChild.textContent;

let source = null;
let drawing = 0;
let heard = 0;
let offset = 0;
let failures = 0;
let retry = 0;
let tapped = {};

const taps = new Taps({
  receipt: () => (form.elements.r ? { r: form.elements.r.value } : {}),
  address: (tap) => tap.url.split("?")[0] + new URL(form.action).search, // answered in the language that is read by now
  onAnswer: take,
  onRefusal: (words) => fail(words),
  onLate: () => fail(failed.dataset.late),
  onChange: mark,
});

function showAge() {
  const line = document.getElementById("since");
  const minutes = line ? Math.floor((Date.now() + offset - line.dataset.firstMs) / 60_000) : 0;
  if (minutes < 1) return;
  const ago = new Intl.RelativeTimeFormat(lang, { numeric: "always" });
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
  const { activeElement } = document;
  const focused = nameOf(activeElement);
  const before = document.getElementById("state-and-kinds");
  const now = new DOMParser().parseFromString(html, "text/html").getElementById("state-and-kinds");
  if (!now.isEqualNode(before)) before.replaceWith(now); // what is the same stays, with its buttons
  const title = document.getElementById("headline");
  // Whoever has cancelled by the keyboard stays on the page, also when it is drawn again.
  if (focused || activeElement.id === "headline") ((focused && button(focused)) || title)?.focus();
  if (title?.textContent !== headline) document.getElementById("said").textContent = title?.textContent;
  mark();
  showAge();
}

// --- taps -----------------------------------------------------------------------------------------------------

const nameOf = (element) => (element.form === form && element.type === "submit" ? element.value || element.className : "");
const button = (name) => [...form.elements].find((element) => nameOf(element) === name);

form.addEventListener("submit", (event) => {
  const pressed = event.submitter;
  if (!pressed) return; // an old browser sends the form by itself
  event.preventDefault();
  const name = nameOf(pressed);
  if (tapped.name === name && Date.now() - tapped.at < TWICE) return;
  tapped = { name, at: Date.now() };
  failed.hidden = true;
  const data = new FormData(form);
  if (pressed.name) data.set(pressed.name, pressed.value);
  const fields = Object.fromEntries(data);
  const isNew = pressed.name && !pressed.closest(".live");
  taps.keep({ button: name, url: pressed.getAttribute("formaction") || form.getAttribute("action"), fields, isNew });
  setTimeout(mark, SLOW + 50);
});

/** Show what is being sent, and say what has not been for a while. */
function mark() {
  const waiting = taps.waiting;
  for (const element of form.elements) {
    element.classList.toggle("sending", waiting.some((tap) => tap.button === nameOf(element)));
  }
  const isLate = waiting.length > 0 && (taps.failures > 0 || Date.now() - waiting[0].at > SLOW);
  if (isLate) {
    const time = taps.until.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
    const names = waiting.map((tap) => button(tap.button)).map((pressed) => pressed?.querySelector("b, span")?.textContent ?? pressed?.textContent);
    say(unsent, unsent.dataset.until.replace("#", time), [notSent, ...names.filter(Boolean)].join(" · "));
  }
  unsent.hidden = !isLate;
}

function fail(words) {
  say(failed, words);
  failed.hidden = false;
}

function say(section, words, title = section.firstElementChild.textContent) {
  const [heading, line] = section.children;
  if (heading.textContent !== title) heading.textContent = title;
  if (line.textContent !== words) line.textContent = words;
}

/** The page that answers a tap: another one-time key, the receipt for what was asked, and the state by now. */
function take(page, address, tap) {
  history.replaceState(null, "", address);
  document.body.dataset.liveUrl = page.body.dataset.liveUrl;
  for (const part of ["call", "languages"]) {
    const answered = page.getElementById(part);
    if (answered) document.getElementById(part).replaceChildren(...answered.childNodes);
  }
  const { note } = form.elements;
  if (note && note.value === tap.fields.note) note.value = ""; // or something else is being written by now
  draw(page.getElementById("state-and-kinds").outerHTML);
  const taken = page.querySelector(`.live [value="${CSS.escape(tap.button)}"]`);
  if (tap.isNew && taken) document.dispatchEvent(new CustomEvent("called", { detail: tap.button.split("/")[0] }));
  open();
}

// --- the line to the server -----------------------------------------------------------------------------------

function open() {
  const { liveUrl } = document.body.dataset;
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
  if (failures) taps.send(); // the network is back
  failures = 0;
  unconnected.hidden = true;
  return data;
}

function lost(event) {
  if (!event || failures || !navigator.onLine) unconnected.hidden = false; // after an error one quick new try goes unsaid
  later(Math.min(1_000 * 2 ** failures++, 15_000));
}

function look() {
  if (document.hidden) return close();
  open();
  taps.send();
}

const menu = document.getElementById("languages");
addEventListener("click", (event) => menu?.contains(event.target) || menu?.removeAttribute("open"));
addEventListener("keydown", (event) => event.key === "Escape" && menu?.removeAttribute("open"));
document.addEventListener("visibilitychange", look);
addEventListener("online", open);
addEventListener("offline", lost);
addEventListener("pageshow", (event) => event.persisted && look());
setInterval(() => {
  if (source && Date.now() - heard > SILENCE) lost();
  showAge();
}, 5_000);
// Without scripts the page loads itself anew, and what is being written would be lost.
form.elements.note?.parentElement.removeAttribute("hidden");
showAge();
look();
