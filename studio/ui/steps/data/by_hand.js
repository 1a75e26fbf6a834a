// @ts-check
// A task typed by hand: five rows to begin with, more on a click or as the last one is filled.

import { announce, find, h, put } from "../../frame/elements.js";
import { studio } from "../../frame/draft.js";

const FIRST = 5;

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const form = find(element, "form");
  const rows = find(form, ".hand-rows");
  const problem = find(form, ".error-line");
  for (let place = 0; place < FIRST; place += 1) add();
  find(form, "[data-act=more]").addEventListener("click", () => add().focus());
  rows.addEventListener("input", () => {
    if (rows.lastElementChild?.querySelector("input")?.value) add();
  });
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    send(find(form, "[type=submit]"));
  });

  function add() {
    const place = rows.childElementCount + 1;
    const given = h("input", { "aria-label": `Input ${place}`, placeholder: "Input", maxlength: 20000 });
    const answer = h("input", { "aria-label": `Answer ${place}`, placeholder: "Answer", maxlength: 20000 });
    rows.append(h("li", { class: "field" }, given, answer));
    return given;
  }

  /** @param {HTMLButtonElement} button */
  async function send(button) {
    const typed = [...rows.children].map((row) => [...row.querySelectorAll("input")].map((box) => box.value));
    button.disabled = true;
    put(problem, "");
    /** @type {any} */
    let answer = null;
    try {
      const [title, definition] = [form.elements.title.value, form.elements.definition.value];
      answer = await server.make_task({ title, definition, rows: typed });
    } catch {
      /* said below */
    }
    button.disabled = false;
    if (!answer?.task_id) return put(problem, answer?.error ?? "The studio did not answer. Try again.");
    announce(answer.said);
    studio.useTask(answer.task_id);
    find(element, "details").open = false;
  }
}
