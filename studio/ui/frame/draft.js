// @ts-check
// The draft in the browser: which step, run and checkpoint, and the recipe as chosen so far. Truth lives here.
//
// It is written to the address (a link is the whole state), to localStorage (the next visit continues) and to the
// hidden component #draft (Python's handlers get it). Python asks for changes by a patch (#draft-patch); it never
// overwrites a draft that went on meanwhile. Knows no page.

import { findEarly, keepDraft, readKept, readStep, writeQuery } from "./address.js";
import { change, copy, get, isOfTask, isPlain, isSame, keyOf, set } from "./patch.js";
import { isPlace, signals } from "./steps.js";

/** @typedef {import("./address.js").Draft} Draft */
/** @typedef {(now: Draft, before: Draft | null) => void} Listener */

const PAUSE = 100;
/** @type {Set<Listener>} */
const listeners = new Set();
/** @type {{props: {value: Draft}, trigger: (name: string) => void} | null} */
let box = null; // the hidden component
/** @type {Record<string, string | null>} */
const fired = {}; // signal -> what it was last fired for
/** @type {Record<string, any>} */
const remembered = {}; // method -> its settings, for when it is chosen again
/** @type {Record<string, number>} */
const later = {};
/** @type {((draft: Draft) => Draft)[]} what a person did before the recipe was there: done again on what opens */
const early = [];
let weighed = 0; // when the recipe last changed
let writing = 0;
let pushing = false;
let opens = () => {};
/** @type {Promise<void>} */
const opened = new Promise((resolve) => {
  opens = resolve;
});
/** @type {(moved: boolean) => void} */
let show = () => {};

const isUnfolded = (/** @type {string} */ id) =>
  /** @type {HTMLDetailsElement | null} */ (document.getElementById(id))?.open ?? false;

/** Fire each signal whose subject changed; what is hidden costs nothing. */
function signal() {
  if (!box || !studio.isOpen) return;
  const { trigger } = box;
  for (const one of signals) {
    const now = keyOf(one, studio.draft, isUnfolded);
    if (now === undefined || now === fired[one.name]) continue;
    const isFirst = fired[one.name] === undefined;
    fired[one.name] = now;
    clearTimeout(later[one.name]);
    if (one.waits) document.getElementById(one.waits)?.setAttribute("data-state", "waiting");
    // a slider that is dragged asks at once and where it rests, not sixty times a second
    const isDragged = one.name === "recipe_changed" && !isFirst && performance.now() - weighed < PAUSE;
    if (one.name === "recipe_changed") weighed = performance.now();
    if (isDragged) later[one.name] = window.setTimeout(() => trigger(one.name), 20);
    else trigger(one.name);
  }
}

/** @param {Draft} draft @param {boolean} push */
function write(draft, push) {
  const url = location.pathname + writeQuery(location.search, draft) + location.hash;
  if (push) history.pushState({ step: draft.step }, "", url);
  else history.replaceState({ step: draft.step }, "", url);
}

/** @param {boolean} push @param {Draft | null} [before] what was shown before */
function keep(push, before = null) {
  if (!studio.isOpen) return;
  if (push && writing && !pushing && before) write(before, false); // not written yet, and the way back leads there
  pushing = pushing || push;
  clearTimeout(writing);
  writing = window.setTimeout(
    () => {
      writing = 0;
      write(studio.draft, pushing);
      pushing = false;
      keepDraft(studio.draft);
    },
    push ? 0 : 150,
  );
}

/** @param {Draft} next @param {Draft | null} before @param {boolean} moved @param {boolean} push */
function become(next, before, moved, push) {
  studio.draft = next;
  if (box) box.props.value = copy(next);
  show(moved);
  keep(push, before);
  for (const listener of listeners) listener(next, before);
  signal();
}

/**
 * What a person did, done to the draft; before the recipe is there it is done to what opens, too.
 * @param {(draft: Draft) => Draft} act
 * @param {boolean} [push] undefined: where it leads to another step
 */
function move(act, push) {
  const before = studio.draft;
  if (!studio.isOpen) early.push(act);
  if (isPlain(before.recipe.method)) remembered[before.recipe.method.name] = before.recipe.method;
  const next = act(before);
  if (isSame(before, next)) return before;
  const moved = before.step !== next.step;
  become(next, before, moved, push ?? moved);
  return next;
}

export const studio = {
  /** @type {Draft} */
  draft: { step: findEarly(location.search, readKept()), run: null, checkpoint: null, recipe: {} },
  isOpen: false,
  /** Comes when the recipe is there: who clicks sooner waits for it. */
  opened,

  /**
   * Change the draft by a patch, or the recipe as a whole.
   * @param {Record<string, any>} patch
   * @param {{whole?: boolean, push?: boolean}} [how] push: the way back leads to where one was
   */
  setDraft: (patch, { whole = false, push = false } = {}) =>
    move((draft) => change(draft, patch, { whole, remembered, isPlace }), push || undefined),

  /** Be told of every change; returns what ends that. @param {Listener} listener */
  onDraft(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },

  /** A task was imported or changed: it is chosen, and drawn again even if its name was chosen before. */
  useTask(/** @type {string} */ task_id, patch = { recipe: { task_id, task_version: /** @type {any} */ (null) } }) {
    for (const one of signals) if (isOfTask(one) && one.name in fired) fired[one.name] = null;
    studio.setDraft(patch);
    signal();
  },

  /** Go to a step. @param {string} step */
  go: (step) => studio.setDraft({ step }, { push: true }),
  /** What the recipe says at a path. @param {string} path */
  get: (path) => get(studio.draft.recipe, path),
  /** @param {string} path @param {unknown} value */
  set: (path, value) =>
    move((draft) => change(draft, { recipe: set(draft.recipe, path, value) }, { whole: true, isPlace })),
  /** Something of the page was unfolded: what it shows may be wanted now. */
  look: () => signal(),
  /** The same recipe, weighed again after so many milliseconds: once, however often that is asked meanwhile. */
  reckon(wait = 0) {
    clearTimeout(later.reckon);
    later.reckon = window.setTimeout(() => box?.trigger("recipe_changed"), wait);
  },
};

addEventListener("popstate", () => {
  const step = readStep(location.search);
  if (step) move((draft) => ({ ...draft, step }), false);
});

/** Let `shower` show which step one is at, whenever that is to be shown again. @param {typeof show} shower */
export function onShow(shower) {
  show = shower;
}

/** The hidden component came. @param {NonNullable<typeof box>} parts */
export function attachDraft(parts) {
  box = parts;
  if (!studio.isOpen) return;
  box.props.value = copy(studio.draft);
  signal();
}

/**
 * Open with what Python read of the address, once, and with what was done on the page meanwhile.
 * @param {Draft} read
 */
export function openDraft({ step, run, checkpoint, recipe, card }) {
  if (studio.isOpen) return;
  studio.isOpen = true;
  /** @type {Draft} */
  const opened = { step, run, checkpoint, recipe: copy(recipe), ...(card ? { card } : {}) };
  const now = early.splice(0).reduce((draft, act) => act(draft), opened);
  const moved = now.step !== opened.step;
  if (moved) write(opened, false); // the way back leads to it
  become(now, null, false, moved);
  opens();
}

/** Do what a handler asks for. @param {any} patch */
export function takePatch(patch) {
  if (!isPlain(patch)) return;
  if (patch.open) openDraft(/** @type {Draft} */ (patch.open));
  else if (patch.recipe?.task_id && patch.whole !== true)
    studio.useTask(patch.recipe.task_id, /** @type {any} */ (patch));
  else studio.setDraft(patch, { whole: patch.whole === true });
}
