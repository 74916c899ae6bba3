// Distrust until proved: whether the page's modules are alive. No module itself, and in the syntax of ES5, so that it runs
// where they do not arrive, are answered with something else, or are not understood. Each second that they work they send
// the event "alive" (safely.js). Without one for some seconds <html> has the attribute data-dead, by which the page's style
// says so, and the page is loaded anew from time to time, once the server answers.

(function () {
  "use strict";
  var SILENT_S = 5; // counted in ticks: browsers slow down the timers of a page together
  var RELOAD_S = 10;
  var LONGEST_LOAD_S = 60; // a module that is still on its way over a slow line is not cut off before
  var root = document.documentElement;
  var silent = 0;

  function isBusy() {
    var note = document.querySelector("textarea");
    return Boolean(note && note.value);
  }

  function reload() {
    var probe = new XMLHttpRequest();
    probe.onload = function () {
      if (probe.status < 500 && silent >= SILENT_S && !isBusy()) location.reload();
    };
    probe.open("GET", location.href);
    probe.send();
  }

  document.addEventListener("alive", function () {
    silent = 0;
    root.removeAttribute("data-dead");
  });

  setInterval(function () {
    silent += 1;
    if (silent < SILENT_S) return;
    root.setAttribute("data-dead", "");
    var isLoaded = document.readyState === "complete" || silent > LONGEST_LOAD_S;
    if (isLoaded && silent >= RELOAD_S && silent % RELOAD_S === 0) reload();
  }, 1000);
})();
