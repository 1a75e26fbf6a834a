// @ts-check
// The table of all methods: sorted by a click on a heading, asked for when it is unfolded. Knows no numbers of its own.

import { announce, around } from "../../frame/elements.js";
import { mount as mountPanel } from "../../widgets/panel.js";

/** @param {HTMLElement} button in a heading of the table */
function sort(button) {
  const head = /** @type {HTMLElement} */ (button.closest("th"));
  const table = /** @type {HTMLTableElement} */ (head.closest("table"));
  const [body] = table.tBodies;
  const key = button.dataset.sort ?? "";
  const isDown = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
  const off = (/** @type {HTMLElement} */ row) => Number(row.classList.contains("off"));
  const value = (/** @type {HTMLElement} */ row) => Number(row.dataset[key]) * (isDown ? -1 : 1);
  body.append(...[...body.rows].sort((one, other) => off(one) - off(other) || value(one) - value(other)));
  announce(`Sorted by ${button.textContent}, ${isDown ? "largest" : "smallest"} first`);
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount(parts) {
  const { element } = parts;
  mountPanel(parts);
  element.addEventListener("click", (event) => {
    /** @type {HTMLElement | null} */
    const button = event.target instanceof Element ? around(event, ".methods [data-sort]") : null;
    if (button) sort(button);
  });
}
