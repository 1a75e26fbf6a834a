// @ts-check
// What a merge is asked to do, and how the changes of its parents lie to each other in words and cells. Pure.

/**
 * @typedef {{model: string, weight: number}} Chosen
 * @typedef {Record<string, Record<string, number>>} Options the settings of each way
 * @typedef {{chosen: Chosen[], way: string, options: Options, result: string, rank: number, name: string,
 *   work: string}} State
 * @typedef {{weight: string, cosine: number, opposite: number, rows?: number}} Meeting
 * @typedef {{cosine: number, opposite: number}} Cell
 */

export const START_WEIGHT = 0.7;

/** A page on which nothing is chosen. @returns {State} */
export const newState = () => ({
  chosen: [],
  way: "task_arithmetic",
  options: {},
  result: "auto",
  rank: 16,
  name: "",
  work: "",
});

/** What the server takes. @param {State} state */
export function makeOrder(state) {
  const order = { way: state.way, parents: state.chosen, result: state.result, ...state.options[state.way] };
  return {
    ...order,
    ...(state.result === "svd" ? { rank: state.rank } : {}),
    ...(state.name ? { name: state.name } : {}),
  };
}

/** The same models with their weights, after some were added. @param {Chosen[]} chosen @param {string[]} models */
export const choose = (chosen, models) =>
  models.map((model) => chosen.find((one) => one.model === model) ?? { model, weight: START_WEIGHT });

/** Which input of the page an error is about. @param {string} field "way.density", "parents.weight", "name" */
export const placeOfError = (field) => (field.startsWith("parents") ? "parents" : field.replace(/^way\.(?!name)/, ""));

/** "model.layers.3.self_attn.q_proj.weight" -> ["3", "q_proj"] @param {string} weight @returns {[string, string]} */
export function partName(weight) {
  const found = /(?:^|\.)(?:layers|h|blocks?)\.(\d+)\.(.*)$/.exec(weight);
  const names = (found ? found[2] : weight).replace(/\.(weight|bias)$/, "").split(".");
  return [found ? found[1] : "", names.at(-1) ?? ""];
}

/**
 * The meetings as a picture: a row for each kind of weight, a column for each layer, each cell their mean.
 * @param {Meeting[]} meetings
 */
export function groupMeetings(meetings) {
  /** @type {Map<string, Meeting[]>} */
  const found = new Map();
  for (const one of meetings) {
    const key = JSON.stringify(partName(one.weight));
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  const keys = [...found.keys()].map((key) => /** @type {[string, string]} */ (JSON.parse(key)));
  const layers = [...new Set(keys.map(([layer]) => layer))].sort((one, other) => Number(one) - Number(other));
  const kinds = [...new Set(keys.map(([, kind]) => kind))];
  const cells = kinds.map((kind) => layers.map((layer) => average(found.get(JSON.stringify([layer, kind])) ?? [])));
  const rows = Math.max(0, ...meetings.map((one) => one.rows ?? 0));
  return { layers, kinds, cells, rows, ...(average(meetings) ?? { cosine: 0, opposite: 0 }) };
}

/** @param {Meeting[]} meetings @returns {Cell | null} */
function average(meetings) {
  if (!meetings.length) return null;
  const mean = (/** @type {"cosine" | "opposite"} */ name) =>
    meetings.reduce((sum, one) => sum + one[name], 0) / meetings.length;
  return { cosine: mean("cosine"), opposite: mean("opposite") };
}

const ALIKE = 0.3;
const AGAINST = -0.1;

/** What a picture shows, in two sentences. @param {Cell} mean */
export function sayMeeting({ cosine, opposite }) {
  const lie =
    cosine > ALIKE
      ? "The changes point much the same way, so an average keeps them and a sum doubles what they share."
      : cosine < AGAINST
        ? "The changes point against each other: merged, each undoes a part of the other."
        : "The changes hardly overlap, so they can be added; each still disturbs the other a little.";
  const share = Math.round(opposite * 100);
  const signs = `the signs differ in ${share} % of the numbers that both change (chance is 50 %)`;
  return `${lie} Cosine ${cosine.toFixed(2)}; ${signs}.`;
}

/**
 * How a made merge is kept, in a sentence.
 * @param {{result: string, rank: number | null, explained: number | null}} made
 */
export function sayResult({ result, rank, explained }) {
  if (result === "full") return "A whole model.";
  if (explained === null) return `An adapter of rank ${rank}: the sum, exactly.`;
  return `An adapter of rank ${rank} that keeps ${(explained * 100).toFixed(1)} % of the merged changes.`;
}

/** @typedef {{value: number, low: number | null, high: number | null}} Bounds
 * @typedef {Bounds & {checkpoint: string, title: string, metric: string}} Value
 * @typedef {{title: string, n: number, values: Value[]}} Task */

/** The scale with the best mean over all tasks. @param {number[]} scales @param {Task[]} tasks */
export function bestScale(scales, tasks) {
  const means = scales.map((_, place) => tasks.reduce((sum, task) => sum + task.values[place].value, 0) / tasks.length);
  return scales[means.indexOf(Math.max(...means))];
}

/** "82 (67 to 91)" @param {Value | undefined} value */
export function sayValue(value) {
  if (!value) return "–";
  const bounds =
    value.low === null || value.high === null ? "" : ` (${value.low.toFixed(0)} to ${value.high.toFixed(0)})`;
  return value.value.toFixed(0) + bounds;
}
