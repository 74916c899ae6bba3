// The page of notifications: what this device is told, and how it looks there.

import { isSupported, nameOf, subscribe, subscription } from "./push.js";

const here = document.getElementById("here");
const words = document.getElementById("here-words");
const form = document.getElementById("here-form");

function show(state, trouble = "") {
  here.dataset.state = state;
  here.toggleAttribute("data-trouble", Boolean(trouble));
  words.textContent = trouble || here.dataset[state];
  form.hidden = ["denied", "unsupported", "apple"].includes(state);
  here.hidden = false;
}

/** An iPhone allows messages only to what stands on its home screen. */
function isApple() {
  return /iPhone|iPad/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
}

/** This device has its own place: its row leaves the list of the others. */
async function start() {
  const head = document.querySelector("#devices h2");
  head.textContent = head.dataset.others;
  if (!isSupported()) return show(isApple() ? "apple" : "unsupported");
  if (Notification.permission === "denied") return show("denied");
  const own = await subscription();
  const row = own && document.querySelector(`.notify-device[data-name="${await nameOf(own)}"]`);
  if (!row) return show("off");
  form.elements.choice.value = row.dataset.choice;
  document.getElementById("here-try").append(...row.querySelector(".notify-try").children);
  row.remove();
  document.getElementById("devices").hidden = !document.querySelector(".notify-device");
  show(row.dataset.choice === "none" ? "none" : "on");
}

async function save() {
  const choice = form.elements.choice.value;
  if (choice === "none" && here.dataset.state === "off") return show("off");
  if ((await Notification.requestPermission()) !== "granted") {
    return show(Notification.permission === "denied" ? "denied" : "off", here.dataset.dismissed);
  }
  try {
    const refusal = await subscribe(choice);
    if (refusal === null) location.reload();
    else show(here.dataset.state, refusal || here.dataset.failed);
  } catch (error) {
    show(here.dataset.state, error.name === "AbortError" ? here.dataset.unreachable : here.dataset.failed);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  await save();
  button.disabled = false;
});

const install = document.getElementById("here-install");
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install.hidden = false;
  install.querySelector("button").onclick = () => event.prompt();
});
addEventListener("appinstalled", () => (install.hidden = true));

start();
