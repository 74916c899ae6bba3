// The kiosk: a screen on a wall or a pass shows nothing but the cards, large, in one column. The screen remembers it; full
// screen is granted to a click only, so after a reload the first one asks for it again.

import { find } from "./dom.js";
import { read, write } from "./storage.js";
import { ofThisScreen } from "./this-screen.js";

const KEY = ofThisScreen("kiosk");
const { body, documentElement: page } = document;
const button = find("button#kiosk", HTMLButtonElement);

/** iPhones have no full screen, and Safari before 16.4 has it under another name only. */
function fillScreen() {
  if (!document.fullscreenElement) page.requestFullscreen?.()?.catch(() => {});
}

/** @param {boolean} on */
function show(on) {
  body.toggleAttribute("data-kiosk", on);
  button.setAttribute("aria-pressed", String(on));
}

export function startKiosk() {
  const asked = new URLSearchParams(location.search).get("kiosk");
  if (asked !== null) write(KEY, asked === "1");
  show(read(KEY, false));
  button.addEventListener("click", () => {
    const on = !body.hasAttribute("data-kiosk");
    write(KEY, on);
    show(on);
    if (on) fillScreen();
    else if (document.fullscreenElement) document.exitFullscreen();
  });
  /** @param {Event} event */
  const onFirstTouch = ({ target }) => {
    if (body.hasAttribute("data-kiosk") && !(target instanceof Node && button.contains(target))) fillScreen();
  };
  document.addEventListener("pointerup", onFirstTouch, { once: true });
}
