// @ts-check
// A click on "+ Try ranks 1, 8, 64" queues a run for each and goes to the table, where their curves share a chart.

import "./drawers.js";
import "./rules.js";
import "./snapping.js";
import { mint } from "../../frame/click.js";
import { studio } from "../../frame/draft.js";
import { around, find, put } from "../../frame/elements.js";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const words = find(element, ".try-words");
  document.addEventListener("click", (event) => {
    const button = around(event, "[data-try]");
    if (button && !button.disabled) start(button);
  });

  /** @param {HTMLButtonElement} button */
  async function start(button) {
    const label = button.textContent ?? "";
    button.disabled = true;
    put(button, "Putting them into the queue …");
    put(words, "");
    /** @type {any} */
    let answer = null;
    try {
      const asked = JSON.parse(button.dataset.try ?? "{}");
      answer = await server.start_group({ ...asked, recipe: studio.draft.recipe, request: mint() });
    } catch {
      /* said below */
    }
    button.disabled = false;
    put(button, label);
    if (!answer?.runs)
      return put(words, answer?.error ?? "The studio did not answer. Look at Runs before you try again.");
    document.dispatchEvent(new CustomEvent("studio:compare-runs", { detail: answer.runs }));
    document.dispatchEvent(new CustomEvent("studio:runs"));
    studio.setDraft({ run: answer.runs[0], step: "runs" }, { push: true });
  }
}
