// The page of notifications: which messages this device gets.

import { find } from "./dom.js";
import { currentSubscription, isSupported, nameOf, registerWorker, subscribe } from "./push-subscription.js";

/** @typedef {"on" | "none" | "fails" | "off" | "denied" | "unsupported" | "apple"} State */

const here = find("#here", HTMLElement);
const words = find("#here-words", HTMLElement);
const form = find("#here-form", HTMLFormElement);
const install = find("#here-install", HTMLElement);

/** @type {State} */
let state = "off";

/** @param {State} now */
function sentenceOf(now) {
  const { on, none, fails, off, denied, unsupported, apple } = here.dataset;
  return { on, none, fails, off, denied, unsupported, apple }[now] ?? "";
}

/**
 * @param {State} now
 * @param {string} [trouble]  what went wrong
 */
function show(now, trouble = "") {
  state = now;
  here.dataset.state = now;
  here.toggleAttribute("data-trouble", Boolean(trouble) || now === "fails");
  words.textContent = trouble || sentenceOf(now);
  form.hidden = ["denied", "unsupported", "apple"].includes(now);
  here.hidden = false;
}

/** Iphones and iPads allow messages only to what stands on their home screen. */
function isApple() {
  return /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
}

function choice() {
  const field = form.elements.namedItem("choice");
  return field instanceof RadioNodeList ? field : null;
}

/** The row of this device in the list of the member's devices. */
async function ownRow() {
  const own = await currentSubscription();
  const row = own && document.querySelector(`.notify-device[data-name="${await nameOf(own)}"]`);
  return row instanceof HTMLElement ? row : null;
}

/** This device has its own place: its row leaves the list of the others. */
async function start() {
  const head = find("#devices h2", HTMLElement);
  head.textContent = head.dataset.others ?? "";
  if (!isSupported()) return show(isApple() ? "apple" : "unsupported");
  if (Notification.permission === "denied") return show("denied");
  if (!(await registerWorker())) return show("unsupported");
  const row = await ownRow();
  if (!row) return show("off");
  const chosen = choice();
  if (chosen) chosen.value = row.dataset.choice ?? "";
  find("#here-try", HTMLElement).append(...find(".notify-try", HTMLElement, row).children);
  row.remove();
  find("#devices", HTMLElement).hidden = !document.querySelector(".notify-device");
  if (row.dataset.choice === "none") return show("none");
  show("fails" in row.dataset ? "fails" : "on");
}

async function save() {
  const chosen = choice()?.value ?? "";
  const { dismissed, failed, unreachable } = here.dataset;
  if (chosen === "none" && state === "off") return show("off");
  if ((await Notification.requestPermission()) !== "granted") {
    return show(Notification.permission === "denied" ? "denied" : "off", dismissed);
  }
  try {
    const refusal = await subscribe(chosen);
    if (refusal === null) location.reload();
    else show(state, refusal || failed);
  } catch (error) {
    show(state, error instanceof DOMException && error.name === "AbortError" ? unreachable : failed);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = find("button", HTMLButtonElement, form);
  button.disabled = true;
  await save();
  button.disabled = false;
});

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install.hidden = false;
  find("button", HTMLButtonElement, install).onclick = () => event.prompt();
});
addEventListener("appinstalled", () => (install.hidden = true));

start();
