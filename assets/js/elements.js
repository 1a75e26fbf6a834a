// Elements made in code, so that text from runs, tasks and models is only ever text, never markup.
//   studioElements.h("button", {class: "btn", onclick: act}, "Stop")      attributes; on* are listeners; null and false are left out
//   studioElements.name("20261120-0719-brave-otter")                      "brave-otter"
window.studioElements ??= (() => {
  const SVG = new Set(["svg", "path", "circle", "title"]);

  function h(tag, attributes = {}, ...children) {
    const made = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  // Change text only when it differs: an unchanged node keeps the selection, and a live region stays silent.
  function put(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function name(run) {
    return String(run ?? "").replace(/^[\d-]+/, "") || String(run ?? "");
  }

  // Loss with as many digits as say something: 2.87, 0.142, 0.0031.
  function loss(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    return value >= 1 ? value.toFixed(2) : value >= 0.01 ? value.toFixed(3) : value.toPrecision(2);
  }

  // The question before something is deleted, where it stood: nothing covers the page. What is gone already counts as deleted.
  function sure(text, label, remove, done, keep) {
    const words = h("span", {role: "status"}, text);
    const yes = h("button", {type: "button", class: "sure-yes", onclick: async () => {
      yes.disabled = true;
      let answer = null;
      try { answer = await remove(); } catch { /* said below */ }
      if (answer?.done || answer?.gone) return done();
      yes.disabled = false;
      put(words, answer?.error ?? "The studio did not answer. Try again.");
    }}, "Delete"), no = h("button", {type: "button", class: "sure-no", onclick: keep}, "Keep");
    queueMicrotask(() => no.focus());        // once it stands in the page
    return h("div", {class: "sure", role: "group", "aria-label": label, onkeydown: (event) => { if (event.key === "Escape") keep(); }}, words, yes, no);
  }

  return {h, put, name, loss, sure};
})();
