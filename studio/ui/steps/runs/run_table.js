// @ts-check
// The table of all runs: sort by a column, filter by a word, show only what differs, tick some to overlay their curves,
// give one a name and a note. Asks when it is shown, after a change, and while a ticked run trains.

import { studio } from "../../frame/draft.js";
import { announce, find, h, put, sure } from "../../frame/elements.js";
import { sayDuration, sayFigure, sayNumber, sayRun } from "../../frame/words.js";
import { exportRun, makeImport } from "./archive.js";
import { drawOverlay } from "./overlay.js";
import { openTakeAway } from "../compare/take_away.js";
import { listColumns, sortRows } from "./columns.js";

/** @typedef {import("./columns.js").Row} Row */

const ACTIVE = ["queued", "starting", "running"];
const PAUSE = 4000;
const MOST_ASKED = 3; // beside the base
const SHORT = 30; // letters that stay in one line: a row is as high as its highest cell
const MANY = 100; // rows that are drawn at once

/** @param {number} change */
const sayChange = (change) => `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(3)}`;

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, trigger, server, upload }) {
  const root = find(element, ".run-table");
  const words = find(root, ".run-words");
  const chart = find(root, ".run-chart");
  const head = find(root, "thead");
  const body = find(root, "tbody");
  /** @type {Row[]} */
  let rows = [];
  /** @type {Set<string>} */
  const ticked = new Set();
  const order = { title: "", down: true };
  /** @type {any} */
  let answer = null; // the curves that are drawn
  let timer = 0;
  let asking = false; // the same ten prompts are being answered
  let most = MANY; // rows that are shown

  const filter = h("input", { type: "search", id: "run-filter", placeholder: "Filter: a name, a task, a setting …" });
  const onlyDiffering = h("input", { type: "checkbox", id: "run-differing", checked: true });
  const log = h("input", { type: "checkbox", id: "run-log" });
  find(root, ".run-tools").append(
    h("label", { class: "visually-hidden", for: "run-filter" }, "Filter the runs"),
    h("div", { class: "field run-search" }, filter),
    h("label", { class: "check", for: "run-differing" }, onlyDiffering, "Only what differs"),
    h("label", { class: "check", for: "run-log" }, log, "Log scale"),
  );
  const merge = h("button", { type: "button", class: "btn small", "data-act": "merge", hidden: true }, "Merge these");
  const imported = () => (document.dispatchEvent(new CustomEvent("studio:runs")), refresh());
  const ten = h("button", { type: "button", class: "btn small", "data-act": "ten", hidden: true });
  find(root, ".run-tools").append(ten, merge, makeImport(server, upload, imported));
  ten.addEventListener("click", () => {
    asking = true;
    offerTen();
    props.value = { runs: [...ticked], at: Date.now() };
    trigger("ten_asked");
  });
  document.addEventListener("studio:drawn", (/** @type {any} */ event) => {
    if (!event.target.closest?.("#runs-ten")?.querySelector(".ten-box[data-state=done], .error-line")) return;
    asking = false;
    offerTen();
  });
  merge.addEventListener("click", () => {
    document.dispatchEvent(new CustomEvent("studio:merge-runs", { detail: [...ticked] }));
    studio.go("merge");
  });
  const more = h("button", { type: "button", class: "btn small", "data-act": "more-runs", hidden: true });
  more.addEventListener("click", () => {
    const last = body.lastElementChild;
    most += MANY;
    draw();
    /** @type {HTMLElement | null | undefined} */ (
      body.querySelector(`[data-run="${CSS.escape(last?.getAttribute("data-run") ?? "")}"] + tr button`)
    )?.focus();
  });
  root.append(more);
  filter.addEventListener("input", draw);
  onlyDiffering.addEventListener("change", draw);
  log.addEventListener("change", drawChart);
  document.addEventListener("studio:compare-runs", (/** @type {any} */ event) => {
    ticked.clear();
    for (const run of event.detail) ticked.add(run);
    refresh();
  });
  studio.onDraft((draft, before) => {
    if (draft.step === "runs" && before?.step !== "runs") refresh();
  });
  if (studio.isOpen && studio.draft.step === "runs") refresh();

  async function refresh() {
    clearTimeout(timer);
    /** @type {any} */
    let told;
    try {
      told = await server.list_table({});
    } catch {
      told = null;
    }
    root.dataset.state = told?.rows ? "ready" : "unreachable";
    if (!told?.rows) return put(words, told?.error ?? "The studio does not answer. Go to another step and come back.");
    rows = told.rows.map((/** @type {any} */ row) => ({ ...row, settings: told.settings[row.settings] }));
    for (const run of ticked) if (!rows.some((row) => row.run === run)) ticked.delete(run);
    const left = told.total - rows.length;
    put(words, left ? `${sayNumber(left)} older runs are not shown. Delete what you don't need any more.` : "");
    if (!rows.length) put(words, "No run yet. Each training you start appears here.");
    words.hidden = !words.textContent;
    if (!find(body, ".run-write, .sure")) draw(); // a form that is open stays
    await readCurves();
    const active = rows.some((row) => ACTIVE.includes(row.status));
    if (active && studio.draft.step === "runs") timer = window.setTimeout(refresh, PAUSE);
  }

  // ---- the chart ----
  async function readCurves() {
    root.dataset.ticked = String(ticked.size);
    merge.hidden = ticked.size < 2;
    offerTen();
    const told = ticked.size ? await server.read_curves({ runs: [...ticked] }) : null;
    answer = told?.curves ? told : null;
    if (told?.error) announce(told.error);
    chart.hidden = !ticked.size;
    if (told?.error) chart.replaceChildren(h("p", { class: "error-line" }, told.error));
    else drawChart();
  }

  function offerTen() {
    ten.hidden = !rows.some((row) => ticked.has(row.run) && row.step > 0);
    ten.disabled = asking || ticked.size > MOST_ASKED;
    ten.title = ticked.size > MOST_ASKED ? `At most ${MOST_ASKED} runs stand side by side` : "";
    put(ten, asking ? "Asking …" : "Ask these the same ten");
  }

  function drawChart() {
    if (answer) chart.replaceChildren(drawOverlay(answer.curves, log.checked));
  }

  // ---- the table ----
  function draw() {
    const wanted = filter.value.trim().toLowerCase();
    const told = (/** @type {Row} */ row) =>
      [row.name, row.note, row.status, ...row.tags, ...Object.values(row.settings)].join(" ").toLowerCase();
    const shown = rows.filter((row) => told(row).includes(wanted));
    const among = ticked.size > 1 ? rows.filter((row) => ticked.has(row.run)) : shown;
    const columns = listColumns(among, onlyDiffering.checked);
    head.replaceChildren(
      h(
        "tr",
        {},
        h("th", { class: "tick-cell" }, h("span", { class: "visually-hidden" }, "Ticked")),
        columns.map(drawHead),
        h("th", {}, h("span", { class: "visually-hidden" }, "Acts")),
      ),
    );
    const drawn = sortRows(shown, order).filter((row, place) => place < most || ticked.has(row.run));
    body.replaceChildren(...drawn.map((row) => drawRow(row, columns)));
    more.hidden = drawn.length === shown.length;
    put(more, `Show ${sayNumber(Math.min(MANY, shown.length - drawn.length))} more of ${sayNumber(shown.length)} runs`);
  }

  /** @param {string} title */
  function drawHead(title) {
    const sorted = order.title === title;
    const sort = () => {
      order.down = sorted ? !order.down : false;
      order.title = title;
      draw();
      find(head, `[data-column="${CSS.escape(title)}"]`)?.focus();
    };
    const mark = sorted ? (order.down ? " ↓" : " ↑") : "";
    return h(
      "th",
      { "aria-sort": sorted ? (order.down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", class: "sort", "data-column": title, onclick: sort }, title + mark),
    );
  }

  /** @param {Row} row @param {string[]} columns */
  function drawRow(row, columns) {
    const tick = h("input", {
      type: "checkbox",
      checked: ticked.has(row.run),
      "aria-label": `Show the curve of ${row.name}`,
      onchange: () => {
        if (tick.checked) ticked.add(row.run);
        else ticked.delete(row.run);
        draw();
        readCurves();
        /** @type {HTMLElement | null} */ (body.querySelector(`[data-run="${CSS.escape(row.run)}"] input`))?.focus();
      },
    });
    const small = { type: "button", class: "btn quiet small" };
    const whole = h(
      "button",
      {
        type: "button",
        class: "btn quiet small",
        "data-act": "export",
        title: "The whole run as one file, which another studio imports and goes on with",
        onclick: async () => {
          const wrong = await exportRun(row.run, whole, server);
          put(words, wrong);
          words.hidden = !wrong;
        },
      },
      "Export",
    );
    const acts = h(
      "td",
      { class: "run-acts" },
      h("button", { type: "button", class: "btn quiet small", onclick: () => write(row, item) }, "Rename, note, tags"),
      row.step > 0 && !ACTIVE.includes(row.status)
        ? [
            h("button", { ...small, onclick: () => openTakeAway(row.run) }, "Take away"),
            whole,
          ]
        : null,
      ACTIVE.includes(row.status)
        ? null
        : h("button", { type: "button", class: "btn quiet small", onclick: () => ask(row, item) }, "Delete"),
    );
    const item = h(
      "tr",
      { "data-run": row.run },
      h("td", { class: "tick-cell" }, tick),
      columns.map((title) => {
        const cell = drawCell(row, title);
        return h("td", { class: typeof cell === "string" && cell.length <= SHORT ? "short" : null }, cell);
      }),
      acts,
    );
    return item;
  }

  /** @param {Row} row @param {string} title */
  function drawCell(row, title) {
    if (title === "Run")
      return h(
        "div",
        { class: "run-cell" },
        h("button", { type: "button", class: "link", onclick: () => open(row) }, row.name),
        row.own_name ? h("span", { class: "hint" }, sayRun(row.run)) : null,
        row.note ? h("span", { class: "hint run-note" }, row.note) : null,
      );
    if (title === "Status") return h("span", { class: `pill ${row.status}` }, row.status);
    if (title === "Result") return h("span", { class: "num" }, row.value === null ? "–" : sayFigure(row.value));
    if (title === "Score")
      return row.score
        ? h(
            "span",
            { class: "num", title: `${row.score.metric} on test, of the best checkpoint` },
            row.score.said,
            row.score.between ? h("span", { class: "hint" }, ` ${row.score.between}`) : null,
          )
        : "–";
    if (title === "Forgetting")
      return row.forgetting === null
        ? "–"
        : h("span", { class: "num", title: "nats a token of general text" }, sayChange(row.forgetting));
    if (title === "Took")
      return h(
        "span",
        { class: "num", title: row.cost || null },
        row.seconds === null ? "–" : sayDuration(row.seconds),
        row.watt_hours === null ? null : h("span", { class: "hint" }, ` ${sayFigure(row.watt_hours)} Wh`),
      );
    if (title === "Tags")
      return h(
        "div",
        { class: "run-tags" },
        row.tags.map((tag) => h("span", { class: "pill" }, tag)),
      );
    return row.settings[title] ?? "–";
  }

  /** @param {Row} row */
  function open(row) {
    studio.setDraft({ run: row.run, step: row.status === "finished" ? "compare" : "train" }, { push: true });
  }

  // ---- acts: the question stands where the row was ----
  /** @param {Row} row @param {HTMLElement} item */
  function write(row, item) {
    const name = h("input", { value: row.own_name, maxlength: 60, placeholder: sayRun(row.run), id: "run-own-name" });
    const note = h("textarea", { maxlength: 2000, rows: 2, id: "run-own-note" });
    note.value = row.note;
    const tags = h("input", { maxlength: 300, placeholder: "first try, long answers", id: "run-own-tags" });
    tags.value = row.tags.join(", ");
    const problem = h("span", { class: "error-line", role: "alert" });
    const save = async () => {
      const told = await server.write_note({ run: row.run, name: name.value, note: note.value, tags: tags.value });
      if (!told || told.error) return put(problem, told?.error ?? "The studio did not answer. Try again.");
      document.dispatchEvent(new CustomEvent("studio:runs"));
      draw();
      refresh();
    };
    const form = h(
      "form",
      { class: "run-write", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), save()) },
      h("label", { class: "field" }, h("span", { class: "label" }, "Name"), name),
      h("label", { class: "field" }, h("span", { class: "label" }, "Note"), note),
      h("label", { class: "field" }, h("span", { class: "label" }, "Tags, with commas between them"), tags),
      h("button", { type: "submit", class: "btn small primary" }, "Save"),
      h("button", { type: "button", class: "btn small", onclick: draw }, "Cancel"),
      problem,
    );
    item.replaceChildren(h("td", { colspan: 99 }, form));
    name.focus();
  }

  /** @param {Row} row @param {HTMLElement} item */
  async function ask(row, item) {
    const told = await server.tell_deletion({ run: row.run });
    const question = sure(
      told?.sentence ?? told?.error ?? "The studio did not answer. Try again.",
      "Delete this run?",
      () => server.delete_run({ run: row.run }),
      () => {
        if (studio.draft.run === row.run) studio.setDraft({ run: null });
        ticked.delete(row.run);
        document.dispatchEvent(new CustomEvent("studio:runs"));
        draw();
        refresh();
      },
      draw,
    );
    item.replaceChildren(h("td", { colspan: 99 }, question));
  }
}
