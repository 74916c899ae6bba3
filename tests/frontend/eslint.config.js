// The rules for static/js. Types and the built-ins of ECMAScript 2020 are checked by tsc, see tsconfig.json.

import js from "@eslint/js";
import compat from "eslint-plugin-compat";
import globals from "globals";

// What a browser that we support lacks, as eslint-plugin-compat sees globals and their static members only.
const MISSING = {
  ariaPressed: "Firefox 119; use setAttribute()",
  checkVisibility: "Safari 17.4",
  findLast: "Safari 15.4, Chrome 97",
  hasOwn: "Safari 15.4, Chrome 93",
  randomUUID: "Safari 15.4",
  replaceAll: "Chrome 85",
  replaceChildren: "Chrome 86",
  requestSubmit: "Safari 16",
  showModal: "Safari 15.4, Firefox 98",
  submitter: "Safari 15.4",
};

const BROWSERS = ["Safari >= 14", "iOS >= 14", "Chrome >= 83", "Firefox >= 78"];

// Used only where a check has found them.
const CHECKED = ["AudioContext", "Notification", "navigator.wakeLock", "navigator.getBattery", "navigator.userActivation"];

export default [
  js.configs.recommended,
  compat.configs["flat/recommended"],
  {
    languageOptions: { ecmaVersion: 2021, sourceType: "module", globals: globals.browser },
    settings: { browsers: BROWSERS, polyfills: CHECKED },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-undef-init": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-use-before-define": ["error", { functions: false, classes: true, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-arrow-callback": "error",
      "prefer-const": "error",
      "prefer-rest-params": "error",
      "prefer-template": "error",
      "require-await": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "CallExpression > MemberExpression.callee[property.name='at']", message: "Missing before Safari 15.4, Chrome 92." },
        { selector: "AssignmentExpression[operator=/^(\\?\\?|&&|\\|\\|)=$/]", message: "Missing before Chrome 85." },
      ],
      "no-restricted-properties": [
        "error",
        ...Object.entries(MISSING).map(([property, since]) => ({ property, message: `Missing before ${since}.` })),
        { object: "AbortSignal", property: "timeout", message: "Missing before Safari 16; use fetchWithin()." },
        { object: "AbortSignal", property: "any", message: "Missing before Safari 17.4." },
        { property: "innerHTML", message: "Scripts write text as text." },
      ],
    },
  },
  {
    // It runs in whatever does not understand the modules.
    files: ["static/js/watchdog.js"],
    languageOptions: { ecmaVersion: 5, sourceType: "script" },
    rules: { "no-var": "off", "prefer-arrow-callback": "off", "object-shorthand": "off", "prefer-template": "off" },
  },
  {
    files: ["static/js/service-worker.js"],
    languageOptions: {
      sourceType: "script",
      globals: { ...globals.serviceworker, SHELL: "readonly", ICONS: "readonly" },
    },
  },
];
