// @ts-check
// Pure rules of the draft: how a patch changes it, and when a signal is due. Knows no page.

/** @typedef {import("./address.js").Draft} Draft */
/** @typedef {import("./steps.js").Signal} Signal */

/** @param {any} value @returns {value is Record<string, any>} */
export const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/** @template T @param {T} value @returns {T} */
export const copy = (value) => JSON.parse(JSON.stringify(value));
/** @param {unknown} one @param {unknown} other */
export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Lay `patch` over `into`. Another method or preset replaces the old one whole; undefined deletes.
 * @param {Record<string, any>} into
 * @param {Record<string, any>} patch
 */
export function merge(into, patch) {
  for (const [key, value] of Object.entries(patch)) {
    if (key === "__proto__" || key === "constructor") continue;
    const old = into[key];
    const inner =
      isPlain(value) && isPlain(old) && !("preset" in value) && !("name" in value && value.name !== old.name);
    if (value === undefined) delete into[key];
    else if (inner) merge(old, value);
    else into[key] = isPlain(value) ? copy(value) : value;
  }
  return into;
}

/**
 * The draft after a patch. `remembered` are the settings that each method had when it was left.
 * @param {Draft} before
 * @param {Record<string, any>} patch
 * @param {{whole?: boolean, remembered?: Record<string, any>, isPlace?: (name: unknown) => boolean}} how
 * @returns {Draft}
 */
export function change(before, patch, { whole = false, remembered = {}, isPlace = () => true } = {}) {
  const next = copy(before);
  if (isPlace(patch.step)) next.step = patch.step ?? next.step;
  if ("run" in patch) next.run = typeof patch.run === "string" && patch.run ? patch.run : null;
  if ("checkpoint" in patch || next.run !== before.run)
    next.checkpoint = Number.isSafeInteger(patch.checkpoint) ? patch.checkpoint : null;
  if ("card" in patch) {
    delete next.card;
    if (Number.isSafeInteger(patch.card)) next.card = patch.card;
  }
  const named = !whole && patch.recipe?.method?.name;
  if (named && named !== before.recipe.method?.name && remembered[named])
    next.recipe.method = copy(remembered[named]);
  if (isPlain(patch.recipe)) next.recipe = whole ? copy(patch.recipe) : merge(next.recipe, patch.recipe);
  for (const [key, value] of Object.entries(next.recipe)) if (value === null) delete next.recipe[key]; // nothing chosen
  return next;
}

/**
 * What is at a path such as "recipe.method.rank", undefined for nothing.
 * @param {any} value
 * @param {string} path
 */
export function get(value, path) {
  return path.split(".").reduce((at, part) => (at === null || at === undefined ? undefined : at[part]), value);
}

/**
 * A copy of the recipe with a value at a path; undefined takes it away.
 * @param {Record<string, any>} recipe
 * @param {string} path
 * @param {unknown} value
 */
export function set(recipe, path, value) {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  const next = copy(recipe);
  let at = next;
  for (const part of parts) at = at[part] = isPlain(at[part]) || Array.isArray(at[part]) ? at[part] : {};
  if (value === undefined) delete at[last];
  else at[last] = value;
  return next;
}

/**
 * What a signal depends on, as a text: it is due when this is another one. undefined while it can't be seen.
 * @param {Signal} signal
 * @param {Draft} draft
 * @param {(id: string) => boolean} isOpen whether a <details> is unfolded
 */
export function keyOf(signal, draft, isOpen) {
  if (signal.step && signal.step !== draft.step) return undefined;
  if (signal.unfolded && !isOpen(signal.unfolded)) return undefined;
  return JSON.stringify(signal.about.map((path) => get(draft, path) ?? null));
}

/** Whether a signal is about the task that is chosen. @param {Signal} signal */
export const isOfTask = (signal) => signal.about.some((path) => path === "recipe.task_id" || path === "recipe");

/**
 * Whether `have` holds all of `want`; a list wants one of its members, or where there is a list, one like it.
 * @param {any} have
 * @param {any} want
 * @returns {boolean}
 */
export function holds(have, want) {
  if (Array.isArray(want) && Array.isArray(have))
    return have.length === want.length && want.every((one, place) => holds(have[place], one));
  if (Array.isArray(want)) return want.some((one) => holds(have, one));
  if (want === null) return have === null || have === undefined; // nothing chosen
  if (!isPlain(want)) return have === want;
  return isPlain(have) && Object.entries(want).every(([key, value]) => holds(have[key], value));
}
