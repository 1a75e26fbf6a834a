// @ts-check
// How long the first training takes, on the welcome's button: what the recipe bar says it takes here, once it is known.

import { drawn } from "../../frame/controls.js";
import { studio } from "../../frame/draft.js";
import { find, put } from "../../frame/elements.js";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, watch }) {
  watch("value", () => {
    document.body.removeAttribute("data-returning"); // the server has said whether there are runs
    show();
  });
  document.addEventListener("studio:drawn", sayTime);
  studio.onDraft((draft) => {
    if (draft.run) find(element, ".welcome")?.remove(); // nobody who has trained is a new visitor
  });
  show();

  function show() {
    drawn(element);
    sayTime();
  }

  function sayTime() {
    const button = find(element, "[data-act=start]");
    const takes = find(document, "#recipe-bar [data-takes]")?.dataset.takes;
    if (button && !button.disabled) put(button, takes ? `${button.dataset.label}, ${takes}` : button.dataset.label);
  }
}
