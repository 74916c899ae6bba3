// The print button, which only a script can carry out.

import { find } from "./dom.js";

const button = find("button#print", HTMLButtonElement);
button.hidden = false;
button.addEventListener("click", () => window.print());
