// @ts-check
// Which columns the table of runs has, and in which order its rows stand. Pure.

/**
 * @typedef {object} Row
 * @property {string} run
 * @property {string} name
 * @property {string} own_name
 * @property {string} note
 * @property {string[]} tags
 * @property {string} status
 * @property {number} step
 * @property {number} created seconds since 1970
 * @property {number | null} value
 * @property {{value: number, said: string, between: string, metric: string} | null} score on test, of the best
 * @property {number | null} forgetting in nats a token
 * @property {number | null} seconds
 * @property {number | null} watt_hours what the computer drew meanwhile, null where it can't be measured
 * @property {string} cost in words: how long each attempt took, what drew how much
 * @property {Record<string, string>} settings
 */

const FIXED = ["Run", "Status", "Result", "Score", "Forgetting", "Took", "Tags"];
/** Columns that stand only where a row has something to say there. @type {Record<string, (row: Row) => boolean>} */
const TELLING = {
  Score: (row) => Boolean(row.score),
  Forgetting: (row) => typeof row.forgetting === "number",
  Tags: (row) => row.tags.length > 0,
};

/**
 * The fixed columns and the settings; of those only what differs among the rows, where that is asked for.
 * @param {Row[]} rows
 * @param {boolean} onlyDiffering
 */
export function listColumns(rows, onlyDiffering) {
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row.settings)))];
  const differs = (/** @type {string} */ title) => new Set(rows.map((row) => row.settings[title])).size > 1;
  const fixed = FIXED.filter((title) => !(title in TELLING) || rows.some(TELLING[title]));
  return [...fixed, ...(onlyDiffering && rows.length > 1 ? titles.filter(differs) : titles)];
}

/**
 * The rows in the order of a column; without one, as they came: the newest first.
 * @param {Row[]} rows
 * @param {{title: string, down: boolean}} order
 */
export function sortRows(rows, { title, down }) {
  if (!title) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((one, other) => sign * compare(valueOf(one, title), valueOf(other, title)));
}

/** @param {Row} row @param {string} title @returns {string | number} */
function valueOf(row, title) {
  if (title === "Run") return row.name;
  if (title === "Status") return row.status;
  if (title === "Result") return row.value ?? Infinity;
  if (title === "Score") return row.score?.value ?? -Infinity;
  if (title === "Forgetting") return row.forgetting ?? Infinity;
  if (title === "Took") return row.seconds ?? Infinity;
  if (title === "Tags") return row.tags.join(", ");
  const text = row.settings[title] ?? "";
  const number = Number(text.replaceAll(",", ""));
  return text !== "" && Number.isFinite(number) ? number : text;
}

/** @param {string | number} one @param {string | number} other */
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one === other ? 0 : one < other ? -1 : 1;
  return String(one).localeCompare(String(other));
}
