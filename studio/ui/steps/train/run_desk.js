// @ts-check
// The desk of a run: its state, in words and numbers, and what can be done about it. Starts, stops and resumes.
// everything shown comes from the feed.

import { mint } from "../../frame/click.js";
import { studio } from "../../frame/draft.js";
import { around, find, h, put } from "../../frame/elements.js";
import { sayDuration, sayFigure, sayNumber, sayRun } from "../../frame/words.js";
import { feed } from "../../runs/run_feed.js";

/**
 * @typedef {import("../../runs/run.js").RunState} RunState
 * @typedef {import("../../runs/run.js").Status} Status
 */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const desk = find(element, ".desk");
  const ACTIVE = ["queued", "starting", "running"];

  // ---- made once, changed in place: a button keeps its focus and no click is lost ----
  const title = h("h2", { class: "desk-name" });
  const pill = h("span", { class: "pill" });
  const task = h("span", { class: "hint desk-task" });
  const words = h("p", { class: "desk-words" });
  const trouble = h("div", { class: "desk-trouble", hidden: true });
  const refusal = h("p", { class: "error-line", role: "alert", hidden: true });
  const fill = h("i");
  const bar = h(
    "div",
    { class: "bar", role: "progressbar", "aria-label": "Progress of the run", "aria-valuemin": 0 },
    fill,
  );
  /** @type {Record<string, {number: any, label: any, cell: any}>} */
  const cells = {};
  for (const key of ["step", "left", "loss", "held", "speed"]) {
    const number = h("b", { class: "num hero" });
    const label = h("span", { class: "hint" });
    cells[key] = { number, label, cell: h("div", { class: `hero-cell hero-${key}` }, number, label) };
  }
  const heroes = h(
    "div",
    { class: "heroes" },
    Object.values(cells).map((one) => one.cell),
  );
  /** @type {Record<string, any>} */
  const buttons = {
    talk: h("button", { type: "button", class: "btn", onclick: talk }),
    stop: h("button", { type: "button", class: "btn", onclick: () => act("stop_run", "stop") }),
    resume: h("button", { type: "button", class: "btn", onclick: () => act("resume_run", "resume") }),
    score: h("button", { type: "button", class: "btn", onclick: score }),
    again: h("button", { type: "button", class: "btn quiet", onclick: again }, "Train again with other settings"),
  };
  for (const [key, button] of Object.entries(buttons)) button.dataset.act = key;
  desk.append(
    h("header", { class: "desk-head" }, title, pill, task),
    words,
    heroes,
    bar,
    trouble,
    h("div", { class: "acts" }, Object.values(buttons)),
    refusal,
  );

  /** The run and the status that were drawn before. @type {{run?: string | null, now?: string}} */
  let last = {};
  /** A click whose effect is not seen yet. @type {{act: string, status?: string, until: number} | null} */
  let asked = null;
  /** @param {import("../../frame/draft.js").Draft} draft */
  const noteRun = (draft) => document.body.toggleAttribute("data-run", Boolean(draft.run));
  studio.onDraft(noteRun);
  noteRun(studio.draft);
  feed.listen(draw);
  feed.showing(() => desk.offsetParent !== null); // the chart is hidden where a work has no curve
  draw(feed.state, "reset");

  /** @type {import("../../runs/run.js").Listener} */
  function draw(state, change) {
    const status = state.status ?? {};
    const now = status.status;
    desk.hidden = !state.run;
    desk.dataset.status = state.run ? (now ?? "loading") : "none";
    desk.dataset.run = state.run ?? "";
    // of other work there is nothing to draw
    document.body.toggleAttribute("data-other-work", Boolean(state.run) && !isTraining(status));
    if (!state.run) return;
    if (change === "reset") {
      asked = null;
      complain("");
    }
    // it measured this device's speed again
    if (last.run === state.run && last.now === "running" && now === "finished") studio.reckon();
    last = { run: state.run, now };
    if (asked && (now !== asked.status || Date.now() > asked.until)) asked = null;
    put(title, sayRun(state.run));
    put(pill, state.reconnecting ? "reconnecting" : now === "gone" ? "deleted" : (now ?? "…"));
    pill.className = `pill ${state.reconnecting ? "" : (now ?? "")}`;
    put(task, status.sentence ?? "");
    // a note: it went on from an older checkpoint
    put(words, [wordsOf(state, status), status.note].filter(Boolean).join(" "));
    words.hidden = !words.textContent;
    words.classList.toggle("waiting", now === "starting" || now === "queued");
    drawHeroes(status);
    drawTrouble(status);
    drawButtons(status);
  }

  // ---- words and numbers ----
  /** @param {RunState} state @param {Status} status */
  function wordsOf(state, status) {
    const last = (status.checkpoints ?? []).at(-1);
    const { unit = "step", step = 0, of = 0 } = status;
    if (!status.status) return state.reconnecting ? "Reconnecting to the studio …" : "Reading the run …";
    if (status.status === "gone") return state.error ?? "This run is not here any more.";
    if (status.status === "queued") return [waitWords(status), status.error].filter(Boolean).join(" ");
    if (status.status === "starting") {
      const phase = state.phase;
      return phase?.text
        ? `${phase.text} … ${phase.part} of ${phase.parts}`
        : status.phase || "Starting …";
    }
    if (status.status === "finished") return [`Finished${took(status)}.`, status.result].filter(Boolean).join(" ");
    const kept = last ? `; step ${sayNumber(last)} is kept` : "";
    if (status.status === "stopped")
      return of
        ? `Stopped at ${unit} ${sayNumber(step)} of ${sayNumber(of)}${kept}.`
        : "Cancelled before it started.";
    if (status.status === "lost")
      return (
        (status.error
          ? ""
          : `Its process ended unexpectedly at ${unit} ${sayNumber(step)} ` +
            "(the computer may have restarted). ") +
        (last || (!isTraining(status) && step)
          ? `Nothing before ${unit} ${sayNumber(last ?? step)} is lost: resume.`
          : "It had kept nothing yet, so it starts from the beginning.")
      );
    return "";
  }

  /** @param {Status} status */
  function waitWords(status) {
    const wait =
      status.wait_seconds === null
        ? "; how long that takes is not known yet"
        : status.wait_seconds
          ? `, about ${sayDuration(status.wait_seconds)} to wait`
          : "";
    const { position } = status;
    return position && position > 1
      ? `You are number ${position} in the queue${wait}.`
      : `You are next in the queue${wait}.`;
  }

  /** @param {Status} status */
  function isTraining(status) {
    return (status.kind ?? "training") === "training";
  }

  /** @param {Status} status */
  function took(status) {
    return status.elapsed_seconds ? ` in ${sayDuration(status.elapsed_seconds)}` : "";
  }

  /** @param {Status} status */
  function drawHeroes(status) {
    const running = status.status === "running";
    const { unit = "step", step = 0, of = 0, seconds_left: left = null } = status;
    const begun = Boolean(step && of);
    heroes.hidden = bar.hidden = !begun || status.status === "gone";
    if (!begun) return;
    fillCell("step", sayNumber(step), `of ${sayNumber(of)} ${unit}s`);
    fillCell("left", running && left !== null ? (left < 1 ? "< 1 s" : sayDuration(left)) : null, "left");
    const [main] = status.measures ?? [];
    const held = status.validation?.[main?.name] ?? null;
    fillCell("loss", main && isTraining(status) ? sayFigure(status.told?.[main.name]) : null, main?.title);
    fillCell("held", held === null ? null : sayFigure(held), `validation ${main?.title}`);
    fillCell(
      "speed",
      running && status.examples_per_second ? String(Math.round(status.examples_per_second)) : null,
      "examples/s",
    );
    fill.style.width = `${Math.min(100, (100 * step) / of)}%`;
    bar.setAttribute("aria-valuemax", of);
    bar.setAttribute("aria-valuenow", step);
  }

  /** @param {string} key @param {string | null} value null hides it @param {string} [label] */
  function fillCell(key, value, label) {
    const { number, label: place, cell } = cells[key];
    cell.hidden = value === null;
    if (value === null) return;
    put(number, value);
    put(place, label ?? "");
  }

  /** @param {Status} status */
  function drawTrouble(status) {
    // what went wrong, what to do, and what the process printed last
    const failed = status.status === "failed";
    const lost = status.status === "lost";
    trouble.hidden = !failed && !lost;
    const wanted = JSON.stringify([feed.state.run, status.status, status.error, status.remedy, status.again_words]);
    if (trouble.hidden || trouble.dataset.shown === wanted) return;
    trouble.dataset.shown = wanted;
    const output = h("pre", { tabindex: 0 }, "Reading …");
    const details = h(
      "details",
      {
        ontoggle: () => {
          if (details.open) readOutput(output);
        },
      },
      h("summary", {}, "What its process printed last"),
      output,
    );
    trouble.classList.toggle("lost", lost && !status.error);
    trouble.replaceChildren(
      ...(failed || status.error
        ? [h("p", { class: "error-line" }, status.error || "It ended with an error.")]
        : []),
      ...(status.remedy ? [h("p", {}, status.remedy)] : []),
      ...(status.again_words
        ? [
            h(
              "div",
              { class: "acts" },
              h(
                "button",
                { type: "button", class: "btn primary", "data-act": "lower", onclick: trainAgain },
                status.again_words,
              ),
            ),
          ]
        : []),
      details,
    );
  }

  /** @param {HTMLElement} place */
  async function readOutput(place) {
    const answer = await server.read_output({ run: feed.state.run });
    put(
      place,
      answer?.text ||
        answer?.error ||
        (answer ? "It printed nothing." : "The studio did not answer. Fold this and try again."),
    );
  }

  // ---- what can be done ----
  /** @param {Status} status */
  function drawButtons(status) {
    const last = (status.checkpoints ?? []).at(-1);
    const running = ACTIVE.includes(status.status ?? "");
    const { unit = "step", step = 0 } = status;
    const gone = status.status === "gone";
    const doing = (/** @type {string} */ key) => asked?.act === key;
    const try_it = status.can_answer === false && isTraining(status) ? "Let it judge" : "Talk to it";
    show("talk", Boolean(status.can_ask) && !gone, running ? `${try_it} now →` : `${try_it} →`);
    show(
      "stop",
      Boolean(status.can_stop) && !gone,
      doing("stop")
        ? "Stopping after this step …"
        : status.status === "queued"
          ? "Leave the queue"
          : step
            ? `Stop and keep ${isTraining(status) ? `step ${sayNumber(step)}` : "what is done"}`
            : "Stop",
      doing("stop"),
    );
    show(
      "resume",
      Boolean(status.can_resume) && !gone,
      doing("resume") ? "Resuming …" : last
          ? `Resume from step ${sayNumber(last)}`
          : !isTraining(status) && step
            ? `Resume after ${unit} ${sayNumber(step)}`
            : "Start it again",
      doing("resume"),
    );
    show(
      "again",
      !running && Boolean(status.status) && isTraining(status),
      gone ? "Choose other settings" : "Train again with other settings",
    );
    show(
      "score",
      Boolean(status.can_answer) && !running && !gone && isTraining(status),
      doing("score") ? "Putting it into the queue …" : "Score it on the test set",
      doing("score"),
    );
    buttons.talk.classList.toggle("primary", status.status === "finished" || running);
    const refused = status.status === "failed" && !last; // the same settings would end there again
    buttons.resume.classList.toggle("primary", Boolean(status.can_resume) && !status.again_words && !refused);
    buttons.again.classList.toggle("primary", refused && !status.again_words && !buttons.again.hidden);
    buttons.again.classList.toggle("quiet", !buttons.again.classList.contains("primary"));
  }

  /** @param {string} key @param {boolean} visible @param {string} text */
  function show(key, visible, text, disabled = false) {
    const button = buttons[key];
    button.hidden = !visible;
    button.disabled = disabled;
    put(button, text);
  }

  /** @param {string} text */
  function complain(text) {
    put(refusal, text);
    refusal.hidden = !text;
  }

  function talk() {
    studio.setDraft({ run: feed.state.run, checkpoint: null, step: "compare" }, { push: true });
  }

  /** @param {string} call @param {string} key */
  async function act(call, key) {
    const run = feed.state.run;
    asked = { act: key, status: feed.state.status?.status, until: Date.now() + 20000 };
    complain("");
    draw(feed.state, "status");
    const answer = await server[call]({ run });
    if (!answer || answer.error) {
      asked = null;
      complain(answer?.error ?? "The studio did not answer. Try again.");
      draw(feed.state, "status");
    }
    feed.wake();
  }

  /** @param {any} event */
  async function trainAgain(event) {
    // the same recipe with what the failure's remedy changes: a new run
    const button = event.target;
    const run = feed.state.run;
    const request = writeTicket(`again ${run}`);
    button.disabled = true;
    complain("");
    const answer = await server.train_again({ run, request });
    button.disabled = false;
    if (!answer?.run)
      return complain(answer?.error ?? "The studio did not answer. Press again: it makes one run, not two.");
    ticket = null;
    studio.setDraft({ run: answer.run, recipe: answer.recipe, step: "train" }, { whole: true });
    document.dispatchEvent(new CustomEvent("studio:runs"));
  }

  async function score() {
    // other work about this run: it waits in the same queue, and is looked at here
    const run = feed.state.run;
    const request = writeTicket(`score ${run}`);
    asked = { act: "score", status: feed.state.status?.status, until: Date.now() + 20000 };
    complain("");
    draw(feed.state, "status");
    const answer = await server.score_run({ run, request });
    asked = null;
    draw(feed.state, "status");
    if (!answer?.run) return complain(answer?.error ?? "The studio did not answer. Press again: it makes one score.");
    ticket = null;
    studio.setDraft({ run: answer.run, step: "train" }, { push: true });
    document.dispatchEvent(new CustomEvent("studio:runs"));
  }

  async function again() {
    // from this run's own recipe, whoever made it
    const answer = await server.read_settings({ run: feed.state.run });
    if (answer?.recipe) studio.setDraft({ recipe: answer.recipe, run: null, step: "method" }, { whole: true });
    else studio.setDraft({ run: null, step: "method" });
  }

  // ---- one click, one run ----
  let starting = false;
  /** @type {{key: string, id: string} | null} */
  let ticket = null;

  document.addEventListener("click", (event) => {
    const button = around(event, "[data-act=start]");
    if (button && !button.disabled) start(button);
  });

  /** The id of a click on what `key` says: once more the same until the studio said which run it made.
   * @param {string} key */
  function writeTicket(key) {
    if (ticket?.key !== key) ticket = { key, id: mint() };
    return ticket.id;
  }

  /** @param {HTMLButtonElement} button */
  async function start(button) {
    if (starting) return;
    starting = true;
    const label = button.textContent;
    const place = button.closest("[data-plan]")?.querySelector("[data-refusal]");
    if (place) put(place, "");
    button.disabled = true;
    put(button, "Starting …");
    await studio.opened;
    const { recipe } = studio.draft;
    const request = writeTicket(JSON.stringify(recipe));
    const answer = await server.start_run({ recipe, request });
    starting = false;
    button.disabled = false;
    put(button, label);
    if (answer?.run) {
      ticket = null;
      studio.setDraft({ run: answer.run, step: "train" });
      document.dispatchEvent(new CustomEvent("studio:runs"));
    } else if (place)
      put(place, answer?.error ?? "The studio did not answer. Press again: it makes one run, not two.");
  }
}
