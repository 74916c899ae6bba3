// Morphing: make what is on the page equal to what arrived, touching only what differs, so that the focus, open menus and
// running animations of all else stay.

import morphdom from "../vendor/morphdom/morphdom-esm.js";

/**
 * What makes two nodes the same thing. A button is the same only with the same action on the same table: one under a
 * finger or with the focus must never turn into another.
 * @param {Node} node
 * @returns {string | undefined}
 */
function keyOf(node) {
  if (!(node instanceof HTMLElement)) return undefined;
  const { table, round, zone, act } = node.dataset;
  if (table !== undefined) return `table ${table}`;
  if (round !== undefined) return `round ${round}`;
  if (zone !== undefined) return `zone ${zone}`;
  if (act === undefined) return undefined;
  const owner = node.closest(".table-card, .round");
  return `${act} ${owner ? keyOf(owner) : node.getAttribute("formaction")}`;
}

/**
 * @param {HTMLElement} shown  on the page
 * @param {HTMLElement} fresh  what it is to become; parts of it may be moved into the page
 */
export function morph(shown, fresh) {
  morphdom(shown, fresh, { getNodeKey: keyOf, onBeforeElUpdated: (from, to) => !from.isEqualNode(to) });
}
