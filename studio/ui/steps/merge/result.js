// @ts-check
// What a merge came to: its progress, how it is kept, its scores beside its parents', the curve over the scale, and
// what it answers beside them. From here it is taken away, too.

import { studio } from "../../frame/draft.js";
import { h, put } from "../../frame/elements.js";
import { drawForms } from "../compare/away_forms.js";
import { makeAsk } from "./ask.js";
import { bestScale, makeOrder, sayResult } from "./order.js";
import { drawCurve, drawMeetings, drawScores } from "./pictures.js";

const PAUSE = 1200;
const SILENT = "The studio did not answer. Try again.";

/**
 * @param {HTMLElement} box
 * @param {Record<string, (asked: any) => Promise<any>>} server
 * @param {() => import("./order.js").State} state what is chosen now
 * @param {(scale: number) => void} setWeights
 */
export function makeResult(box, server, state, setWeights) {
  let shown = "";
  let turn = 0;

  function clear() {
    box.hidden = true;
    box.replaceChildren();
    shown = "";
    turn += 1;
  }

  /** @param {any} told what the server says of the work */
  function show(told) {
    box.hidden = false;
    if (told?.made && told.made.model === shown) return;
    shown = told?.made?.model ?? "";
    if (shown) drawMade(told.made);
    else drawProgress(told);
  }

  /** @param {any} told */
  function drawProgress(told) {
    const said = !told
      ? SILENT
      : told.error
        ? told.error
        : told.position
          ? `Number ${told.position} in the queue …`
          : told.step && told.of
            ? `Merging weight ${told.step} of ${told.of} …`
            : (told.phase ?? `The merge is ${told.status}.`);
    const share = told?.of ? (100 * told.step) / told.of : 0;
    const fill = h("i", { style: `width: ${share}%` });
    const failed = Boolean(told?.error);
    box.replaceChildren(
      h("h2", {}, "The merge"),
      h("p", failed ? { class: "error-line", role: "alert" } : { role: "status" }, said),
      failed ? h("span", {}) : h("div", { class: "bar", role: "progressbar", "aria-label": "Progress" }, fill),
    );
  }

  /** @param {any} made */
  function drawMade(made) {
    const scores = h("div", { class: "stack merge-scored", "data-state": "none" });
    const curve = h("div", { class: "stack merge-scales", "data-state": "none" });
    const tune = () => studio.setDraft({ step: "data", recipe: { model: made.model } }, { push: true });
    box.replaceChildren(
      h("h2", {}, made.name),
      h("p", {}, [sayResult(made), made.cost].filter(Boolean).join(" ")),
      h(
        "div",
        { class: "acts" },
        act("scores", "Score it beside its parents", () => measure(scores, "look_at_scores", made)),
        act("scales", "Try other scales", () => measure(curve, "look_at_curve", made)),
        h("button", { type: "button", class: "btn", onclick: tune }, "Tune it further"),
      ),
      scores,
      curve,
      ...(made.asks.length ? [drawAsk(made)] : []),
      drawTakeAway(made),
      h(
        "details",
        { class: "more" },
        h("summary", {}, "How the changes lay to each other"),
        drawMeetings(made.meetings),
      ),
    );
  }

  /** @param {string} name @param {string} text @param {() => void} onclick */
  const act = (name, text, onclick) => h("button", { type: "button", class: "btn", "data-act": name, onclick }, text);

  // ---- scores and the curve: asked again until all is measured ----
  /** @param {HTMLElement} place @param {string} name @param {any} made */
  async function measure(place, name, made) {
    const mine = turn;
    const { name: _, ...order } = makeOrder(state());
    const asked = { merge: made.model, order, name: `${made.name}`.slice(0, 40) };
    for (;;) {
      const told = await server[name]({ ...asked, start: true }).catch(() => null);
      if (mine !== turn) return;
      if (!told || told.error) {
        place.dataset.state = "failed";
        return place.replaceChildren(h("p", { class: "error-line", role: "alert" }, told?.error ?? SILENT));
      }
      place.dataset.state = told.done ? "done" : "measuring";
      if (told.done) return place.replaceChildren(...drawMeasured(name, told, made));
      place.replaceChildren(h("p", { role: "status" }, told.text));
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      if (studio.draft.step !== "merge") return;
    }
  }

  /** @param {string} name @param {any} told @param {any} made */
  function drawMeasured(name, told, made) {
    if (!told.tasks.length) return [h("p", {}, "Its parents' tasks are not here any more, so nothing can be scored.")];
    if (name === "look_at_scores")
      return [h("h3", {}, "On the test sets, with 95 % intervals"), drawScores(told.tasks, made.model)];
    const best = bestScale(told.scales, told.tasks);
    return [
      h("h3", {}, "On validation, all weights times a scale"),
      drawCurve(told.scales, told.tasks),
      h(
        "p",
        {},
        `The best mean is at × ${best}. Far above it, every task breaks. `,
        best === 1
          ? null
          : h("button", { type: "button", class: "btn small", onclick: () => setWeights(best) }, `Take × ${best}`),
      ),
    ];
  }

  // ---- asking, and taking away ----
  /** @param {any} made */
  function drawAsk(made) {
    const fetchAnswers = (/** @type {any} */ asked) => {
      const others = made.asks.filter((/** @type {any} */ one) => one.parent !== asked.parent);
      const beside = [made.model, ...others.slice(0, 1).map((/** @type {any} */ one) => one.parent)];
      return server.ask_all({ ...asked, beside });
    };
    return makeAsk("merge", "Ask them all", made.asks, fetchAnswers, false).element;
  }

  /** @param {any} made */
  function drawTakeAway(made) {
    const list = h("ul", { class: "away-forms" });
    const problem = h("p", { class: "error-line", role: "alert" });
    const fill = async () => {
      if (!folded.open || list.childElementCount) return;
      const told = await server.list_forms({ model: made.model }).catch(() => null);
      list.replaceChildren(...drawForms(server, made.model, told));
      put(problem, told?.forms ? "" : (told?.error ?? SILENT));
    };
    const head = h("summary", {}, "Take it away");
    const folded = h("details", { class: "more merge-away", ontoggle: fill }, head, list, problem);
    return folded;
  }

  return { show, clear };
}
