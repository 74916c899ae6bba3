// Offers the time zone that this device is in. Without a script it is chosen from the list.

import { find } from "./dom.js";

const select = find("#time_zone", HTMLSelectElement);
const button = find(".here-zone", HTMLButtonElement);
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

function showOffer() {
  button.hidden = select.value === here;
}

if ([...select.options].some((option) => option.value === here)) {
  button.textContent = (button.dataset.words ?? "").replace("#", here.replace(/_/g, " "));
  button.addEventListener("click", () => {
    select.value = here;
    showOffer();
    select.focus();
  });
  select.addEventListener("change", showOffer);
  showOffer();
}
