// @ts-check
// Weights and the levels on which fewer bits put them: dots above, levels below, a line from each dot to its level, and
// what is lost. All of a block share one scale, its largest weight.

import { h, put } from "../../frame/elements.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 520;
const EDGE = 14;
const DOTS = 24;
const LEVELS = 92;
/** The levels of nf4: quantiles of a normal distribution (arXiv:2305.14314, appendix E). */
const NF4 = [
  -1, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0, 0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.723, 1,
];
const spread = (/** @type {number} */ steps) =>
  Array.from({ length: 2 * steps + 1 }, (_, place) => (place - steps) / steps);
/** @type {Record<string, {title: string, levels: number[]}>} */
export const FORMS = {
  nf4: { title: "4-bit nf4: 16 levels, dense where weights are", levels: NF4 },
  even: { title: "4-bit, even: 15 levels", levels: spread(7) },
  int8: { title: "8-bit: 255 levels", levels: spread(127) },
};

/**
 * Each weight's nearest level, and the mean error as a share of the mean weight.
 * @param {number[]} weights
 * @param {number[]} levels from -1 to 1
 */
export function snap(weights, levels) {
  const scale = Math.max(...weights.map(Math.abs)) || 1;
  const near = (/** @type {number} */ weight) =>
    levels.reduce((best, level) => (Math.abs(level * scale - weight) < Math.abs(best * scale - weight) ? level : best));
  const snapped = weights.map((weight) => near(weight) * scale);
  const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + Math.abs(value), 0);
  return { scale, snapped, error: sum(weights.map((weight, place) => weight - snapped[place])) / sum(weights) };
}

/** @param {HTMLElement} figure */
function draw(figure) {
  const weights = JSON.parse(figure.dataset.weights ?? "[]");
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} 112`);
  svg.setAttribute("role", "img");
  const said = h("p", { class: "num", role: "status" });
  const buttons = Object.entries(FORMS).map(([name, { title }]) =>
    h("button", { type: "button", role: "radio", "data-form": name, onclick: () => show(name) }, title.split(":")[0]),
  );
  figure.prepend(h("div", { class: "segments", role: "radiogroup", "aria-label": "How weights are stored" }, buttons));
  figure.append(svg, said);
  show("nf4");

  /** @param {string} name */
  function show(name) {
    const { title, levels } = FORMS[name];
    const { scale, snapped, error } = snap(weights, levels);
    const x = (/** @type {number} */ value) => WIDTH / 2 + (value / scale) * (WIDTH / 2 - EDGE);
    /** @param {string} tag @param {Record<string, any>} attributes */
    const add = (tag, attributes) => {
      const made = document.createElementNS(NS, tag);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
      svg.append(made);
      return made;
    };
    svg.replaceChildren();
    for (const level of levels)
      add("line", { x1: x(level * scale), x2: x(level * scale), y1: LEVELS - 7, y2: LEVELS + 7, class: "level" });
    weights.forEach((/** @type {number} */ weight, /** @type {number} */ place) => {
      add("line", { x1: x(weight), x2: x(snapped[place]), y1: DOTS, y2: LEVELS - 7, class: "moves" });
      const dot = add("circle", { cx: x(weight), cy: DOTS, r: 4, class: "dot" });
      const told = document.createElementNS(NS, "title");
      told.textContent = `${weight.toFixed(4)} becomes ${snapped[place].toFixed(4)}`;
      dot.append(told);
    });
    for (const button of buttons) {
      button.setAttribute("aria-checked", String(button.dataset.form === name));
      button.tabIndex = button.dataset.form === name ? 0 : -1;
    }
    const lost = `${(100 * error).toFixed(error < 0.01 ? 2 : 1)} %`;
    svg.setAttribute("aria-label", `${weights.length} weights on ${levels.length} levels; a weight is off by ${lost}.`);
    put(said, `${title}. On average a weight is off by ${lost} of its size.`);
  }
}

document.addEventListener("studio:drawn", () => {
  /** @type {NodeListOf<HTMLElement>} */
  const figures = document.querySelectorAll(".snapping:not([data-drawn])");
  for (const figure of figures) {
    figure.dataset.drawn = "";
    draw(figure);
  }
});
