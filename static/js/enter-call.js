// "Enter a call" as a sheet over the dashboard, which stays live and audible beneath it. The sheet shows the pages that
// the link leads to; a browser without dialogs opens them.

import { closest, find } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";
import { toast } from "./request-actions.js";

const TIMEOUT_MS = 10_000;

const link = find("#enter", HTMLAnchorElement);
const sheet = /** @type {HTMLDialogElement} */ (find("#enter-sheet", HTMLElement));
const { dataset: words } = find("#words", HTMLElement);
let isBusy = false;

/**
 * Show what is between the bar and the end of this page; where it cannot be had, go there.
 * @param {string} url
 */
async function show(url) {
  const options = { redirect: /** @type {const} */ ("manual") };
  const html = await fetchWithin(TIMEOUT_MS, url, options, (response) => (response.ok ? response.text() : "")).catch(() => "");
  const main = new DOMParser().parseFromString(html, "text/html").querySelector("main");
  if (!main) return location.assign(url);
  sheet.textContent = "";
  sheet.append(...main.children);
  if (!sheet.open) sheet.showModal(); // eslint-disable-line no-restricted-properties -- guarded below
  const title = find("h1", HTMLHeadingElement, sheet);
  title.tabIndex = -1;
  title.focus();
  sheet.scrollTop = 0;
}

/** @param {HTMLFormElement} form @param {HTMLButtonElement} button */
async function send(form, button) {
  const body = new URLSearchParams();
  for (const name of ["csrf_token", "key"]) body.append(name, find(`[name=${name}]`, HTMLInputElement, form).value);
  body.append(button.name, button.value);
  /** @type {RequestInit} */
  const options = { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" };
  const answer = await fetchWithin(TIMEOUT_MS, form.action, options, async (response) => {
    return response.ok ? /** @type {{ message: string }} */ (await response.json()) : null;
  }).catch(() => null);
  if (!answer) return showUnsent(form);
  sheet.close();
  toast(answer.message, {});
}

/** The key stays the same, so that a tap whose answer was lost may be sent again. @param {HTMLFormElement} form */
function showUnsent(form) {
  form.querySelector("[role=alert]")?.remove();
  const note = Object.assign(document.createElement("p"), { className: "unsent", textContent: words.unsent ?? "" });
  note.setAttribute("role", "alert");
  form.prepend(note);
}

/** Of two taps the second is of no account. @param {() => Promise<void>} work */
async function once(work) {
  if (isBusy) return;
  isBusy = true;
  try {
    await work();
  } finally {
    isBusy = false;
  }
}

/** Where it cannot be shown here, go there. @param {string} url */
const open = (url) => once(() => show(url).catch(() => location.assign(url)));

if ("showModal" in sheet) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    open(link.href);
  });
  sheet.addEventListener("click", (event) => {
    const leads = closest(event, "a", HTMLAnchorElement);
    const button = closest(event, "button", HTMLButtonElement);
    if (event.target === sheet) return sheet.close(); // the backdrop
    if ((!leads && !button) || leads?.matches(".enter-join")) return; // that is a page of its own
    event.preventDefault();
    if (button?.form) return once(() => send(/** @type {HTMLFormElement} */ (button.form), button));
    if (leads?.hash) return find(leads.hash, HTMLElement, sheet).scrollIntoView();
    if (leads && leads.pathname === location.pathname) return sheet.close(); // back to the calls
    if (leads) open(leads.href);
  });
}
