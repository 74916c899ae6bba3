// The bell of a screen. Browsers allow sound only after somebody has touched the page: until then the switch says so.

const REMEMBERED = "waitercaller.sound";

let context = null;

function wanted() {
  return localStorage.getItem(REMEMBERED) !== "off";
}

/** Make `button` the switch; `words` has its texts for "on", "off" and "blocked". */
export function startSound(button, words) {
  const AudioContext = window.AudioContext ?? window.webkitAudioContext;
  if (!AudioContext) return;
  context = new AudioContext();

  const show = () => {
    const state = !wanted() ? "off" : context.state === "running" ? "on" : "blocked";
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(state === "on"));
    button.querySelector("span").textContent = words[state];
  };
  const unlock = () => wanted() && context.state !== "running" && context.resume().catch(() => {});

  button.addEventListener("click", async () => {
    const blocked = button.dataset.state === "blocked";
    localStorage.setItem(REMEMBERED, blocked || !wanted() ? "on" : "off");
    if (wanted()) {
      await context.resume().catch(() => {});
      ring(); // what it will sound like, and how loud this device is set
    }
    show();
  });
  // The capture phase sees the switch's own tap too early: it must decide by what it showed.
  document.addEventListener("pointerup", (event) => button.contains(event.target) || unlock());
  document.addEventListener("keyup", unlock);
  context.addEventListener("statechange", show);
  button.hidden = false;
  show();
}

/** Ring once, if this screen may: two strokes on a small bell, each a few partials that die away. */
export function ring() {
  if (!wanted() || context?.state !== "running") return;
  stroke(context.currentTime);
  stroke(context.currentTime + 0.28);
}

function stroke(start) {
  const partials = [[1568, 0.3, 1.4], [3136, 0.12, 0.8], [4250, 0.06, 0.4]];
  for (const [frequency, loudness, length] of partials) {
    const tone = new OscillatorNode(context, { frequency });
    const fade = new GainNode(context, { gain: 0 });
    fade.gain.setValueAtTime(0.0001, start);
    fade.gain.exponentialRampToValueAtTime(loudness, start + 0.005);
    fade.gain.exponentialRampToValueAtTime(0.0001, start + length);
    tone.connect(fade).connect(context.destination);
    tone.start(start);
    tone.stop(start + length);
  }
}
