// @ts-check
// What a person says of one answer alone: a rating from 1 to 5, or what it should have been.

import { h, put } from "../../frame/elements.js";

const RATINGS = [1, 2, 3, 4, 5];
const MEANS = ["useless", "poor", "so-so", "good", "perfect"];

/**
 * Below an answer; `send` keeps what was said and returns what went wrong, "" for nothing.
 * @param {(said: {rating: number} | {correction: string}) => Promise<string>} send
 */
export function makeJudging(send) {
  let answer = "";
  const said = h("span", { class: "hint", role: "status" });
  const ratings = RATINGS.map((rating) =>
    h(
      "button",
      {
        type: "button",
        class: "mark num",
        "data-rating": rating,
        "aria-pressed": "false",
        title: MEANS[rating - 1],
        "aria-label": `${rating}, ${MEANS[rating - 1]}`,
        onclick: () => rate(rating),
      },
      String(rating),
    ),
  );
  const begin = h(
    "button",
    { type: "button", class: "btn quiet small", "data-act": "correct", onclick: edit },
    "Correct it",
  );
  const text = h("textarea", { rows: 2, maxlength: 20000, "aria-label": "What it should have answered" });
  const form = h(
    "form",
    { class: "correcting", hidden: true, onsubmit: correct },
    text,
    h(
      "div",
      { class: "acts" },
      h("button", { type: "submit", class: "btn small" }, "Keep this answer"),
      h("button", { type: "button", class: "btn quiet small", onclick: () => fold(true) }, "Cancel"),
    ),
  );
  const box = h(
    "div",
    { class: "judging", hidden: true },
    h(
      "div",
      { class: "acts" },
      h("span", { class: "ratings", role: "group", "aria-label": "Rate this answer, 1 to 5" }, ratings),
      begin,
      said,
    ),
    form,
  );

  /** @param {string} shown the answer that is judged */
  function open(shown) {
    answer = shown;
    box.hidden = false;
    for (const button of ratings) button.setAttribute("aria-pressed", "false");
    put(said, "");
    fold(false);
  }

  function close() {
    box.hidden = true;
  }

  /** @param {number} rating */
  async function rate(rating) {
    const wrong = await send({ rating });
    put(said, wrong || `Rated ${rating}, ${MEANS[rating - 1]}.`);
    for (const button of ratings)
      button.setAttribute("aria-pressed", String(!wrong && button.dataset.rating === String(rating)));
  }

  function edit() {
    text.value = answer;
    form.hidden = false;
    begin.hidden = true;
    text.focus();
  }

  /** @param {Event} event */
  async function correct(event) {
    event.preventDefault();
    const correction = text.value.trim();
    if (!correction || correction === answer.trim()) return put(said, "Write what it should have answered.");
    const wrong = await send({ correction });
    put(said, wrong || "Kept: it can become a training example, and a pair.");
    if (!wrong) fold(true);
  }

  /** @param {boolean} focus */
  function fold(focus) {
    form.hidden = true;
    begin.hidden = false;
    if (focus) begin.focus();
  }

  return { box, open, close };
}
