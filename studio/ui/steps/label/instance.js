// @ts-check
// The editor of one instance: its input and its answers.

import { h, put } from "../../frame/elements.js";
import { area, button, isSame } from "./parts.js";
import { saveEdits } from "./saving.js";

/** @param {import("./label_bench.js").Bench} bench @param {import("./bench.js").Item} item */
export function editOne(bench, item) {
  if (!item) return;
  const { ask, typed, written, openTab } = bench;
  const field = `edit.${item.id}`;
  const kept = typed.find(field);
  const before = kept?.before ?? { input: item.input, outputs: item.outputs };
  const input = area("edit-input", "Input", { rows: 4 });
  const outputs = h("div", { class: "stack" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const clashes = h("div", { class: "stack" });
  const answers = [...(kept?.value.outputs ?? item.outputs)];
  input.field.value = kept?.value.input ?? item.input;
  input.field.disabled = Boolean(item.turns?.length) || item.waiting;
  const keep = () => typed.keep(field, { value: { input: input.field.value, outputs: answers }, before });
  input.field.addEventListener("input", keep);
  const close = () => {
    typed.done(field, typed.find(field));
    bench.table.editor.replaceChildren();
  };
  const drawOutputs = () =>
    outputs.replaceChildren(
      ...answers.map((text, place) => {
        const one = area(`edit-output-${place}`, place ? `Also right, ${place + 1}` : "Answer", { rows: 2 });
        one.field.value = text;
        one.field.addEventListener("input", () => {
          answers[place] = one.field.value;
          keep();
        });
        return one.box;
      }),
    );
  const save = async () => {
    /** @type {import("./bench.js").Edit[]} */
    const edits = [];
    if (input.field.value !== before.input)
      edits.push({ op: "set_input", id: item.id, input: input.field.value, before: before.input });
    const said = answers.filter((text, place) => text.trim() || !place);
    if (!isSame(said, before.outputs))
      edits.push({ op: "set_output", id: item.id, output: said, before: before.outputs });
    if (!edits.length) return put(problem, "Nothing is changed yet.");
    const answer = await saveEdits(ask, edits, problem, clashes, () => {});
    if (!answer) return;
    close();
    await written(answer.kept ? { task: bench.task, version: bench.sheet.version } : answer);
    bench.table.turn(0);
  };
  openTab("table");
  drawOutputs();
  bench.table.editor.replaceChildren(
    h(
      "form",
      {
        class: "card stack bench-editor",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          save();
        },
      },
      h("h2", {}, `Instance ${item.number ?? ""}`),
      input.box,
      outputs,
      h(
        "div",
        {},
        button("Another right answer", () => {
          answers.push("");
          drawOutputs();
        }),
      ),
      clashes,
      problem,
      h(
        "div",
        { class: "acts" },
        h("button", { class: "btn primary", "data-act": "save-instance" }, "Save as a new version"),
        button("Cancel", close, { kind: "quiet" }),
      ),
    ),
  );
  input.field.focus();
}
