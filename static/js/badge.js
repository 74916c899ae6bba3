// How many tables wait, on the tab: in its title and on its icon.

const RED = "#a8201a";
const MOST = 99;

const icon = document.querySelector("link[rel=icon]");
const plain = icon.href;
const { title } = document;
const drawing = fetch(plain).then((answer) => answer.text()).catch(() => "");
let drawn = "";

/** Show this count, and by `warning` that it may be old. */
export function showCount(count, warning) {
  document.title = (warning ? "⚠ " : "") + (count ? `(${count}) ${title}` : title);
  const sign = warning ? "!" : count ? String(Math.min(count, MOST)) : "";
  if (sign === drawn) return;
  drawn = sign;
  drawing.then((svg) => sign === drawn && (icon.href = sign && svg ? marked(svg, sign) : plain));
}

function marked(svg, sign) {
  const size = sign.length > 1 ? 10 : 12;
  const mark = `<circle cx="16.5" cy="16.5" r="7.5" fill="${RED}" stroke="#fff"/><text x="16.5" y="${16.5 + size * 0.36}" font-family="sans-serif" font-weight="700" font-size="${size}" fill="#fff" text-anchor="middle">${sign}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replace("</svg>", `${mark}</svg>`))}`;
}
