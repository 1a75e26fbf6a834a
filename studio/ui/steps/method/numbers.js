// @ts-check
// The numbers of a recipe, drawn by the server; how many train at another rank, and how large the saved file is, is
// told at once, without a trip.
//
// Where each further rank adds the same, the server says what (counted on the real model): what is told of it is what
// the server's own answer says a moment later. Told only of the recipe that was counted, but for its rank.

import { studio } from "../../frame/draft.js";
import { isPlain } from "../../frame/patch.js";
import { sayNumber, sayPercent, saySize, sayTotal } from "../../frame/words.js";
import { mount as mountPanel } from "../../widgets/panel.js";

const USUAL = 8;
const MOST = 256;

/**
 * @typedef {{trainable: number, saved_bytes: number}} Each
 * @typedef {{recipe: any, each: Each, trainable: number, base: number, total: number, saved_bytes: number}} Told
 */

const inOrder = (/** @type {string} */ _, /** @type {any} */ value) =>
  isPlain(value) ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))) : value;
/** What a recipe says but for its rank, in one way. @param {any} recipe */
const keyOf = (recipe) => JSON.stringify({ ...recipe, method: { ...recipe.method, rank: 0 } }, inOrder);

/**
 * What trains and is saved at the rank of a recipe; null where that can't be told of what was counted.
 * @param {Told} told
 * @param {any} now the recipe as it is chosen now
 */
export function tell({ recipe, each, trainable, base, total, saved_bytes }, now) {
  const [before, rank] = [recipe.method?.rank ?? USUAL, now.method?.rank ?? USUAL];
  if (keyOf(recipe) !== keyOf(now) || !Number.isInteger(rank) || rank < 1 || rank > MOST) return null;
  const added = each.trainable * (rank - before);
  const percent = (100 * (trainable + added)) / (total + added);
  return {
    trainable: sayNumber(trainable + added),
    total: sayTotal(base, total + added),
    percent: sayPercent(percent),
    share: percent,
    size: saySize(saved_bytes + each.saved_bytes * (rank - before)),
  };
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount(parts) {
  const { element, watch } = parts;
  mountPanel(parts);
  watch("value", follow);
  studio.onDraft(follow);

  function follow() {
    const [holder] = element.querySelectorAll("[data-ranks]");
    if (!(holder instanceof HTMLElement)) return;
    const told = tell(JSON.parse(holder.dataset.ranks ?? ""), studio.draft.recipe);
    if (!told) return;
    for (const place of document.querySelectorAll("[data-count]")) show(/** @type {HTMLElement} */ (place), told);
  }
}

/** @param {HTMLElement} place @param {Record<string, string | number>} told */
function show(place, told) {
  const { count = "" } = place.dataset;
  if (count === "share") place.style.width = `${Number(told[count]).toFixed(3)}%`;
  else if (place.textContent !== told[count]) place.textContent = String(told[count]);
}
