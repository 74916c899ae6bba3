// Tables are put into their order: a row is dragged by its handle, or moved by its buttons, which work without this script.
// The row itself never leaves its place in the document, its neighbours do: so it keeps the focus and the pointer.

import { closest, find, findAll } from "./dom.js";
import { fetchWithin } from "./fetch-within.js";

const TIMEOUT_MS = 10_000;
const EDGE_PX = 72; // of the window, where dragging scrolls
const SCROLL_PX = 10; // a frame

const form = find("#order", HTMLFormElement);
const lists = findAll(".order", HTMLOListElement, form);
const seen = find("[name=seen]", HTMLInputElement, form);
const said = find("#said", HTMLElement);
const unsent = find("#unsent", HTMLElement);

/** @typedef {Element[][]} Order the rows of each list */

/** @returns {Order} */
const order = () => lists.map((list) => [...list.children]);
let saved = order();
let sending = Promise.resolve();
let waiting = 0;

/** Show this order, and which buttons have no way to go. @param {Order} [rows] */
function show(rows) {
  for (const [index, list] of rows ? lists.entries() : []) list.append(...(rows?.[index] ?? []));
  for (const list of lists) {
    for (const row of list.children) {
      const [up, down] = findAll("button", HTMLButtonElement, row);
      if (!up || !down) continue;
      const focused = document.activeElement;
      [up.disabled, down.disabled] = [!row.previousElementSibling, !row.nextElementSibling];
      if (focused === up && up.disabled) down.focus();
      if (focused === down && down.disabled) up.focus();
    }
  }
}

/** @param {HTMLElement} row */
function save(row) {
  const [before, after] = [row.previousElementSibling, row.nextElementSibling];
  const beside = before ?? after;
  if (!(beside instanceof HTMLElement)) return;
  const move = `${row.dataset.table} ${before ? "after" : "before"} ${beside.dataset.table}`;
  const rows = order();
  show();
  unsent.hidden = true;
  waiting += 1;
  sending = sending.then(() => send(move, rows));
}

/** One move; what was moved after it is void if it fails. @param {string} move @param {Order} rows */
async function send(move, rows) {
  if (!waiting) return;
  const token = find("[name=csrf_token]", HTMLInputElement, form).value;
  const body = new URLSearchParams({ csrf_token: token, seen: seen.value, move });
  const options = { method: "POST", body, headers: { Accept: "application/json" } };
  const answer = await fetchWithin(TIMEOUT_MS, form.action, options, async (response) => {
    if (response.status === 409) location.reload(); // which shows how they stand now, and why
    return response.ok ? /** @type {{ seen: string, message: string }} */ (await response.json()) : null;
  }).catch(() => null);
  if (answer) {
    saved = rows;
    seen.value = answer.seen;
    said.textContent = answer.message;
    waiting -= 1;
  } else {
    waiting = 0;
    show(saved);
    unsent.hidden = false;
  }
}

/** Let the neighbours change places with a row until its middle is where the finger is. @param {HTMLElement} row @param {number} y */
function follow(row, y) {
  /** @param {Element} each */
  const middle = (each) => each.getBoundingClientRect().top + each.getBoundingClientRect().height / 2;
  for (let above = row.previousElementSibling; above && y < middle(above); above = row.previousElementSibling) row.after(above);
  for (let below = row.nextElementSibling; below && y > middle(below); below = row.nextElementSibling) row.before(below);
}

/** What is dragged: since when, from where, and where the finger is. @type {{ row: HTMLElement, before: Order, y: number } | null} */
let dragged = null;

function draw() {
  if (!dragged) return;
  if (dragged.y < EDGE_PX) scrollBy(0, -SCROLL_PX);
  if (dragged.y > innerHeight - EDGE_PX) scrollBy(0, SCROLL_PX);
  follow(dragged.row, dragged.y);
  requestAnimationFrame(draw);
}

/** @param {boolean} isKept */
function drop(isKept) {
  if (!dragged) return;
  const { row, before, y } = dragged;
  dragged = null;
  row.classList.remove("dragged");
  if (isKept) follow(row, y);
  else show(before);
  if (before.flat().some((each, index) => each !== order().flat()[index])) save(row);
}

form.addEventListener("pointerdown", (event) => {
  const [grip, row] = [closest(event, ".grip", HTMLElement), closest(event, "li", HTMLElement)];
  if (!grip || !row || event.button || dragged) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  row.classList.add("dragged");
  dragged = { row, before: order(), y: event.clientY };
  requestAnimationFrame(draw);
});
form.addEventListener("pointermove", ({ clientY }) => dragged && (dragged.y = clientY));
form.addEventListener("pointerup", () => drop(true));
form.addEventListener("pointercancel", () => drop(false));
addEventListener("keydown", ({ key }) => key === "Escape" && drop(false));
form.addEventListener("click", (event) => {
  const [button, row] = [closest(event, "button", HTMLButtonElement), closest(event, "li", HTMLElement)];
  if (!button || !row) return;
  event.preventDefault();
  if (button.dataset.side === "before" && row.previousElementSibling) row.after(row.previousElementSibling);
  if (button.dataset.side === "after" && row.nextElementSibling) row.before(row.nextElementSibling);
  save(row);
});
for (const grip of findAll(".grip", HTMLElement, form)) grip.hidden = false;
