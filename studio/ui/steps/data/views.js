// @ts-check
// Which of the three views of the Data step is shown: choose, check, look. Others ask for one by `showView`.

import { around, find, put } from "../../frame/elements.js";

/** Show a view. @param {string} name */
export function showView(name) {
  document.body.dataset.view = name;
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = document.querySelectorAll("[data-view][role=radio]");
  for (const button of buttons) {
    const is = button.dataset.view === name;
    button.setAttribute("aria-checked", String(is));
    button.tabIndex = is ? 0 : -1;
    if (is) put(find(document, "[data-view-hint]"), button.title);
  }
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element }) {
  element.addEventListener("click", (event) => {
    const button = around(event, "[data-view]");
    if (button) showView(button.dataset.view);
  });
  showView(document.body.dataset.view ?? "choose");
}
