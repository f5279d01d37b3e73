// The part of a page that moves, made anew when the server says that something has changed.
// Without this a page reads as well; nothing is done here that a link or a form would not do.
"use strict";
(function () {
  var live = document.getElementById("live");
  if (!live || !window.EventSource) {
    return;
  }
  var source = new EventSource(live.dataset.stream);
  source.onmessage = function (event) {
    var held = document.activeElement;
    var where = held && live.contains(held) ? held.getAttribute("href") || held.id : null;
    live.innerHTML = JSON.parse(event.data);
    if (where) {
      // Who goes through a page by keyboard stays where they are.
      Array.prototype.some.call(live.querySelectorAll("a, [id]"), function (each) {
        var same = each.getAttribute("href") === where || each.id === where;
        if (same) {
          each.focus({ preventScroll: true });
        }
        return same;
      });
    }
  };
  source.addEventListener("over", function () {
    source.close();
    window.location.reload();
  });
})();
