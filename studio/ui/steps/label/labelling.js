// @ts-check
// One instance at a time, large, by keyboard: 1-9 choose a label, A accepts what is suggested, S skips, U undoes,
// J jumps, W writes, B and N (or the arrows) turn, V makes a version; while an answer is written, the same with Alt.
// A label is on the studio's disk before the page goes on.

import { studio } from "../../frame/draft.js";
import { announce, around, find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { button, foreign, key } from "./parts.js";
import { family } from "./typed.js";
import { makeHelpers } from "./helpers.js";

/** @typedef {import("./bench.js").Item} Item */
/** @typedef {import("./bench.js").Label} Label */
/** @typedef {import("./bench.js").Example} Example */

const PLACE = "fine-tuning-studio.place";

/** @param {import("./label_bench.js").Bench} bench */
export function makeLabelling(bench) {
  const { root, panels, opened, ask, typed, store, load, take, moved } = bench;
  const AHEAD = 20; // instances that are fetched at a time
  const LONG_AGO = 300; // seconds after which nobody was labelling
  /** The instances that were fetched, by their ids. @type {Map<string, Item>} */
  const items = new Map();
  /** Ids labelled in this window, the newest last. @type {string[]} */
  const done = [];
  let at = 0;
  let since = 0;
  let busy = false;
  let newest = 0;

  // ---- made once ----
  const bar = h("i");
  const words = h("p", { class: "bench-progress", role: "status" });
  const parts = h("div", { class: "segments", role: "radiogroup", "aria-label": "Which examples" });
  const number = h("p", { class: "hint bench-number" });
  const turns = h("div", { class: "bench-turns" });
  const input = h("p", { class: "bench-input", dir: "auto", tabindex: 0 });
  const suggestion = h("p", { class: "bench-suggestion", hidden: true });
  const mine = h("p", { class: "bench-mine" });
  const choices = h("div", { class: "bench-choices", role: "group", "aria-label": "Labels" });
  const text = h("textarea", {
    id: "bench-text",
    rows: 2,
    spellcheck: "true",
    dir: "auto",
    maxlength: 200000,
    placeholder: "Write the answer …",
  });
  const save = button("Save", () => give(text.value), { kind: "primary", keys: "Enter", "data-act": "save" });
  const own = h(
    "div",
    { class: "bench-own" },
    h("label", { class: "visually-hidden", for: "bench-text" }, "Your answer"),
    text,
    save,
  );
  const accept = button("Accept", acceptIt, { kind: "", keys: "A", "data-act": "accept" });
  const skip = button("Skip", () => give(null), { kind: "", keys: "S", "data-act": "skip" });
  const undo = button("Undo", undoIt, { kind: "", keys: "U", "data-act": "undo" });
  const other = button("Write another", writeOwn, { kind: "", keys: "W", "data-act": "other" });
  const back = button("Back", () => show(at - 1), { kind: "", keys: "B", "data-act": "back" });
  const on = button("Next", () => show(at + 1), { kind: "", keys: "N", "data-act": "next" });
  const jump = h("input", { id: "bench-jump", type: "number", min: 1, inputmode: "numeric" });
  const jumping = h(
    "form",
    {
      class: "bench-jump",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        jumpTo();
      },
    },
    h("label", { for: "bench-jump" }, "Jump to ", key("J")),
    jump,
  );
  const change = button("Change its texts", () => bench.editOne(items.get(idNow())), {
    kind: "small quiet",
    "data-act": "edit",
  });
  const problem = h("p", { class: "error-line", role: "alert" });
  const card = h(
    "article",
    { class: "card bench-card" },
    h("div", { class: "row between" }, number, change),
    turns,
    input,
    suggestion,
    choices,
    own,
    mine,
    problem,
    h("div", { class: "acts" }, accept, skip, undo, other),
    h("div", { class: "acts bench-move" }, back, on, jumping),
  );
  const finished = h("article", { class: "card bench-finished", hidden: true });
  const about = h("details", { class: "more card bench-about", id: "bench-about" });
  const helper = h("select", { id: "bench-helper" });
  const helperWords = h("p", { class: "hint", role: "status" });
  const help = h(
    "div",
    { class: "field card bench-help" },
    h("label", { for: "bench-helper" }, "Suggestions"),
    helper,
    helperWords,
  );
  panels.label.append(
    h(
      "div",
      { class: "bench-top" },
      h("div", { class: "bench-far" }, h("span", { class: "bar", "aria-hidden": "true" }, bar), words),
      parts,
    ),
    h(
      "div",
      { class: "bench-columns" },
      h("div", { class: "stack" }, finished, card),
      h("aside", { class: "stack" }, about, help),
    ),
  );

  /** The instance that is looked at, and the next ones that are open. */
  const findNear = () =>
    [
      idNow(),
      ...bench.sheet.ids
        .slice(at + 1)
        .filter(isOpen)
        .slice(0, 3),
    ].map((id) => items.get(id));
  const idNow = () => bench.sheet?.ids[at];
  const set = () => /** @type {string[]} */ (bench.sheet?.labels ?? []);
  const isOpen = (/** @type {string} */ id) => !(id in bench.sheet.mine);

  /** My labels, by the ids of their instances. @returns {Record<string, Label>} */
  const mineNow = () => bench.sheet.mine;

  // ---- where we are ----
  /** @param {boolean} afresh */
  function start(afresh) {
    const { sheet } = bench;
    const before = afresh ? null : (idNow() ?? root.dataset.id);
    items.clear();
    if (afresh) bench.table.clear();
    newest = Math.max(0, ...Object.values(mineNow()).map((one) => one[1]));
    if (afresh) done.length = 0;
    drawParts();
    drawAbout();
    drawProgress();
    bench.people.refresh();
    if (afresh) helpers.list();
    const kept = store.read(`${PLACE}.${family(bench.task)}`);
    const first = sheet.ids.findIndex(isOpen);
    const wanted =
      sheet.ids.indexOf(before) >= 0
        ? sheet.ids.indexOf(before)
        : kept && sheet.ids.includes(kept) && isOpen(kept)
          ? sheet.ids.indexOf(kept)
          : first;
    finished.hidden = first >= 0;
    card.hidden = !sheet.ids.length;
    if (first < 0) showFinished();
    if (sheet.ids.length) show(Math.max(0, wanted), { quiet: true });
    else root.dataset.state = "ready";
  }

  /** @param {number} place */
  async function fetchAround(place) {
    /** @type {string[]} */
    const near = bench.sheet.ids.slice(Math.max(0, place - 2), place + AHEAD);
    const missing = near.filter((id) => !items.has(id));
    if (!missing.length) return null;
    const answer = await ask("read_items", { ids: missing });
    for (const item of answer.items ?? []) items.set(item.id, item);
    return answer.error ?? null;
  }

  let turning = 0;
  /** @param {number} place @param {{quiet?: boolean}} [how] */
  async function show(place, { quiet = false } = {}) {
    const { ids } = bench.sheet;
    if (!ids.length) return;
    at = Math.min(Math.max(0, place), ids.length - 1);
    const id = ids[at];
    const turn = ++turning;
    store.write(`${PLACE}.${family(bench.task)}`, id);
    if (!items.has(id)) {
      root.dataset.state = "loading";
      const wrong = await fetchAround(at);
      if (turn !== turning) return;
      if (wrong) return put(problem, wrong);
    } else fetchAround(at + 5);
    root.dataset.state = "ready";
    draw();
    if (!quiet && card.getBoundingClientRect().top < 0) card.scrollIntoView({ block: "start" });
    if (!quiet || document.activeElement === document.body) focus();
    helpers.wake();
  }

  function focus() {
    if (root.dataset.tab !== "label" || !card.isConnected || card.hidden) return;
    if (!set().length && isOpen(idNow())) text.focus({ preventScroll: true });
    else input.focus({ preventScroll: true });
  }

  // ---- drawing ----
  function draw() {
    const id = idNow();
    const item = items.get(id);
    const given = bench.sheet.mine[id];
    const labels = set();
    root.dataset.id = id;
    root.dataset.at = at + 1;
    put(
      number,
      `${sayNumber(at + 1)} of ${sayNumber(bench.sheet.ids.length)}` +
        (item?.waiting ? " · not labelled yet" : ""),
    );
    put(problem, item ? "" : "This example is gone: somebody deleted it. Go on with the next.");
    put(input, item?.input ?? "");
    change.hidden = !item || item.waiting;
    turns.replaceChildren(
      ...(item?.turns ?? [])
        .slice(0, -1)
        .map(([role, said]) => h("p", {}, h("span", { class: "hint" }, `${role} `), foreign("span", said))),
    );
    input.classList.toggle("long", (item?.input.length ?? 0) > 280);
    choices.hidden = !labels.length;
    choices.replaceChildren(
      ...labels.map((label, place) =>
        h(
          "button",
          {
            type: "button",
            class: "btn bench-choice",
            "aria-pressed": String(given?.[0] === label),
            "data-label": label,
            onclick: () => give(label),
          },
          place < 9 ? key(String(place + 1)) : null,
          foreign("span", label),
        ),
      ),
    );
    const kept = typed.find(`answer.${id}`);
    text.value = kept ?? "";
    own.hidden = labels.length > 0 && kept === null;
    other.hidden = !labels.length;
    for (const [act, letter] of [
      [accept, "A"],
      [skip, "S"],
      [undo, "U"],
      [back, "B"],
      [on, "N"],
      [jumping, "J"],
      [bench.people.button, "V"],
    ])
      put(find(act, "kbd"), labels.length ? letter : `Alt ${letter}`);
    mine.replaceChildren(
      ...(given
        ? [
            h("span", { class: "hint" }, given[0] === null ? "You skipped this." : "Your label: "),
            given[0] === null ? "" : foreign("strong", given[0]),
          ]
        : []),
    );
    undo.disabled = !lastDone();
    jump.max = bench.sheet.ids.length;
    drawSuggestion();
    for (const one of card.querySelectorAll("button")) one.toggleAttribute("data-wait", busy);
  }

  function suggested() {
    // of the model that was chosen, else what is in the task
    const item = items.get(idNow());
    if (!item) return null;
    const said = helpers.find(item);
    if (said) return said;
    return !helpers.isChosen() && item.outputs.length ? { text: item.outputs[0], words: "In the task now" } : null;
  }
  /** @param {string} answer */
  const fits = (answer) =>
    !set().length ? answer.trim() : set().find((label) => label.toLowerCase() === answer.trim().toLowerCase());

  function drawSuggestion() {
    const found = suggested();
    suggestion.hidden = !found;
    root.dataset.suggested = found?.text ?? "";
    accept.disabled = !found || found.waiting || !fits(found.text);
    if (!found) return;
    const label = found.waiting ? null : fits(found.text);
    suggestion.replaceChildren(
      h("span", { class: "hint" }, `${found.words}: `),
      found.waiting
        ? h("span", { class: "hint" }, "thinking …")
        : foreign("strong", label || found.text || "(nothing)"),
      !found.waiting && !label ? h("span", { class: "hint" }, " (none of the labels)") : "",
    );
    for (const choice of choices.children) choice.classList.toggle("suggested", choice.dataset.label === label);
  }

  function drawProgress() {
    const { done: far, of, words: said } = bench.sheet;
    root.dataset.done = far;
    bar.style.width = `${of ? (100 * far) / of : 100}%`;
    bar.hidden = !far;
    put(words, said[0].toUpperCase() + said.slice(1));
  }

  function drawParts() {
    const { counts, part } = bench.sheet;
    const names = { waiting: "Waiting", all: "All" };
    parts.hidden = !counts.waiting || counts.waiting === counts.all;
    parts.replaceChildren(
      ...Object.entries(names).map(([id, said]) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            "aria-checked": String(id === part),
            tabindex: id === part ? 0 : -1,
            onclick: () => {
              bench.part = id;
              load(true);
            },
          },
          `${said} (${sayNumber(counts[id])})`,
        ),
      ),
    );
  }

  function drawAbout() {
    const { sheet } = bench;
    /** @param {Example[]} all @param {"good" | "bad"} kind */
    const examples = (all, kind) =>
      all
        .slice(0, 3)
        .map((one) =>
          h(
            "div",
            { class: `example ${kind}` },
            foreign("p", one.input),
            h("p", {}, "→ ", foreign("strong", one.output)),
            one.explanation.trim() ? foreign("p", one.explanation, { class: "hint" }) : null,
          ),
        );
    const avoid = sheet.things_to_avoid.replace(/^[\s-]+$/, "");
    about.replaceChildren(
      h("summary", {}, "What to do"),
      h(
        "div",
        { class: "stack" },
        foreign("p", sheet.definition, { class: "prose" }),
        avoid ? h("div", {}, h("h3", {}, "Things to avoid"), foreign("p", avoid, { class: "prose" })) : null,
        ...examples(sheet.positive_examples, "good"),
        ...examples(sheet.negative_examples, "bad"),
      ),
    );
  }
  about.open = innerWidth > 900;

  function showFinished() {
    finished.hidden = false;
    finished.replaceChildren(
      h("h2", {}, "All of yours are labelled."),
      h("p", { class: "lead" }, "Use the labels as a new version of the task, or look at any of them again below."),
    );
  }

  /** @param {number} of */
  async function reshare(of) {
    // somebody joined, or left some: the shares are other ones now
    if (of === bench.sheet.ids.length) return;
    const next = bench.sheet.ids.slice(at + 1).filter(isOpen);
    const sheet = await ask("open_bench");
    if (sheet.error) return put(problem, sheet.error);
    take(sheet);
    at = sheet.ids.indexOf(next.find((/** @type {string} */ id) => sheet.ids.includes(id))) - 1;
    drawProgress();
  }

  // ---- acts ----
  function lastDone() {
    const given = mineNow();
    while (done.length && !(done[done.length - 1] in given)) done.pop();
    return done.at(-1) ?? Object.entries(given).sort((a, b) => b[1][1] - a[1][1])[0]?.[0] ?? null;
  }

  /** @param {{fresh?: Record<string, Label>, done: number, of: number, words: string}} answer */
  function learn(answer) {
    // what the studio has of mine, other windows' labels too
    for (const [id, label] of Object.entries(answer.fresh ?? {})) {
      bench.sheet.mine[id] = label;
      newest = Math.max(newest, label[1]);
    }
    Object.assign(bench.sheet, { done: answer.done, of: answer.of, words: answer.words });
    drawProgress();
    bench.people.later();
  }

  /** @param {number} next */
  function go(next) {
    const { ids } = bench.sheet;
    const order = [...ids.keys()];
    const ahead = [...order.slice(next), ...order.slice(0, next)];
    const found = ahead.find((place) => isOpen(ids[place]));
    finished.hidden = found !== undefined;
    if (found === undefined) {
      showFinished();
      announce("All of yours are labelled.");
    }
    return show(found ?? at);
  }

  /** @param {string | null} output */
  async function give(output) {
    const id = idNow();
    const item = items.get(id);
    if (busy || !item) return;
    if (output !== null && !output.trim()) {
      put(problem, "The answer is blank. Write one, or skip.");
      return text.focus();
    }
    const seconds = (performance.now() - since) / 1000;
    hold(true);
    try {
      await send(id, output, seconds);
    } finally {
      hold(false);
    }
  }

  /** @param {string} id @param {string | null} output @param {number} seconds */
  async function send(id, output, seconds) {
    const answer = await ask("give_label", {
      id,
      output: output?.trim() ?? null,
      before: bench.sheet.mine[id]?.[1] ?? null,
      seconds: seconds < LONG_AGO ? seconds : null,
      since: newest,
    });
    since = performance.now();
    if (answer.conflict) {
      bench.sheet.mine[id] = answer.there;
      draw();
      text.value = output ?? "";
      return put(problem, answer.conflict);
    }
    if (answer.error) return put(problem, answer.error);
    bench.sheet.mine[id] = answer.label;
    done.push(id);
    typed.done(`answer.${id}`, output);
    learn(answer);
    announce(`${output ?? "Skipped"}. ${answer.words}.`);
    await moved(answer.task);
    await reshare(answer.of);
    await go(at + 1);
  }

  async function undoIt() {
    const id = lastDone();
    if (busy || !id) return;
    hold(true);
    const answer = await ask("undo_label", { id, at: bench.sheet.mine[id][1], since: newest });
    hold(false);
    if (answer.conflict) {
      bench.sheet.mine[id] = answer.there;
      return put(problem, answer.conflict);
    }
    if (answer.error) return put(problem, answer.error);
    if (answer.label) bench.sheet.mine[id] = answer.label;
    else delete bench.sheet.mine[id];
    if (done.at(-1) === id) done.pop();
    learn(answer);
    finished.hidden = true;
    if (bench.sheet.ids.includes(id)) await show(bench.sheet.ids.indexOf(id));
    announce("Undone.");
  }

  function acceptIt() {
    const found = suggested();
    const label = found && !found.waiting && fits(found.text);
    if (label) give(label);
  }
  function writeOwn() {
    own.hidden = false;
    text.focus();
  }
  function jumpTo() {
    const wanted = jump.valueAsNumber;
    const { length } = bench.sheet.ids;
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > length)
      return put(problem, `There are ${sayNumber(length)} examples here. Write a number from 1 to ${length}.`);
    jump.value = "";
    show(wanted - 1);
  }
  /** @param {boolean} isBusy */
  function hold(isBusy) {
    busy = isBusy;
    root.toggleAttribute("data-busy", busy);
  }

  text.addEventListener("input", () => {
    if (!typed.keep(`answer.${idNow()}`, text.value))
      put(problem, "This browser keeps nothing (a private window, or it is full): save before you leave.");
  });

  // ---- keys ----
  /** @type {Record<string, () => unknown>} */
  const LETTERS = {
    KeyA: acceptIt,
    KeyS: () => give(null),
    KeyU: undoIt,
    KeyJ: () => jump.focus(),
    KeyB: () => show(at - 1),
    KeyN: () => show(at + 1),
    KeyW: writeOwn,
    KeyV: () => bench.people.use(),
  };
  document.addEventListener("keydown", (event) => {
    if (
      studio.draft.step !== "label" ||
      bench.tab !== "label" ||
      !bench.sheet ||
      bench.body.hidden ||
      root.dataset.state !== "ready" ||
      event.ctrlKey ||
      event.metaKey ||
      event.isComposing
    )
      return;
    const field = around(event, "input, textarea, select, [contenteditable]");
    const control = around(event, "button, a, summary");
    const stop = (/** @type {() => unknown} */ act) => {
      event.preventDefault();
      act();
    };
    if (event.altKey) return LETTERS[event.code] && stop(LETTERS[event.code]);
    if (field === text) {
      if (event.key === "Escape") stop(() => input.focus({ preventScroll: true }));
      if (event.key === "Enter" && !event.shiftKey)
        stop(() => (text.value.trim() || set().length ? give(text.value) : acceptIt()));
      return;
    }
    if (field) {
      if (event.key === "Escape") stop(() => input.focus({ preventScroll: true }));
      return;
    }
    const label = /^[1-9]$/.test(event.key) ? set()[Number(event.key) - 1] : undefined;
    if (label !== undefined) return stop(() => give(label));
    const letter = LETTERS[`Key${event.key.toUpperCase()}`];
    if (letter) return stop(letter);
    if (control) return;
    if (event.key === "Enter") stop(acceptIt);
    if (event.key === "ArrowRight") stop(() => show(at + 1));
    if (event.key === "ArrowLeft") stop(() => show(at - 1));
  });
  new MutationObserver(() => {
    since = performance.now();
  }).observe(root, { attributes: true, attributeFilter: ["data-id"] });

  const helpers = makeHelpers({ bench, helper, words: helperWords, findNear, drawn: drawSuggestion });
  opened.label = () => {
    since = performance.now();
    focus();
  };
  return { start, show, refresh: draw, drop: (/** @type {string} */ id) => items.delete(id) };
}
