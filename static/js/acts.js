// Taps on a card: sent in the background, once each, and answered by a message at the foot of the screen.

import { asksWho, who } from "./who.js";

const TIMEOUT = 10_000;
const MESSAGE_STAYS = 5_000;
const UNDO_STAYS = 8_000;

const { dataset: words } = document.getElementById("screen");
const toasts = document.getElementById("toasts");
const inFlight = new Set(); // the tables and rounds whose answer is awaited

let asking = Promise.resolve(); // one question after the other: an answer may ask while another is being answered

/** The name of a card or a round, by which it is found again when it was redrawn. */
function placeOf(element) {
  return element.dataset.table ?? `round ${element.dataset.round}`;
}

/** Send the buttons of `form` by script. `onAnswer()` follows each answer, `onLoggedOut()` a refusal for want of a login. */
export function startActs(form, { onAnswer, onLoggedOut }) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter;
    const place = button.closest(".table-card, .round");
    const { act: name } = button.dataset;
    const act = {
      url: button.formAction,
      ids: button.value,
      place: place ? placeOf(place) : button.formAction,
      title: place?.dataset.title ?? place?.querySelector("h2").textContent ?? "",
      undo: ["resolve", "dismiss"].includes(name),
    };
    closeMenu(button.closest(".more"));
    // On the counter's screen nobody goes without a name; whether the rest needs one, the server says.
    if (name === "pass") ask("to", { ...act, by: place.dataset.by });
    else if (asksWho() && name.startsWith("accept")) ask("as", act);
    else send(act);
  });

  async function ask(question, act) {
    asking = asking.then(() => who(question, act.place, act.title, act.by));
    const chosen = await asking;
    if (chosen) send({ ...act, [question]: chosen });
  }

  async function send(act) {
    if (inFlight.has(act.place)) return;
    inFlight.add(act.place);
    showBusy();
    document.querySelector(`.toast-note[data-url="${CSS.escape(act.url)}"]`)?.remove();
    const response = await post(act);
    inFlight.delete(act.place);
    showBusy();
    if (!response || response.status >= 500) return unsent(act);
    if (response.type === "opaqueredirect" || response.status === 401) return onLoggedOut();
    const answer = await response.json().catch(() => ({}));
    if (answer.ask) return ask("as", act);
    if (response.ok) toast(answer.message, act.undo && undoOf(act));
    else toast(answer.message ?? (response.status === 403 ? words.refused : words.stale), null, "warning");
    onAnswer(response.ok);
  }

  async function post(act) {
    const body = new URLSearchParams(new FormData(form));
    if (act.ids) body.append("ids", act.ids);
    for (const question of ["as", "to"]) if (act[question]) body.append(question, act[question]);
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), TIMEOUT);
    try {
      const headers = { Accept: "application/json" };
      return await fetch(act.url, { method: "POST", body, headers, redirect: "manual", signal: giveUp.signal });
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  function undoOf(act) {
    const url = act.url.replace(/\/(resolve|dismiss)$/, "/reopen");
    return { label: words.undo, press: () => send({ ...act, url, undo: false }) };
  }

  /** The one message that stays: somebody believes a tap was taken that was not. */
  function unsent(act) {
    const text = act.title ? `${act.title}: ${words.unsent}` : words.unsent;
    toast(text, { label: words.again, press: () => send(act) }, "danger", act.url);
  }
}

/** What was chosen in a menu closes it; the keyboard goes back to where it was opened. */
function closeMenu(menu) {
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
}

/** Mark the cards whose tap is on its way; to be called again when cards were redrawn. */
export function showBusy() {
  for (const card of document.querySelectorAll(".table-card")) {
    const round = card.closest(".round");
    const busy = inFlight.has(placeOf(card)) || (round !== null && inFlight.has(placeOf(round)));
    card.setAttribute("aria-busy", String(busy));
    // aria-disabled keeps the keyboard's place, which disabled would lose; a second tap is not sent anyway.
    for (const button of card.querySelectorAll("[data-act]")) button.setAttribute("aria-disabled", String(busy));
  }
}

/** Say something at the foot of the screen, with at most one button. */
function toast(text, action = null, look = "info", url = "") {
  if (!text) return;
  const note = document.createElement("div");
  note.className = `toast-note toast-${look}`;
  note.dataset.url = url;
  if (look === "danger") note.setAttribute("role", "alert");
  const sentence = document.createElement("p");
  sentence.dir = "auto";
  sentence.textContent = text;
  note.append(sentence);
  if (action) note.append(pressable(action.label, () => (note.remove(), action.press())));
  if (look === "danger") {
    const close = pressable("×", () => note.remove());
    close.setAttribute("aria-label", words.close);
    note.append(close);
  } else {
    for (const old of toasts.querySelectorAll(".toast-note:not(.toast-danger)")) old.remove();
    setTimeout(() => note.remove(), action ? UNDO_STAYS : MESSAGE_STAYS);
  }
  toasts.append(note);
}

function pressable(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", press);
  return button;
}
