// Whether visits may be counted: the answer can be taken back.

import { find, findAll } from "./dom.js";

const question = find("#consent", HTMLElement);
const reopen = find("#privacy", HTMLElement);
const { url = "", frame, kinds = "" } = question.dataset;
const buttons = findAll("button", HTMLButtonElement, question);

/** On a guest's page. @type {HTMLIFrameElement | null} */
let counter = null;

/** @param {boolean} isAsking */
function show(isAsking) {
  const { answer } = question.dataset;
  question.hidden = !isAsking;
  reopen.hidden = isAsking;
  if (answer) for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === answer));
}

/** @param {string} answer */
async function choose(answer) {
  const before = question.dataset.answer;
  if (answer === "no") stop();
  const reply = await fetch(url, { method: "POST", body: new URLSearchParams({ answer }) }).catch(() => null);
  if (!reply?.ok) return; // the question stays, to be answered again
  // The CSP comes with the page; a guest's always allows the frame.
  if (!frame && answer !== before && [answer, before].includes("yes")) return reload();
  question.dataset.answer = answer;
  show(false);
  reopen.focus({ preventScroll: true });
  if (answer === "yes") start();
}

/** Remembers where the visitor came from, unless from a page of ours: its address may hold a code. */
function reload() {
  if (!document.referrer.startsWith(`${location.origin}/`)) sessionStorage.setItem("from", document.referrer);
  location.reload();
}

function start() {
  if (!frame || counter) return; // other pages load analytics.js themselves
  counter = document.createElement("iframe");
  counter.hidden = true;
  counter.referrerPolicy = "no-referrer";
  counter.src = frame;
  document.body.append(counter);
  document.addEventListener("called", tellCall);
}

/** By the own switch of Google's script, which sends an event when its page goes. */
function stop() {
  for (const each of [window, counter?.contentWindow]) {
    const element = each?.document.querySelector("[data-measurement-id]");
    const id = element?.getAttribute("data-measurement-id");
    if (each) Object.assign(each, { [`ga-disable-${id}`]: true });
  }
  document.removeEventListener("called", tellCall);
  counter?.remove();
  counter = null;
}

/** A guest's call was accepted. @param {Event} event */
function tellCall(event) {
  if (!(event instanceof CustomEvent)) return;
  const kind = kinds.split(" ").includes(event.detail) ? event.detail : "other";
  counter?.contentWindow?.dispatchEvent(new CustomEvent("called", { detail: kind }));
}

if (!navigator.globalPrivacyControl) {
  for (const button of buttons) button.addEventListener("click", () => choose(button.value));
  reopen.addEventListener("click", () => {
    show(true);
    buttons[0].focus();
  });
  show(!question.dataset.answer);
  find("#analytics", HTMLElement).hidden = false;
  if (question.dataset.answer === "yes") start();
}
