// @ts-check
// Explanations of terms: one bubble for all, by mouse, touch and keyboard.

import { h } from "./elements.js";

/** @type {HTMLElement | null} */
let bubble = null;
/** @type {HTMLElement | null} */
let asking = null;

/** @param {HTMLElement} button */
function explain(button) {
  bubble ??= /** @type {HTMLElement} */ (document.body.appendChild(h("div", { id: "bubble", role: "tooltip" })));
  asking?.removeAttribute("aria-describedby");
  asking = button;
  bubble.textContent = button.dataset.tip ?? "";
  bubble.hidden = false;
  button.setAttribute("aria-describedby", "bubble");
  const at = button.getBoundingClientRect();
  const width = bubble.offsetWidth;
  const height = bubble.offsetHeight;
  const below = at.bottom + height + 12 < innerHeight || at.top < height + 12;
  const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8));
  bubble.style.left = `${left + scrollX}px`;
  bubble.style.top = `${(below ? at.bottom + 6 : at.top - height - 6) + scrollY}px`;
}

function hush() {
  if (bubble) bubble.hidden = true;
  asking?.removeAttribute("aria-describedby");
  asking = null;
}

/** @param {Event} event @returns {HTMLElement | null} */
const termOf = (event) => (event.target instanceof Element ? event.target.closest(".term") : null);

export function explainTerms() {
  document.addEventListener("mouseover", (event) => {
    const term = termOf(event);
    if (term) explain(term);
  });
  document.addEventListener("mouseout", (event) => {
    if (termOf(event) && document.activeElement !== asking) hush();
  });
  document.addEventListener("focusin", (event) => {
    const term = termOf(event);
    if (term) explain(term);
    else if (asking) hush();
  });
  document.addEventListener("focusout", (event) => {
    if (termOf(event)) hush();
  });
  document.addEventListener("click", (event) => {
    const term = termOf(event);
    if (!term) return;
    event.preventDefault();
    explain(term);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hush();
  });
}
