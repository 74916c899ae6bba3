// Typed look-ups, and work that may fail.

/**
 * The first element that matches. Throws where there is none of this type.
 * @template {Element} T
 * @param {string} selector @param {new () => T} type @param {ParentNode} [root]
 */
export function find(selector, type, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`No ${type.name} matches ${selector}`);
  return found;
}

/**
 * All elements of this type that match.
 * @template {Element} T
 * @param {string} selector @param {new () => T} type @param {ParentNode} [root]
 */
export function findAll(selector, type, root = document) {
  return [...root.querySelectorAll(selector)].filter(/** @returns {each is T} */ (each) => each instanceof type);
}

/**
 * The element that matches and holds the target of an event, or is it.
 * @template {Element} T
 * @param {Event} event @param {string} selector @param {new () => T} type
 */
export function closest({ target }, selector, type) {
  const found = target instanceof Element ? target.closest(selector) : null;
  return found instanceof type ? found : null;
}

/**
 * What fails in one place must not stop the others. @template T @param {() => T} work @param {T} otherwise
 */
export function safely(work, otherwise) {
  try {
    return work();
  } catch (error) {
    console.error(error);
    return otherwise;
  }
}

/** Only where it differs. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
