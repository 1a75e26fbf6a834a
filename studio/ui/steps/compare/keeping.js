// @ts-check
// What was said of a run's answers becomes a task: a button for votes, corrections and ratings, where there are some.

import { studio } from "../../frame/draft.js";
import { h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";

/** @typedef {{preferences: number, corrections: number, ratings: number}} Counts */

const NAMES = { preferences: "pair", corrections: "correction", ratings: "rating" };

/** @param {(what: string) => Promise<{task_id?: string, said?: string, error?: string} | undefined>} keep */
export function makeKeeping(keep) {
  const buttons = Object.keys(NAMES).map((what) =>
    h("button", { type: "button", class: "btn small", "data-keep": what, hidden: true, onclick: () => make(what) }),
  );
  const said = h("span", { class: "hint", role: "status" });
  const train = h(
    "button",
    { type: "button", class: "btn small", "data-act": "use", hidden: true, onclick: use },
    "Train on it",
  );
  const box = h("div", { class: "acts keeping" }, buttons, said, train);
  let task = "";

  /** @param {Counts} counts */
  function draw(counts) {
    for (const button of buttons) {
      const what = /** @type {keyof Counts} */ (button.dataset.keep);
      button.hidden = !counts[what];
      put(button, `Make a task of ${sayNumber(counts[what])} ${NAMES[what]}${counts[what] === 1 ? "" : "s"}`);
    }
    put(said, "");
    train.hidden = true;
  }

  /** @param {string} what */
  async function make(what) {
    const found = await keep(what);
    put(said, found?.said ?? found?.error ?? "The studio did not answer. Try again.");
    task = found?.task_id ?? "";
    train.hidden = !task;
  }

  function use() {
    studio.useTask(task);
    studio.go("data");
  }

  return { box, draw };
}
