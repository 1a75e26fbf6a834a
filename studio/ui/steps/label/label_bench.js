// @ts-check
// The bench: one task, labelled and written. This is its frame: which task, whose labels, which tab is shown.
// All text of a task is foreign: it is only ever text.

import { studio } from "../../frame/draft.js";
import { find, h, put } from "../../frame/elements.js";
import { button } from "./parts.js";
import { makeAdding } from "./adding.js";
import { editOne } from "./instance.js";
import { makeLabelling } from "./labelling.js";
import { makePeople } from "./people.js";
import { makeTable } from "./table.js";
import { makeTyped, store } from "./typed.js";
import { makeVersions } from "./versions.js";
import { makeWriting } from "./writing.js";

const PERSON = "fine-tuning-studio.person";
const SILENT = "The studio does not answer. What you typed is kept here; try again.";
const TURNS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowLeft: -1 });
const TABS = { label: "Label", add: "Add", write: "Write", table: "Table", versions: "Versions" };

/** @typedef {import("./bench.js").Item} Item */
/** @typedef {import("./bench.js").Made} Made */
/** @typedef {Record<string, any>} Bench what the parts of the bench share: what is open, and how to ask the studio */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server, upload }) {
  const root = find(element, ".bench");
  /** @type {Bench} */
  const bench = { task: null, sheet: null, isOld: false, person: "me", part: null, tab: "label" };
  const typed = makeTyped(() => bench.task);

  // ---- asking the studio ----
  /** @param {string} act @param {object} [given] @returns {Promise<any>} */
  async function ask(act, given = {}) {
    /** @type {any} */
    let answer = null;
    try {
      answer = await server[act]({ task: bench.task, person: bench.person, part: bench.part, ...given });
    } catch {
      /* said below */
    }
    return answer && typeof answer === "object" ? answer : { error: SILENT };
  }

  // ---- the frame ----
  const title = h("h2", { class: "bench-title", dir: "auto" });
  const standing = h("p", { class: "hint bench-standing", role: "status" });
  const who = h("input", {
    id: "bench-person",
    type: "text",
    maxlength: 80,
    autocomplete: "nickname",
    spellcheck: "false",
  });
  const tabs = h(
    "div",
    { class: "segments bench-tabs", role: "tablist", "aria-label": "What to do" },
    Object.entries(TABS).map(([id, text]) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `bench-tab-${id}`,
          "aria-controls": `bench-${id}`,
          onclick: () => openTab(id),
        },
        text,
      ),
    ),
  );
  const panels = Object.fromEntries(
    Object.keys(TABS).map((id) => [
      id,
      h("div", {
        class: "bench-panel",
        id: `bench-${id}`,
        role: "tabpanel",
        "aria-labelledby": `bench-tab-${id}`,
        hidden: true,
      }),
    ]),
  );
  const nothing = h("div", { class: "empty bench-nothing" });
  const body = h(
    "div",
    { class: "bench-body", hidden: true },
    h(
      "div",
      { class: "bench-head" },
      h("div", {}, title, standing),
      h("label", { class: "bench-who", for: "bench-person" }, h("span", { class: "hint" }, "You are"), who),
    ),
    tabs,
    ...Object.values(panels),
  );
  root.append(nothing, body);
  /** What to do when a tab is shown. @type {Record<string, () => void>} */
  const opened = {};

  tabs.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const by = TURNS[event.key];
    if (!by) return;
    const ids = Object.keys(TABS);
    openTab(ids[(ids.indexOf(bench.tab) + by + ids.length) % ids.length]);
    document.getElementById(`bench-tab-${bench.tab}`)?.focus();
  });
  who.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter") who.blur();
  });
  who.addEventListener("blur", () => {
    const name = who.value.trim().replace(/\s+/g, " ") || "me";
    who.value = name;
    if (name === bench.person) return;
    bench.person = name;
    store.write(PERSON, name);
    load(false);
  });

  /** @param {string} id */
  function openTab(id) {
    bench.tab = id;
    root.dataset.tab = id;
    for (const tab of tabs.children) {
      const isHere = tab.id === `bench-tab-${id}`;
      tab.setAttribute("aria-selected", String(isHere));
      tab.tabIndex = isHere ? 0 : -1;
    }
    for (const [other, panel] of Object.entries(panels)) panel.hidden = other !== id;
    if (bench.sheet) opened[id]?.();
  }

  // ---- which task ----
  let looking = 0;
  /** @type {import("../../frame/draft.js").Listener} */
  const follow = (draft, before) => {
    if (draft.step !== "label") return;
    if (!studio.isOpen) return put(nothing, "Opening the task …");
    const task = draft.recipe.task_id ?? null;
    if (!before || before.step !== "label" || task !== bench.task) {
      if (task !== bench.task) bench.part = null;
      bench.task = task;
      load(true);
    } else drawStanding();
  };

  // Take the sheet as the studio has it now. False if it can't be had, which is said, or if it was asked for again.

  async function look() {
    const turn = ++looking;
    bench.isOld = true;
    const sheet = await ask("open_bench");
    if (turn !== looking) return false;
    if (sheet.error)
      showNothing(
        sheet.error,
        button("Try again", () => load(true), { kind: "" }),
      );
    else take(sheet);
    return !sheet.error;
  }

  /** @param {boolean} afresh */
  async function load(afresh) {
    looking++;
    if (!bench.task) return showNothing("No task is chosen. Choose a sample or upload a file, then label it here.");
    root.dataset.state = "loading";
    if (!(await look())) return;
    nothing.hidden = true;
    body.hidden = false;
    bench.labelling.start(afresh);
    openTab(bench.tab);
  }

  /** @param {any} sheet */
  function take(sheet) {
    bench.sheet = sheet;
    bench.isOld = false;
    bench.part = sheet.part;
    root.dataset.task = bench.task = sheet.task;
    put(title, sheet.title);
    drawStanding();
  }

  function drawStanding() {
    const { sheet } = bench;
    const chosen = studio.draft.recipe.task_version;
    if (!sheet || bench.isOld) return;
    const words = [
      sheet.sample ? "A sample: what you label or write is kept in a copy of your own." : `Version ${sheet.number}.`,
    ];
    if (!sheet.sample && chosen && chosen !== sheet.version) words.push("Your recipe uses another version.");
    standing.replaceChildren(
      words.join(" "),
      ...(words.length > 1
        ? [" ", h("button", { type: "button", class: "link", onclick: () => choose(sheet) }, "Use this one")]
        : []),
    );
  }

  /** @param {string} text @param {...any} more */
  function showNothing(text, ...more) {
    root.dataset.state = "empty";
    body.hidden = true;
    nothing.hidden = false;
    nothing.replaceChildren(
      h("p", {}, text),
      more.length ? h("p", {}, ...more) : button("To the tasks", () => studio.go("data"), { kind: "primary" }),
    );
  }

  // What was written may have gone to another task (the copy of a sample) and made another version: both are chosen.
  /** @param {Made} made */
  function choose({ task, version }) {
    bench.task = task;
    studio.setDraft({ recipe: { task_id: task, task_version: version } });
  }
  /** @param {Made} answer */
  async function written(answer) {
    choose(answer);
    if (!(await look())) return;
    bench.labelling.start(false);
    if (bench.tab === "write") opened.write();
  }
  /** @param {string} task */
  async function moved(task) {
    // labels alone make no version, but may have made the copy
    if (task === bench.task) return;
    bench.task = task;
    studio.setDraft({ recipe: { task_id: task, task_version: undefined } });
    await look();
  }

  // ---- begin: all tabs are there ----
  Object.assign(bench, {
    root,
    body,
    panels,
    opened,
    typed,
    store,
    ask,
    upload,
    load,
    take,
    written,
    moved,
    openTab,
  });
  bench.editOne = (/** @type {Item} */ item) => editOne(bench, item);
  bench.labelling = makeLabelling(bench);
  bench.people = makePeople(bench);
  makeAdding(bench);
  makeWriting(bench);
  bench.table = makeTable(bench);
  makeVersions(bench);
  who.value = bench.person = store.read(PERSON)?.trim() || "me";
  openTab("label");
  studio.onDraft(follow);
  follow(studio.draft, null);
}
