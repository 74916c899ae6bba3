// Asks whether visits may be counted, hands the answer to the server, and takes it back on request. Nothing is counted
// before; a browser that says "Global Privacy Control" has refused already and is not asked.

const question = document.getElementById("consent");
const settings = document.getElementById("privacy");
const { url, frame, kinds } = question.dataset;

let counting = null; // the frame that counts, on a guest's page

function show(asking) {
  const { answer } = question.dataset;
  question.hidden = !asking;
  settings.hidden = asking;
  for (const button of question.querySelectorAll("button")) {
    if (answer) button.ariaPressed = String(button.value === answer);
  }
}

async function choose({ target: { value } }) {
  const before = question.dataset.answer;
  if (value === "no") stop();
  const reply = await fetch(url, { method: "POST", body: new URLSearchParams({ answer: value }) }).catch(() => null);
  if (!reply?.ok) return; // the question stays, to be answered again
  // What this page may load was said when it came. A guest's page is not loaded anew: it may be waiting for somebody.
  if (!frame && value !== before && [value, before].includes("yes")) return loadAnew();
  question.dataset.answer = value;
  show(false);
  settings.focus({ preventScroll: true });
  if (value === "yes") start();
}

/** Where a visitor has come from is lost by that. Pages of ours are not worth keeping, and their addresses hold codes. */
function loadAnew() {
  if (!document.referrer.startsWith(`${location.origin}/`)) sessionStorage.setItem("from", document.referrer);
  location.reload();
}

function start() {
  if (!frame || counting) return; // other pages bring analytics.js along
  counting = document.createElement("iframe");
  counting.hidden = true;
  counting.referrerPolicy = "no-referrer";
  counting.src = frame;
  document.body.append(counting);
  document.addEventListener("called", tellCall);
}

/** Google's script would say goodbye when its page goes; this is its own switch for saying nothing any more. */
function stop() {
  for (const each of counting ? [window, counting.contentWindow] : [window]) {
    const id = each.document.querySelector("[data-measurement-id]")?.dataset.measurementId;
    Object.assign(each, { [`ga-disable-${id}`]: true });
  }
  document.removeEventListener("called", tellCall);
  counting?.remove();
  counting = null;
}

/** The guest's page says which kind the server has just taken a call for. */
function tellCall({ detail }) {
  const kind = kinds.split(" ").includes(detail) ? detail : "other";
  counting.contentWindow.dispatchEvent(new CustomEvent("called", { detail: kind }));
}

if (!navigator.globalPrivacyControl) {
  for (const button of question.querySelectorAll("button")) button.addEventListener("click", choose);
  settings.addEventListener("click", () => {
    show(true);
    question.querySelector("button").focus();
  });
  show(!question.dataset.answer);
  document.getElementById("analytics").hidden = false;
  if (question.dataset.answer === "yes") start();
}
