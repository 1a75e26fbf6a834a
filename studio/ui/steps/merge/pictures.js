// @ts-check
// The pictures of the merge page: how changes lie to each other, the scores of all models, the curve over the scale.

import { h } from "../../frame/elements.js";
import { bestScale, groupMeetings, sayMeeting, sayValue } from "./order.js";

/**
 * @typedef {import("./order.js").Meeting} Meeting
 * @typedef {import("./order.js").Task} Task
 */

/** Both pictures of some meetings, with what they say. @param {Meeting[]} meetings */
export function drawMeetings(meetings) {
  const found = groupMeetings(meetings);
  return [
    h("p", {}, sayMeeting(found)),
    h(
      "div",
      { class: "merge-maps" },
      drawMap(found, "Cosine of the changes", (cell) => ({
        text: cell.cosine.toFixed(2),
        part: Math.sqrt(Math.min(1, Math.abs(cell.cosine))),
        against: cell.cosine < 0,
      })),
      drawMap(found, "Share of opposite signs", (cell) => ({
        text: `${Math.round(cell.opposite * 100)} %`,
        part: Math.min(1, Math.abs(cell.opposite - 0.5) * 2),
        against: cell.opposite > 0.5,
      })),
    ),
    h(
      "p",
      { class: "hint" },
      "A row for each kind of weight, a column for each layer. Green: they agree; brown: against.",
      found.rows ? ` The signs are counted in ${found.rows} rows of each larger weight; the cosine is exact.` : null,
    ),
  ];
}

/**
 * @param {ReturnType<typeof groupMeetings>} found
 * @param {string} title
 * @param {(cell: import("./order.js").Cell) => {text: string, part: number, against: boolean}} read
 */
function drawMap({ layers, kinds, cells }, title, read) {
  const head = h(
    "tr",
    {},
    h("td", {}),
    layers.map((layer) => h("th", { scope: "col" }, layer || "other")),
  );
  const rows = kinds.map((kind, row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, kind),
      layers.map((_, column) => {
        const cell = cells[row][column];
        if (!cell) return h("td", {});
        const { text, part, against } = read(cell);
        const hue = against ? "var(--warn)" : "var(--accent)";
        const fill = `background: color-mix(in srgb, ${hue} ${Math.round(part * 80)}%, var(--paper))`;
        return h(
          "td",
          { class: "merge-cell", style: fill, title: text },
          h("span", { class: "visually-hidden" }, text),
        );
      }),
    ),
  );
  return h("table", { class: "merge-map" }, h("caption", {}, title), h("thead", {}, head), h("tbody", {}, rows));
}

/** Every model on every task, with intervals. @param {Task[]} tasks @param {string} merge the address of the merge */
export function drawScores(tasks, merge) {
  const models = new Map(tasks.flatMap((task) => task.values.map((value) => [value.checkpoint, value.title])));
  const last = [...models.keys()].filter((model) => model !== merge);
  const heads = tasks.map((task) => h("th", {}, `${task.title}: ${task.values[0].metric}, n = ${task.n}`));
  const rows = [...last, merge].map((model) =>
    h(
      "tr",
      model === merge ? { class: "merge-own", "data-model": model } : { "data-model": model },
      h("th", { scope: "row" }, models.get(model) ?? model),
      tasks.map((task) => drawScore(task.values.find((value) => value.checkpoint === model))),
    ),
  );
  return h(
    "div",
    { class: "tablebox", tabindex: 0, role: "group", "aria-label": "Scores" },
    h(
      "table",
      { class: "plain merge-scores" },
      h("thead", {}, h("tr", {}, h("th", {}, "Model"), heads)),
      h("tbody", {}, rows),
    ),
  );
}

/** @param {import("./order.js").Value | undefined} value */
function drawScore(value) {
  if (!value || value.low === null || value.high === null) return h("td", {}, sayValue(value));
  const left = `left: ${value.low}%; width: ${Math.max(1, value.high - value.low)}%`;
  const span = h("i", { class: "merge-span", style: left });
  const dot = h("i", { class: "merge-dot", style: `left: ${value.value}%` });
  return h("td", {}, sayValue(value), h("span", { class: "merge-line", "aria-hidden": "true" }, span, dot));
}

const [WIDE, HIGH, PAD] = [480, 180, 34];

/** Scores over the scale of all weights, a line for each task. @param {number[]} scales @param {Task[]} tasks */
export function drawCurve(scales, tasks) {
  const most = scales[scales.length - 1];
  const x = (/** @type {number} */ scale) => PAD + (scale / most) * (WIDE - 2 * PAD);
  const y = (/** @type {number} */ value) => HIGH - PAD - (value / 100) * (HIGH - 2 * PAD);
  const lines = tasks.map((task, place) => {
    const points = task.values.map((value, at) => `${x(scales[at]).toFixed(1)} ${y(value.value).toFixed(1)}`);
    return h("path", { class: `curve hue-${place % 6}`, d: `M${points.join("L")}` });
  });
  const frame = h("path", { class: "merge-frame", d: `M${PAD} ${PAD}V${HIGH - PAD}H${WIDE - PAD}` });
  const label = `Scores on validation over the scale of all weights, the best at ${bestScale(scales, tasks)}`;
  const rows = tasks.map((task, place) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("i", { class: `merge-key key-${place % 6}` }), task.title),
      task.values.map((value) => h("td", {}, sayValue(value))),
    ),
  );
  const heads = scales.map((scale) => h("th", {}, `× ${scale}`));
  return h(
    "div",
    { class: "merge-curve" },
    h("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label, class: "overlay" }, frame, lines),
    h(
      "div",
      { class: "tablebox", tabindex: 0, role: "group", "aria-label": "Scores" },
      h(
        "table",
        { class: "plain" },
        h("thead", {}, h("tr", {}, h("th", {}, "All weights"), heads)),
        h("tbody", {}, rows),
      ),
    ),
  );
}
