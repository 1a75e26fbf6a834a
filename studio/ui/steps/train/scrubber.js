// @ts-check
// The scrubber under the curve: at which step the answers are looked at. Dragged, the answers change; at its end it
// follows the newest. Knows steps and where the plot has its axis; asks the server nothing.

import { find, h } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { feed } from "../../runs/run_feed.js";

/** @typedef {import("../../runs/run.js").RunState} RunState */

/** Beyond the newest step the axis of the plot goes on by so much. */
const BEYOND = 0.01;
const HALF_A_THUMB = 8; // pixels
/** What keys do: so many steps that were answered at, or to an end. @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowDown: -1, PageDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 1, Home: -1e9, End: 1e9 };

/** The step that a person chose; null follows the newest. @type {number | null} */
let picked = null;
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * The steps at which it answered; step 0 is the base, before it learnt anything.
 * @param {{samples: {step: number}[]}} state
 */
export function listSteps(state) {
  const steps = [...new Set(state.samples.map((sample) => sample.step))].sort((a, b) => a - b);
  return steps.length && steps[0] ? [0, ...steps] : steps;
}

/** @param {number[]} steps some @param {number} place */
export function findNearest(steps, place) {
  return steps.reduce((best, step) => (Math.abs(step - place) < Math.abs(best - place) ? step : best));
}

/** Which step's answers are looked at, for all that show it. */
export const scrub = {
  /** undefined before it answered anything */
  get step() {
    const steps = listSteps(feed.state);
    return picked !== null && steps.includes(picked) ? picked : steps.at(-1);
  },
  /** Whether a person chose it. */
  get isChosen() {
    return picked !== null && this.step === picked;
  },
  /** @param {number} step */
  choose(step) {
    picked = step === listSteps(feed.state).at(-1) ? null : step;
    for (const listener of listeners) listener();
  },
  /** @param {number} by so many steps on or back */
  turn(by) {
    const steps = listSteps(feed.state);
    const place = steps.indexOf(this.step ?? 0) + by;
    if (steps.length) this.choose(steps[Math.max(0, Math.min(place, steps.length - 1))]);
  },
  /** @param {() => void} listener */
  listen(listener) {
    listeners.add(listener);
  },
};

feed.listen((_, change) => {
  if (change === "reset") picked = null;
});

/** The slider; `align` puts it under the plot that a canvas holds. */
export function makeScrubber() {
  const ticks = h("datalist", { id: "scrub-steps" });
  const slider = h("input", {
    type: "range",
    id: "scrub",
    class: "slider",
    min: 0,
    step: 1,
    list: "scrub-steps",
  });
  const box = h(
    "div",
    { class: "scrub", hidden: true },
    slider,
    ticks,
    h("label", { for: "scrub", class: "hint" }, "Drag to see what it answered on its way"),
  );
  slider.addEventListener("input", () => {
    scrub.choose(findNearest(listSteps(feed.state), slider.valueAsNumber));
    draw();
  });
  slider.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    scrub.turn(KEYS[event.key]);
  });
  scrub.listen(draw);

  function draw() {
    const steps = listSteps(feed.state);
    box.hidden = steps.length < 2;
    if (box.hidden) return;
    if (ticks.dataset.steps !== steps.join()) {
      ticks.dataset.steps = steps.join();
      ticks.replaceChildren(...steps.map((step) => h("option", { value: step })));
    }
    const step = scrub.step ?? 0;
    slider.max = Math.max(feed.state.status?.of ?? 0, feed.state.train.step.at(-1) ?? 0, steps.at(-1) ?? 0);
    slider.value = step;
    slider.setAttribute("aria-valuetext", `step ${sayNumber(step)}${step ? "" : ", before training"}`);
  }

  /** @param {HTMLElement} canvas */
  function align(canvas) {
    const [area, own] = [find(canvas, ".nsewdrag")?.getBoundingClientRect(), box.getBoundingClientRect()];
    if (!area?.width || !own.width) return;
    box.style.setProperty("--left", `${area.left - own.left - HALF_A_THUMB}px`);
    box.style.setProperty("--right", `${own.right - area.right - HALF_A_THUMB + BEYOND * area.width}px`);
  }

  return { box, draw, align };
}
