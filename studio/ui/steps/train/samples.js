// @ts-check
// What the model answered to a few validation prompts on its way, at the step that the scrubber is on. Fed by
// runs/run_feed.js; asks the server nothing.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { feed } from "../../runs/run_feed.js";
import { listSteps, scrub } from "./scrubber.js";

/** @typedef {import("../../runs/run.js").Sample} Sample */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element }) {
  const panel = find(element, ".samples");
  const heading = find(panel, ".samples-title");
  const list = find(panel, ".samples-list");
  const slider = find(panel, ".samples-pick");
  const back = h(
    "button",
    { type: "button", class: "btn quiet", "aria-label": "Previous answers", onclick: () => scrub.turn(-1) },
    "‹",
  );
  const on = h(
    "button",
    { type: "button", class: "btn quiet", "aria-label": "Next answers", onclick: () => scrub.turn(1) },
    "›",
  );
  slider.append(back, on);
  const WAITING = ["queued", "starting", "running"];
  /** @type {string | null} */
  let shown = null;

  feed.listen(draw);
  scrub.listen(() => draw(feed.state, "status"));
  draw(feed.state, "reset");

  /** @type {import("../../runs/run.js").Listener} */
  function draw(state) {
    const all = listSteps(state);
    const step = scrub.step;
    panel.hidden = !state.run || (!all.length && !WAITING.includes(state.status?.status ?? ""));
    panel.dataset.step = step ?? "";
    back.disabled = step === all[0];
    on.disabled = step === all.at(-1);
    slider.hidden = all.length < 2;
    const samples = step === 0 ? listBefore(state) : state.samples.filter((sample) => sample.step === step);
    const key = JSON.stringify([state.run, step, samples]);
    if (key === shown) return;
    shown = key;
    if (step === undefined) {
      put(heading, "Its answers");
      return list.replaceChildren(
        h(
          "p",
          { class: "hint" },
          "From time to time it answers a few validation prompts. They appear here, beside the base's answers.",
        ),
      );
    }
    const right = samples.filter((sample) => sample.right).length;
    put(heading, step ? `At step ${sayNumber(step)} it answered:` : "Before training it answered:");
    panel.dataset.right = right;
    list.replaceChildren(...samples.map(card));
  }

  /** What the base answered to the same prompts. @param {import("../../runs/run.js").RunState} state */
  function listBefore(state) {
    const first = state.samples[0]?.step;
    const samples = state.samples.filter((sample) => sample.step === first);
    return samples.map((sample) => ({ ...sample, step: 0, right: sample.base_right }));
  }

  /** @param {Sample} sample */
  function card(sample) {
    const tick = sample.right ? h("span", { class: "tick" }, " ✓ correct") : null;
    const worth = sayWorth(sample.worth?.tuned);
    const tuned = sample.step ? row("Tuned", sample.tuned || "(nothing)", "tuned", worth, tick) : null;
    return h(
      "dl",
      { class: `sample-answer${sample.right ? " right" : ""}` },
      row("Input", sample.input, "input"),
      row("Base", sample.base || "(nothing)", "base", sayWorth(sample.worth?.base), tuned ? null : tick),
      tuned,
      sample.right ? null : row("Expected", sample.wanted, "wanted"),
    );
  }

  /** What an answer earned, where answers are rewarded. @param {number | null | undefined} worth */
  function sayWorth(worth) {
    if (worth === null || worth === undefined) return null;
    return h("span", { class: "hint num" }, ` reward ${worth.toFixed(2)}`);
  }

  /** @param {string} label @param {string} text @param {string} kind @param {(HTMLElement | null)[]} marks */
  function row(label, text, kind, ...marks) {
    return h("div", { class: `sample-row ${kind}` }, h("dt", {}, label), h("dd", {}, text, ...marks));
  }
}
