// Settings of this screen. Apart from storage.js, which guests load, too.

/** @param {string} name of a setting that is kept by restaurant */
export const ofThisScreen = (name) => `${name}.${location.pathname}`;
