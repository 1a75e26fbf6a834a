// @ts-check
// The form of a reward model: a prompt and two answers, and the number that the model gives each. Pairs of the test set
// come one at a time; anything typed is judged as well.

import { studio } from "../../frame/draft.js";
import { announce, find, h, put } from "../../frame/elements.js";

const SILENT = "The studio did not answer. Try again.";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const form = find(element, ".judge");
  let looking = 0;
  let index = 0;

  /** @param {string} id @param {string} label */
  const box = (id, label) => {
    const text = h("textarea", { id, rows: 2, spellcheck: "false", maxlength: 20000 });
    const score = h("output", { class: "judge-score num", for: id });
    const row = h("div", { class: "judge-row" }, h("label", { class: "ask-label", for: id }, label), score, text);
    text.addEventListener("input", () => put(score, ""));
    return { text, score, row };
  };
  const title = h("h2", {});
  const asked = box("judge-prompt", "Prompt");
  const answers = [box("judge-first", "One answer"), box("judge-second", "Another answer")];
  const said = h("p", { class: "hint", role: "status" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const score = h("button", { type: "submit", class: "btn primary", "data-act": "judge" }, "Score them");
  const next = { type: "button", class: "btn", "data-act": "other", onclick: () => look(index + 1) };
  const other = h("button", next, "Next pair of the test set");
  form.append(
    title,
    h("p", { class: "hint" },
      "It writes no answers: it says how good one is. Only the difference of two numbers means something."),
    asked.row,
    ...answers.map((one) => one.row),
    h("div", { class: "acts" }, score, other),
    said,
    problem,
  );
  asked.text.addEventListener("input", () => answers.forEach((one) => put(one.score, "")));
  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    judge();
  });
  studio.onDraft((draft, before) => {
    if (draft.step === "compare" && (!before || before.step !== "compare" || before.run !== draft.run)) look(0);
  });
  look(0);

  /** @param {number} wanted */
  async function look(wanted) {
    const run = studio.draft.run;
    const turn = ++looking;
    const found = run && studio.draft.step === "compare" ? await server.look_at_judge({ run, index: wanted }) : null;
    if (turn !== looking) return;
    form.hidden = !found?.judges;
    if (form.hidden) return;
    index = found.index;
    form.dataset.state = found.steps.length ? "ready" : "waiting";
    put(title, `${found.name} judges`);
    score.disabled = other.disabled = !found.steps.length;
    put(said, found.steps.length ? "" : "You can try it after its first checkpoint.");
    put(problem, "");
    if (found.pair) fill([found.pair.prompt, ...found.pair.answers]);
  }

  /** @param {string[]} texts */
  function fill(texts) {
    [asked, ...answers].forEach((one, place) => {
      one.text.value = texts[place] ?? "";
      put(one.score, "");
    });
  }

  async function judge() {
    const written = answers.filter((one) => one.text.value.trim());
    const { run, checkpoint } = studio.draft;
    put(problem, "");
    form.dataset.state = "asking";
    score.disabled = true;
    const given = { run, step: checkpoint, prompt: asked.text.value, answers: written.map((one) => one.text.value) };
    const found = await server.judge(given);
    score.disabled = false;
    form.dataset.state = "ready";
    if (!found?.scores) return put(problem, found?.error ?? SILENT);
    written.forEach((one, place) => put(one.score, sayScore(found.scores[place])));
    announce(written.map((one) => one.score.textContent).join(", "));
  }
}

/** @param {number | null} value */
function sayScore(value) {
  return value === null ? "too long" : `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(2)}`;
}
