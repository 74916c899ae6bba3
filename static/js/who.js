// One tap on a name: "Who?", asked by the screen on the counter, and "Pass on to", asked by every screen.

const SETTLING = 350; // a second tap on the button before must not hit a name

const dialog = document.getElementById("who");

/** Whether this screen has to say for whom it acts. */
export function asksWho() {
  return "asks" in dialog.dataset;
}

/** Ask for a name at a table; `question` is "as" or "to", `by` is who has it and is not offered where others are.
 *  Resolves to the member's id, or "" if nobody wants to. */
export function who(question, table, title, by) {
  document.getElementById("who-table").textContent = title;
  dialog.dataset.question = question;
  const names = dialog.querySelectorAll(".name");
  for (const name of names) name.hidden = name.value === by && names.length > 2;
  dialog.returnValue = "";
  dialog.classList.add("settling");
  setTimeout(() => dialog.classList.remove("settling"), SETTLING);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => (keepPlace(table), resolve(dialog.returnValue)), { once: true });
  });
}

/** The keyboard returns to the button; where the card was redrawn meanwhile, to the card. */
function keepPlace(table) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const card = document.querySelector(`.table-card[data-table="${CSS.escape(table)}"]`);
  (card ?? document.getElementById("sentence")).focus();
}

/** Take over the names of a page that was loaded just now; where a finger may be on its way to one, afterwards. */
export function renewNames(page) {
  const names = page.querySelector("#who .names");
  if (!names) return;
  if (dialog.open) dialog.addEventListener("close", () => renewNames(page), { once: true });
  else dialog.querySelector(".names").replaceWith(names);
}

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // beside the sheet
});
