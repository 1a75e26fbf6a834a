// Adding instances by hand or by pasting, and writing the task's own texts. Every save is a version; what clashes is shown with both texts.
const area = (id, label, {rows = 3, hint = null, ...rest} = {}) => {
  const field = h("textarea", {id, rows, dir: "auto", spellcheck: "true", maxlength: 200000, style: `--rows: ${rows}`, ...rest});
  return {field, box: h("div", {class: "field"}, h("label", {for: id}, label), field, hint ? h("span", {class: "hint"}, hint) : null)};
};
const asText = (value) => (Array.isArray(value) ? value.map(asText).join("\n\n") : value && typeof value === "object" ? Object.entries(value).filter(([name, one]) => name !== "extra" && one && asText(one)).map(([name, one]) => `${name}: ${asText(one)}`).join("\n") : String(value ?? ""));
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const MINE = {set_text: "text", set_input: "input", set_output: "output", set_examples: "examples"};

// Send edits; where one was made of what is no longer there, show both texts and let the person say. Returns the answer once it is done, else null.
async function saveEdits(edits, problem, clashes, tookTheirs) {
  if (clashes.ariaBusy) return null;         // a second click
  put(problem, "");
  clashes.replaceChildren();
  clashes.ariaBusy = "true";
  const answer = await ask("edit_task", {edits});
  clashes.ariaBusy = null;
  if (answer.error) { put(problem, answer.error); return null; }
  if (!answer.clashes) return answer;
  return new Promise((settled) => {
    const left = new Set(answer.clashes.map((one) => one.number)), dropped = new Set();
    const decide = async (number, card) => {
      left.delete(number);
      card.remove();
      if (left.size) return;
      const rest = edits.filter((_, place) => !dropped.has(place));
      settled(rest.length ? await saveEdits(rest, problem, clashes, tookTheirs) : {kept: true});
    };
    clashes.replaceChildren(...answer.clashes.map(({number, current}) => {
      const edit = edits[number], what = (edit.field ?? edit.op.replace("set_", "")).replaceAll("_", " ");
      const card = h("div", {class: "wrong", role: "alert"}, h("h4", {}, `Somebody changed the ${what} while you wrote. Nothing is lost; which shall stand?`),
        h("div", {class: "two"}, h("div", {}, h("p", {class: "hint"}, "There now"), foreign("p", asText(current), {class: "prose"})), h("div", {}, h("p", {class: "hint"}, "Yours"), foreign("p", asText(edit[MINE[edit.op]]), {class: "prose"}))));
      card.append(h("div", {class: "acts"}, button("Replace it with mine", () => { edit.before = current; decide(number, card); }), button("Keep what is there", () => { dropped.add(number); tookTheirs(edit, current); decide(number, card); })));
      return card;
    }));
    clashes.scrollIntoView({block: "nearest"});
  });
}

// ---- adding ------------------------------------------------------------------------------------------------------------------------
(() => {
  const input = area("add-input", "Input", {hint: "What the model is given."}), output = area("add-output", "Answer", {rows: 2, hint: "What it should say. Leave it blank, and the input waits to be labelled."});
  const pasted = area("add-paste", "Paste many", {rows: 6, hint: "One input a line, or parted by blank lines, or a table with a first line of names (CSV, or copied from a spreadsheet)."});
  const file = h("input", {id: "add-file", type: "file", accept: ".csv,.tsv,.txt,.json,.jsonl,.xlsx,.parquet", "aria-describedby": "add-file-hint", onchange: bringFile}), trouble = h("p", {class: "error-line", role: "alert"});
  const problem = h("p", {class: "error-line", role: "alert"}), said = h("p", {class: "bench-added", role: "status"}), columns = h("div", {class: "stack", hidden: true});
  const fields = [["add.input", input.field], ["add.output", output.field], ["add.paste", pasted.field]];
  panels.add.append(h("div", {class: "bench-halves"}, h("form", {class: "card stack", onsubmit: addOne}, h("h3", {}, "One instance"), input.box, output.box, problem, h("div", {class: "acts"}, h("button", {class: "btn primary", "data-act": "add"}, "Add it"))),
    h("form", {class: "card stack", onsubmit: (event) => { event.preventDefault(); bring("paste_inputs", {text: pasted.field.value}); }}, h("h3", {}, "Many inputs"), pasted.box, h("div", {class: "acts"}, h("button", {class: "btn primary", "data-act": "paste"}, "Add these")),
      h("div", {class: "field"}, h("label", {for: "add-file"}, "Or bring a file"), file, h("span", {class: "hint", id: "add-file-hint"}, "Of the same kinds, or Excel, Parquet, JSON; at most 50 MB. It is read when you choose it.")), trouble, columns)), said);
  for (const [name, field] of fields) field.addEventListener("input", () => typed.keep(name, field.value));
  pasted.field.addEventListener("input", () => { columns.hidden = true; });
  opened.add = () => { for (const [name, field] of fields) if (!field.value) field.value = typed.find(name) ?? ""; };

  async function addOne(event) {
    event.preventDefault();
    const wait = !output.field.value.trim();
    const answer = wait ? await ask("paste_inputs", {text: `${input.field.value.trim()}\n\n`, column: "", whole: true}) : await ask("add_instance", {input: input.field.value, outputs: [output.field.value]});
    if (answer.error) return put(problem, answer.error);
    await finish(wait ? answer : {...answer, waiting: 0, whole: 1}, fields.slice(0, 2));
    input.field.focus();
  }

  async function bringFile() {
    const [chosen] = file.files;
    if (!chosen) return;
    columns.hidden = true;
    put(trouble, "");
    if (chosen.size > window.studioMostBytes) return fail(`${chosen.name} has ${studio.size(chosen.size)}; at most 50 MB are taken. Bring it in parts.`);
    put(said, `Reading ${chosen.name} …`);
    let path;
    try { ({path} = await upload(chosen)); } catch { return fail(`${chosen.name} did not reach the studio. Choose it again.`); }
    await bring("bring_inputs", {file: {path, orig_name: chosen.name}});
  }

  async function bring(act, given, chosen = {}) {
    const answer = await ask(act, {...given, ...chosen});
    if (answer.error) return fail(answer.error);
    if (answer.columns) return chooseColumns(answer, (names) => bring(act, given, names));
    await finish(answer, act === "paste_inputs" ? fields.slice(2) : []);
  }

  function fail(words) {                     // the same file can be chosen again
    put(trouble, words);
    put(said, "");
    file.value = "";
  }

  function chooseColumns({columns: names, rows, words, is_text: isText, longest}, add) {
    put(trouble, words);
    put(said, "");
    const option = (value, text = value) => h("option", {value}, text);
    const given = h("select", {id: "paste-column"}, names.map((name) => option(name))), right = h("select", {id: "paste-answers"}, option("", "none: they wait to be labelled"), names.map((name) => option(name)));
    const guess = (list) => names.find((name) => list.includes(name.toLowerCase()));
    given.value = guess(["input", "text", "question", "sentence", "prompt"]) ?? longest;
    right.value = guess(["output", "label", "answer", "target"]) ?? "";
    columns.hidden = false;
    columns.replaceChildren(...(names.length ? [h("p", {}, `This looks like a table of ${studio.number(rows)} ${rows === 1 ? "row" : "rows"}.`), h("label", {class: "field"}, h("span", {class: "label"}, "The inputs are in"), given), h("label", {class: "field"}, h("span", {class: "label"}, "The answers are in"), right)] : []),
      h("div", {class: "acts"}, names.length ? button("Add as a table", () => add({column: given.value, answers: right.value}), {"data-act": "paste-table"}) : null, isText ? button("It is plain lines", () => add({column: ""}), {"data-act": "paste-lines"}) : null));
    columns.scrollIntoView({block: "nearest"});
    (names.length ? given : columns.querySelector("button")).focus();
  }

  async function finish(answer, emptied) {
    put(problem, "");
    put(trouble, "");
    columns.hidden = true;
    file.value = "";
    for (const [name, field] of emptied) { typed.done(name, field.value); field.value = ""; }
    const parts = [answer.whole ? `${studio.number(answer.whole)} added with ${answer.whole === 1 ? "its answer" : "their answers"}, as a new version` : "", answer.waiting ? `${studio.number(answer.waiting)} new ${answer.waiting === 1 ? "input waits" : "inputs wait"} to be labelled` : ""].filter(Boolean);
    said.replaceChildren(h("span", {}, `${parts.join("; ") || "All of these were here already"}. `), ...(answer.waiting ? [button("Label them", () => { bench.part = "waiting"; bench.tab = "label"; load(true); }, {"data-act": "label-them"})] : []));
    if (answer.waiting) bench.part = null;
    await written(answer);
  }
})();

// ---- the task's own texts --------------------------------------------------------------------------------------------------------------
(() => {
  const TEXTS = {definition: ["Definition", 4, "The instruction that the model reads before every input."], things_to_avoid: ["Things to avoid", 3, "What an answer must not do."], title: ["Title", 1, "What the task is called in the lists."]};
  const LISTS = {positive_examples: ["Positive examples", "Why it is right"], negative_examples: ["Negative examples", "Why it is wrong"]};
  const problem = h("p", {class: "error-line", role: "alert"}), said = h("p", {role: "status"}), clashes = h("div", {class: "stack"});
  const fields = Object.fromEntries(Object.entries(TEXTS).map(([name, [label, rows, hint]]) => [name, area(`write-${name}`, label, {rows, hint})]));
  const lists = Object.fromEntries(Object.keys(LISTS).map((name) => [name, h("div", {class: "stack"})]));
  const examples = {}, before = {};          // what stands in the form; what the person saw when they began
  const form = h("form", {class: "stack", onsubmit: (event) => { event.preventDefault(); save(); }}, h("div", {class: "card stack"}, Object.values(fields).map((one) => one.box)),
    h("div", {class: "bench-halves"}, Object.entries(LISTS).map(([name, [label]]) => h("section", {class: "card stack"}, h("h3", {}, label), lists[name], h("div", {}, button(`Add a ${label.slice(0, -1).toLowerCase()}`, () => { examples[name].push({input: "", output: "", explanation: "", suggestion: "", extra: {}}); drawList(name); }, {"data-act": `add-${name}`}))))),
    clashes, problem, h("div", {class: "acts"}, h("button", {class: "btn primary", "data-act": "save-texts"}, "Save as a new version"), button("Take back my changes", forget, {kind: "quiet"})), said);
  panels.write.append(form);
  const current = (name) => (name === "title" ? bench.sheet.own_title : bench.sheet[name]);
  const value = (name) => (name in TEXTS ? fields[name].field.value : examples[name]);
  const names = [...Object.keys(TEXTS), ...Object.keys(LISTS)];
  for (const name in TEXTS) fields[name].field.addEventListener("input", () => keep(name));
  const keep = (name) => typed.keep(`write.${name}`, same(value(name), before[name]) ? null : {value: value(name), before: before[name]});
  let shown = null;

  opened.write = () => {                     // what is being written stays; the rest is as the task has it now, once that is known
    const isOther = shown !== family(bench.task);
    form.inert = bench.isOld && isOther;
    if (bench.isOld) return;
    shown = family(bench.task);
    for (const name of names) {
      const kept = typed.find(`write.${name}`);
      if (!isOther && kept && !same(value(name), before[name])) continue;
      before[name] = structuredClone(kept?.before ?? current(name));
      fill(name, kept?.value ?? current(name));
    }
  };
  function fill(name, now) {
    if (name in TEXTS) fields[name].field.value = now; else { examples[name] = structuredClone(now); drawList(name); }
  }
  function forget() {
    for (const name of names) { typed.done(`write.${name}`, typed.find(`write.${name}`)); if (!bench.isOld) before[name] = structuredClone(current(name)); fill(name, before[name]); }
    clashes.replaceChildren();
    put(problem, "");
  }

  function drawList(name) {
    lists[name].replaceChildren(...(examples[name].length ? [] : [h("p", {class: "hint"}, "None yet.")]), ...examples[name].map((one, place) => {
      const part = (key, label, rows) => {
        const {field, box} = area(`write-${name}-${place}-${key}`, label, {rows});
        field.value = one[key];
        field.addEventListener("input", () => { one[key] = field.value; keep(name); });
        return box;
      };
      return h("div", {class: "bench-example", role: "group", "aria-label": `Example ${place + 1}`}, h("p", {class: "hint"}, `Example ${place + 1}`), part("input", "Input", 2), part("output", "Output", 1), part("explanation", LISTS[name][1], 2), one.suggestion || name === "negative_examples" ? part("suggestion", "Better", 1) : null,
        h("div", {}, button("Remove", () => { examples[name].splice(place, 1); drawList(name); keep(name); }, {kind: "quiet small"})));
    }));
  }

  async function save() {
    const changed = names.filter((name) => !same(value(name), before[name]));
    if (!changed.length) return put(problem, "Nothing is changed yet. Write something first.");
    const empty = changed.filter((name) => name in LISTS && examples[name].some((one) => !one.input.trim() || !one.output.trim()));
    if (empty.length) return put(problem, "An example has no input or no output. Write both, or remove it.");
    const edits = changed.map((name) => (name in TEXTS ? {op: "set_text", field: name, text: value(name), before: before[name]} : {op: "set_examples", field: name, examples: structuredClone(value(name)), before: before[name]}));
    const answer = await saveEdits(edits, problem, clashes, (edit, theirs) => { edit[MINE[edit.op]] = theirs; fill(edit.field, theirs); });
    if (!answer) return;
    for (const edit of edits) {              // what was typed while the studio saved is still to be saved
      typed.done(`write.${edit.field}`, typed.find(`write.${edit.field}`));
      before[edit.field] = structuredClone(edit[MINE[edit.op]]);
      keep(edit.field);
    }
    if (answer.kept) { await load(false); return put(said, "What was there stays."); }
    put(said, `Version ${answer.number} is made and chosen: ${answer.words}.`);
    say(said.textContent);
    await written(answer);
  }
})();
