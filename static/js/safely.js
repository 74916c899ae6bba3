// What fails in one place must not stop the others: an API that is missing or throws, words that cannot be formatted.

/**
 * The result of `work`; where it throws, that goes to the console, and the result is `otherwise`.
 * @template T
 * @param {() => T} work @param {T} otherwise
 */
export function safely(work, otherwise) {
  try {
    return work();
  } catch (error) {
    console.error(error);
    return otherwise;
  }
}

/** To be called each second in which this page does what it promises; watchdog.js listens. */
export function beAlive() {
  document.dispatchEvent(new Event("alive"));
}
