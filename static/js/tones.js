// The three sounds of calls, made of tones. They grow with the time a table has waited: louder, and repeated more often.

/**
 * `partials` are [factor of the frequency, gain, length in seconds]; `strokes` are [delay in seconds, factor].
 * @type {Record<string, { frequency: number, partials: number[][], strokes: number[][] }>}
 */
const SOUNDS = {
  bell: { frequency: 1568, partials: [[1, 0.3, 1.4], [2, 0.12, 0.8], [2.71, 0.06, 0.4]], strokes: [[0, 1], [0.28, 1]] },
  chime: { frequency: 784, partials: [[1, 0.36, 1.6], [2, 0.08, 0.9], [3, 0.04, 0.5]], strokes: [[0, 1], [0.42, 0.794]] },
  knock: { frequency: 520, partials: [[1, 0.4, 0.3], [3.9, 0.14, 0.14], [9.2, 0.05, 0.06]], strokes: [[0, 1], [0.16, 1], [0.32, 1]] },
};
/** By strength: 0 a new call, 1 it warns, 2 it is late, 3 the managers are alerted. */
const LOUDNESS = [1, 1.2, 1.5, 1.8]; // times the gain; the sum of a stroke's partials stays below 1
const TIMES = [1, 2, 3, 4];
const REPEAT_S = 1.1; // from one time to the next
const ATTACK_S = 0.005;
const SILENT = 0.0001; // an exponential ramp never reaches 0

/** On an iPhone the ringer's switch silences a page, unless it plays something (Safari 16.4). */
export function sayPlayback() {
  const { audioSession } = /** @type {{ audioSession?: { type: string } }} */ (navigator);
  if (audioSession) audioSession.type = "playback";
}

/**
 * Play one of the sounds; returns its length in seconds, without the last one's dying away.
 * @param {BaseAudioContext} audio @param {string} name  an unknown one is the bell's @param {number} strength  0 to 3
 */
export function play(audio, name, strength) {
  const { frequency, partials, strokes } = SOUNDS[name] ?? SOUNDS.bell;
  for (let time = 0; time < TIMES[strength]; time++) {
    for (const [delay, pitch] of strokes) {
      const start = audio.currentTime + time * REPEAT_S + delay;
      for (const [factor, gain, length] of partials) tone(audio, start, frequency * pitch * factor, gain * LOUDNESS[strength], length);
    }
  }
  return TIMES[strength] * REPEAT_S;
}

/**
 * A tone that dies away.
 * @param {BaseAudioContext} audio @param {number} start @param {number} frequency @param {number} gain @param {number} length
 */
function tone(audio, start, frequency, gain, length) {
  const source = audio.createOscillator();
  const fade = audio.createGain();
  source.frequency.value = frequency;
  fade.gain.value = 0;
  fade.gain.setValueAtTime(SILENT, start);
  fade.gain.exponentialRampToValueAtTime(gain, start + ATTACK_S);
  fade.gain.exponentialRampToValueAtTime(SILENT, start + length);
  source.connect(fade).connect(audio.destination);
  source.start(start);
  source.stop(start + length);
}
