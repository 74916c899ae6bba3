// JSON in local storage; where a browser refuses that, for as long as the page lives.

const PREFIX = "waitercaller.";

/** @type {Map<string, unknown>} */
const refused = new Map();

/** @template T @param {string} key @param {T} otherwise where nothing is kept @returns {T} */
export function read(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null") ?? otherwise;
  } catch {
    return /** @type {T} */ (refused.get(key)) ?? otherwise;
  }
}

/** @param {string} key @param {unknown} value */
export function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    refused.delete(key);
  } catch {
    refused.set(key, value);
  }
}
