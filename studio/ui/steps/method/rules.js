// @ts-check
// The list of rules that say what an answer is worth: a choice adds one to the draft, a click leaves one out.

import { studio } from "../../frame/draft.js";
import { around, find } from "../../frame/elements.js";

/**
 * The rules of a list: the draft's, or those that were drawn where it says nothing.
 * @param {string} path
 * @returns {any[]}
 */
function listRules(path) {
  const now = studio.get(path);
  if (Array.isArray(now)) return now;
  return JSON.parse(find(document, `[data-rules][data-of="${CSS.escape(path)}"]`)?.dataset.rules ?? "[]");
}

document.addEventListener("change", (event) => {
  const adding = around(event, "[data-rule-add]");
  if (!adding?.value) return;
  const path = adding.dataset.ruleAdd;
  studio.set(path, [...listRules(path), JSON.parse(adding.value)]);
  adding.value = "";
});

document.addEventListener("click", (event) => {
  const button = around(event, "[data-rule-out]");
  if (!button) return;
  const path = button.dataset.ruleOut;
  const left = listRules(path).filter((_, place) => place !== Number(button.dataset.place));
  studio.set(path, left.length ? left : undefined);
});

/** What is typed into a list that the draft doesn't have yet begins with what was drawn. */
document.addEventListener(
  "input",
  (event) => {
    const list = around(event, "[data-path]")?.closest("[data-rules]");
    const path = list?.dataset.of;
    if (path && !Array.isArray(studio.get(path))) studio.set(path, listRules(path));
  },
  true,
);
