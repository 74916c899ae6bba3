// The dialog with the members' names: "Who?", asked by the device on the counter, and "Pass on to", asked by every screen.

import { find, findAll } from "./dom.js";

const SETTLING_MS = 350; // a second tap on the button before must not hit a name

// An unknown element before Safari 15.4 and Firefox 98.
const dialog = /** @type {HTMLDialogElement} */ (find("#who", HTMLElement));

/** Whether this browser can ask; where it cannot, the server's page asks. */
export const canAsk = "showModal" in dialog;

/** Whether this screen has to say for whom it acts. */
export function mustAsk() {
  return "asks" in dialog.dataset;
}

/**
 * Ask for a member at a table.
 * @param {"as" | "to"} question  who acts, or to whom the request is passed on
 * @param {import("./types").Action} action  whose holder is not offered as the next one, where there are others
 * @returns {Promise<string>} the member's id; "" where the dialog was closed without an answer
 */
export function askMember(question, { target, title, holder }) {
  find("#who-table", HTMLElement).textContent = title;
  dialog.dataset.question = question;
  const names = findAll(".name", HTMLButtonElement, dialog);
  for (const name of names) name.hidden = question === "to" && name.value === holder && names.length > 2;
  dialog.returnValue = "";
  dialog.classList.add("settling");
  setTimeout(() => dialog.classList.remove("settling"), SETTLING_MS);
  dialog.showModal(); // eslint-disable-line no-restricted-properties -- guarded by canAsk
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => (keepFocus(target), resolve(dialog.returnValue)), { once: true });
  });
}

/**
 * The focus returns to the button that asked; where that is gone, it goes to its card.
 * @param {string} table
 */
function keepFocus(table) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const [card] = findAll(`.table-card[data-table="${CSS.escape(table)}"]`, HTMLElement);
  (card ?? find("#sentence", HTMLElement)).focus();
}

/**
 * Take over the names of a page that was loaded just now; after the dialog is closed, if it is open.
 * @param {Document} page
 */
export function renewNames(page) {
  const [names] = findAll("#who .names", HTMLElement, page);
  if (!names) return;
  if (dialog.open) dialog.addEventListener("close", () => renewNames(page), { once: true });
  else find(".names", HTMLElement, dialog).replaceWith(names);
}

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // the backdrop
});
