// Sends taps until answered, and keeps the state true.

import { closest, find, findAll, safely, setText } from "./dom.js";
import { EventStream } from "./event-stream.js";
import { fetchWithin } from "./fetch-within.js";
import { Outbox } from "./guest-outbox.js";

const SLOW_MS = 2_500; // then a tap is shown as not sent
const DOUBLE_TAP_MS = 600;
const ASK_MS = 10_000; // without a stream

const { dataset: settings } = document.body;
const { lang } = document.documentElement;
const locale = safely(() => navigator.languages.find((each) => each.startsWith(lang)), undefined) ?? lang;
const form = find("#call", HTMLFormElement);
const unconnected = find("#unconnected", HTMLElement);
const unsent = find("#unsent", HTMLElement);
const failed = find("#failed", HTMLElement);
const said = find("#said", HTMLElement);
const menu = document.getElementById("languages");
const note = document.getElementById("note");
const notSent = find("h2", HTMLElement, unsent).textContent ?? "";

let clockOffset = 0; // the server's minus this phone's
let drawTimer = 0;
let askTimer = 0;
let isBroken = false; // watchdog.js says so
let isTold = false; // by the stream, since the tap was sent
let lastTap = { name: "", at: 0 };

const headline = () => document.getElementById("headline");
const buttons = () => findAll("button[form=call]", HTMLButtonElement);

/** @param {Element | null} element */
const nameOf = (element) => (element?.matches("button[form=call]") && (element.getAttribute("value") ?? element.classList[0])) || "";

/** @param {string} name */
const buttonNamed = (name) => buttons().find((each) => nameOf(each) === name);

/** @param {string} name */
const fieldNamed = (name) => find(`[name=${name}]`, HTMLInputElement, form);

const outbox = new Outbox({
  receipt() {
    isTold = false;
    return fieldNamed("r").value;
  },
  address: (tap) => tap.url.split("?")[0] + new URL(form.action).search, // in the language read by now
  onAnswer: takeOver,
  onRefusal: fail,
  onLate: () => fail(failed.dataset.late ?? ""),
  onChange: showSending,
});

const stream = new EventStream({
  url() {
    const url = new URL(settings.liveUrl ?? "", location.href);
    url.searchParams.set("form", fieldNamed("form").value);
    return url.href;
  },
  eventName: "state",
  heartbeatMs: Number(settings.heartbeatMs),
  inBackground: false,
  onEvent(_name, data) {
    clockOffset = data.now - Date.now();
    if (data.form) fieldNamed("form").value = data.form;
    if (!data.html) return;
    isTold = true;
    draw(data.html);
  },
  onLive() {
    clearInterval(askTimer);
    unconnected.hidden = true;
    outbox.send();
  },
  onDown() {
    unconnected.hidden = false;
    askTimer = setInterval(ask, ASK_MS);
    ask();
  },
  onGone: () => location.reload(),
});

/** Streams may be held back, or refused. */
async function ask() {
  if (document.hidden) return;
  const html = await fetchWithin(ASK_MS, location.href, {}, (page) => page.text()).catch(() => "");
  const [state] = findAll("#state-and-kinds, [data-status^='40']", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (stream.live) return;
  if (state?.dataset.status) return location.reload();
  if (state) draw(state.outerHTML);
  unconnected.hidden = Boolean(state);
}

function showAge() {
  const line = document.getElementById("since");
  const minutes = line ? Math.floor((Date.now() + clockOffset - Number(line.dataset.firstMs)) / 60_000) : 0;
  if (!line || minutes < 1) return;
  const ago = new Intl.RelativeTimeFormat(lang, { numeric: "always" }).format(-minutes, "minute");
  setText(line, (settings.since ?? "").replace("#", ago));
  line.hidden = false;
}

/** @param {string} html */
function draw(html, tries = 10) {
  clearTimeout(drawTimer);
  if (tries && document.querySelector("button:active")) drawTimer = setTimeout(draw, 200, html, tries - 1); // that would lose its click
  else isBroken = !safely(() => (drawNow(html), true), false);
}

/** @param {string} html */
function drawNow(html) {
  const title = headline()?.textContent;
  const { activeElement } = document;
  const focused = nameOf(activeElement);
  const before = find("#state-and-kinds", HTMLElement);
  const after = find("#state-and-kinds", HTMLElement, new DOMParser().parseFromString(html, "text/html"));
  if (!after.isEqualNode(before)) before.replaceWith(after);
  if (focused || activeElement?.id === "headline") ((focused && buttonNamed(focused)) || headline())?.focus();
  if (headline()?.textContent !== title) said.textContent = headline()?.textContent ?? "";
  safely(showSending, undefined);
  safely(showAge, undefined);
}

// Not submit: before Safari 15.4 that does not tell the button.
addEventListener("click", (event) => {
  const button = closest(event, "button[form=call]", HTMLButtonElement);
  if (!button) return;
  const name = nameOf(button);
  if (lastTap.name === name && Date.now() - lastTap.at < DOUBLE_TAP_MS) return event.preventDefault();
  lastTap = { name, at: Date.now() };
  failed.hidden = true;
  const data = new FormData(form);
  if (button.name) data.set(button.name, button.value);
  outbox.keep({
    button: name,
    url: button.getAttribute("formaction") ?? form.getAttribute("action") ?? "",
    fields: Object.fromEntries([...data].map(([field, value]) => [field, String(value)])),
    isNew: Boolean(button.name) && !button.closest(".live"),
  });
  event.preventDefault(); // once it is kept
  setTimeout(showSending, SLOW_MS + 50);
});

function showSending() {
  const { waiting } = outbox;
  for (const button of buttons()) button.classList.toggle("sending", waiting.some((tap) => tap.button === nameOf(button)));
  const isLate = waiting.length > 0 && (outbox.failures > 0 || Date.now() - waiting[0].at > SLOW_MS);
  if (isLate) {
    const { until } = outbox;
    const time = safely(() => until.toLocaleTimeString(locale, { timeStyle: "short" }), String(until).slice(16, 21));
    const pressed = waiting.map((tap) => buttonNamed(tap.button));
    const names = pressed.map((button) => (button?.querySelector("b, span") ?? button)?.textContent);
    say(unsent, (unsent.dataset.until ?? "").replace("#", time), [notSent, ...names.filter(Boolean)].join(" · "));
  }
  unsent.hidden = !isLate;
  document.body.classList.toggle("unsent", isLate);
}

/** @param {string} words */
function fail(words) {
  say(failed, words);
  failed.hidden = false;
}

/** @param {HTMLElement} section @param {string} words @param {string} [title] */
function say(section, words, title) {
  if (title) setText(find("h2", HTMLElement, section), title);
  setText(find("p", HTMLElement, section), words);
}

/** @param {import("./types").Answer} answer @param {import("./types").Tap} tap */
function takeOver(answer, tap) {
  isBroken = true;
  safely(() => history.replaceState(null, "", answer.url), undefined);
  settings.liveUrl = answer.live;
  fieldNamed("form").value = answer.form;
  fieldNamed("r").value = answer.r;
  for (const link of findAll("#languages a", HTMLAnchorElement)) {
    const to = new URL(link.href);
    if (answer.r) to.searchParams.set("r", answer.r);
    link.href = to.href;
  }
  if (note instanceof HTMLTextAreaElement && note.value === tap.fields.note) note.value = "";
  // The stream may not know who tapped on an earlier page.
  const isKnown = answer.stays && tap.page === outbox.page && stream.live;
  if (isKnown && isTold) isBroken = false; // what it told is newer
  else draw(answer.html);
  if (tap.isNew && answer.called) document.dispatchEvent(new CustomEvent("called", { detail: tap.button.split("/")[0] }));
  if (!isKnown) stream.open();
}

// An iPhone does not tell the window of a tap on text.
for (const part of findAll("body > *", HTMLElement)) {
  part.addEventListener("click", ({ target }) => target instanceof Node && menu?.contains(target) || menu?.removeAttribute("open"));
}
addEventListener("touchstart", () => {}, { passive: true }); // for :active on an iPhone
addEventListener("keydown", (event) => event.key === "Escape" && menu?.removeAttribute("open"));
document.addEventListener("visibilitychange", () => document.hidden || outbox.send());
addEventListener("pageshow", (event) => event.persisted && stream.show());
setInterval(() => safely(showAge, undefined), 5_000);
setInterval(() => isBroken || document.dispatchEvent(new Event("alive")), 1_000);
note?.parentElement?.removeAttribute("hidden"); // a page that reloads itself would lose it
safely(showAge, undefined);
outbox.send();
