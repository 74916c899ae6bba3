// Says that a page is not live while its modules do not send "alive". In ES5.
(function () {
  var root = document.documentElement;
  var silent = 0;
  document.addEventListener("alive", function () {
    silent = 0;
    root.removeAttribute("data-dead");
  });
  setInterval(function () {
    silent += 1;
    if (silent > 4) root.setAttribute("data-dead", "");
    if (silent % 10 || (document.readyState !== "complete" && silent < 60)) return;
    var probe = new XMLHttpRequest();
    probe.onload = function () {
      var note = document.querySelector("textarea");
      if (silent > 4 && probe.status < 500 && !(note && note.value)) location.reload();
    };
    probe.open("GET", location.href);
    probe.send();
  }, 1000);
})();
