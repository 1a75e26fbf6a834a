// @ts-check
// The form of the Compare step: which checkpoint, which prompt, how to answer. Its value is the question; Enter asks.
// `element`, `props`, `trigger`, `server` come from gradio. Events: 'asked', 'ten_asked', 'halted'.

import { studio } from "../../frame/draft.js";
import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { answers } from "./answers.js";
import { makeBeside } from "./beside.js";
import { makeStrength } from "./strength.js";

/**
 * A turn of a conversation.
 * @typedef {"user" | "assistant" | "tool" | "system"} Role
 * @typedef {{role: Role, content?: string, tool_calls?: {function: unknown}[]}} Turn
 * @typedef {"asked" | "ten_asked"} Asking
 */

const ACTIVE = ["queued", "starting", "running"];
const PAUSE = 3000; // between two looks for the first checkpoint

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, trigger, server }) {
  const form = find(element, ".ask");
  /** @type {any} */
  let about = null;
  /** @type {Asking | ""} */
  let asking = "";
  /** @type {any} */
  let picked = { part: "test", index: 0, count: 0, input: "", messages: [], tools: [], wanted: [] };
  let looking = 0;
  /** What was said before the prompt. @type {Turn[]} */
  let turns = [];
  /** Both answers to the last question. @type {{base: string, tuned: string} | null} */
  let answered = null;

  // ---- made once ----
  const empty = h("div", { class: "empty", hidden: true });
  const prompt = h("textarea", {
    id: "ask-prompt",
    rows: 2,
    spellcheck: "false",
    maxlength: 20000,
    placeholder: "Write something to ask both …",
  });
  const wanted = h("p", { class: "ask-wanted hint" });
  const system = h("textarea", {
    id: "ask-system",
    rows: 1,
    spellcheck: "false",
    maxlength: 20000,
    placeholder: "None",
  });
  const before = h("ol", { class: "ask-before", "aria-label": "Turns before the prompt" });
  /** @param {"base" | "tuned"} side */
  const goOn = (side) =>
    h(
      "button",
      { type: "button", class: "btn small", "data-go-on": side, onclick: () => carryOn(side) },
      `Continue with the ${side} answer`,
    );
  const further = h(
    "div",
    { class: "acts ask-further" },
    goOn("tuned"),
    goOn("base"),
    h("button", { type: "button", class: "btn small", "data-act": "over", onclick: startOver }, "Start over"),
  );
  const talk = h(
    "div",
    { class: "ask-talk", hidden: true },
    h("label", { class: "ask-label", for: "ask-system" }, "System text"),
    system,
    before,
  );
  const place = h("span", { class: "num", role: "status" });
  const parts = h("div", { class: "segments", role: "radiogroup", "aria-label": "Prompts from" });
  /** @param {string} text @param {string} label @param {() => void} act */
  const turn = (text, label, act) =>
    h("button", { type: "button", class: "tool", "aria-label": label, title: label, onclick: act }, text);
  const picks = h(
    "div",
    { class: "ask-picks" },
    parts,
    h(
      "div",
      { class: "ask-turn" },
      turn("‹", "Previous prompt", () => pick(picked.index - 1)),
      place,
      turn("›", "Next prompt", () => pick(picked.index + 1)),
      turn("Random", "A random prompt", () => pick(null)),
    ),
  );
  const ask = h("button", { type: "submit", class: "btn primary", "data-act": "ask" }, "Ask both");
  const stop = h("button", { type: "button", class: "btn", "data-act": "halt", hidden: true, onclick: halt }, "Stop");
  const ten = h(
    "button",
    { type: "button", class: "btn", "data-act": "ten", onclick: () => send("ten_asked") },
    "Test on ten",
  );
  const beside = makeBeside(() => {
    put(ask, askLabel());
    answers.introduce(title());
  });
  const blind = h("input", { type: "checkbox", id: "ask-blind", onchange: () => answers.introduce(title()) });
  const blindly = h("label", { class: "check", for: "ask-blind" }, blind, "Hide who is who until I vote");
  const steps = h("div", { class: "ask-steps", role: "radiogroup", "aria-label": "Checkpoint" });
  /** @param {string} id @param {string} label @param {string} hint @param {object} attributes */
  const option = (id, label, hint, attributes) =>
    h(
      "label",
      { class: "field", for: id },
      h("span", { class: "label" }, label),
      h("input", { id, ...attributes }),
      h("span", { class: "hint" }, hint),
    );
  const more = h(
    "details",
    { class: "more" },
    h("summary", {}, "Sampling options"),
    h(
      "div",
      { class: "fields" },
      option("ask-tokens", "Longest answer, in tokens", "1 to 2,048", {
        type: "number",
        min: 1,
        max: 2048,
        step: 1,
      }),
      option("ask-temperature", "Temperature", "0 always gives the likeliest answer", {
        type: "number",
        min: 0,
        max: 2,
        step: 0.1,
        value: 0,
      }),
      option("ask-seed", "Seed", "Matters only above temperature 0", { type: "number", min: 0, step: 1, value: 0 }),
    ),
  );
  const strength = makeStrength(() => {
    if (answered) send("asked"); // the same question, at another strength
  });
  const body = h(
    "div",
    { class: "ask-body card", hidden: true },
    talk,
    h("div", { class: "ask-top" }, h("label", { class: "ask-label", for: "ask-prompt" }, "Prompt"), picks),
    prompt,
    wanted,
    further,
    h("div", { class: "ask-acts" }, h("div", { class: "acts" }, ask, stop, ten), steps),
    strength.box,
    h("div", { class: "ask-who" }, beside.box, blindly),
    more,
  );
  const problem = h("p", { class: "error-line", role: "alert" });
  form.append(empty, body, problem);

  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    send("asked");
  });
  prompt.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send("asked");
  });
  for (const box of [prompt, system]) box.addEventListener("input", drawWanted);
  studio.onDraft(follow);
  document.addEventListener("studio:answered", (/** @type {any} */ event) => {
    if (event.detail.done) {
      keep(event.detail.answer);
      settle();
    }
  });
  document.addEventListener("studio:drawn", (/** @type {any} */ event) => {
    const here = event.target.closest?.("#ten"); // Runs has such a table, too
    if (here?.querySelector(".ten-box[data-state=done], .error-line")) settle("ten_asked");
  });
  follow(studio.draft, null);

  // ---- which run ----
  /** @type {import("../../frame/draft.js").Listener} */
  function follow(draft, before) {
    if (draft.step !== "compare") return;
    if (!before || before.step !== "compare" || before.run !== draft.run) load();
  }

  async function load() {
    const run = studio.draft.run;
    const turn = ++looking;
    const answer = await server.look({ run });
    if (turn !== looking) return;
    hideTen(run);
    if (!answer) {
      about = null;
      return nothing(
        "The studio does not answer. ",
        h("button", { type: "button", class: "btn", onclick: load }, "Try again"),
      );
    }
    if (answer.error) {
      about = null;
      return nothing(
        answer.error,
        h(
          "button",
          { type: "button", class: "btn", onclick: () => studio.setDraft({ run: null }) },
          "Choose another run",
        ),
      );
    }
    if (answer.judges) {
      about = null;
      nothing("", h("span", {}));
      empty.hidden = true; // the form that judges takes this one's place
      return;
    }
    if (answer.choices) {
      about = null;
      return choose(answer.choices);
    }
    form.dataset.run = answer.run;
    if (!answer.steps.length) {
      about = null; // so its first prompt is picked once there is a checkpoint
      if (ACTIVE.includes(answer.status)) setTimeout(() => turn === looking && follow(studio.draft, null), PAUSE);
      if (empty.hidden || empty.firstChild?.textContent !== waiting(answer))
        nothing(waiting(answer), h("button", { type: "button", class: "btn", "data-go": "train" }, "Watch it train"));
      return;
    }
    const fresh = about?.run !== answer.run;
    about = answer;
    empty.hidden = true;
    body.hidden = false;
    put(problem, "");
    form.dataset.state = asking ? "asking" : "ready";
    if (!answer.steps.includes(studio.draft.checkpoint)) studio.setDraft({ checkpoint: null });
    drawSteps();
    drawParts();
    beside.offer(about.others);
    put(ask, askLabel());
    answers.introduce(title());
    talk.hidden = !about.chats;
    find(document, "#ask-tokens").value ||= about.tokens;
    if (fresh) {
      picked.part = "test";
      startOver();
      await pick(0);
    }
  }

  /** @param {string | null} run */
  function hideTen(run) {
    // a table of another run's answers is no answer of this one
    const box = find(document, "#ten .ten-box");
    if (box) box.hidden = box.dataset.run !== run;
  }

  /** @param {{name: string, status: string}} run */
  function waiting(run) {
    /** @type {Record<string, string>} */
    const words = {
      queued: `${run.name} waits for its turn. You can talk to it after its first checkpoint.`,
      starting: `${run.name} is starting. You can talk to it after its first checkpoint.`,
      running: `${run.name} has no checkpoint yet. The first one is on its way.`,
    };
    return words[run.status] ?? `${run.name} kept no checkpoint, so there is nothing to talk to.`;
  }

  /** @param {string} text @param {HTMLElement} button */
  function nothing(text, button) {
    form.dataset.state = "empty";
    body.hidden = true;
    empty.hidden = false;
    empty.replaceChildren(h("p", {}, text), button);
    answers.introduce(null);
  }

  /** @param {{run: string, name: string, sentence: string}[]} choices */
  function choose(choices) {
    nothing(
      choices.length
        ? "Which run do you want to talk to?"
        : "There is nothing to compare yet. Train a model, and its answers appear here beside the base's.",
      choices.length
        ? h(
            "div",
            { class: "cards" },
            choices.map((one) =>
              h(
                "button",
                { type: "button", class: "card", onclick: () => studio.setDraft({ run: one.run }) },
                h("span", { class: "name" }, one.name),
                h("span", { class: "hint" }, one.sentence),
              ),
            ),
          )
        : h("button", { type: "button", class: "btn primary", "data-go": "train" }, "To the training"),
    );
  }

  function title() {
    const step = studio.draft.checkpoint ?? about.steps.at(-1);
    return {
      run: about.run,
      base: `Base: ${about.base}`,
      tuned: `Tuned: ${about.name}, step ${sayNumber(step)}`,
      two: about.two_models,
      more: beside.list(),
      blind: blind.checked,
    };
  }

  function askLabel() {
    return beside.list().length ? "Ask all" : "Ask both";
  }

  function drawSteps() {
    const newest = about.steps.at(-1);
    const chosen = studio.draft.checkpoint ?? newest;
    steps.hidden = about.steps.length < 2;
    steps.replaceChildren(
      h("span", { class: "hint" }, "Use checkpoint"),
      ...about.steps.map((/** @type {number} */ step) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            class: "mark num",
            title: step === about.best ? "The best on the validation part" : null,
            "aria-checked": String(step === chosen),
            tabindex: step === chosen ? 0 : -1,
            onclick: () => {
              studio.setDraft({ checkpoint: step === newest ? null : step });
              drawSteps();
              answers.introduce(title());
              find(steps, "[aria-checked=true]")?.focus();
            },
          },
          sayNumber(step) + (step === about.best ? ", best" : ""),
        ),
      ),
    );
  }

  // ---- prompts it never trained on ----
  function drawParts() {
    const names = /** @type {Record<string, string>} */ ({
      test: "Test set",
      validation: "Validation",
      unseen: "New words",
    });
    const has = Object.keys(names).filter((key) => about.counts[key]);
    picks.hidden = !has.length;
    parts.hidden = has.length < 2;
    parts.replaceChildren(
      ...has.map((key) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": String(key === picked.part),
            tabindex: key === picked.part ? 0 : -1,
            "data-part": key,
            onclick: () => {
              picked.part = key;
              drawParts();
              find(parts, "[aria-checked=true]").focus();
              pick(0);
            },
          },
          names[key],
        ),
      ),
    );
  }

  /** @param {number | null} index null: by chance */
  async function pick(index) {
    const answer = await server.pick({ run: about.run, part: picked.part, index });
    if (!answer || answer.error) return put(problem, answer?.error ?? "The studio did not answer. Try again.");
    put(problem, "");
    picked = { ...picked, ...answer };
    form.dataset.index = picked.index;
    put(place, picked.count ? `${sayNumber(picked.index + 1)} / ${sayNumber(picked.count)}` : "none");
    if (picked.input || picked.messages.length) {
      const first = picked.messages[0]?.role === "system" ? 1 : 0;
      prompt.value = picked.input;
      system.value = first ? picked.messages[0].content : "";
      turns = picked.messages.slice(first).map((/** @type {Turn} */ one) => ({ ...one }));
      answered = null;
    }
    drawTurns();
  }

  // ---- a conversation: the turns before the prompt, for runs of tasks that hold some ----
  const ROLES = { user: "User", assistant: "Assistant", tool: "Tool", system: "System" };

  /** @returns {Turn[]} */
  function said() {
    return system.value.trim() ? [{ role: "system", content: system.value }, ...turns] : [...turns];
  }

  function drawTurns() {
    before.replaceChildren(
      ...turns.map((one, index) => {
        const calls = (one.tool_calls ?? []).map((call) => JSON.stringify(call.function)).join("\n");
        const text = h("textarea", {
          rows: 1,
          spellcheck: "false",
          maxlength: 20000,
          "aria-label": `${ROLES[one.role]}, turn ${index + 1}`,
        });
        text.value = one.content ?? "";
        text.addEventListener("input", () => {
          one.content = text.value;
          drawWanted();
        });
        return h(
          "li",
          { "data-role": one.role },
          h("span", { class: "label" }, ROLES[one.role]),
          h("div", {}, ...(one.content || !calls ? [text] : []), ...(calls ? [h("pre", {}, calls)] : [])),
          h(
            "button",
            {
              type: "button",
              class: "tool",
              "aria-label": `Delete turn ${index + 1}`,
              title: "Delete this turn",
              onclick: () => {
                turns.splice(index, 1);
                drawTurns();
              },
            },
            "\u00d7",
          ),
        );
      }),
    );
    before.hidden = !turns.length;
    drawFurther();
    drawWanted();
  }

  function drawFurther() {
    further.hidden = !about?.chats || (!answered && !turns.length && !system.value);
    for (const button of further.querySelectorAll("[data-go-on]")) button.hidden = !answered || Boolean(asking);
  }

  /** @param {import("./answers.js").Answer | undefined} answer */
  function keep(answer) {
    if (!answer || answer.run !== about?.run) return;
    answered = { base: answer.base, tuned: answer.tuned };
  }

  /** @param {"base" | "tuned"} side */
  function carryOn(side) {
    if (prompt.value.trim()) turns.push({ role: "user", content: prompt.value });
    turns.push({ role: "assistant", content: answered?.[side] });
    prompt.value = "";
    answered = null;
    drawTurns();
    prompt.focus();
  }

  function startOver() {
    turns = [];
    answered = null;
    prompt.value = system.value = "";
    drawTurns();
    if (about?.chats) prompt.focus({ preventScroll: true });
  }

  function drawWanted() {
    const plain = (/** @type {Turn} */ one) => [one.role, (one.content ?? "").trim()];
    const known =
      (picked.input || picked.messages.length) &&
      prompt.value.trim() === picked.input.trim() &&
      JSON.stringify(said().map(plain)) === JSON.stringify(picked.messages.map(plain));
    wanted.replaceChildren(
      ...(known ? [h("span", {}, "Expected: "), h("span", { class: "ask-answer" }, picked.wanted.join("  or  "))] : []),
    );
  }

  // ---- asking ----
  /** @param {string} id @param {number} other */
  function number(id, other) {
    const value = find(document, `#${id}`).valueAsNumber;
    return Number.isFinite(value) ? value : other;
  }

  /** @param {Asking} event */
  function send(event) {
    if (!about || asking) return;
    const messages = about.chats ? said() : [];
    const last = messages.at(-1)?.role;
    if (event === "asked" && !prompt.value.trim() && last !== "user" && last !== "tool") {
      put(problem, "The prompt is empty. Write something, or pick one of the test set.");
      return prompt.focus();
    }
    put(problem, "");
    const at = Date.now();
    asking = event;
    props.value = {
      at,
      run: about.run,
      step: studio.draft.checkpoint,
      prompt: prompt.value,
      messages,
      tools: about.chats ? picked.tools : [],
      part: picked.part,
      max_tokens: number("ask-tokens", about.tokens),
      seed: number("ask-seed", 0),
      temperature: number("ask-temperature", 0),
      models: beside.list().map((one) => one.model),
      strength: strength.value(),
    };
    if (event === "asked") {
      answered = null;
      const words = prompt.value || (messages.at(-1)?.content ?? "");
      answers.begin({ at, prompt: words, messages, asked: props.value, ...title() });
    }
    drawAsking();
    trigger(event === "asked" ? "asked" : "ten_asked");
  }

  function halt() {
    trigger("halted");
    answers.halt();
    settle();
  }

  /** @param {Asking} [only] */
  function settle(only) {
    if (only && asking !== only) return;
    asking = "";
    drawAsking();
  }

  function drawAsking() {
    form.dataset.state = asking ? "asking" : "ready";
    ask.disabled = ten.disabled = Boolean(asking);
    stop.hidden = !asking;
    drawFurther();
  }
}
