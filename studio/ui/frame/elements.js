// @ts-check
// Elements made in code, so that text from runs, tasks and models is only ever text, never markup.

const SVG = new Set(["svg", "path", "circle", "title"]);

/**
 * h("button", {class: "btn", onclick: act}, "Stop"): attributes; on* are listeners; null and false are left out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...any} children
 * @returns {any} an HTMLElement or SVGElement, whatever its tag is
 */
export function h(tag, attributes = {}, ...children) {
  const made = SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Change text only when it differs: an unchanged node keeps the selection, and a live region stays silent.
 * @param {Node} node
 * @param {string} text
 */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * The element in `root` that a template of ours is known to have.
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} an element of whatever kind the template says
 */
export function find(root, selector) {
  return root.querySelector(selector);
}

/**
 * The element around what an event happened to that matches, null for none.
 * @param {Event} event
 * @param {string} selector
 * @returns {any}
 */
export function around(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/** Let a screen reader say something. @param {string} text */
export function announce(text) {
  const found = document.getElementById("voice");
  const voice =
    found ?? document.body.appendChild(h("div", { id: "voice", class: "visually-hidden", role: "status" }));
  voice.textContent = text;
}

/**
 * The question before something is deleted, where it was: nothing covers the page. What is gone counts as deleted.
 * @param {string} text the question
 * @param {string} label what the group of question and buttons is called
 * @param {() => Promise<any>} remove asks the server; answers {done}, {gone} or {error}
 * @param {() => void} done
 * @param {() => void} keep
 */
export function sure(text, label, remove, done, keep) {
  const words = h("span", { role: "status" }, text);
  const yes = h("button", { type: "button", class: "sure-yes", onclick: confirm }, "Delete");
  const no = h("button", { type: "button", class: "sure-no", onclick: keep }, "Keep");
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") keep();
  };

  async function confirm() {
    yes.disabled = true;
    /** @type {any} */
    let answer = null;
    try {
      answer = await remove();
    } catch {
      /* said below */
    }
    if (answer?.done || answer?.gone) return done();
    yes.disabled = false;
    put(words, answer?.error ?? "The studio did not answer. Try again.");
  }
  queueMicrotask(() => no.focus()); // once it is in the page
  return h("div", { class: "sure", role: "group", "aria-label": label, onkeydown }, words, yes, no);
}
