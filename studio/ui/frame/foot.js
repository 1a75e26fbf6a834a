// @ts-check
// Where the two buttons of the page's foot lead: one step back, one step on. A view has a way back of its own.

import { placeOf, stepOf, steps } from "./steps.js";
import { put } from "./elements.js";

/** The step that a way leads to from a place, undefined for none. @param {string} place @param {number} by */
export const wayFrom = (place, by) => (stepOf(place) === place ? steps[placeOf(place) + by] : undefined);

/** Let both ways lead from where one is. @param {string} place */
export function showWays(place) {
  /** @type {NodeListOf<HTMLElement>} */
  const ways = document.querySelectorAll("[data-step-by]");
  document.getElementById("foot")?.toggleAttribute("hidden", stepOf(place) !== place);
  for (const way of ways) {
    const by = Number(way.dataset.stepBy);
    const step = wayFrom(place, by);
    way.hidden = !step;
    if (!step) continue;
    way.dataset.go = step.name;
    put(way, `${by < 0 ? "Back" : "Next"}: ${step.title}`);
  }
}
