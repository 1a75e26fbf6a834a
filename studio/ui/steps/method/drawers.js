// @ts-check
// The search over the drawers of the Method step: what is typed opens the drawers that hold it, and hides other fields.

import { around } from "../../frame/elements.js";

/** @param {Element} field @param {string} wanted */
const says = (field, wanted) => (field.textContent ?? "").toLowerCase().includes(wanted);

/**
 * Show of the drawers what holds a text; all of them, closed, for none.
 * @param {Element} drawers
 * @param {string} text
 */
export function findIn(drawers, text) {
  const wanted = text.trim().toLowerCase();
  /** @type {NodeListOf<HTMLDetailsElement>} */
  const all = drawers.querySelectorAll("details");
  for (const drawer of all) {
    const whole = says(drawer.querySelector("summary") ?? drawer, wanted);
    let some = false;
    /** @type {NodeListOf<HTMLElement>} */
    const fields = drawer.querySelectorAll(".field");
    for (const field of fields) {
      field.hidden = Boolean(wanted) && !whole && !says(field, wanted);
      some ||= !field.hidden;
    }
    drawer.hidden = Boolean(wanted) && !some;
    drawer.open = Boolean(wanted) && some;
  }
}

document.addEventListener("input", (event) => {
  const search = around(event, "#drawer-search");
  if (search) findIn(search.closest("#drawers"), search.value);
});
