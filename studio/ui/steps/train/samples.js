// @ts-check
// What the model answered to a few validation prompts on its way: the newest first, previous ones at hand. Fed by
// runs/run_feed.js; asks the server nothing.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { feed } from "../../runs/run_feed.js";

/** @typedef {import("../../runs/run.js").Sample} Sample */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element }) {
  const panel = find(element, ".samples");
  const heading = find(panel, ".samples-title");
  const list = find(panel, ".samples-list");
  const slider = find(panel, ".samples-pick");
  const back = h(
    "button",
    { type: "button", class: "btn quiet", "aria-label": "Previous answers", onclick: () => turn(-1) },
    "‹",
  );
  const on = h(
    "button",
    { type: "button", class: "btn quiet", "aria-label": "Next answers", onclick: () => turn(1) },
    "›",
  );
  slider.append(back, on);
  const WAITING = ["queued", "starting", "running"];
  /** The step that a person chose. @type {number | null} */
  let picked = null;
  /** @type {string | null} */
  let shown = null;

  feed.listen(draw);
  draw(feed.state, "reset");

  /** @param {import("../../runs/run.js").RunState} state */
  function steps(state) {
    return [...new Set(state.samples.map((sample) => sample.step))].sort((a, b) => a - b);
  }

  /** @param {number} by */
  function turn(by) {
    const all = steps(feed.state);
    const at = (picked === null ? all.length - 1 : all.indexOf(picked)) + by;
    picked = at >= all.length - 1 ? null : all[Math.max(0, at)]; // at the newest, follow the newest
    draw(feed.state, "status");
  }

  /** @type {import("../../runs/run.js").Listener} */
  function draw(state, change) {
    if (change === "reset") picked = null;
    const all = steps(state);
    const step = picked !== null && all.includes(picked) ? picked : all.at(-1);
    panel.hidden = !state.run || (!all.length && !WAITING.includes(state.status?.status ?? ""));
    panel.dataset.step = step ?? "";
    back.disabled = step === all[0];
    on.disabled = step === all.at(-1);
    slider.hidden = all.length < 2;
    const samples = state.samples.filter((sample) => sample.step === step);
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
    put(heading, `At step ${sayNumber(step)} it answered:`);
    panel.dataset.right = right;
    list.replaceChildren(...samples.map(card));
  }

  /** @param {Sample} sample */
  function card(sample) {
    const wrong = sample.right ? null : row("Expected", sample.wanted, "wanted");
    return h(
      "dl",
      { class: `sample-answer${sample.right ? " right" : ""}` },
      row("Input", sample.input, "input"),
      row("Base", sample.base || "(nothing)", "base", sayWorth(sample.worth?.base)),
      row(
        "Tuned",
        sample.tuned || "(nothing)",
        "tuned",
        sayWorth(sample.worth?.tuned),
        sample.right ? h("span", { class: "tick" }, " ✓ correct") : null,
      ),
      wrong,
    );
  }

  /** What an answer earned, where answers are rewarded. @param {number | null | undefined} worth */
  function sayWorth(worth) {
    return worth === null || worth === undefined ? null : h("span", { class: "hint num" }, ` reward ${worth.toFixed(2)}`);
  }

  /** @param {string} label @param {string} text @param {string} kind @param {(HTMLElement | null)[]} marks */
  function row(label, text, kind, ...marks) {
    return h("div", { class: `sample-row ${kind}` }, h("dt", {}, label), h("dd", {}, text, ...marks));
  }
}
