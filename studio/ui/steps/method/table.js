// @ts-check
// The table of all methods: sorted by a click on a heading, asked for when it is unfolded. What is counted comes with
// it; the memory of one method after the other is asked for then. Knows no numbers of its own.

import { announce, around, find, put } from "../../frame/elements.js";
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

/**
 * Write into each row what memory its method needs, one after the other, until there is another table.
 * @param {HTMLElement | null} table
 * @param {(asked: {recipe: any, method: string}) => Promise<any>} ask
 */
export async function weigh(table, ask) {
  const recipe = JSON.parse(table?.dataset.recipe ?? "null");
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (table?.querySelectorAll("[data-weighs]") ?? [])) {
    const told = await ask({ recipe, method: cell.dataset.weighs ?? "" }).catch(() => null);
    if (!table?.isConnected) return;
    if (told?.html) cell.innerHTML = told.html; // escaped by the server
    else {
      put(cell, "not known");
      cell.title = told?.error ?? "The studio did not answer.";
    }
    /** @type {HTMLElement} */ (cell.parentElement).dataset.memory = told?.bytes ?? 0;
  }
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount(parts) {
  const { element, server, watch } = parts;
  mountPanel(parts);
  watch("value", () => weigh(find(element, "#method-table"), server.weigh_method));
  element.addEventListener("click", (event) => {
    /** @type {HTMLElement | null} */
    const button = event.target instanceof Element ? around(event, ".methods [data-sort]") : null;
    if (button) sort(button);
  });
}
