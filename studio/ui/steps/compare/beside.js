// @ts-check
// Which models are asked beside base and tuned: at most two, chosen among what this visitor's runs made.

import { h } from "../../frame/elements.js";

/** @typedef {{name: string, models: {model: string, title: string}[]}} Offered what a run made */

const MOST = 2;

/**
 * The chooser: a mark for each chosen model, with a button that leaves it out, and a list to add one from.
 * @param {() => void} changed called after each choice
 */
export function makeBeside(changed) {
  /** @type {Offered[]} */
  let offered = [];
  /** @type {{model: string, title: string}[]} */
  let chosen = [];
  const marks = h("div", { class: "beside-marks" });
  const list = h("select", { id: "ask-add", "aria-label": "Add a model", onchange: () => add(list.value) });
  const box = h("div", { class: "ask-beside", hidden: true }, marks, list);

  /** @param {Offered[]} runs */
  function offer(runs) {
    offered = runs;
    const there = new Set(runs.flatMap((run) => run.models.map((one) => one.model)));
    chosen = chosen.filter((one) => there.has(one.model));
    draw();
  }

  /** @param {string} model */
  function add(model) {
    const found = offered.flatMap((run) => run.models).find((one) => one.model === model);
    if (found && chosen.length < MOST) chosen = [...chosen, found];
    draw();
    changed();
  }

  /** @param {string} model */
  function leaveOut(model) {
    chosen = chosen.filter((one) => one.model !== model);
    draw();
    changed();
    list.focus();
  }

  function draw() {
    box.hidden = !offered.length;
    marks.replaceChildren(
      ...chosen.map((one) =>
        h(
          "span",
          { class: "pill", "data-model": one.model },
          one.title,
          h(
            "button",
            {
              type: "button",
              class: "tool",
              "aria-label": `Leave out ${one.title}`,
              onclick: () => leaveOut(one.model),
            },
            "\u00d7",
          ),
        ),
      ),
    );
    list.hidden = chosen.length >= MOST;
    list.replaceChildren(
      h("option", { value: "" }, "+ add a model"),
      ...offered.map((run) =>
        h(
          "optgroup",
          { label: run.name },
          run.models
            .filter((one) => !chosen.some((other) => other.model === one.model))
            .map((one) => h("option", { value: one.model }, one.title)),
        ),
      ),
    );
  }

  return { box, offer, list: () => chosen };
}
