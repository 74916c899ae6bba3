// Offers the time zone that this device is in. Without it, it is chosen from the list.

const select = document.querySelector("#time_zone");
const button = document.querySelector(".here-zone");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

if ([...select.options].some((option) => option.value === here)) {
  const offer = () => { button.hidden = select.value === here; };
  button.textContent = button.dataset.words.replace("#", here.replaceAll("_", " "));
  button.addEventListener("click", () => {
    select.value = here;
    offer();
    select.focus();
  });
  select.addEventListener("change", offer);
  offer();
}
