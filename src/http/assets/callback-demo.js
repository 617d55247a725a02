// The demo page: ?site=KEY fills in the key, and the lines for one's own page are shown.
(function () {
  "use strict";
  var form = document.querySelector("form[data-dozvon]");
  var site = new URLSearchParams(location.search).get("site");
  if (site) form.elements.site.value = site;
  function show() {
    var key = form.elements.site.value || "KEY";
    document.getElementById("snippet").textContent =
      '<form data-dozvon method="post" action="' + location.origin + '/v1/callbacks">\n' +
      '  <input type="hidden" name="site" value="' + key + '">\n' +
      '  <input name="phone" type="tel" required>\n' +
      '  <button>Call me</button>\n' +
      "  <p data-dozvon-status></p>\n" +
      "</form>\n" +
      '<script src="' + location.origin + '/callback.js" async></' + "script>";
  }
  form.addEventListener("input", show);
  show();
})();
