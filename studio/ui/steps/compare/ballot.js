// @ts-check
// The vote on answers side by side: one click for two of them, a ranking by clicking the best first for more.

import { h, put } from "../../frame/elements.js";

/** @typedef {(number | null)[]} Ranks of each column: 1 is best, equals are about the same, null is not said */

export const LETTERS = "ABCD";
const PLACES = ["1st", "2nd", "3rd", "4th"];
const TWO = ["Base is better", "Tuned is better"];

/**
 * The ranks that clicks say: the best first; the last one left needs no click.
 * @param {number[]} order the columns that were clicked
 * @param {number} count of all columns
 * @returns {Ranks}
 */
export function rank(order, count) {
  const left = [...Array(count).keys()].filter((place) => !order.includes(place));
  const whole = left.length === 1 ? [...order, ...left] : order;
  return [...Array(count).keys()].map((place) => (whole.includes(place) ? whole.indexOf(place) + 1 : null));
}

/**
 * The clicks after one more: on a column that was clicked it takes that one back; once all is said it begins anew.
 * @param {number[]} order
 * @param {number} place
 * @param {number} count
 */
export function click(order, place, count) {
  if (order.length >= count - 1) return [place];
  return order.includes(place) ? order.filter((other) => other !== place) : [...order, place];
}

/**
 * The ballot: `open` shows it for columns, `vote` is told the ranks after each click, whether one was taken back, and
 * whether all answers are bad. The letter of an answer chooses it, T is a tie, X is all bad.
 * @param {(ranks: Ranks, takesBack: boolean, allBad: boolean) => void} vote
 */
export function makeBallot(vote) {
  /** @type {number[]} */
  let order = [];
  /** @type {number[]} */
  let shown = []; // columns in the order in which they are
  let same = false;
  let bad = false;
  let named = true;
  const box = h("div", { class: "acts ballot", role: "group", "aria-label": "Which answer is better?", hidden: true });

  /**
   * @param {number[]} columns as they are, from the left
   * @param {boolean} lettered whether they are told apart by letters
   */
  function open(columns, lettered) {
    [order, shown, same, bad, named] = [[], columns, false, false, !lettered];
    const count = columns.length;
    const choices = columns.map((place, at) => {
      const text = named ? TWO[place] : count === 2 ? `${LETTERS[at]} is better` : LETTERS[at];
      const name = count === 2 ? ["base", "tuned"][place] : LETTERS[at];
      return button(text, name, place, () => (order = click(order, place, count)));
    });
    const even = button(count === 2 ? "About the same" : "All about the same", "same", null, () => (same = true));
    if (count === 2) choices.splice(1, 0, even);
    else choices.push(even);
    choices.push(button(count === 2 ? "Both bad" : "All bad", "bad", null, () => (bad = true)));
    box.replaceChildren(...(count === 2 ? [] : [h("span", { class: "hint" }, "Best first:")]), ...choices);
    box.hidden = false;
    draw();
  }

  /** @param {string} text @param {string} name @param {number | null} place @param {() => void} act */
  function button(text, name, place, act) {
    const onclick = () => {
      const before = order;
      [same, bad] = [false, false];
      if (shown.length === 2) order = [];
      act();
      if (same || bad) order = [];
      draw();
      const takesBack = before.some((other) => !order.includes(other));
      vote(same || bad ? shown.map(() => 1) : rank(order, shown.length), takesBack, bad);
    };
    const attributes = { type: "button", class: "btn small", "data-vote": name, "data-text": text, onclick };
    return h("button", { ...attributes, "data-place": place }, text);
  }

  function draw() {
    const ranks = rank(order, shown.length);
    for (const one of box.querySelectorAll("button")) {
      const place = one.dataset.place === undefined ? null : Number(one.dataset.place);
      const at = place === null ? null : ranks[place];
      const even = one.dataset.vote === "bad" ? bad : same;
      const pressed = place === null ? even : shown.length === 2 ? at === 1 : at !== null;
      one.setAttribute("aria-pressed", String(pressed));
      put(one, shown.length > 2 && at ? `${one.dataset.text}: ${PLACES[at - 1]}` : one.dataset.text);
    }
  }

  function close() {
    box.hidden = true;
  }

  /** A letter chooses, unless somebody writes. @param {KeyboardEvent} pressed */
  function press(pressed) {
    const at = pressed.target instanceof Element ? pressed.target : null;
    if (box.hidden || !box.offsetParent || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    if (at?.closest("input, textarea, select, [contenteditable]")) return;
    const letter = pressed.key.toUpperCase();
    const place = LETTERS.indexOf(letter);
    const name = { T: "same", X: "bad" }[letter];
    const column = place >= 0 && place < shown.length;
    const wanted = column ? `[data-place="${shown[place]}"]` : name && `[data-vote="${name}"]`;
    const chosen = wanted ? box.querySelector(wanted) : null;
    if (chosen instanceof HTMLButtonElement) chosen.click();
  }
  document.addEventListener("keydown", press);

  return { box, open, close };
}
