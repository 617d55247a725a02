// Shows what /openapi.json describes, and sends requests.
(function () {
  "use strict";
  function make(tag, parent, text) {
    var element = document.createElement(tag);
    if (text) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  function resolve(schema, api) {
    while (schema && schema.$ref) {
      schema = schema.$ref.slice(2).split("/").reduce(function (at, part) { return at[part]; }, api);
    }
    return schema || {};
  }

  function sample(schema, api) {
    schema = resolve(schema, api);
    if (schema.example !== undefined) return schema.example;
    var type = [].concat(schema.type)[0];
    if (type !== "object") return type === "string" ? "" : null;
    var made = {};
    Object.keys(schema.properties || {}).forEach(function (name) {
      var inner = resolve(schema.properties[name], api);
      var needed = (schema.required || []).indexOf(name) >= 0;
      if (needed || inner.example !== undefined) made[name] = sample(inner, api);
    });
    return made;
  }

  function operation(parent, method, path, op, api) {
    var box = make("details", parent);
    var head = make("summary", box);
    make("code", head, method.toUpperCase() + " " + path);
    make("span", head, " " + (op.summary || ""));
    if (op.description && op.description !== op.summary) make("p", box, op.description);
    (op.security || []).forEach(function (need) {
      make("p", box, "Scope: " + (need.token || []).join(", "));
    });
    var fields = (op.parameters || []).map(function (parameter) {
      var label = make("label", box, parameter.name + " (" + parameter.in + ") " + (parameter.description || ""));
      return { parameter: parameter, input: make("input", label) };
    });
    var content = op.requestBody && op.requestBody.content["application/json"], body = null;
    if (content) {
      body = make("textarea", make("label", box, "Body"));
      body.rows = 8;
      body.value = JSON.stringify(sample(content.schema, api), null, 2);
    }
    var send = make("button", box, "Send"), answer = make("pre", box);
    answer.textContent = Object.keys(op.responses).map(function (status) {
      return status + " " + (op.responses[status].description || "");
    }).join("\n");
    send.onclick = function () {
      var url = path, query = new URLSearchParams(), headers = {};
      fields.forEach(function (field) {
        var value = field.input.value, name = field.parameter.name;
        if (field.parameter.in === "path") url = url.replace("{" + name + "}", encodeURIComponent(value));
        else if (value === "") return;
        else if (field.parameter.in === "header") headers[name] = value;
        else query.set(name, value);
      });
      if (query.toString()) url += "?" + query;
      var token = document.getElementById("token").value.trim();
      if (token) headers.Authorization = "Bearer " + token;
      if (body) headers["Content-Type"] = "application/json";
      answer.textContent = "";
      fetch(url, { method: method.toUpperCase(), headers: headers, body: body ? body.value : undefined })
        .then(function (got) {
          answer.textContent = got.status + "\n";
          // Events come one by one.
          var reader = got.body.getReader(), text = new TextDecoder();
          return reader.read().then(function more(part) {
            if (part.done) return;
            answer.textContent += text.decode(part.value, { stream: true });
            return reader.read().then(more);
          });
        }).catch(function (error) { answer.textContent += String(error); });
    };
  }

  fetch("/openapi.json").then(function (answer) { return answer.json(); }).then(function (api) {
    var all = document.getElementById("all");
    Object.keys(api.paths).forEach(function (path) {
      Object.keys(api.paths[path]).forEach(function (method) {
        operation(all, method, path, api.paths[path][method], api);
      });
    });
  });
})();
