// The kiosk: a screen on a wall or a pass shows nothing but the calls, large, in one column. The screen remembers it;
// the browser gives the whole screen only to a tap, so after a reload the first tap asks for it again.

import { read, write } from "./memory.js";

const { body, documentElement: page } = document;
const button = document.getElementById("kiosk");

function fill() {
  if (!document.fullscreenElement) page.requestFullscreen?.().catch(() => {});
}

function show(on) {
  body.toggleAttribute("data-kiosk", on);
  button.setAttribute("aria-pressed", String(on));
}

export function startKiosk() {
  const asked = new URLSearchParams(location.search).get("kiosk");
  if (asked !== null) write("kiosk", asked === "1");
  show(read("kiosk", false));
  button.addEventListener("click", () => {
    const on = !body.hasAttribute("data-kiosk");
    write("kiosk", on);
    show(on);
    if (on) fill();
    else if (document.fullscreenElement) document.exitFullscreen();
  });
  document.addEventListener("pointerup", (event) => {
    if (body.hasAttribute("data-kiosk") && !button.contains(event.target)) fill();
  }, { once: true });
}
