// The print button is shown only where a script can carry it out.
const button = document.getElementById("print");
button.hidden = false;
button.addEventListener("click", () => window.print());
