// @ts-check
// Writing the task's own texts and examples. Every save is a version; what is typed stays in this browser until then.

import { announce, h, put } from "../../frame/elements.js";
import { area, button, isSame } from "./parts.js";
import { MINE, saveEdits } from "./saving.js";
import { family } from "./typed.js";

/** @typedef {import("./bench.js").Example} Example */
/** @typedef {import("./bench.js").Written} Written */

/** @param {import("./label_bench.js").Bench} bench */
export function makeWriting(bench) {
  const { panels, opened, ask, typed, load, written } = bench;
  /** @type {Record<string, any[]>} */
  const TEXTS = {
    definition: ["Definition", 4, "The instruction that the model reads before every input."],
    things_to_avoid: ["Things to avoid", 3, "What an answer must not do."],
    title: ["Title", 1, "What the task is called in the lists."],
  };
  /** @type {Record<string, string[]>} */
  const LISTS = {
    positive_examples: ["Positive examples", "Why it is right"],
    negative_examples: ["Negative examples", "Why it is wrong"],
  };
  const problem = h("p", { class: "error-line", role: "alert" });
  const said = h("p", { role: "status" });
  const clashes = h("div", { class: "stack" });
  const fields = Object.fromEntries(
    Object.entries(TEXTS).map(([name, [label, rows, hint]]) => [name, area(`write-${name}`, label, { rows, hint })]),
  );
  const lists = Object.fromEntries(Object.keys(LISTS).map((name) => [name, h("div", { class: "stack" })]));
  /** What is in the form. @type {Record<string, Example[]>} */
  const examples = {};
  /** What the person saw when they began. @type {Record<string, Written>} */
  const before = {};
  const form = h(
    "form",
    {
      class: "stack",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        save();
      },
    },
    h(
      "div",
      { class: "card stack" },
      Object.values(fields).map((one) => one.box),
    ),
    h(
      "div",
      { class: "bench-halves" },
      Object.entries(LISTS).map(([name, [label]]) =>
        h(
          "section",
          { class: "card stack" },
          h("h2", {}, label),
          lists[name],
          h(
            "div",
            {},
            button(
              `Add a ${label.slice(0, -1).toLowerCase()}`,
              () => {
                examples[name].push({ input: "", output: "", explanation: "", suggestion: "", extra: {} });
                drawList(name);
              },
              { "data-act": `add-${name}` },
            ),
          ),
        ),
      ),
    ),
    clashes,
    problem,
    h(
      "div",
      { class: "acts" },
      h("button", { class: "btn primary", "data-act": "save-texts" }, "Save as a new version"),
      button("Discard my changes", forget, { kind: "quiet" }),
    ),
    said,
  );
  panels.write.append(form);
  /** @param {string} name @returns {Written} */
  const current = (name) => (name === "title" ? bench.sheet.own_title : bench.sheet[name]);
  /** @param {string} name @returns {Written} */
  const value = (name) => (name in TEXTS ? fields[name].field.value : examples[name]);
  const names = [...Object.keys(TEXTS), ...Object.keys(LISTS)];
  for (const name in TEXTS) fields[name].field.addEventListener("input", () => keep(name));
  /** @param {string} name */
  const keep = (name) =>
    typed.keep(
      `write.${name}`,
      isSame(value(name), before[name]) ? null : { value: value(name), before: before[name] },
    );
  /** @type {any} */
  let shown = null;

  opened.write = () => {
    // what is being written stays; the rest is as the task has it now, once that is known
    const isOther = shown !== family(bench.task);
    form.inert = bench.isOld && isOther;
    if (bench.isOld) return;
    shown = family(bench.task);
    for (const name of names) {
      const kept = typed.find(`write.${name}`);
      if (!isOther && kept && !isSame(value(name), before[name])) continue;
      before[name] = structuredClone(kept?.before ?? current(name));
      fill(name, kept?.value ?? current(name));
    }
  };
  /** @param {string} name @param {any} now */
  function fill(name, now) {
    if (name in TEXTS) fields[name].field.value = now;
    else {
      examples[name] = structuredClone(now);
      drawList(name);
    }
  }
  function forget() {
    for (const name of names) {
      typed.done(`write.${name}`, typed.find(`write.${name}`));
      if (!bench.isOld) before[name] = structuredClone(current(name));
      fill(name, before[name]);
    }
    clashes.replaceChildren();
    put(problem, "");
  }

  /** @param {string} name */
  function drawList(name) {
    lists[name].replaceChildren(
      ...(examples[name].length ? [] : [h("p", { class: "hint" }, "None yet.")]),
      ...examples[name].map((one, place) => {
        /** @param {"input" | "output" | "explanation" | "suggestion"} key @param {string} label @param {number} rows */
        const part = (key, label, rows) => {
          const { field, box } = area(`write-${name}-${place}-${key}`, label, { rows });
          field.value = one[key];
          field.addEventListener("input", () => {
            one[key] = field.value;
            keep(name);
          });
          return box;
        };
        return h(
          "div",
          { class: "bench-example", role: "group", "aria-label": `Example ${place + 1}` },
          h("p", { class: "hint" }, `Example ${place + 1}`),
          part("input", "Input", 2),
          part("output", "Output", 1),
          part("explanation", LISTS[name][1], 2),
          one.suggestion || name === "negative_examples" ? part("suggestion", "Better", 1) : null,
          h(
            "div",
            {},
            button(
              "Remove",
              () => {
                examples[name].splice(place, 1);
                drawList(name);
                keep(name);
              },
              { kind: "quiet small" },
            ),
          ),
        );
      }),
    );
  }

  async function save() {
    const changed = names.filter((name) => !isSame(value(name), before[name]));
    if (!changed.length) return put(problem, "Nothing is changed yet. Write something first.");
    const empty = changed.filter(
      (name) => name in LISTS && examples[name].some((one) => !one.input.trim() || !one.output.trim()),
    );
    if (empty.length) return put(problem, "An example has no input or no output. Write both, or remove it.");
    /** @type {(import("./bench.js").Edit & {field: string})[]} */
    const edits = changed.map((name) =>
      name in TEXTS
        ? { op: "set_text", field: name, text: value(name), before: before[name] }
        : { op: "set_examples", field: name, examples: structuredClone(value(name)), before: before[name] },
    );
    const answer = await saveEdits(ask, edits, problem, clashes, (edit, theirs) => {
      edit[MINE[edit.op]] = theirs;
      fill(edit.field, theirs);
    });
    if (!answer) return;
    for (const edit of edits) {
      // what was typed while the studio saved is still to be saved
      typed.done(`write.${edit.field}`, typed.find(`write.${edit.field}`));
      before[edit.field] = structuredClone(edit[MINE[edit.op]]);
      keep(edit.field);
    }
    if (answer.kept) {
      await load(false);
      return put(said, "Nothing was changed.");
    }
    put(said, `Version ${answer.number} is made and chosen: ${answer.words}.`);
    announce(said.textContent);
    await written(answer);
  }
}
