// Values in local storage, as JSON. Where a browser refuses that, a value lives as long as the page.

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

/** The key of a screen's setting, by restaurant. @param {string} name */
export function ofThisScreen(name) {
  return `${name}.${location.pathname}`;
}
