// @ts-check
// A list of buttons as one stop of the keyboard: Tab enters and leaves it, arrows, Home and End move in it.

import { around } from "./elements.js";

const MOVES = /** @type {Record<string, (at: number, count: number) => number>} */ ({
  ArrowDown: (at, count) => Math.min(at + 1, count - 1),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, count) => count - 1,
});

/** Let the first of the buttons be the one that Tab reaches. @param {ParentNode} root @param {string} selector */
export function beOneStop(root, selector) {
  /** @type {NodeListOf<HTMLElement>} */
  const all = root.querySelectorAll(selector);
  all.forEach((one, place) => {
    one.tabIndex = place ? -1 : 0;
  });
}

/** Let keys move among the buttons of a root. @param {HTMLElement} root @param {string} selector */
export function moveByKeys(root, selector) {
  root.addEventListener("keydown", (event) => {
    const now = around(event, selector);
    const move = MOVES[event.key];
    if (!now || !move) return;
    event.preventDefault();
    /** @type {NodeListOf<HTMLElement>} */
    const found = root.querySelectorAll(selector);
    const all = [...found];
    const next = all[move(all.indexOf(now), all.length)];
    now.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
