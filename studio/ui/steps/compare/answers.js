// @ts-check
// Two to four answers, side by side, growing as they are written; the last questions below. The value is what
// studio.ui.steps.compare.page.answer_both yields. Text is only ever text.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";

/** What the form beside it tells the answers; nothing before they are in the page. */
export const answers = {
  /** Names on the columns, before anything was asked; null hides them. @param {any} _about */
  introduce(_about) {},
  /** A question sets out. @param {any} _question */
  begin(_question) {},
  /** It was stopped. */
  halt() {},
};

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  const pair = find(element, ".pair");
  const column = (side) => {
    const title = h("h3", {}),
      text = h("p", { class: "answer-text", dir: "auto" }),
      mark = h("p", { class: "answer-mark" });
    return { title, text, mark, card: h("article", { class: `answer card ${side}` }, title, text, mark) };
  };
  const base = column("base");
  const tuned = column("tuned");
  /** @type {ReturnType<typeof column>[]} */
  let others = []; // the models that are asked beside the two
  const cards = h("div", { class: "two" }, base.card, tuned.card);
  const wanted = h("p", { class: "answer-wanted", hidden: true });
  const problem = h("p", { class: "error-line", role: "alert" });
  const small = h("p", { class: "hint answer-small" });
  const seen = h("pre", { tabindex: 0 });
  const exact = h(
    "details",
    { class: "more exact", hidden: true },
    h("summary", {}, "The exact prompt they saw"),
    seen,
  );
  const rows = h("ol");
  const history = h("section", { class: "asked-before", hidden: true }, h("h4", {}, "Asked before"), rows);
  const voice = h("p", { class: "visually-hidden", role: "status" });
  const CHOICES = { base: "Base is better", same: "About the same", tuned: "Tuned is better" };
  const choices = Object.entries(CHOICES).map(([choice, text]) =>
    h(
      "button",
      {
        type: "button",
        class: "btn small",
        "data-vote": choice,
        "aria-pressed": "false",
        onclick: () => vote(choice),
      },
      text,
    ),
  );
  const tally = h("p", { class: "hint answer-tally", role: "status" });
  const ballot = h(
    "div",
    { class: "acts", role: "group", "aria-label": "Which answer is better?", hidden: true },
    choices,
  );
  pair.append(
    cards,
    wanted,
    problem,
    ballot,
    tally,
    small,
    exact,
    history,
    voice,
  );

  /** @type {any} */
  let current = null; // the question that is being answered
  /** @type {any} */
  let last = null; // its newest answer

  Object.assign(answers, { introduce, begin, halt });
  watch("value", () => show(props.value));

  function introduce(about) {
    // names on the columns, before anything was asked
    pair.hidden = !about;
    if (!about || (current?.run === about.run && current?.tuned === about.tuned && isSame(current, about))) return;
    if (pair.dataset.state === "asking") return;
    if (current?.run !== about.run) {
      count({ base: 0, same: 0, tuned: 0 });
      recount(about.run);
    }
    current = { ...about, prompt: "" };
    last = null;
    name(about);
    clear("");
    pair.dataset.state = "empty";
  }

  // ---- which is better: kept beside the run, the last word counts ----
  async function vote(choice) {
    const asked = last;
    const run = current.run;
    const answer = await server.vote({
      run,
      vote: {
        choice,
        prompt: asked.asked,
        base: asked.base,
        tuned: asked.tuned,
        step: asked.step,
        models: asked.columns.slice(0, 2).map((one) => one.model),
      },
    });
    if (current.run !== run) return;
    if (!answer || answer.error) return put(problem, answer?.error ?? "The studio did not answer. Try again.");
    if (last === asked) markVote(choice);
    count(answer);
  }

  function markVote(choice) {
    for (const button of choices) button.setAttribute("aria-pressed", String(button.dataset.vote === choice));
  }

  function count(votes) {
    const all = votes.base + votes.same + votes.tuned;
    pair.dataset.votes = all;
    put(
      tally,
      all ? `Your votes on this run: base ${votes.base}, the same ${votes.same}, tuned ${votes.tuned}.` : "",
    );
  }

  async function recount(run) {
    const answer = await server.count_votes({ run });
    if (answer && !answer.error && current?.run === run) count(answer);
  }

  function isSame(one, other) {
    const list = (about) => (about.more ?? []).map((model) => model.model).join();
    return list(one) === list(other);
  }

  function name(about) {
    put(base.title, about.base);
    put(tuned.title, about.tuned);
    others = (about.more ?? []).map(() => column("other"));
    others.forEach((one, place) => put(one.title, about.more[place].title));
    cards.replaceChildren(base.card, tuned.card, ...others.map((one) => one.card));
    cards.dataset.columns = 2 + others.length;
    put(
      small,
      others.length
        ? "Same seed; each model is asked with the template it was trained with."
        : about.two
        ? "Same seed, same template. Full fine-tuning changed every weight, so these are two models."
        : "Same seed, same template, one copy of the weights: base answers without the adapter, tuned with it.",
    );
  }

  function clear(text) {
    for (const side of [base, tuned, ...others]) {
      put(side.text, text);
      put(side.mark, "");
      side.card.classList.remove("right");
    }
    wanted.hidden = true;
    exact.hidden = true;
    ballot.hidden = true;
    put(problem, "");
  }

  function begin(question) {
    keep();
    current = question;
    last = null;
    name(question);
    clear("");
    pair.hidden = false;
    pair.dataset.state = "asking";
    pair.dataset.at = question.at;
    put(base.mark, "Waking up; the first question takes a few seconds …");
  }

  function show(answer) {
    if (!answer || !current || answer.at !== current.at || pair.dataset.state !== "asking") return;
    if (answer.error) {
      put(base.mark, "");
      put(problem, answer.error);
      pair.dataset.state = "error";
      return tell(true);
    }
    last = answer;
    put(base.text, answer.base || (answer.done ? "(nothing)" : ""));
    put(tuned.text, answer.tuned || (answer.done ? "(nothing)" : ""));
    others.forEach((one, place) => put(one.text, answer.columns[2 + place].answer || (answer.done ? "(nothing)" : "")));
    put(base.mark, "");
    put(tuned.title, current.tuned.replace(/step [\d,]+$/, `step ${sayNumber(answer.step)}`));
    put(seen, answer.prompt);
    exact.hidden = false;
    if (!answer.done) return;
    finish(answer);
  }

  function finish(answer) {
    pair.dataset.state = "done";
    pair.dataset.right = answer.right;
    pair.dataset.baseRight = answer.base_right;
    mark(base, answer.base_right);
    mark(tuned, answer.right);
    others.forEach((one, place) => mark(one, answer.others[place]));
    wanted.hidden = !answer.wanted.length || answer.right;
    wanted.replaceChildren(h("span", { class: "hint" }, "Wanted: "), answer.wanted.slice(0, 3).join("  or  "));
    if (answer.note) put(problem, answer.note);
    markVote(null);
    ballot.hidden = false;
    put(voice, `Base: ${answer.base}. Tuned: ${answer.tuned}.${answer.right ? " As wanted." : ""}`);
    tell(true, answer);
  }

  function mark(side, right) {
    side.card.classList.toggle("right", right);
    put(side.mark, right ? "✓ as wanted" : "");
  }

  function halt() {
    if (pair.dataset.state !== "asking") return;
    pair.dataset.state = "halted";
    put(base.mark, "Stopped.");
  }

  function tell(done, answer) {
    document.dispatchEvent(new CustomEvent("studio:answered", { detail: { done, answer } }));
  }

  function keep() {
    // the last questions, small, the newest first
    if (!last?.done) return;
    rows.prepend(
      h(
        "li",
        {},
        h("p", { class: "asked-prompt" }, last.asked),
        h(
          "p",
          { class: "hint" },
          "Base: ",
          last.base || "(nothing)",
          last.base_right ? h("span", { class: "tick" }, " ✓") : null,
        ),
        h("p", {}, "Tuned: ", last.tuned || "(nothing)", last.right ? h("span", { class: "tick" }, " ✓") : null),
      ),
    );
    while (rows.children.length > 8) rows.lastChild.remove();
    history.hidden = false;
  }
}
