// @ts-check
// Trying the weights: while the sliders move, the base, a parent and the sum at these weights answer one prompt.

import { h } from "../../frame/elements.js";
import { makeAsk } from "./ask.js";
import { makeOrder } from "./order.js";

const PAUSE = 250;

/**
 * @param {HTMLElement} box
 * @param {Record<string, (asked: any) => Promise<any>>} server
 * @param {() => import("./order.js").State} state what is chosen now
 */
export function makeTrying(box, server, state) {
  let timer = 0;
  let drawn = "";
  /** @type {() => void} */
  let ask = () => {};

  /** Draw it for these parents; nothing is asked before somebody moves a slider. @param {any[]} parents */
  function show(parents) {
    const asks = parents
      .filter((parent) => parent.prompt && !parent.error)
      .map((parent) => ({ parent: parent.model, title: parent.title, prompt: parent.prompt }));
    box.hidden = !asks.length || parents.some((parent) => parent.error);
    const wanted = JSON.stringify(asks);
    if (box.hidden || wanted === drawn) return;
    drawn = wanted;
    const fetchAnswers = (/** @type {any} */ asked) => server.try_weights({ ...asked, order: makeOrder(state()) });
    const made = makeAsk("merge-try", "Try the weights", asks, fetchAnswers, true);
    ({ ask } = made);
    const hint = "Move a slider above: the mix answers this prompt at once, before anything is merged.";
    box.replaceChildren(made.element, h("p", { class: "hint" }, hint));
  }

  /** The weights or the way are others now. */
  function change() {
    clearTimeout(timer);
    if (!box.hidden) timer = window.setTimeout(() => ask(), PAUSE);
  }

  return { show, change };
}
