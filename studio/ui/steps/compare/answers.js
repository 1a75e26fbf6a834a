// @ts-check
// Two to four answers, side by side, growing as they are written; the last questions below. The value is what
// studio.ui.steps.compare.page.answer_both yields. Text is only ever text.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber, sayRun } from "../../frame/words.js";
import { LETTERS, makeBallot } from "./ballot.js";
import { makeInside } from "./inside.js";
import { makeJudging } from "./judging.js";
import { makeKeeping } from "./keeping.js";

/**
 * @typedef {{model: string, title: string}} Model
 * @typedef {{run: string, base: string, tuned: string, two: boolean, more: Model[], blind: boolean}} About
 * @typedef {About & {at?: number, prompt: string, messages?: Record<string, unknown>[], asked?: object}} Question
 * @typedef {{
 *   at: number, run: string, asked: string, prompt: string, base: string, tuned: string, step: number, done: boolean,
 *   columns: {model: string, title: string, answer: string, tokens: number[], prompt: string}[], wanted: string[],
 *   note: string, error?: string,
 *   right: boolean, base_right: boolean, others: boolean[],
 * }} Answer
 * @typedef {{
 *   base: number, same: number, tuned: number, bad: number, sentence: string,
 *   models: {model: string, won: number, of: number}[], corrections: number,
 *   marks: {model: string, mean: number, count: number}[],
 * }} Tally
 */

/** What the form beside it tells the answers; nothing before they are in the page. */
export const answers = {
  /** Names on the columns, before anything was asked; null hides them. @param {About | null} _about */
  introduce(_about) {},
  /** A question sets out. @param {Question} _question */
  begin(_question) {},
  /** It was stopped. */
  halt() {},
};

/** @param {number} count */
const list = (count) => [...Array(count).keys()];

/** @param {number[]} places */
function shuffle(places) {
  for (let at = places.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [places[at], places[other]] = [places[other], places[at]];
  }
  return places;
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  const pair = find(element, ".pair");
  /** @param {number} place */
  const makeSide = (place) => {
    const title = h("h2", {}),
      text = h("p", { class: "answer-text", dir: "auto" }),
      mark = h("p", { class: "answer-mark" }),
      judging = makeJudging((said) => judge(place, said));
    return { place, title, text, mark, judging, card: h("article", {}, title, text, mark, judging.box) };
  };
  /** @type {ReturnType<typeof makeSide>[]} */
  let sides = []; // base, tuned, and the models that are asked beside the two
  let order = list(0); // as they are, from the left
  let hidden = false; // whether who is who isn't told yet
  const cards = h("div", { class: "two" });
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
  const history = h("section", { class: "asked-before", hidden: true }, h("h3", {}, "Asked before"), rows);
  const voice = h("p", { class: "visually-hidden", role: "status" });
  const tally = h("p", { class: "hint answer-tally", role: "status" });
  const ballot = makeBallot(vote);
  const show_names = h("button", { type: "button", class: "btn quiet small", onclick: reveal }, "Show the names");
  const inside = makeInside(
    async () =>
      server.look_inside({ ...current?.asked, step: last?.step, tokens: last?.columns.map((one) => one.tokens) }),
    async (text) => server.find_rows({ run: current?.run, text }),
  );
  const voting = h("div", { class: "voting" }, ballot.box, h("div", { class: "acts" }, inside.button, show_names));
  const keeping = makeKeeping(async (what) => server.keep_votes({ run: current?.run, what }));
  pair.append(cards, inside.panel, wanted, problem, voting, tally, keeping.box, small, exact, history, voice);

  /** @type {Question | null} */
  let current = null; // the question that is being answered
  /** @type {Answer | null} */
  let last = null; // its newest answer

  Object.assign(answers, { introduce, begin, halt });
  watch("value", () => show(props.value));

  /** @param {About | null} about */
  function introduce(about) {
    // names on the columns, before anything was asked
    pair.hidden = !about;
    if (!about || pair.dataset.state === "asking") return;
    const before = current;
    if (before?.run === about.run && before.tuned === about.tuned && isSame(before, about)) return;
    if (before?.run !== about.run) {
      count({ base: 0, same: 0, tuned: 0, bad: 0, models: [], sentence: "", corrections: 0, marks: [] });
      recount(about.run);
    }
    current = { ...about, prompt: "" };
    last = null;
    name(about);
    clear("");
    pair.dataset.state = "empty";
  }

  // ---- which is better: kept beside the run, the last word counts ----
  /** @param {import("./ballot.js").Ranks} ranks @param {boolean} takesBack @param {boolean} allBad */
  async function vote(ranks, takesBack, allBad) {
    const [asked, run] = [last, current?.run];
    if (!asked || !run) return;
    const columns = sides.map(({ place }) => ({ model: asked.columns[place].model, answer: say(asked, place) }));
    const said = { takes_back: takesBack, all_bad: allBad, messages: current?.messages ?? [] };
    const kept = { prompt: asked.asked, step: asked.step, columns, ranks, ...said };
    if (!ranks.includes(null)) reveal();
    const answer = await server.vote({ run, vote: kept });
    if (current?.run !== run) return;
    if (!answer || answer.error) return put(problem, answer?.error ?? "The studio did not answer. Try again.");
    count(answer);
  }

  /** What is said of one answer; returns what went wrong. @param {number} place @param {object} said */
  async function judge(place, said) {
    const [asked, run] = [last, current?.run];
    if (!asked || !run) return "";
    const answered = { model: asked.columns[place].model, answer: say(asked, place) };
    const whole = { prompt: asked.asked, step: asked.step, ...answered, messages: current?.messages ?? [], ...said };
    const answer = await server.vote({ run, vote: whole });
    if (!answer || answer.error) return answer?.error ?? "The studio did not answer. Try again.";
    if (current?.run === run) count(answer);
    return "";
  }

  /** @param {Tally} votes */
  function count(votes) {
    const all = votes.base + votes.same + votes.tuned + votes.bad;
    pair.dataset.votes = all;
    const three = `base ${votes.base}, the same ${votes.same}, tuned ${votes.tuned}`;
    const bad = votes.bad ? `, both bad ${votes.bad}` : "";
    const said = all ? [`Your votes on this run: ${three}${bad}. ${votes.sentence}`] : [];
    if (votes.models.length > 2) {
      const each = votes.models.map((one) => `${titleOf(one.model)} better in ${one.won} of ${one.of}`);
      said.push(`Pair by pair: ${each.join("; ")}.`);
    }
    if (votes.marks.length) {
      const each = votes.marks.map((one) => `${titleOf(one.model)} ${one.mean.toFixed(1)} (of ${one.count})`);
      said.push(`Mean rating: ${each.join(", ")}.`);
    }
    put(tally, said.join(" "));
    const won = votes.models.reduce((sum, one) => sum + one.won, 0);
    const ratings = votes.marks.reduce((sum, one) => sum + one.count, 0);
    keeping.draw({ preferences: won + votes.corrections, corrections: votes.corrections, ratings });
  }

  /** @param {string} run */
  async function recount(run) {
    const answer = await server.count_votes({ run });
    if (answer && !answer.error && current?.run === run) count(answer);
  }

  /** What people call an address. @param {string} model */
  function titleOf(model) {
    const [, run, step] = model.match(/^run:(.+)@(\d+)$/) ?? [];
    return run ? `${sayRun(run)}, step ${sayNumber(Number(step))}` : "base";
  }

  /** @param {About} one @param {About} other */
  function isSame(one, other) {
    const models = (/** @type {About} */ about) => about.more.map((model) => model.model).join();
    return models(one) === models(other) && one.blind === other.blind;
  }

  /** @param {About} about */
  function name(about) {
    const many = 2 + about.more.length;
    if (sides.length !== many) sides = list(many).map(makeSide);
    hidden = about.blind;
    order = hidden ? shuffle(list(many)) : list(many);
    cards.dataset.columns = many;
    drawNames();
    put(
      small,
      about.more.length
        ? "Same seed; each model is asked with the template it was trained with."
        : about.two
        ? "Same seed, same template. Full fine-tuning changed every weight, so these are two models."
        : "Same seed, same template, one copy of the weights: base answers without the adapter, tuned with it.",
    );
  }

  function drawNames() {
    if (!current) return;
    const step = last && sayNumber(last.step);
    const tuned = step ? current.tuned.replace(/step [\d,]+$/, `step ${step}`) : current.tuned;
    const titles = [current.base, tuned, ...current.more.map((one) => one.title)];
    const lettered = current.blind || sides.length > 2;
    order.forEach((place, at) => {
      const { title, card } = sides[place];
      put(title, hidden ? `Model ${LETTERS[at]}` : lettered ? `${LETTERS[at]} · ${titles[place]}` : titles[place]);
      card.className = `answer card ${hidden ? "other" : ["base", "tuned"][place] ?? "other"}`;
      if (!hidden && last?.done) mark(place, isRight(last, place));
    });
    const standing = order.map((place) => sides[place].card);
    if (standing.some((card, at) => cards.children[at] !== card) || cards.children.length !== standing.length)
      cards.replaceChildren(...standing);
    show_names.hidden = !hidden || !last?.done;
    if (hidden) inside.close();
    pair.dataset.blind = hidden;
  }

  function reveal() {
    if (!hidden || !last?.done) return;
    hidden = false;
    drawNames();
    tellWanted(last);
    offerInside();
  }

  function offerInside() {
    inside.offer(sides.map(({ place, title, text }) => ({ place, title: () => title.textContent ?? "", text })));
  }

  /** @param {string} text */
  function clear(text) {
    inside.close();
    for (const side of sides) {
      put(side.text, text);
      put(side.mark, "");
      side.card.classList.remove("right");
      side.judging.close();
    }
    wanted.hidden = true;
    exact.hidden = true;
    ballot.close();
    show_names.hidden = true;
    put(problem, "");
  }

  /** @param {Question} question */
  function begin(question) {
    keep();
    current = question;
    last = null;
    name(question);
    clear("");
    pair.hidden = false;
    pair.dataset.state = "asking";
    pair.dataset.at = question.at;
    put(first().mark, "Loading the models; the first question takes a few seconds …");
  }

  const first = () => sides[order[0]];

  /** @param {Answer} answer @param {number} place */
  const say = (answer, place) => [answer.base, answer.tuned][place] ?? answer.columns[place].answer;
  /** @param {Answer} answer @param {number} place */
  const isRight = (answer, place) => [answer.base_right, answer.right, ...answer.others][place];

  /** @param {Answer | null} answer */
  function show(answer) {
    if (!answer || !current || answer.at !== current.at || pair.dataset.state !== "asking") return;
    put(first().mark, "");
    if (answer.error) {
      put(problem, answer.error);
      pair.dataset.state = "error";
      return tell(true);
    }
    last = answer;
    for (const side of sides) put(side.text, say(answer, side.place) || (answer.done ? "(nothing)" : ""));
    drawNames();
    const own = current.blind ? [] : answer.columns.filter((one) => one.prompt); // by it one could tell who is who
    put(seen, [answer.prompt, ...own.map((one) => `${one.title}:\n\n${one.prompt}`)].join("\n\n"));
    exact.hidden = false;
    if (answer.done) finish(answer);
  }

  /** @param {Answer} answer */
  function finish(answer) {
    pair.dataset.state = "done";
    pair.dataset.right = answer.right;
    pair.dataset.baseRight = answer.base_right;
    if (!hidden) {
      tellWanted(answer);
      offerInside();
    }
    if (answer.note) put(problem, answer.note);
    ballot.open(order, hidden || sides.length > 2);
    for (const side of sides) side.judging.open(say(answer, side.place));
    const said = order.map((place) => `${sides[place].title.textContent}: ${say(answer, place)}.`).join(" ");
    put(voice, `${said}${answer.right && !hidden ? " Correct." : ""}`);
    tell(true, answer);
  }

  /** @param {Answer} answer */
  function tellWanted(answer) {
    wanted.hidden = !answer.wanted.length || answer.right;
    wanted.replaceChildren(h("span", { class: "hint" }, "Expected: "), answer.wanted.slice(0, 3).join("  or  "));
  }

  /** @param {number} place @param {boolean} right */
  function mark(place, right) {
    sides[place].card.classList.toggle("right", right);
    put(sides[place].mark, right ? "✓ correct" : "");
  }

  function halt() {
    if (pair.dataset.state !== "asking") return;
    pair.dataset.state = "halted";
    put(first().mark, "Stopped.");
  }

  /** @param {boolean} done @param {Answer} [answer] */
  function tell(done, answer) {
    document.dispatchEvent(new CustomEvent("studio:answered", { detail: { done, answer } }));
  }

  function keep() {
    // the last questions, small, the newest first
    const asked = last;
    if (!asked?.done || !current) return;
    const names = ["Base", "Tuned", ...current.more.map((one) => one.title)];
    rows.prepend(
      h(
        "li",
        {},
        h("p", { class: "asked-prompt" }, asked.asked),
        sides.map(({ place }) =>
          h(
            "p",
            { class: place === 1 ? null : "hint" },
            `${names[place]}: `,
            say(asked, place) || "(nothing)",
            isRight(asked, place) ? h("span", { class: "tick" }, " ✓") : null,
          ),
        ),
      ),
    );
    while (rows.children.length > 8) rows.lastChild.remove();
    history.hidden = false;
  }
}
