// @ts-check
// A weight change and its best copy of a rank, as two pictures of which the second sharpens while the rank is dragged;
// they stand where the picture of the pair is, by choice.
//
// The slider here is for looking: it follows the recipe's rank, and changes nothing of the recipe.

import { studio } from "../../frame/draft.js";
import { around, find, put } from "../../frame/elements.js";

/**
 * @typedef {object} Recorded
 * @property {number[]} shape of the matrix
 * @property {number[]} drawn rows and columns of the part that is drawn
 * @property {number[]} kept the share of the change that a copy of each rank keeps
 * @property {string} whole the part that is drawn, in parts of its largest number, a byte each
 * @property {[number, string, string][]} factors a size, a column, a row: the copy is the sum of the first
 */

const LARGEST = 127;
const SHADES = 255;

/** @param {string} packed @returns {Float32Array} numbers from -1 to 1 */
export function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Int8Array(bytes.buffer), (byte) => byte / LARGEST);
}

/**
 * The sum of the first factors: what a pair of so many columns can be.
 * @param {{size: number, tall: Float32Array, wide: Float32Array}[]} factors
 * @param {number} rank
 */
export function copyOf(factors, rank) {
  const [{ tall, wide }] = factors;
  const copy = new Float32Array(tall.length * wide.length);
  for (const factor of factors.slice(0, rank))
    factor.tall.forEach((one, row) => {
      const times = factor.size * one;
      for (let at = 0; at < wide.length; at += 1) copy[row * wide.length + at] += times * factor.wide[at];
    });
  return copy;
}

/**
 * What a copy keeps, in words.
 * @param {number[]} kept the share that each rank keeps
 * @param {number} rank
 * @param {number[]} shape
 */
export function sayKept(kept, rank, [rows, columns]) {
  const numbers = (100 * rank * (rows + columns)) / (rows * columns);
  return [`${Math.round(100 * kept[rank - 1])} %`, `of the change, with ${numbers.toFixed(1)} % of its numbers`];
}

/** @param {string} colour #rrggbb */
const parts = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** @param {import("../../widgets/mounting.js").Parts} given */
export function mount({ element, server }) {
  const figure = find(element, ".change");
  const choices = find(element, "[role=radiogroup]");
  const slider = find(figure, "input");
  const [first, second] = figure.querySelectorAll("canvas");
  /** @type {Recorded | null} */
  let recorded = null; // once somebody looks
  /** @type {{size: number, tall: Float32Array, wide: Float32Array}[]} */
  let factors = [];
  slider.addEventListener("input", draw);
  choices.addEventListener("click", (/** @type {Event} */ event) => {
    const choice = around(event, "[data-picture]");
    if (choice) choose(choice);
  });
  studio.onDraft((draft, before) => {
    if (JSON.stringify(draft.recipe.method) !== JSON.stringify(before?.recipe.method)) follow();
  });
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });

  /** Show this picture, or the pair's. @param {HTMLElement} choice */
  async function choose(choice) {
    for (const one of choices.children) {
      one.setAttribute("aria-checked", String(one === choice));
      one.tabIndex = one === choice ? 0 : -1;
    }
    figure.hidden = choice.dataset.picture !== "change";
    document.getElementById("matrix")?.toggleAttribute("data-away", !figure.hidden);
    if (figure.hidden || recorded) return;
    const told = await server.read_change({}).catch(() => null);
    if (!told?.kept) return put(find(figure, ".change-kept"), "The studio did not answer. Choose this once more.");
    recorded = /** @type {Recorded} */ (told);
    factors = recorded.factors.map(([size, tall, wide]) => ({ size, tall: unpack(tall), wide: unpack(wide) }));
    slider.max = String(recorded.kept.length);
    follow();
  }

  /** The recipe's rank, as far as it is drawn. */
  function follow() {
    if (!recorded) return;
    const chosen = Number(studio.get("method.rank") ?? 8);
    slider.value = String(Math.min(Math.max(1, chosen), recorded.kept.length) || 8);
    draw();
  }

  function draw() {
    if (!recorded) return;
    const rank = Number(slider.value);
    const [share, words] = sayKept(recorded.kept, rank, recorded.shape);
    paint(first, unpack(recorded.whole), recorded.drawn);
    paint(second, copyOf(factors, rank), recorded.drawn);
    first.setAttribute("aria-label", `A weight change of ${recorded.shape.join(" by ")} numbers`);
    second.setAttribute("aria-label", `Its best copy of rank ${rank}`);
    slider.setAttribute("aria-valuetext", `rank ${rank} keeps ${share}`);
    put(find(figure, ".change-name"), `its copy of rank ${rank}`);
    put(find(figure, ".change-kept"), `Rank ${rank} keeps ${share} ${words}.`);
  }

  /**
   * Negative in one colour, positive in the other, nothing as the card.
   * @param {any} canvas
   * @param {Float32Array} numbers
   * @param {number[]} shape
   */
  function paint(canvas, numbers, [rows, columns]) {
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(figure);
    const [zero, plus, minus] = ["--card", "--accent", "--series-validation"].map((name) =>
      parts(style.getPropertyValue(name).trim()),
    );
    const image = context.createImageData(columns, rows);
    numbers.forEach((number, at) => {
      const towards = number < 0 ? minus : plus;
      const share = Math.min(1, Math.sqrt(Math.abs(number)));
      for (let part = 0; part < zero.length; part += 1)
        image.data[4 * at + part] = zero[part] + share * (towards[part] - zero[part]);
      image.data[4 * at + 3] = SHADES;
    });
    context.putImageData(image, 0, 0);
  }
}
