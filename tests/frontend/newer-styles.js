// A rule for stylelint: what browsers of the stated minimum lack stands inside @supports, or after a value that they know.
// It names what caniuse's data does not tell apart, or tells only of a whole group.

import stylelint from "stylelint";

const NAME = "waitercaller/newer-styles";
const messages = stylelint.utils.ruleMessages(NAME, {
  needed: (what, since) => `${what} is missing before ${since}; put it inside @supports, or do without`,
});

const LOGICAL = "Safari 14.1 and Chrome 87";
const TRANSFORMS = "Safari 14.1, Chrome 104";
const SELECTORS = {
  ":has(": "Safari 15.4, Chrome 105, Firefox 121",
  ":is(": "Chrome 88",
  ":where(": "Chrome 88",
};
const PROPERTIES = {
  "aspect-ratio": "Safari 15, Chrome 88, Firefox 89",
  "container-type": "Safari 16, Chrome 105, Firefox 110",
  inset: LOGICAL,
  "inset-block": LOGICAL,
  "inset-inline": LOGICAL,
  "margin-block": LOGICAL,
  "margin-inline": LOGICAL,
  "padding-block": LOGICAL,
  "padding-inline": LOGICAL,
  rotate: TRANSFORMS,
  scale: TRANSFORMS,
  translate: TRANSFORMS,
};
const VALUES = [
  [/\d(cqw|cqh|cqi|cqb|cqmin|cqmax)\b/, "Safari 16, Chrome 105, Firefox 110"],
  [/\d[dsl]v(h|w|i|b|min|max)\b/, "Safari 15.4, Chrome 108, Firefox 101"],
  [/\b(color-mix|oklch|light-dark)\(/, "Safari 16.2, Chrome 111, Firefox 113"],
];

/** @param {import("postcss").Node} node */
function isGuarded(node) {
  for (let each = node.parent; each; each = each.parent) if (each.type === "atrule" && each.name === "supports") return true;
  return false;
}

/** Whether the declaration before it sets the same property. @param {import("postcss").Declaration} node */
function hasFallback(node) {
  const before = node.prev();
  return before?.type === "decl" && before.prop === node.prop;
}

function rule() {
  return (root, result) => {
    const complain = (node, what, since) =>
      stylelint.utils.report({ ruleName: NAME, result, node, message: messages.needed(what, since) });
    root.walkRules((node) => {
      const newer = Object.entries(SELECTORS).filter(([selector]) => node.selector.includes(selector));
      if (!isGuarded(node)) for (const [selector, since] of newer) complain(node, `${selector})`, since);
    });
    root.walkDecls((node) => {
      if (isGuarded(node) || hasFallback(node)) return;
      if (node.prop in PROPERTIES) complain(node, node.prop, PROPERTIES[node.prop]);
      const newer = VALUES.find(([value]) => value.test(node.value));
      if (newer) complain(node, node.value, newer[1]);
    });
  };
}

rule.ruleName = NAME;
rule.messages = messages;

export default stylelint.createPlugin(NAME, rule);
