// @ts-check
// How a draft is written into an address and what an address says at once; frame/draft.py reads the rest.

import { firstStep, isPlace } from "./steps.js";

/**
 * @typedef {{step: string, run: string | null, checkpoint: number | null, recipe: Record<string, any>,
 *   card?: number}} Draft
 * `card`: the graphics card that is planned for, in gigabytes; none for this computer
 */

const KEPT = "fine-tuning-studio.draft";
const LONGEST = 20000;

/**
 * The query of a link that opens `draft`; what else is in `search` stays. The same as write_query of draft.py.
 * @param {string} search
 * @param {Draft} draft
 */
export function writeQuery(search, draft) {
  const query = new URLSearchParams(search);
  query.delete("task"); // of a short link: it is in the recipe now
  query.set("step", draft.step);
  if (draft.run) query.set("run", draft.run);
  else query.delete("run");
  if (draft.checkpoint === null) query.delete("checkpoint");
  else query.set("checkpoint", String(draft.checkpoint));
  if (draft.card) query.set("card", String(draft.card));
  else query.delete("card");
  query.set("recipe", JSON.stringify(draft.recipe));
  return `?${query}`;
}

/** The step that an address names, null for none that there is. @param {string} search */
export function readStep(search) {
  const step = new URLSearchParams(search).get("step");
  return isPlace(step) ? step : null;
}

/**
 * The step to show before the server has read the rest: the address's, else the kept one, else the first.
 * @param {string} search
 * @param {string | null} kept what this browser kept: a draft as JSON
 */
export function findEarly(search, kept) {
  const asked = readStep(search);
  if (asked || search.includes("run=")) return asked ?? firstStep();
  try {
    const step = JSON.parse(kept ?? "null")?.step;
    return isPlace(step) ? step : firstStep();
  } catch {
    return firstStep();
  }
}

/** What this browser kept of the last visit. */
export function readKept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // a private window
  }
}

/** @param {Draft} draft */
export function keepDraft(draft) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(draft));
  } catch {
    /* a private window: the address is enough */
  }
}

/** What a visit begins with, for Python's read_address: the address and what was kept. */
export function found() {
  return { search: location.search.slice(0, LONGEST), kept: readKept()?.slice(0, LONGEST) ?? null };
}
