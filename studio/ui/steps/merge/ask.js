// @ts-check
// A question to several models at once: in whose task it is asked, the prompt, and what each of them answers.

import { h, put } from "../../frame/elements.js";

const SILENT = "The studio did not answer. Try again.";

/**
 * @typedef {{parent: string, title: string, prompt: string}} Ask
 * @param {string} id what the ids of its inputs begin with
 * @param {string} title
 * @param {Ask[]} asks at least one
 * @param {(asked: {parent: string, prompt: string}) => Promise<any>} fetchAnswers
 * @param {boolean} isLive whether it asks again when it is told to, instead of by a button
 */
export function makeAsk(id, title, asks, fetchAnswers, isLive) {
  const who = h(
    "select",
    { id: `${id}-as` },
    asks.map((one) => h("option", { value: one.parent }, one.title)),
  );
  const prompt = h("textarea", { id: `${id}-prompt`, rows: 2, maxlength: 20000, spellcheck: "false" });
  const answers = h("dl", { class: "merge-answers", "data-state": "none", "aria-live": "polite" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const button = h("button", { type: "button", class: "btn", "data-act": "ask", onclick: ask }, "Ask");
  let [isAsking, isAskedAgain] = [false, false];
  prompt.value = asks[0].prompt;
  who.addEventListener("change", () => {
    prompt.value = asks[who.selectedIndex].prompt;
    if (isLive) ask();
  });
  if (isLive) prompt.addEventListener("change", ask);

  /** Ask; where it is being asked already, ask again once that is answered, and only once. */
  async function ask() {
    isAskedAgain = true;
    if (isAsking) return;
    isAsking = true;
    while (isAskedAgain) {
      isAskedAgain = false;
      answers.dataset.state = "asking";
      const told = await fetchAnswers({ parent: who.value, prompt: prompt.value }).catch(() => null);
      show(told);
    }
    isAsking = false;
  }

  /** @param {any} told */
  function show(told) {
    answers.dataset.state = told?.answers ? "done" : "failed";
    put(problem, told?.answers ? "" : (told?.error ?? SILENT));
    answers.replaceChildren(
      ...(told?.answers ?? []).flatMap((/** @type {any} */ said) => [
        h("dt", { "data-model": said.model }, said.title),
        h("dd", {}, said.answer || "(nothing)"),
      ]),
    );
  }

  const element = h(
    "div",
    { class: "stack merge-ask" },
    h(isLive ? "h2" : "h3", {}, title),
    h("label", { class: "field", for: `${id}-as` }, h("span", { class: "label" }, "As in the task of"), who),
    h("label", { class: "visually-hidden", for: `${id}-prompt` }, "Prompt"),
    prompt,
    isLive ? null : h("div", { class: "acts" }, button),
    problem,
    answers,
  );
  return { element, ask };
}
