// The rules for static/css: what browsers of the stated minimum (README) lack must not be needed there.

import newerStyles from "./newer-styles.js";

// Without these the pages are as usable, and a little less fine.
const ORNAMENTS = [
  "css-color-adjust", // print: the browser's own setting prints backgrounds
  "css-file-selector-button", // the browser draws its own button then
  "css-focus-visible", // the browser draws its own mark then
  "css-media-scripting", // without scripts: room is kept for what needs them
  "css-paged-media", // print: the browser's own margins
  "css-resize",
  "css-scrollbar",
  "css-touch-action",
  "flexbox-gap", // Safari 14.1, Chrome 84: what stands side by side stands closer
];
// What newer-styles.js tells better: inside @supports, and with a fallback, it may be used.
const GUARDED = ["css-has", "css-not-sel-list", "css-container-query-units", "viewport-unit-variants"];

export default {
  plugins: ["stylelint-no-unsupported-browser-features", newerStyles],
  rules: {
    "waitercaller/newer-styles": true,
    "plugin/no-unsupported-browser-features": [
      true,
      {
        browsers: ["Safari 14", "iOS 14.0-14.4", "Chrome 83", "Firefox 78"],
        ignorePartialSupport: true,
        ignore: [...ORNAMENTS, ...GUARDED],
      },
    ],
  },
};
