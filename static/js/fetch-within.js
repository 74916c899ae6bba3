/**
 * fetch() and `read` within `milliseconds`; rejects after that.
 * @template T
 * @param {number} milliseconds @param {string} url @param {RequestInit} options @param {(response: Response) => T | Promise<T>} read
 */
export async function fetchWithin(milliseconds, url, options, read) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  try {
    return await read(await fetch(url, { ...options, signal: controller.signal }));
  } finally {
    clearTimeout(timer);
  }
}
