// @ts-check
// Adding instances by hand, by pasting, or from a file. What has no answer waits to be labelled.

import { find, h, put } from "../../frame/elements.js";
import { MOST_BYTES } from "../../frame/upload.js";
import { sayNumber, saySize } from "../../frame/words.js";
import { area, button } from "./parts.js";

/** @typedef {import("./bench.js").Chosen} Chosen */
/** @typedef {[string, any]} Field what was typed is kept under this name; where it is typed */

/** @param {import("./label_bench.js").Bench} bench */
export function makeAdding(bench) {
  const { panels, opened, ask, typed, load, written } = bench;
  const input = area("add-input", "Input", { hint: "What the model is given." });
  const output = area("add-output", "Answer", {
    rows: 2,
    hint: "What it should say. Leave it blank, and the input waits to be labelled.",
  });
  const pasted = area("add-paste", "Paste many", {
    rows: 6,
    hint:
      "One input a line, or separated by blank lines, or a table with a first line of names " +
      "(CSV, or copied from a spreadsheet).",
  });
  const file = h("input", {
    id: "add-file",
    type: "file",
    accept: ".csv,.tsv,.txt,.json,.jsonl,.xlsx,.parquet",
    "aria-describedby": "add-file-hint",
    onchange: uploadFile,
  });
  const trouble = h("p", { class: "error-line", role: "alert" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const said = h("p", { class: "bench-added", role: "status" });
  const columns = h("div", { class: "stack", hidden: true });
  /** @type {Field[]} */
  const fields = [
    ["add.input", input.field],
    ["add.output", output.field],
    ["add.paste", pasted.field],
  ];
  panels.add.append(
    h(
      "div",
      { class: "bench-halves" },
      h(
        "form",
        { class: "card stack", onsubmit: addOne },
        h("h2", {}, "One example"),
        input.box,
        output.box,
        problem,
        h("div", { class: "acts" }, h("button", { class: "btn primary", "data-act": "add" }, "Add it")),
      ),
      h(
        "form",
        {
          class: "card stack",
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            send("paste_inputs", { text: pasted.field.value });
          },
        },
        h("h2", {}, "Many inputs"),
        pasted.box,
        h("div", { class: "acts" }, h("button", { class: "btn primary", "data-act": "paste" }, "Add these")),
        h(
          "div",
          { class: "field" },
          h("label", { for: "add-file" }, "Or upload a file"),
          file,
          h(
            "span",
            { class: "hint", id: "add-file-hint" },
            "Of the same kinds, or Excel, Parquet, JSON; at most 50 MB. It is read when you choose it.",
          ),
        ),
        trouble,
        columns,
      ),
    ),
    said,
  );
  for (const [name, field] of fields) field.addEventListener("input", () => typed.keep(name, field.value));
  pasted.field.addEventListener("input", () => {
    columns.hidden = true;
  });
  opened.add = () => {
    for (const [name, field] of fields) if (!field.value) field.value = typed.find(name) ?? "";
  };

  /** @param {Event} event */
  async function addOne(event) {
    event.preventDefault();
    const wait = !output.field.value.trim();
    const answer = wait
      ? await ask("paste_inputs", { text: `${input.field.value.trim()}\n\n`, column: "", whole: true })
      : await ask("add_instance", { input: input.field.value, outputs: [output.field.value] });
    if (answer.error) return put(problem, answer.error);
    await finish(wait ? answer : { ...answer, waiting: 0, whole: 1 }, fields.slice(0, 2));
    input.field.focus();
  }

  async function uploadFile() {
    const [chosen] = file.files;
    if (!chosen) return;
    columns.hidden = true;
    put(trouble, "");
    if (chosen.size > MOST_BYTES)
      return fail(`${chosen.name} has ${saySize(chosen.size)}; at most 50 MB are taken. Upload it in parts.`);
    put(said, `Reading ${chosen.name} …`);
    let path;
    try {
      ({ path } = await bench.upload(chosen));
    } catch {
      return fail(`${chosen.name} did not reach the studio. Choose it again.`);
    }
    await send("upload_inputs", { file: { path, orig_name: chosen.name } });
  }

  /** @param {string} act @param {object} given @param {Chosen} [chosen] */
  async function send(act, given, chosen = {}) {
    const answer = await ask(act, { ...given, ...chosen });
    if (answer.error) return fail(answer.error);
    if (answer.columns) return chooseColumns(answer, (names) => send(act, given, names));
    await finish(answer, act === "paste_inputs" ? fields.slice(2) : []);
  }

  /** @param {string} words */
  function fail(words) {
    // the same file can be chosen again
    put(trouble, words);
    put(said, "");
    file.value = "";
  }

  /** @param {import("./bench.js").Columns} found @param {(names: Chosen) => void} add */
  function chooseColumns({ columns: names, rows, words, is_text: isText, longest }, add) {
    put(trouble, words);
    put(said, "");
    /** @param {string} value @param {string} [text] */
    const option = (value, text = value) => h("option", { value }, text);
    const given = h(
      "select",
      { id: "paste-column" },
      names.map((name) => option(name)),
    );
    const right = h(
      "select",
      { id: "paste-answers" },
      option("", "none: they wait to be labelled"),
      names.map((name) => option(name)),
    );
    /** @param {string[]} list */
    const guess = (list) => names.find((name) => list.includes(name.toLowerCase()));
    given.value = guess(["input", "text", "question", "sentence", "prompt"]) ?? longest;
    right.value = guess(["output", "label", "answer", "target"]) ?? "";
    columns.hidden = false;
    columns.replaceChildren(
      ...(names.length
        ? [
            h("p", {}, `This looks like a table of ${sayNumber(rows)} ${rows === 1 ? "row" : "rows"}.`),
            h("label", { class: "field" }, h("span", { class: "label" }, "The inputs are in"), given),
            h("label", { class: "field" }, h("span", { class: "label" }, "The answers are in"), right),
          ]
        : []),
      h(
        "div",
        { class: "acts" },
        names.length
          ? button("Add as a table", () => add({ column: given.value, answers: right.value }), {
              "data-act": "paste-table",
            })
          : null,
        isText ? button("Add as plain lines", () => add({ column: "" }), { "data-act": "paste-lines" }) : null,
      ),
    );
    columns.scrollIntoView({ block: "nearest" });
    (names.length ? given : find(columns, "button")).focus();
  }

  /** @param {import("./bench.js").Added} answer @param {Field[]} emptied */
  async function finish(answer, emptied) {
    put(problem, "");
    put(trouble, "");
    columns.hidden = true;
    file.value = "";
    for (const [name, field] of emptied) {
      typed.done(name, field.value);
      field.value = "";
    }
    const parts = [
      answer.whole
        ? `${sayNumber(answer.whole)} added with ${answer.whole === 1 ? "its answer" : "their answers"}, ` +
          "as a new version"
        : "",
      answer.waiting
        ? `${sayNumber(answer.waiting)} new ${answer.waiting === 1 ? "input waits" : "inputs wait"} to be labelled`
        : "",
    ].filter(Boolean);
    said.replaceChildren(
      h("span", {}, `${parts.join("; ") || "All of these were here already"}. `),
      ...(answer.waiting
        ? [
            button(
              "Label them",
              () => {
                bench.part = "waiting";
                bench.tab = "label";
                load(true);
              },
              { "data-act": "label-them" },
            ),
          ]
        : []),
    );
    if (answer.waiting) bench.part = null;
    await written(answer);
  }
}
