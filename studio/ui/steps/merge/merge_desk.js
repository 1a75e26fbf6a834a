// @ts-check
// The merge page: which models, how much of each and in which way; then the merge's place in the queue, and the result.
// What is chosen is kept for as long as the tab is open.

import { mint } from "../../frame/click.js";
import { studio } from "../../frame/draft.js";
import { announce, find, h, put, sure } from "../../frame/elements.js";
import { drawLesson } from "./lesson.js";
import { choose, makeOrder, newState, placeOfError } from "./order.js";
import { drawMeetings } from "./pictures.js";
import { makeResult } from "./result.js";
import { makeTrying } from "./trying.js";

/** @typedef {import("./order.js").State} State */

const KEY = "studio-merge";
const PAUSE = 700;
const SILENT = "The studio did not answer. Try again.";
const RESULTS = [
  ["auto", "Automatic"],
  ["exact", "Exact adapter"],
  ["svd", "Adapter of a rank"],
  ["full", "Whole model"],
];

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const root = find(element, ".merge-page");
  const boxes = Object.fromEntries(
    ["parents", "trying", "meeting", "way", "result", "list"].map((name) => [name, find(root, `.merge-${name}`)]),
  );
  /** @type {State} */
  let state = readKept();
  /** @type {any} */
  let known = null;
  let timer = 0;
  const result = makeResult(boxes.result, server, () => state, setWeights);
  const trying = makeTrying(boxes.trying, server, () => state);

  document.addEventListener("studio:merge-runs", (/** @type {any} */ event) => {
    const models = event.detail.map((/** @type {string} */ run) => `run:${run}`);
    state = { ...state, chosen: choose(state.chosen, models), work: "" };
    keep();
  });
  studio.onDraft((draft, before) => {
    if (draft.step === "merge" && before?.step !== "merge") refresh();
    if (draft.step !== "merge") clearTimeout(timer);
  });
  if (studio.isOpen && studio.draft.step === "merge") refresh();

  function keep() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      /* a browser that keeps nothing still merges */
    }
  }

  async function refresh() {
    clearTimeout(timer);
    const told = await server.read_parents({ models: state.chosen.map((one) => one.model) }).catch(() => null);
    if (!told?.ways) {
      root.dataset.state = "unreachable";
      return boxes.parents.replaceChildren(h("p", { class: "error-line", role: "alert" }, told?.error ?? SILENT));
    }
    known = told;
    state.chosen = told.parents.map((/** @type {any} */ parent, /** @type {number} */ place) => ({
      model: parent.model,
      weight: state.chosen[place].weight,
    }));
    keep();
    drawParents();
    drawWays();
    drawList();
    trying.show(known.parents);
    root.dataset.state = state.chosen.length > 1 ? "ready" : "choosing";
    if (state.work) follow();
    else result.clear();
    await meet();
  }

  // ---- the parents ----
  function drawParents() {
    const isOpen = Boolean(find(boxes.parents, ".merge-lesson")?.open);
    const rows = known.parents.map(drawParent);
    const add = h(
      "select",
      { id: "merge-add", "aria-label": "Add a model", onchange: () => change([...models(), add.value]) },
      h("option", { value: "" }, "+ add a model"),
      known.others.map((/** @type {any} */ other) => h("option", { value: other.model }, other.title)),
    );
    const none = h(
      "p",
      { class: "hint" },
      known.parents.length ? "" : "Tick two or more runs of one base in the table of runs, or add models here.",
    );
    boxes.parents.replaceChildren(
      h("h2", {}, "Which models, and how much of each"),
      none,
      h("ul", { class: "merge-rows" }, rows),
      h("p", { class: "error-line", "data-error": "parents", role: "alert" }),
      h(
        "div",
        { class: "row" },
        h("div", { class: "field" }, add),
        h("button", { type: "button", class: "btn small", "data-go": "runs" }, "Back to all runs"),
      ),
      h("p", { class: "hint" }, "1 adds all that a model learned, 0 nothing; below 0 it is forgotten on purpose."),
      drawLesson(known.parents, isOpen, subtract),
    );
  }

  /** Take one model away from all others, and ask what is left. @param {string} model */
  async function subtract(model) {
    const chosen = state.chosen.map((one) => ({ ...one, weight: one.model === model ? -1 : 1 }));
    state = { ...state, chosen, way: "task_arithmetic", work: "" };
    keep();
    await refresh();
    trying.change();
    boxes.trying.scrollIntoView({ block: "nearest" });
  }

  const models = () => state.chosen.map((one) => one.model);

  /** @param {string[]} wanted */
  function change(wanted) {
    state = { ...state, chosen: choose(state.chosen, wanted), work: "" };
    keep();
    refresh();
  }

  /** @param {any} parent @param {number} place */
  function drawParent(parent, place) {
    const id = `merge-weight-${place}`;
    const weight = state.chosen[place].weight;
    const slider = h("input", { type: "range", class: "slider", min: -1, max: 1.5, step: 0.05, value: weight, id });
    const box = h("input", { type: "number", min: -10, max: 10, step: 0.05, value: weight });
    slider.setAttribute("aria-label", `Weight of ${parent.title}`);
    box.setAttribute("aria-label", `Weight of ${parent.title}, as a number`);
    for (const input of [slider, box])
      input.addEventListener("input", () => {
        const value = Number(input.value);
        state.chosen[place].weight = input.value === "" ? NaN : value;
        (input === slider ? box : slider).value = String(value);
        keep();
        trying.change();
      });
    const leaving = `Leave out ${parent.title}`;
    const leaveOut = () => change(models().filter((model) => model !== parent.model));
    return h(
      "li",
      { "data-model": parent.model },
      h("div", {}, h("b", {}, parent.title), h("span", { class: "hint" }, ` ${parent.task} · ${parent.method}`)),
      h("div", { class: "field" }, h("div", { class: "slide" }, slider, box)),
      h("button", { type: "button", class: "tool", "aria-label": leaving, onclick: leaveOut }, "×"),
      parent.error ? h("p", { class: "error-line", role: "alert" }, parent.error) : null,
    );
  }

  /** @param {number} scale */
  function setWeights(scale) {
    for (const one of state.chosen) one.weight = Math.round(one.weight * scale * 1000) / 1000;
    keep();
    drawParents();
    trying.change();
    announce(`All weights times ${scale}`);
  }

  async function meet() {
    boxes.meeting.hidden = true;
    sayError("", "");
    if (state.chosen.length < 2 || known.parents.some((/** @type {any} */ parent) => parent.error)) return;
    const told = await server.meet_parents({ models: models() }).catch(() => null);
    if (told?.error) return sayError(told.error, told.field);
    if (!told) return;
    const words = told.later
      ? [h("p", {}, "These are not all plain LoRA adapters: how they lie to each other is told once they are merged.")]
      : drawMeetings(told.meetings);
    boxes.meeting.replaceChildren(h("h2", {}, "How their changes lie to each other"), ...words);
    boxes.meeting.hidden = false;
  }

  // ---- the way and the result ----
  function drawWays() {
    const way = known.ways.find((/** @type {any} */ one) => one.name === state.way) ?? known.ways[0];
    const cards = known.ways.map((/** @type {any} */ one) =>
      h(
        "button",
        {
          type: "button",
          class: "card",
          role: "radio",
          "aria-checked": String(one.name === way.name),
          tabindex: one.name === way.name ? 0 : -1,
          "data-way": one.name,
          onclick: () => {
            state.way = one.name;
            keep();
            drawWays();
            trying.change();
            find(boxes.way, `[data-way="${one.name}"]`).focus();
          },
        },
        h("span", { class: "name" }, one.title),
        h("span", { class: "hint" }, one.summary),
      ),
    );
    const submit = h("button", { type: "submit", class: "btn primary", "data-act": "merge" }, "Merge");
    boxes.way.hidden = state.chosen.length < 1;
    boxes.way.replaceChildren(
      h("h2", {}, "How"),
      h("div", { class: "cards", role: "radiogroup", "aria-label": "Way of merging" }, cards),
      h("p", { class: "hint merge-when" }, way.when),
      h(
        "div",
        { class: "fields" },
        way.fields.map((/** @type {any} */ field) => drawField(way.name, field)),
      ),
      h("p", { class: "error-line", "data-error": "way", role: "alert" }),
      drawKept(),
      h("div", { class: "acts" }, submit),
      h("p", { class: "error-line", "data-error": "", role: "alert" }),
    );
    boxes.way.onsubmit = start;
  }

  /** @param {string} way @param {any} field */
  function drawField(way, field) {
    const mine = (state.options[way] ??= {});
    const kept = mine[field.name] ?? field.default;
    const step = field.kind === "integer" ? 1 : 0.05;
    const box = h("input", { type: "number", id: `merge-${field.name}`, step, value: kept });
    if (field.minimum !== null) box.min = field.minimum;
    if (field.maximum !== null) box.max = field.maximum;
    box.addEventListener("input", () => {
      mine[field.name] = Number(box.value);
      keep();
    });
    return drawLabelled(field.name, field.label, field.hint, box);
  }

  function drawKept() {
    const kinds = h(
      "select",
      {
        id: "merge-result",
        onchange: () => {
          state.result = kinds.value;
          keep();
          drawWays();
        },
      },
      RESULTS.map(([name, title]) => h("option", { value: name, selected: name === state.result }, title)),
    );
    const rank = h("input", { type: "number", id: "merge-rank", min: 1, max: 256, step: 1, value: state.rank });
    rank.addEventListener("input", () => (state.rank = Number(rank.value)));
    const name = h("input", { id: "merge-name", maxlength: 60, spellcheck: "false", value: state.name });
    name.addEventListener("input", () => (state.name = name.value.trim()));
    name.placeholder = "calm-heron";
    return h(
      "div",
      { class: "fields" },
      drawLabelled("result", "Kept as", "Automatic: an exact adapter where there is one, else a whole model.", kinds),
      state.result === "svd" ? drawLabelled("rank", "Rank", "The share that it keeps is told.", rank) : null,
      drawLabelled("name", "Name", "If you like; small letters, digits, - and _.", name),
    );
  }

  /** @param {string} key @param {string} label @param {string} hint @param {HTMLElement} input */
  function drawLabelled(key, label, hint, input) {
    return h(
      "div",
      { class: "field" },
      h("label", { for: input.id }, label),
      input,
      h("span", { class: "hint" }, hint),
      h("span", { class: "error-line", "data-error": key, role: "alert" }),
    );
  }

  /** Say an error at its field, or below all. @param {string} text @param {string} field */
  function sayError(text, field) {
    for (const slot of root.querySelectorAll("[data-error]")) put(slot, "");
    const place = placeOfError(field ?? "");
    put(find(root, `[data-error="${CSS.escape(place)}"]`) ?? find(root, '[data-error=""]'), text);
  }

  // ---- the merge ----
  /** @param {Event} event */
  async function start(event) {
    event.preventDefault();
    sayError("", "");
    const button = find(boxes.way, "[data-act=merge]");
    button.disabled = true;
    const told = await server.start_merge({ order: makeOrder(state), request: mint() }).catch(() => null);
    button.disabled = false;
    if (!told?.work) return sayError(told?.error ?? SILENT, told?.field ?? "");
    state.work = told.work;
    keep();
    follow();
  }

  async function follow() {
    clearTimeout(timer);
    const { work } = state;
    const told = await server.look_at_merge({ work }).catch(() => null);
    if (work !== state.work) return;
    root.dataset.work = work;
    if (told?.gone) {
      state.work = "";
      return result.clear();
    }
    const isThere = Boolean(told?.made);
    root.dataset.merge = told?.made?.model ?? "";
    root.dataset.state = isThere ? "merged" : "merging";
    result.show(told);
    if (isThere) return refreshList();
    if (!told || ["queued", "starting", "running"].includes(told.status)) timer = window.setTimeout(follow, PAUSE);
  }

  async function refreshList() {
    const told = await server.read_parents({ models: models() }).catch(() => null);
    if (!told?.ways) return;
    known = told;
    drawList();
  }

  function drawList() {
    boxes.list.hidden = !known.merges.length;
    boxes.list.replaceChildren(
      h("h2", {}, "Your merges"),
      h("ul", { class: "merge-rows" }, known.merges.map(drawMerge)),
    );
  }

  /** @param {any} merge */
  function drawMerge(merge) {
    const parents = merge.parents.map((/** @type {any} */ one) => `${one.title} × ${one.weight}`).join(", ");
    const ask = () =>
      item.replaceChildren(
        sure(
          `Delete the merge ${merge.name}?`,
          "Delete this merge?",
          () => server.delete({ name: merge.name }),
          refresh,
          () => drawList(),
        ),
      );
    const item = h(
      "li",
      { "data-merge": merge.name },
      h("div", {}, h("b", {}, merge.name), h("span", { class: "hint" }, ` ${merge.way}: ${parents}`)),
      h("button", { type: "button", class: "btn quiet small", onclick: ask }, "Delete"),
    );
    return item;
  }
}

/** @returns {State} */
function readKept() {
  try {
    return { ...newState(), ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
  } catch {
    return newState();
  }
}
