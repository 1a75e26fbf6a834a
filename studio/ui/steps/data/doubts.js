// @ts-check
// The labels in doubt: asked for when the fold is opened; a click gives a row the likelier label.

import { announce, around, find, put } from "../../frame/elements.js";
import { studio } from "../../frame/draft.js";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const box = find(element, "details");
  const list = find(box, ".doubts-found");
  const problem = find(box, ".error-line");
  let shown = ""; // the task that the list is of

  box.addEventListener("toggle", look);
  studio.onDraft(look);
  list.addEventListener("click", (/** @type {Event} */ event) => {
    const button = around(event, "[data-relabel]");
    if (button && !button.disabled) relabel(button);
  });

  async function look() {
    const task_id = studio.draft.recipe.task_id ?? "";
    if (!box.open || studio.draft.step !== "data" || task_id === shown) return;
    shown = task_id;
    put(problem, "");
    put(list, "Every text is read; a small classifier learns from nine tenths, ten times …");
    /** @type {any} */
    const found = await server.list_doubts({ task_id, model: studio.draft.recipe.model }).catch(() => null);
    if (shown !== task_id) return; // another task was chosen meanwhile
    put(list, "");
    if (found?.html) list.innerHTML = found.html; // escaped by the server
    else {
      shown = "";
      put(problem, found?.error ?? "The studio did not answer. Open this once more.");
    }
  }

  /** @param {HTMLButtonElement} button */
  async function relabel(button) {
    const { relabel: id, before, label } = button.dataset;
    button.disabled = true;
    put(problem, "");
    /** @type {any} */
    const done = await server.relabel({ task_id: shown, id, before, label }).catch(() => null);
    button.disabled = false;
    if (!done?.task_id) return put(problem, done?.error ?? "The studio did not answer. Try again.");
    shown = done.task_id; // of a sample, the copy
    const row = button.closest("li");
    if (!row) return;
    const pill = find(row, ".pill");
    pill.className = "pill fits";
    put(pill, label ?? "");
    button.remove();
    announce(`Labelled ${label}`);
    studio.useTask(done.task_id);
  }
}
