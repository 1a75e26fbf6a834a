// @ts-check
// The picture of one weight matrix W and what trains beside it, drawn to scale, and the teaching line.
//
// The server says which matrix (rows, columns), the slider says the rank: the picture follows at once, without a trip.
// The exact count of the whole model is not computed here; it comes from the server.

import { find } from "../../frame/elements.js";
import { studio } from "../../frame/draft.js";
import { sayNumber } from "../../frame/words.js";

const NS = "http://www.w3.org/2000/svg";
/**
 * A matrix, and what trains beside it: `kind` "pair" (B and A of one rank), "parts" (other tensors), or itself.
 * @typedef {{
 *   kind: string, name: string, rows: number, columns: number, rank: number, follows: boolean, bits: number,
 *   touches: string, parts: [string, number, number][],
 * }} Matrix
 * @typedef {{element: HTMLElement, matrix: Matrix}} Picture
 * @typedef {Record<string, string | number>} Look
 */

/** @type {Set<Picture>} */
const pictures = new Set();
const n = sayNumber;

/** @param {string} name @param {Look} attributes @param {Element} [parent] @param {string} [text] */
function node(name, attributes, parent, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/** @param {Matrix} matrix */
function rankOf(matrix) {
  const chosen = matrix.follows ? Number(studio.get("method.rank")) : NaN;
  return Number.isInteger(chosen) && chosen >= 1 && chosen <= 256 ? chosen : matrix.rank || 8;
}

/* One scale for all three, so that what looks thin is thin. */
const AIR = 96; // between W and B, and between B and A, for the signs and the names
/** @param {Matrix} matrix @param {number} rank @param {number} width */
function layout(matrix, rank, width) {
  const { rows, columns } = matrix;
  const paired = matrix.kind === "pair";
  const most = 200;
  const scale = Math.min(
    most / rows,
    (width - (paired ? 1.6 * AIR : 0)) / (paired ? 2 * columns + rank : columns),
    most / columns,
  );
  return {
    w: columns * scale,
    h: rows * scale,
    thin: Math.max(1.5, rank * scale),
    drawnThicker: rank * scale < 1.5,
  };
}

/** @param {Picture} picture */
function draw(picture) {
  const { element, matrix } = picture;
  const holder = find(element, ".picture");
  if (!holder || !matrix?.rows) return;
  find(element, ".touches").textContent = matrix.touches;
  find(element, ".matrix-scale").hidden = true;
  if (matrix.kind === "parts") return drawParts(element, holder, matrix);
  const rank = rankOf(matrix);
  const { rows, columns } = matrix;
  const width = 440;
  const pair = matrix.kind === "pair";
  const at = layout(matrix, rank, width);
  const top = 26;
  const height = top + at.h + 46;
  const full = rows * columns;
  const trained = pair ? rank * (rows + columns) : full;
  const share = (100 * trained) / full;
  const said = pair
    ? `${matrix.name}: a matrix of ${rows} rows and ${columns} columns, ${n(full)} numbers, frozen; beside it ` +
      `B with ${rows} x ${rank} and A with ${rank} x ${columns}, together ${n(trained)} numbers that train, ` +
      `${share.toFixed(1)} percent.`
    : `${matrix.name}: a matrix of ${rows} rows and ${columns} columns; all ${n(full)} numbers train.`;
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": said, class: "matrix" });
  addGrain(svg, matrix);
  const total = pair ? at.w + AIR + at.thin + 0.6 * AIR + at.w : at.w;
  const start = Math.max(2, (width - total) / 2);
  const middle = top + at.h / 2;
  const base = top + at.h + 20;
  /** @param {number} x @param {number} y @param {number} w @param {number} h @param {Look} look */
  const block = (x, y, w, h, look) =>
    node("rect", { x, y, width: w, height: h, rx: Math.min(3, w / 3, h / 3), ...look }, svg);
  /** @param {number} x @param {number} y @param {string} look @param {string} text */
  const word = (x, y, look, text) => node("text", { x, y, class: look }, svg, text);
  block(start, top, at.w, at.h, pair ? { fill: "url(#grain)" } : { class: "trained" });
  word(start + at.w / 2, 16, "name", `W  ${rows} × ${columns}`);
  word(start + at.w / 2, base, pair ? "count" : "count trains", n(full));
  word(start + at.w / 2, base + 18, "said", pair ? frozenWords(matrix) : "every one trains");
  if (pair) {
    const b = start + at.w + AIR;
    const a = b + at.thin + 0.6 * AIR;
    word(b - AIR / 2, middle + 6, "sign", "+");
    block(b, top, at.thin, at.h, { class: "trained" });
    word(b + at.thin / 2, 16, "name", `B  ${rows} × ${rank}`);
    word(b + at.thin + 0.3 * AIR, middle + 6, "sign", "×");
    block(a, middle - at.thin / 2, at.w, at.thin, { class: "trained" });
    word(a + at.w / 2, middle - at.thin / 2 - 10, "name", `A  ${rank} × ${columns}`);
    const under = (b + a + at.w) / 2;
    word(under, base, "count trains", n(trained));
    word(under, base + 18, "said", `train: ${share < 10 ? share.toFixed(1) : Math.round(share)} %`);
  }
  holder.replaceChildren(svg);
  const line = find(element, ".teaching");
  if (line)
    line.innerHTML = pair
      ? `A 1,000 × 1,000 matrix holds 1,000,000 numbers. At rank ${n(rank)} its thin pair holds ` +
        `2 × 1,000 × ${n(rank)} = <strong>${n(2000 * rank)}</strong>.`
      : "A 1,000 × 1,000 matrix holds <strong>1,000,000</strong> numbers. Full fine-tuning changes every one of them.";
  find(element, ".thicker").hidden = !(pair && at.drawnThicker);
  sayScale(find(element, ".matrix-scale"), matrix, pair ? rank : 0);
  for (const slider of document.querySelectorAll('input.slider[data-path="method.rank"]'))
    slider.setAttribute("aria-valuetext", `rank ${n(rank)}, ${n(trained)} numbers beside one matrix`);
}

/**
 * What B A is multiplied by before it is added to W: it follows the rank, too.
 * @param {HTMLElement} line
 * @param {any} matrix
 * @param {number} rank 0 for what is no pair
 */
function sayScale(line, matrix, rank) {
  const alpha = Number(studio.get("method.alpha") ?? matrix.alpha);
  line.hidden = !rank || !alpha;
  if (line.hidden) return;
  const root = matrix.scaled_by === "sqrt";
  const times = alpha / (root ? Math.sqrt(rank) : rank);
  line.innerHTML =
    `Added to W: B × A × <strong>${times >= 10 ? times.toFixed(0) : times.toFixed(2)}</strong> ` +
    `(alpha ${n(alpha)} / ${root ? "√" : ""}rank ${n(rank)}). At a fixed alpha a larger rank is applied more weakly.`;
}

/** @param {Matrix} matrix */
const frozenWords = (matrix) => (matrix.bits < 16 ? `frozen, in ${matrix.bits} bits` : "frozen");

/** @param {Element} svg @param {Matrix} matrix */
function addGrain(svg, matrix) {
  const pattern = node(
    "pattern",
    { id: "grain", width: 7, height: 7, patternUnits: "userSpaceOnUse" },
    node("defs", {}, svg),
  );
  node("rect", { width: 7, height: 7, class: "frozen" }, pattern);
  node("circle", { cx: 3.5, cy: 3.5, r: matrix.bits === 4 ? 0.9 : 1.5, class: "grain" }, pattern);
}

/* What is no thin pair: the tensors that train, one below the other beside the frozen matrix, on the same scale. */
/** @param {HTMLElement} element @param {HTMLElement} holder @param {Matrix} matrix */
function drawParts(element, holder, matrix) {
  const { rows, columns, parts } = matrix;
  const width = 440;
  const gap = 34;
  const top = 26;
  const tall = 200;
  const wide = Math.max(1, ...parts.map((part) => part[2]));
  const high = parts.reduce((sum, part) => sum + part[1], 0);
  const scale = Math.min(tall / rows, 150 / columns, 210 / wide, (tall - gap * parts.length) / Math.max(1, high));
  const w = columns * scale;
  const h = rows * scale;
  const trained = parts.reduce((sum, [, r, c]) => sum + r * c, 0);
  let thicker = false;
  const said =
    `${matrix.name}: a matrix of ${rows} rows and ${columns} columns, ${n(rows * columns)} numbers, frozen; ` +
    "beside it train " +
    `${parts.map(([name, r, c]) => `${name}, ${r} x ${c}`).join("; ")}: together ${n(trained)} numbers.`;
  const svg = node("svg", {
    viewBox: `0 0 ${width} ${top + Math.max(h, tall) + 46}`,
    role: "img",
    "aria-label": said,
    class: "matrix",
  });
  addGrain(svg, matrix);
  /** @param {number} x @param {number} y @param {string} look @param {string} text */
  const word = (x, y, look, text) => node("text", { x, y, class: look }, svg, text);
  const left = Math.max(20, 74 - w / 2);
  const beside = Math.max(left + w + 60, 190);
  node("rect", { x: left, y: top, width: w, height: h, rx: 3, fill: "url(#grain)" }, svg);
  word(left + w / 2, 16, "name", `${rows} × ${columns}`);
  word(left + w / 2, top + h + 20, "count", n(rows * columns));
  word(left + w / 2, top + h + 38, "said", frozenWords(matrix));
  let y = top;
  for (const [name, r, c] of parts) {
    const size = [Math.max(1.5, c * scale), Math.max(1.5, r * scale)];
    thicker ||= c * scale < 1.5 || r * scale < 1.5;
    const label = word(beside, y - 8, "name", `${name.replaceAll("_", " ")}  ${n(r)} × ${n(c)}`);
    label.setAttribute("style", "text-anchor: start");
    node(
      "rect",
      {
        x: beside,
        y,
        width: size[0],
        height: size[1],
        rx: Math.min(3, size[0] / 3, size[1] / 3),
        class: "trained",
      },
      svg,
    );
    y += size[1] + gap;
  }
  const sum = word(beside, y, "count trains", `${n(trained)} train`);
  sum.setAttribute("style", "text-anchor: start");
  holder.replaceChildren(svg);
  const what = matrix.name === "vocabulary" ? "the frozen table of the tokens it knows" : "this one frozen matrix";
  find(element, ".teaching").innerHTML =
    `Beside the ${n(rows * columns)} numbers of ${what}, <strong>${n(trained)}</strong> train: ` +
    `${((100 * trained) / (rows * columns)).toFixed(2)} % as many.`;
  find(element, ".thicker").hidden = !thicker;
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, watch }) {
  const picture = { element, matrix: props.value };
  pictures.add(picture);
  watch("value", () => {
    picture.matrix = props.value;
    draw(picture);
  });
  draw(picture);
}

studio.onDraft((draft, before) => {
  if (before && JSON.stringify(draft.recipe.method) === JSON.stringify(before.recipe.method)) return;
  for (const picture of pictures) draw(picture);
});

// A slider that the server has drawn again says its value to a screen reader, too.
document.addEventListener("studio:drawn", (event) => {
  if (!(event.target instanceof Element && event.target.querySelector('[data-path="method.rank"]'))) return;
  for (const picture of pictures) draw(picture);
});
