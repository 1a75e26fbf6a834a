// @ts-check
// Curves of several runs in one chart with one scale: validation as a line with dots, training faint behind it, and a
// legend that names what differs. Plain SVG.

import { h } from "../../frame/elements.js";
import { sayFigure, sayNumber } from "../../frame/words.js";

/**
 * @typedef {object} Curve
 * @property {string} run
 * @property {string} name
 * @property {string} measure
 * @property {string[]} differs
 * @property {number[][]} train steps and values
 * @property {number[][]} validation
 */

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 900;
const HEIGHT = 280;
const LEFT = 58;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 40;
const TICKS = 5;
/** Strokes that are told apart without their colour, too. */
const DASHES = ["", "7 4", "2 4", "12 4 2 4"];
const COLOURS = 6;

/** @param {string} name @param {Record<string, any>} attributes @param {string} [text] */
function node(name, attributes, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * Round marks of an axis, about as many as asked.
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function findTicks(low, high, count) {
  const rough = Math.max(1e-9, high - low) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5].find((one) => one * size >= rough) ?? 10);
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step)
    ticks.push(Number(at.toPrecision(6)));
  return ticks;
}

/**
 * What a logarithmic axis is marked with: 1, 2 and 5 of each power of ten.
 * @param {number} low
 * @param {number} high
 */
export function findLogTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const one of [1, 2, 5]) ticks.push(Number((one * 10 ** power).toPrecision(3)));
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** @param {Curve[]} curves @param {boolean} log */
function findRange(curves, log) {
  const values = curves
    .flatMap((curve) => [...(curve.train[1] ?? []), ...(curve.validation[1] ?? [])])
    .filter((value) => Number.isFinite(value) && (!log || value > 0));
  const high = Math.max(...values, log ? 1e-3 : 0);
  const low = log ? Math.min(...values, high / 2) : Math.min(0, ...values);
  const steps = curves.flatMap((curve) => [...(curve.train[0] ?? []), ...(curve.validation[0] ?? [])]);
  return { low, high: high > low ? high : low + 1, last: Math.max(1, ...steps) };
}

/**
 * The chart and its legend.
 * @param {Curve[]} curves
 * @param {boolean} log
 */
export function drawOverlay(curves, log) {
  const isEmpty = !curves.some((curve) => curve.train[0]?.length || curve.validation[0]?.length);
  if (isEmpty) {
    const words = "The curves appear here once the first of these runs trains.";
    return h("div", { class: "stack" }, h("p", { class: "hint" }, words), drawLegend(curves));
  }
  const { low, high, last } = findRange(curves, log);
  const scale = log ? Math.log10 : (/** @type {number} */ value) => value;
  const x = (/** @type {number} */ step) => LEFT + (step / last) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ value) =>
    TOP + (1 - (scale(value) - scale(low)) / (scale(high) - scale(low))) * (HEIGHT - TOP - BOTTOM);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "overlay" });
  const names = curves.map((curve) => `${curve.name}: ${sayFigure(curve.validation[1]?.at(-1))} at the end`);
  svg.setAttribute("aria-label", `Validation ${curves[0]?.measure ?? ""} over steps. ${names.join("; ")}.`);
  for (const tick of log ? findLogTicks(low, high) : findTicks(low, high, TICKS)) {
    svg.append(node("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }));
    svg.append(node("text", { x: LEFT - 8, y: y(tick) + 4, class: "tick-y" }, String(tick)));
  }
  for (const tick of findTicks(0, last, TICKS + 2).filter(Number.isInteger))
    svg.append(node("text", { x: x(tick), y: HEIGHT - 20, class: "tick-x" }, sayNumber(tick)));
  svg.append(node("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, class: "tick-x end" }, "steps"));
  curves.forEach((curve, place) => {
    const look = lookOf(place);
    const path = (/** @type {number[][]} */ [steps, values]) =>
      (steps ?? [])
        .map((step, at) => (log && values[at] <= 0 ? "" : `${x(step).toFixed(1)} ${y(values[at]).toFixed(1)}`))
        .filter(Boolean)
        .join("L");
    const train = path(curve.train);
    if (train) svg.append(node("path", { d: `M${train}`, class: `curve faint ${look.colour}` }));
    const validation = path(curve.validation);
    if (validation)
      svg.append(
        node("path", { d: `M${validation}`, class: `curve ${look.colour}`, "stroke-dasharray": look.dash || "none" }),
      );
    (curve.validation[0] ?? []).forEach((step, at) => {
      if (!log || curve.validation[1][at] > 0)
        svg.append(node("circle", { cx: x(step), cy: y(curve.validation[1][at]), r: 3.5, class: look.colour }));
    });
  });
  const words = `Thick, with dots: validation ${curves[0]?.measure ?? ""}. Faint: in training.`;
  return h("div", { class: "stack" }, svg, h("p", { class: "hint" }, words), drawLegend(curves));
}

/** @param {number} place */
function lookOf(place) {
  return { colour: `hue-${place % COLOURS}`, dash: DASHES[Math.floor(place / COLOURS) % DASHES.length] };
}

/** @param {Curve[]} curves */
function drawLegend(curves) {
  return h(
    "ul",
    { class: "legend" },
    curves.map((curve, place) => {
      const { colour, dash } = lookOf(place);
      const line = node("svg", { viewBox: "0 0 34 10", class: "legend-line", "aria-hidden": "true" });
      line.append(node("path", { d: "M1 5L33 5", class: `curve ${colour}`, "stroke-dasharray": dash || "none" }));
      return h(
        "li",
        { "data-run": curve.run },
        line,
        h("b", {}, curve.name),
        h("span", {}, curve.differs.length ? curve.differs.join(", ") : "no setting differs"),
        h("span", { class: "num" }, sayFigure(curve.validation[1]?.at(-1))),
      );
    }),
  );
}
