// The buttons on cards: each click is sent once in the background, and answered by a message at the foot of the screen.

import { closest, find, findAll, safely } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { askMember, canAsk, mustAsk } from "./member-dialog.js";

const TIMEOUT_MS = 10_000;
const MESSAGE_MS = 5_000; // that a message stays
const UNDO_MS = 8_000; // that a message with a button stays

/**
 * @typedef {import("./types").Action} Action
 * @typedef {{ message?: string, ask?: boolean }} Answer
 * @typedef {{ label: string, press: () => void }} ToastButton
 */

const { dataset: words } = find("#words", HTMLElement);
const toasts = find("#toasts", HTMLElement);
/** The targets whose answer is awaited. @type {Set<string>} */
const inFlight = new Set();

/** One question after the other: an answer may ask while another is being asked. @type {Promise<string>} */
let asking = Promise.resolve("");

/**
 * By what a card or a round is found again after it was redrawn.
 * @param {HTMLElement} element
 */
function targetOf(element) {
  return element.dataset.table ?? `round ${element.dataset.round}`;
}

/**
 * Send the buttons of `form` by script.
 * @param {HTMLFormElement} form
 * @param {{ onAnswer: (ok: boolean) => void, onLoggedOut: () => void }} handlers
 */
export function startActions(form, { onAnswer, onLoggedOut }) {
  // Not the form's submit event: before Safari 15.4 that does not tell which button was pressed.
  document.addEventListener("click", (event) => {
    const button = closest(event, "button", HTMLButtonElement);
    if (button?.form !== form || button.type !== "submit") return;
    const name = button.dataset.act ?? "";
    const question = name === "pass" ? "to" : mustAsk() && name.startsWith("accept") ? "as" : null;
    if (question && !canAsk) return; // sent as a form, which the server's page answers
    event.preventDefault();
    closeMenu(button.closest("details"));
    const action = actionOf(button);
    if (question) ask(question, action);
    else send(action);
  });

  /**
   * @param {"as" | "to"} question
   * @param {Action} action
   */
  async function ask(question, action) {
    if (!canAsk) return submit(action);
    asking = asking.then(() => askMember(question, action)).catch(() => (submit(action), "")); // the next one is asked all the same
    const member = await asking;
    if (member) await send({ ...action, [question]: member });
  }

  /** @param {Action} action */
  async function send(action) {
    if (inFlight.has(action.target)) return;
    inFlight.add(action.target);
    safely(showBusy, undefined);
    safely(() => removeMessagesBefore(action), undefined);
    const { response, answer } = await post(action);
    inFlight.delete(action.target);
    safely(showBusy, undefined);
    if (!response || response.status >= 500) return showUnsent(action);
    if (response.type === "opaqueredirect" || response.status === 401) return onLoggedOut();
    if (answer.ask) return ask("as", action);
    if (response.ok) toast(answer.message, { button: action.canUndo ? undoOf(action) : undefined, about: action });
    else toast(answer.message ?? (response.status === 403 ? words.refused : words.stale), { look: "warning" });
    onAnswer(response.ok);
  }

  /**
   * @param {Action} action
   * @returns {Promise<{ response: Response | null, answer: Answer }>}
   */
  function post(action) {
    const body = new URLSearchParams();
    body.append("csrf_token", find("[name=csrf_token]", HTMLInputElement, form).value);
    if (action.ids) body.append("ids", action.ids);
    if (action.as) body.append("as", action.as);
    if (action.to) body.append("to", action.to);
    /** @type {RequestInit} */
    const options = { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" };
    return fetchWithin(TIMEOUT_MS, action.url, options, async (response) => {
      return { response, answer: await response.json().catch(() => ({})) };
    }).catch(() => ({ response: null, answer: {} }));
  }

  /**
   * Without a dialog: the server's page asks for the name.
   * @param {Action} action
   */
  function submit(action) {
    const ids = Object.assign(document.createElement("input"), { type: "hidden", name: "ids", value: action.ids });
    form.append(ids);
    form.action = action.url;
    form.submit();
  }

  /**
   * @param {Action} action
   * @returns {ToastButton}
   */
  function undoOf(action) {
    const url = action.url.replace(/\/(resolve|dismiss)$/, "/reopen");
    return { label: words.undo ?? "", press: () => send({ ...action, url, canUndo: false }) };
  }

  /**
   * The one message that stays: somebody believes that an action was taken which was not.
   * @param {Action} action
   */
  function showUnsent(action) {
    const text = action.title ? `${action.title}: ${words.unsent}` : words.unsent;
    toast(text, { button: { label: words.again ?? "", press: () => send(action) }, look: "danger", about: action });
  }
}

/**
 * This action, sent again or another one of the same card, makes older messages about it untrue, and their "Undo" with them.
 * @param {Action} action
 */
function removeMessagesBefore(action) {
  for (const note of findAll(".toast-note", HTMLElement, toasts)) {
    const isUnsent = note.classList.contains("toast-danger");
    if (isUnsent ? note.dataset.url === action.url : note.dataset.target === action.target) note.remove();
  }
}

/**
 * @param {HTMLButtonElement} button
 * @returns {Action}
 */
function actionOf(button) {
  const owner = button.closest(".table-card, .round");
  const place = owner instanceof HTMLElement ? owner : null;
  return {
    url: button.formAction,
    ids: button.value,
    target: place ? targetOf(place) : button.formAction,
    title: place?.dataset.title ?? place?.querySelector("h2")?.textContent ?? "",
    holder: place?.dataset.by,
    canUndo: ["resolve", "dismiss"].includes(button.dataset.act ?? ""),
  };
}

/**
 * A choice closes its menu; the focus goes back to what opened it.
 * @param {HTMLDetailsElement | null} menu
 */
function closeMenu(menu) {
  if (!menu?.matches(".more")) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
}

/** Mark the cards whose action is on its way; to be called again after cards were redrawn. */
export function showBusy() {
  for (const card of findAll(".table-card", HTMLElement)) {
    const round = card.closest(".round");
    const isBusy = inFlight.has(targetOf(card)) || (round instanceof HTMLElement && inFlight.has(targetOf(round)));
    card.setAttribute("aria-busy", String(isBusy));
    // Not `disabled`, which would lose the focus; a second click is not sent anyway.
    for (const button of findAll("[data-act]", HTMLElement, card)) button.setAttribute("aria-disabled", String(isBusy));
  }
}

/**
 * Say something at the foot of the screen, with at most one button.
 * @param {string | undefined} text
 * @param {{ button?: ToastButton, look?: "info" | "warning" | "danger", about?: Action }} options
 */
export function toast(text, { button, look = "info", about }) {
  if (!text) return;
  const note = document.createElement("div");
  note.className = `toast-note toast-${look}`;
  note.dataset.url = about?.url ?? "";
  note.dataset.target = about?.target ?? "";
  const sentence = document.createElement("p");
  sentence.dir = "auto";
  sentence.textContent = text;
  note.append(sentence);
  if (button) note.append(pressable(button.label, () => (note.remove(), button.press())));
  if (look === "danger") {
    note.setAttribute("role", "alert");
    const close = pressable("×", () => note.remove());
    close.setAttribute("aria-label", words.close ?? "");
    note.append(close);
  } else {
    for (const old of findAll(".toast-note:not(.toast-danger)", HTMLElement, toasts)) old.remove();
    setTimeout(() => note.remove(), button ? UNDO_MS : MESSAGE_MS);
  }
  toasts.append(note);
}

/**
 * @param {string} label
 * @param {() => void} press
 */
function pressable(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", press);
  return button;
}
