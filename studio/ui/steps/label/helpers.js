// @ts-check
// Suggestions of a model that was trained here: one at a time, for the instance that is looked at first.

import { h, put } from "../../frame/elements.js";

/** @typedef {import("./bench.js").Item} Item */

/**
 * @param {object} given
 * @param {import("./label_bench.js").Bench} given.bench
 * @param {HTMLSelectElement} given.helper which model suggests
 * @param {HTMLElement} given.words what is said about it
 * @param {() => (Item | undefined)[]} given.findNear the instances to suggest for, the first one first
 * @param {() => void} given.drawn draws what was suggested
 */
export function makeHelpers({ bench, helper, words, findNear, drawn }) {
  /** What was suggested, by run and instance. @type {Map<string, Record<string, string>>} */
  const said = new Map();
  /** @type {any} */
  let chosen = null;
  let working = false;
  const name = (/** @type {Item} */ item) => `${chosen.run}\n${item.input}`;

  helper.addEventListener("input", () => {
    const [run, side] = helper.value.split("\n");
    chosen = run ? { run, side, name: helper.selectedOptions[0].textContent } : null;
    put(words, "");
    wake();
    drawn();
  });

  async function list() {
    const answer = await bench.ask("list_helpers");
    if (answer.error) return put(words, answer.error);
    const now = helper.value;
    const runs = answer.runs.flatMap((/** @type {any} */ one) => [
      h("option", { value: `${one.run}\ntuned` }, `${one.name}, tuned`),
      h("option", { value: `${one.run}\nbase` }, `the base of ${one.name}`),
    ]);
    helper.replaceChildren(h("option", { value: "" }, "The current label"), ...runs);
    helper.value = now;
    if (!helper.value) helper.selectedIndex = 0;
    put(words, answer.runs.length ? "" : "Train on this task, and what it learnt can suggest labels here.");
  }

  /** What is suggested for an instance; null without a model, or where it failed.
   * @param {Item} item @returns {import("./bench.js").Suggestion | null} */
  function find(item) {
    if (!chosen) return null;
    const answer = said.get(name(item));
    if (answer?.error) return null;
    if (!answer) return { text: "", words: chosen.name, waiting: true };
    return { text: answer[chosen.side], words: chosen.name };
  }

  async function wake() {
    if (working || !chosen || !bench.sheet) return;
    const next = findNear().find((item) => item && !said.has(name(item)));
    if (!next) return;
    working = true;
    const asked = name(next);
    const answer = await bench.ask("suggest_label", { run: chosen.run, input: next.input });
    working = false;
    said.set(asked, answer);
    if (answer.error) return put(words, answer.error);
    drawn();
    wake();
  }

  return { find, wake, list, isChosen: () => chosen !== null };
}
