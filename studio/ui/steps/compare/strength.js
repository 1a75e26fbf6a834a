// @ts-check
// How strongly the adapter is applied when it answers: 0 is the base, 1 as it was trained, 1.5 overdone. Dragged, it
// asks the same question again, so one sees what the adapter does.

import { h, put } from "../../frame/elements.js";

const SOON = 250;

/**
 * The slider; `changed` is told a moment after it came to rest.
 * @param {() => void} changed
 */
export function makeStrength(changed) {
  let timer = 0;
  const said = h("output", { class: "num", for: "ask-strength" }, "1.0");
  const slider = h("input", {
    type: "range",
    id: "ask-strength",
    class: "slider",
    min: 0,
    max: 1.5,
    step: 0.1,
    value: 1,
    "aria-valuetext": "1.0, as trained",
    "aria-describedby": "ask-strength-hint",
  });
  const words = (/** @type {number} */ value) =>
    value === 0 ? "the base" : value === 1 ? "as trained" : value < 1 ? "weaker than trained" : "stronger than trained";
  slider.addEventListener("input", () => {
    const value = Number(slider.value);
    put(said, value.toFixed(1));
    slider.setAttribute("aria-valuetext", `${value.toFixed(1)}, ${words(value)}`);
    clearTimeout(timer);
    timer = window.setTimeout(changed, SOON);
  });
  const box = h(
    "div",
    { class: "ask-strength" },
    h("label", { class: "ask-label", for: "ask-strength" }, "Adapter strength"),
    slider,
    said,
    h("span", { class: "hint", id: "ask-strength-hint" }, "0 is the base, 1 as trained; drag to ask again"),
  );
  return { box, value: () => Number(slider.value) };
}
