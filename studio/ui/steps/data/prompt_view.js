// @ts-check
// What the model sees of one instance: every token, read or learnt. text is only ever text.

import { studio } from "../../frame/draft.js";
import { announce, find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";

/** @typedef {[text: string, id: number, learnt: boolean, special: boolean]} Piece a token */
/** @typedef {Record<string, any>} Objective as a recipe has it */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  const box = find(element, ".sight");
  const TEMPLATES = { plain: "Plain lines", tk_instruct: "Tk-Instruct", chat: "Chat turns" };
  // oxlint-disable-next-line no-control-regex -- these are what it looks for
  const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  let place = 0;
  /** @type {Objective | null} */
  let tried = null;
  let asked = 0;
  let shown = ""; // tried: an objective other than the recipe's, only looked at

  const title = h("h2", {}, "What the model sees");
  const about = h("p", { class: "hint", role: "status" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const form = h("div", { class: "sight-form" });
  const text = h("div", {
    class: "tokens",
    tabindex: 0,
    role: "group",
    "aria-label": "The tokens, one after the other",
  });
  const edges = h("input", {
    type: "checkbox",
    checked: true,
    onchange: () => text.classList.toggle("edges", edges.checked),
  });
  const legend = h(
    "div",
    { class: "row between" },
    h("p", { class: "sight-legend" }),
    h("label", { class: "hint row" }, edges, "show where tokens end"),
  );
  const keep = h(
    "button",
    { type: "button", class: "btn small primary", hidden: true, onclick: keepIt },
    "Train with this prompt",
  );
  box.append(
    h(
      "div",
      { class: "row between" },
      title,
      h("span", { class: "row" }, turner(-1, "Instance before", "‹"), turner(1, "Instance after", "›")),
    ),
    form,
    about,
    problem,
    text,
    legend,
    h("div", { class: "row" }, keep),
  );
  text.classList.add("edges");

  /** @param {number} by @param {string} label @param {string} sign */
  function turner(by, label, sign) {
    return h(
      "button",
      { type: "button", class: "btn small", "aria-label": label, onclick: () => see(Math.max(0, place + by)) },
      sign,
    );
  }

  /** @returns {Record<string, any>} */
  function recipe() {
    const task = props.value;
    return {
      ...studio.draft.recipe,
      ...(tried ? { objective: tried } : {}),
      task_id: task.task_id,
      task_version: task.version,
    };
  }

  /** @param {number} wanted @param {boolean} [look] */
  async function see(wanted, look = false) {
    const task = props.value;
    box.hidden = !task?.task_id;
    if (box.hidden || studio.draft.step !== "data") return;
    const recipeNow = recipe();
    const { model, revision, objective, training, method } = recipeNow;
    const key = JSON.stringify([wanted, task, model, revision, objective, training?.max_length, method?.name]);
    if (key !== shown) {
      shown = key;
      const mine = ++asked;
      if (!text.childElementCount) put(about, "Turning the text into tokens …");
      const found = await server.see_tokens({ recipe: recipeNow, place: wanted });
      if (mine !== asked) return;
      if (!found) {
        shown = "";
        draw({ error: "The studio did not answer. Try again." });
      } else if (!(found.error && found.field === "place")) {
        place = wanted;
        draw(found);
      }
    }
    if (look) {
      box.scrollIntoView({ block: "start", behavior: "smooth" });
      title.focus?.();
    }
  }

  /** @param {any} found */
  function draw(found) {
    put(title, `What the model sees of no. ${sayNumber(place + 1)}`);
    box.dataset.place = place;
    drawForm(found.choices ?? {});
    put(problem, found.error ?? "");
    text.hidden = legend.hidden = !!found.error;
    if (found.error) {
      put(about, "");
      box.dataset.state = "error";
      return;
    }
    put(
      about,
      `${sayNumber(found.total)} tokens: it reads ${sayNumber(found.total - found.learnt)} ` +
        `and learns to write ${sayNumber(found.learnt)}.` +
        (found.fits ? "" : ` A row may have ${sayNumber(found.limit)}, so training leaves this example out.`),
    );
    about.classList.toggle("over", !found.fits);
    text.replaceChildren(
      ...runs(found.pieces),
      ...(found.skipped ? [h("p", { class: "hint skipped" }, `… ${sayNumber(found.skipped)} tokens more …`)] : []),
      ...runs(found.rest),
    );
    legend.firstChild.replaceChildren(
      h("span", { class: "swatch" }, "read only"),
      "(masked: no loss)",
      h("span", { class: "swatch learnt" }, "learnt"),
      "(the loss is counted here)",
    );
    box.dataset.learnt = found.learnt;
    box.dataset.total = found.total;
    box.dataset.state = "done";
  }

  /** @param {Piece[]} pieces */
  function runs(pieces) {
    // tokens of one kind that follow each other, as one part with its name
    /** @type {{learnt: boolean, pieces: Piece[]}[]} */
    const parts = [];
    for (const piece of pieces) {
      const last = parts.at(-1);
      if (last?.learnt === piece[2]) last.pieces.push(piece);
      else parts.push({ learnt: piece[2], pieces: [piece] });
    }
    return parts.map((part) =>
      h(
        "div",
        {
          class: `run ${part.learnt ? "learnt" : "read"}`,
          role: "group",
          "aria-label": part.learnt ? "It learns to write" : "It reads",
          dir: "auto",
        },
        part.pieces.map(token),
      ),
    );
  }

  /** @param {Piece} piece */
  function token([said, id, learnt, special]) {
    const visible = said.replace(
      UNSEEN,
      (letter) => `⟨${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
    );
    const breaks = visible.includes("\n");
    return h(
      "span",
      {
        class: `token${special ? " special" : ""}${breaks ? " break" : ""}`,
        title: `token ${id}${learnt ? ", learnt" : ", masked"}${said ? "" : ", a further part of the letter before"}`,
        "data-token": id,
      },
      visible,
    );
  }

  // ---- the prompt, tried otherwise ----
  /** @param {Record<string, any>} choices */
  function drawForm(choices) {
    const now = choices.objective;
    form.hidden = !now && !tried;
    if (!now) return;
    const focused = find(form, ":focus")?.dataset.try;
    const buttons = Object.entries(TEMPLATES).map(([name, words]) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(now.template === name),
          disabled: name === "chat" && !choices.has_chat,
          title: name === "chat" && !choices.has_chat ? "This model has no chat template." : null,
          "data-try": `template-${name}`,
          onclick: () => attempt({ ...now, template: name, ...(name === "chat" ? { negative_examples: 0 } : {}) }),
        },
        words,
      ),
    );
    form.replaceChildren(
      h("div", { class: "segments", role: "group", "aria-label": "Encoding" }, buttons),
      stepper("positive_examples", "Positive examples", now, choices.positive),
      stepper("negative_examples", "Negative examples", now, now.template === "chat" ? 0 : choices.negative),
    );
    if (focused) find(form, `[data-try="${focused}"]`)?.focus();
    keep.hidden = !tried;
  }

  /** @param {string} name @param {string} words @param {Objective} now @param {number} most */
  function stepper(name, words, now, most) {
    const value = now[name] ?? 0;
    const limit = Math.min(8, most);
    const turn = (/** @type {number} */ by) => attempt({ ...now, [name]: value + by });
    return h(
      "div",
      { class: "count", role: "group", "aria-label": words },
      h("span", { class: "hint" }, words),
      h(
        "button",
        {
          type: "button",
          class: "tool",
          "aria-label": `Fewer: ${words}`,
          disabled: value <= 0,
          "data-try": `${name}-less`,
          onclick: () => turn(-1),
        },
        "−",
      ),
      h("b", { class: "num" }, value),
      h(
        "button",
        {
          type: "button",
          class: "tool",
          "aria-label": `More: ${words}`,
          disabled: value >= limit,
          "data-try": `${name}-more`,
          onclick: () => turn(1),
        },
        "+",
      ),
    );
  }

  /** @param {Objective} objective */
  function attempt(objective) {
    const own = studio.draft.recipe.objective ?? {};
    const full = { template: "plain", positive_examples: 0, negative_examples: 0, ...own };
    tried = Object.keys(objective).some((key) => objective[key] !== full[key]) ? objective : null;
    see(place);
  }

  function keepIt() {
    const objective = tried;
    tried = null;
    keep.hidden = true;
    studio.setDraft({ recipe: { objective } });
    announce("Training uses this prompt now");
  }

  document.addEventListener("studio:instance", (/** @type {any} */ event) => see(event.detail.place, true));
  studio.onDraft(() => see(place));
  watch("value", () => {
    place = 0;
    see(0);
  });
  see(0);
}
