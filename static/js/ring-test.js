// A manager has asked this screen to ring, on the page "Who can hear": it rings once, says for whom, and answers.

import { now } from "./clock.js";
import { findAll } from "./dom.js";
import { answerRing, isThisScreen } from "./presence.js";
import { toast } from "./request-actions.js";
import { ring } from "./sound.js";

let answered = 0; // when it was last asked, by the server's clock, in milliseconds

/** @param {HTMLElement} list  as it arrived */
export function ringIfAsked(list) {
  for (const asked of findAll("[data-ring]", HTMLElement, list)) {
    const at = Number(asked.dataset.at);
    if (!isThisScreen(asked.dataset.ring) || at <= answered || now() > Number(asked.dataset.until)) continue;
    answered = at;
    ring();
    toast(asked.textContent ?? "", {});
    answerRing(at);
  }
}
