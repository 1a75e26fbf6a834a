// @ts-check
// All instances as a table, filtered by what is missing, by answer, by conflict, by words; one changed, or many at
// once.

import { find, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { button, foreign } from "./parts.js";

/** @typedef {import("./bench.js").Row} Row */

/** @param {import("./label_bench.js").Bench} bench */
export function makeTable(bench) {
  const { root, panels, opened, ask, written, openTab } = bench;
  const SHOW = {
    all: "All",
    unlabelled: "Not labelled by you",
    labelled: "Labelled by you",
    skipped: "Skipped by you",
    conflicts: "People differ",
    waiting: "Waiting",
  };
  let page = 0;
  let asked = 0;
  let timer = 0;
  /** @type {Row[]} */
  let rows = [];
  /** @type {Set<string>} */
  const chosen = new Set();
  const show = h(
    "select",
    { id: "table-show" },
    Object.entries(SHOW).map(([value, text]) => h("option", { value }, text)),
  );
  const answer = h("select", { id: "table-answer" });
  const search = h("input", { id: "table-search", type: "search", maxlength: 200, autocomplete: "off" });
  /** @param {string} id @param {string} label @param {HTMLElement} field */
  const filter = (id, label, field) =>
    h("label", { class: "field", for: id }, h("span", { class: "label" }, label), field);
  const about = h("span", { class: "hint", role: "status" });
  const earlier = button("Previous 50", () => turn(page - 1));
  const later = button("Next 50", () => turn(page + 1));
  const all = h("input", {
    type: "checkbox",
    "aria-label": "Choose all shown",
    oninput: () => {
      for (const row of rows)
        if (all.checked) chosen.add(row.id);
        else chosen.delete(row.id);
      draw();
    },
  });
  const body = h("tbody");
  const problem = h("p", { class: "error-line", role: "alert" });
  const said = h("p", { class: "hint", role: "status" });
  const clashes = h("div", { class: "stack" });
  const to = h("input", { id: "bulk-answer", type: "text", dir: "auto", list: "bulk-answers", maxlength: 2000 });
  const known = h("datalist", { id: "bulk-answers" });
  const bulk = h(
    "form",
    {
      class: "bench-bulk",
      hidden: true,
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        change({ output: to.value });
      },
    },
    h("label", { for: "bulk-answer" }),
    to,
    known,
    h("button", { class: "btn small", "data-act": "bulk" }, "Change"),
    button("Delete them", () => change({ delete: true }), { kind: "small quiet", "data-act": "bulk-delete" }),
  );
  const editor = h("div", { class: "stack" });
  panels.table.append(
    editor,
    h(
      "div",
      { class: "bench-filters" },
      filter("table-show", "Show", show),
      filter("table-answer", "Answer", answer),
      filter("table-search", "Search", search),
    ),
    bulk,
    clashes,
    problem,
    said,
    h(
      "div",
      { class: "tablebox", tabindex: 0, role: "region", "aria-label": "Instances and labels" },
      h(
        "table",
        { class: "plain bench-table" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col", class: "tick" }, all),
            ["Input", "Answer", "Labels"].map((name) => h("th", { scope: "col" }, name)),
            h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "What to do with it")),
          ),
        ),
        body,
      ),
    ),
    h("div", { class: "row between" }, about, h("div", { class: "row" }, earlier, later)),
  );
  show.addEventListener("input", () => turn(0));
  answer.addEventListener("input", () => turn(0));
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => turn(0), 250);
  });
  opened.table = () => {
    const before = answer.value;
    answer.replaceChildren(
      h("option", { value: "" }, "Any"),
      ...bench.sheet.labels.map((/** @type {string} */ label) => h("option", { value: label }, label)),
    );
    known.replaceChildren(...bench.sheet.labels.map((/** @type {string} */ label) => h("option", { value: label })));
    answer.parentElement.hidden = !bench.sheet.labels.length;
    answer.value = bench.sheet.labels.includes(before) ? before : "";
    turn(page);
  };

  /** @param {number} wanted */
  async function turn(wanted) {
    const mine = ++asked;
    const found = await ask("list_rows", {
      show: show.value,
      answer: answer.value,
      search: search.value,
      page: wanted,
    });
    if (mine !== asked) return;
    if (found.error) return put(problem, found.error);
    put(problem, "");
    ({ page, rows } = found);
    put(
      about,
      found.total
        ? `${sayNumber(page * 50 + 1)} to ${sayNumber(page * 50 + rows.length)} of ${sayNumber(found.total)}`
        : "No matching examples",
    );
    earlier.disabled = page <= 0;
    later.disabled = page >= found.pages - 1;
    root.dataset.rows = found.total;
    draw();
  }

  function draw() {
    body.replaceChildren(
      ...rows.map((row) =>
        h(
          "tr",
          { "data-row": row.id, class: row.differ ? "differ" : null },
          h(
            "td",
            { class: "tick" },
            h("input", {
              type: "checkbox",
              checked: chosen.has(row.id),
              "aria-label": `Choose number ${row.number}`,
              oninput: (/** @type {any} */ event) => {
                if (event.target.checked) chosen.add(row.id);
                else chosen.delete(row.id);
                drawBulk();
              },
            }),
          ),
          foreign("td", row.input.slice(0, 400)),
          h(
            "td",
            {},
            row.waiting
              ? h("span", { class: "pill" }, "waits")
              : foreign("span", row.outputs.join("  or  ").slice(0, 300)),
          ),
          h(
            "td",
            {},
            Object.entries(row.labels).map(([by, given]) =>
              h(
                "p",
                {},
                foreign("span", by, { class: "hint" }),
                " ",
                given === null ? h("span", { class: "hint" }, "skipped") : foreign("span", given.slice(0, 200)),
              ),
            ),
          ),
          h(
            "td",
            {},
            button(row.waiting ? "Label" : "Change", () => (row.waiting ? goTo(row.id) : bench.editOne(row)), {
              "aria-label": `${row.waiting ? "Label" : "Change"} number ${row.number}`,
            }),
          ),
        ),
      ),
    );
    drawBulk();
  }
  function drawBulk() {
    bulk.hidden = !chosen.size;
    put(find(bulk, "label"), `Give the ${sayNumber(chosen.size)} chosen the answer`);
    all.checked = rows.length > 0 && rows.every((row) => chosen.has(row.id));
  }
  /** @param {string} id */
  function goTo(id) {
    const place = bench.sheet.ids.indexOf(id);
    if (place < 0) return put(problem, "This one is in somebody else's share.");
    openTab("label");
    bench.labelling.show(place);
  }

  /** @param {{output: string} | {delete: true}} how */
  async function change(how) {
    const found = await ask("change_rows", { ids: [...chosen], ...how });
    if (found.error) return put(problem, found.error);
    if (found.clashes)
      return put(problem, "Somebody changed some of these meanwhile. Look at the table again, and decide again.");
    chosen.clear();
    put(said, `Version ${found.number} is made and chosen: ${found.words}.`);
    await written(found);
    turn(page);
  }
  function clear() {
    editor.replaceChildren();
    chosen.clear();
    page = 0;
    put(said, "");
  }
  return { turn, editor, clear };
}
