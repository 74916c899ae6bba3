// How many tables wait, on the browser's tab: in its title and on its icon.

import { find } from "./dom.js";

const RED = "#a8201a";
const HIGHEST = 99; // that the icon has room for

const icon = find("link[rel=icon]", HTMLLinkElement);
const plain = icon.href;
const { title } = document;
const drawing = fetch(plain).then((answer) => answer.text()).catch(() => "");
let shown = "";

/**
 * @param {number} count
 * @param {boolean} isDown  the count may be old
 */
export function showCount(count, isDown) {
  document.title = (isDown ? "⚠ " : "") + (count ? `(${count}) ${title}` : title);
  const sign = isDown ? "!" : count ? String(Math.min(count, HIGHEST)) : "";
  if (sign === shown) return;
  shown = sign;
  drawing.then((svg) => {
    if (sign === shown) icon.href = sign && svg ? marked(svg, sign) : plain;
  });
}

/**
 * The icon with a red disc, as an address.
 * @param {string} svg
 * @param {string} sign
 */
function marked(svg, sign) {
  const size = sign.length > 1 ? 10 : 12;
  const disc = `<circle cx="16.5" cy="16.5" r="7.5" fill="${RED}" stroke="#fff"/>`;
  const text = `<text x="16.5" y="${16.5 + size * 0.36}" font-family="sans-serif" font-weight="700" font-size="${size}" fill="#fff" text-anchor="middle">${sign}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replace("</svg>", `${disc}${text}</svg>`))}`;
}
