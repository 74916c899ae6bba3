// What a screen remembers of itself: its zones, its view. By restaurant, since a browser may be in two.

const place = (name) => `waitercaller.${name}.${location.pathname}`;

export function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(place(name))) ?? otherwise;
  } catch {
    return otherwise; // a browser that keeps nothing, or something that is not ours
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(place(name), JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: it holds until the page is loaded anew.
  }
}
