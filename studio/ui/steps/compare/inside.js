// @ts-check
// Looking inside the answers: each token can be clicked, for its probability in each column and what else was likely;
// the shading says where another column thinks otherwise. Asks the server once for all answers, once for a word's rows.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";

/**
 * @typedef {{text: string, probability: number}} Guess
 * @typedef {{model: string, title: string, probabilities: number[], others: Guess[][]}} Reading
 * @typedef {{model: string, tokens: string[], columns: Reading[]}} Inside
 * @typedef {{text: string, count: number, of: number, rows: {prompt: string, answer: string}[]}} Rows
 * @typedef {{place: number, title: () => string, text: HTMLElement}} Side
 */

const LEAST = 0.02; // a smaller difference of probabilities is not shaded
const NEXT = { ArrowRight: 1, ArrowLeft: -1 };

/** "97 %", "0.3 %" @param {number} share */
export function sayShare(share) {
  const percent = 100 * share;
  return `${percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : percent ? "<0.1" : "0"} %`;
}

/**
 * How much likelier each token of an answer is to its own column than to the one it is held against: base against
 * tuned, any other against base.
 * @param {Inside} inside
 * @param {string[]} models the addresses of all columns, base and tuned first
 */
export function compare(inside, models) {
  const other = inside.model === models[0] ? models[1] : models[0];
  const [own, against] = [inside.model, other].map((model) => inside.columns.find((one) => one.model === model));
  return inside.tokens.map((_, at) => (own && against ? own.probabilities[at] - against.probabilities[at] : 0));
}

/** The whole word around a token. @param {string[]} tokens the last is the end @param {number} at */
export function findWord(tokens, at) {
  const said = tokens.slice(0, -1);
  const start = said.slice(0, at).join("").length;
  const text = said.join("");
  const lead = (tokens[at].match(/^\s*/)?.[0] ?? "").length;
  for (const { 0: word, index } of text.matchAll(/[\p{L}\p{N}_'’-]+/gu))
    if (index <= start + lead && start + lead < index + word.length) return word;
  return "";
}

/** White space that can be seen. @param {string} text */
const see = (text) => text.replace(/ /g, "·").replace(/\n/g, "⏎") || "(part of a letter)";

/**
 * @param {() => Promise<{answers?: Inside[], error?: string} | undefined>} ask
 * @param {(text: string) => Promise<(Rows & {error?: string}) | undefined>} findRows
 */
export function makeInside(ask, findRows) {
  const button = h("button", { type: "button", class: "btn quiet small", "aria-pressed": "false", onclick: toggle });
  const panel = h("section", { class: "inside card", "aria-label": "Inside the answer", hidden: true });
  /** @type {Side[]} */
  let sides = [];
  /** @type {string[]} what was answered, to be shown again */
  let plain = [];
  let isOpen = false;
  let turn = 0;
  put(button, "Look inside");
  button.hidden = true;

  /** The answers are there. @param {Side[]} shown in the order of the columns */
  function offer(shown) {
    close();
    sides = shown;
    button.hidden = false;
  }

  function close() {
    turn += 1;
    if (isOpen) for (const [at, side] of sides.entries()) put(side.text, plain[at]);
    isOpen = false;
    panel.hidden = true;
    button.hidden = true;
    button.setAttribute("aria-pressed", "false");
  }

  async function toggle() {
    if (isOpen) return offer(sides);
    const mine = ++turn;
    button.disabled = true;
    const found = await ask();
    button.disabled = false;
    if (mine !== turn) return;
    panel.hidden = false;
    if (!found?.answers)
      return panel.replaceChildren(
        h("p", { class: "error-line", role: "alert" }, found?.error ?? "The studio did not answer. Try again."),
      );
    isOpen = true;
    button.setAttribute("aria-pressed", "true");
    plain = sides.map((side) => side.text.textContent ?? "");
    const models = found.answers.map((one) => one.model);
    for (const [at, side] of sides.entries()) draw(side, found.answers[at], models);
    panel.replaceChildren(
      h(
        "p",
        { class: "hint" },
        "Click a token. Shaded: likelier here than in the base; in the base's answer, than in tuned. Striped: less.",
      ),
    );
  }

  /** @param {Side} side @param {Inside} inside @param {string[]} models */
  function draw(side, inside, models) {
    const changes = compare(inside, models);
    const tokens = inside.tokens.map((text, at) => {
      const isEnd = at === inside.tokens.length - 1;
      const change = changes[at];
      const kind = Math.abs(change) < LEAST ? "" : change > 0 ? " more" : " less";
      return h(
        "button",
        {
          type: "button",
          class: `token${kind}${isEnd ? " end" : ""}`,
          style: `--share: ${Math.round(45 * Math.abs(change))}%`,
          tabindex: at ? -1 : 0,
          "aria-label": isEnd ? "the end" : see(text),
          onclick: (/** @type {Event} */ event) => choose(event, inside, at, side),
        },
        isEnd ? "end" : text,
      );
    });
    side.text.replaceChildren(...tokens);
    side.text.onkeydown = (event) => {
      const by = NEXT[/** @type {keyof typeof NEXT} */ (event.key)];
      const now = tokens.indexOf(/** @type {any} */ (event.target));
      if (!by || now < 0 || !tokens[now + by]) return;
      event.preventDefault();
      tokens[now].tabIndex = -1;
      tokens[now + by].tabIndex = 0;
      tokens[now + by].focus();
    };
  }

  /** @param {Event} event @param {Inside} inside @param {number} at @param {Side} side */
  async function choose(event, inside, at, side) {
    const mine = ++turn;
    for (const { text } of sides) find(text, "[aria-pressed=true]")?.setAttribute("aria-pressed", "false");
    /** @type {HTMLElement} */ (event.currentTarget).setAttribute("aria-pressed", "true");
    const isEnd = at === inside.tokens.length - 1;
    const word = isEnd ? "" : findWord(inside.tokens, at);
    const rows = h("div", { class: "inside-rows" });
    panel.replaceChildren(
      h("h3", {}, isEnd ? "The end" : `“${see(inside.tokens[at])}”`),
      h("p", { class: "hint" }, `In the answer of ${side.title()}`),
      h(
        "div",
        { class: "tablebox" },
        h(
          "table",
          { class: "plain" },
          h("thead", {}, h("tr", {}, ["Column", "This token", "Likeliest others"].map((one) => h("th", {}, one)))),
          h("tbody", {}, inside.columns.map((one) => drawReading(one, at))),
        ),
      ),
      rows,
    );
    if (!word) return;
    put(rows, `Looking for “${word}” in the training rows …`);
    const found = await findRows(word);
    if (mine === turn) rows.replaceChildren(...drawRows(found, word));
  }

  /** @param {Reading} reading @param {number} at */
  function drawReading(reading, at) {
    const others = reading.others[at].map(({ text, probability }) =>
      h("span", { class: "guess" }, h("b", {}, see(text)), ` ${sayShare(probability)}`),
    );
    return h(
      "tr",
      {},
      h("td", {}, reading.title),
      h("td", { class: "num" }, sayShare(reading.probabilities[at])),
      h("td", {}, others),
    );
  }

  /** @param {(Rows & {error?: string}) | undefined} found @param {string} word */
  function drawRows(found, word) {
    if (!found || found.error) return [h("p", { class: "error-line" }, found?.error ?? "The studio did not answer.")];
    const said = found.count
      ? `“${word}” is in ${sayNumber(found.count)} of ${sayNumber(found.of)} training rows:`
      : `None of the ${sayNumber(found.of)} training rows holds “${word}”.`;
    const rows = found.rows.map((row) => h("li", {}, row.prompt, " → ", h("b", {}, row.answer)));
    return [h("p", {}, said), ...(rows.length ? [h("ul", { class: "plainlist" }, rows)] : [])];
  }

  return { button, panel, offer, close };
}
