// For the company's own pages: every <form data-dozvon> is sent without leaving the page, and its
// [data-dozvon-status] tells how the callback goes. Without this script the form works as well.
// Words in another language: window.dozvonWords = { waiting: "…" }. News for the page's own
// scripts: the form's event "dozvon" with the status in its detail.
(function () {
  "use strict";
  var words = Object.assign({
    sending: "One moment…",
    accepted: "We have your request.",
    waiting: "All lines are busy. We keep trying.",
    waiting_until: "We call you at about {time}.",
    dialling_managers: "We are calling our manager…",
    manager_on_line: "Our manager is on the line.",
    dialling_client: "Your phone is about to ring.",
    connected: "You are connected.",
    talked: "Thank you for calling.",
    cancelled: "We do not call you.",
    satisfied: "Thank you for calling.",
    over: "We could not reach you just now. We have your request and will be in touch.",
    failed: "That did not work. Please try again."
  }, window.dozvonWords);

  function tags() {
    var found = {};
    // Tags stand in the address of the first page only.
    try { found = JSON.parse(sessionStorage.getItem("dozvon") || "{}"); } catch (e) { /* no storage */ }
    new URLSearchParams(location.search).forEach(function (value, name) {
      if (/^utm_[a-z0-9_]+$/.test(name)) found[name] = value;
    });
    try { sessionStorage.setItem("dozvon", JSON.stringify(found)); } catch (e) { /* no storage */ }
    return found;
  }
  var utm = tags();

  function id() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (b) { return b.toString(16).padStart(2, "0"); }).join("");
  }

  function bind(form) {
    if (form.dozvon) return;
    form.dozvon = true;
    var status = form.querySelector("[data-dozvon-status]");
    var cancel = form.querySelector("[data-dozvon-cancel]");
    var key = id(), source = null;
    function say(text) { if (status) status.textContent = text; }
    function told(state) {
      var word = state.stage === "over" && words[state.ending] ? state.ending : state.stage;
      var text = words[word] || words.over;
      if (state.stage === "waiting" && state.next_try) {
        var next = new Date(state.next_try);
        if (next - Date.now() > 120000) {
          text = words.waiting_until.replace("{time}", next.toLocaleString());
        }
      }
      say(text);
      if (cancel) cancel.hidden = state.stage === "over" || state.stage === "connected";
      form.dispatchEvent(new CustomEvent("dozvon", { detail: state, bubbles: true }));
    }
    function follow(taken) {
      if (source) source.close();
      source = new EventSource(taken.events);
      ["accepted", "waiting", "dialling_managers", "manager_on_line", "dialling_client",
        "connected", "over"].forEach(function (stage) {
        source.addEventListener(stage, function (event) {
          told(JSON.parse(event.data));
          if (stage === "over") source.close();
        });
      });
      if (cancel) cancel.onclick = function () {
        fetch(taken.cancel, { method: "POST" }).then(function (answer) { return answer.json(); })
          .then(told).catch(function () { say(words.failed); });
      };
    }
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var body = Object.assign({}, utm), data = new FormData(form);
      data.forEach(function (value, name) {
        if (typeof value !== "string" || value === "" || name === "redirect") return;
        body[name] = name in body && !(name in utm) ? [].concat(body[name], value) : value;
      });
      body.page = body.page || location.href.slice(0, 2000);
      if (document.referrer) body.referrer = body.referrer || document.referrer.slice(0, 2000);
      try { body.timezone = body.timezone || Intl.DateTimeFormat().resolvedOptions().timeZone; } catch (e) { /* old */ }
      body.idempotency_key = key;
      say(words.sending);
      fetch(form.action, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body)
      }).then(function (answer) {
        return answer.json().then(function (taken) {
          if (answer.status === 202) {
            // Another form, later, is another request.
            key = id();
            say(words.accepted);
            return follow(taken);
          }
          var field = taken.field && form.elements[taken.field];
          if (field && field.focus) field.focus();
          say(taken.detail || words.failed);
        });
      }).catch(function () { say(words.failed); });
    });
  }

  function all() { document.querySelectorAll("form[data-dozvon]").forEach(bind); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  else all();
})();
