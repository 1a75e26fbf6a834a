// @ts-check
// A short lesson: forgetting on purpose. One model is subtracted, and what to look for is said beside.

import { h } from "../../frame/elements.js";

/**
 * @param {{model: string, title: string, error: string}[]} parents
 * @param {boolean} isOpen
 * @param {(model: string) => void} subtract set this model to -1 and the others to 1, and ask at once
 */
export function drawLesson(parents, isOpen, subtract) {
  const able = parents.filter((parent) => !parent.error);
  const buttons = able.map((parent) =>
    h(
      "button",
      { type: "button", class: "btn small", "data-subtract": parent.model, onclick: () => subtract(parent.model) },
      `Try it: subtract ${parent.title}`,
    ),
  );
  return h(
    "details",
    { class: "more merge-lesson", hidden: !able.length, open: isOpen },
    h("summary", {}, "A lesson: forgetting on purpose"),
    h(
      "p",
      {},
      "What a model learned is a change of weights, so it can be taken away again from a model that knows it. " +
        "Measured in the notebook merging_by_hand: of a run that knew past tense and plural, less a run of the " +
        "plural alone, the plural fell from 98 to 0 % and the past tense from 81 to 75 %.",
    ),
    h("div", { class: "acts" }, buttons),
    h(
      "ol",
      {},
      h("li", {}, "Choose a run that knows several skills, and a run of the one skill that should go."),
      h("li", {}, "Press the button of that one: it is set to −1 and the others to 1, and the mix answers at once."),
      h("li", {}, "Merge, and score it beside its parents: how far fell what should go, and what else fell with it?"),
      h("li", {}, "Try −0.5 and −2: too little leaves the skill, too much breaks the rest."),
      h("li", {}, "Subtract it from a model that never knew it: there it only does harm."),
    ),
  );
}
