// @ts-check
// The collections and their tasks: a page at a time, searched on the server.

import { studio } from "../../frame/draft.js";
import { announce, find, h, put, sure } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";

/** @typedef {{task_id: string, count: number, warnings: number}} Task in a collection */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const shelf = find(element, ".shelf");
  const PAGE = 10;
  /** @type {any} */
  let open = null;
  let page = 0;
  let asked = 0;
  let timer = 0;
  let looked = false;

  const chooser = h("div", { class: "segments", role: "group", "aria-label": "Collection" });
  const search = h("input", {
    type: "search",
    maxlength: 200,
    autocomplete: "off",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => turn(0), 250);
    },
  });
  const about = h("span", { class: "hint", role: "status" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const before = h("button", { type: "button", class: "btn small", onclick: () => turn(page - 1) }, "Previous 10");
  const after = h("button", { type: "button", class: "btn small", onclick: () => turn(page + 1) }, "Next 10");
  const remove = h(
    "button",
    { type: "button", class: "btn small quiet", "data-delete": "", onclick: askToDelete },
    "Delete this collection",
  );
  const deleting = h("div");
  const list = h("ul", { class: "shelf-list" });
  const refused = h("details", { class: "more", hidden: true }, h("summary"), h("ul", { class: "plainlist" }));
  const summary = h("summary", {}, "Collections");
  shelf.append(
    summary,
    h(
      "div",
      { class: "stack" },
      h(
        "p",
        { class: "hint" },
        "Archives and folders of many tasks. Take one out to look at it, repair it and train on it.",
      ),
      h("div", { class: "row between" }, chooser, remove),
      deleting,
      h(
        "div",
        { class: "row between" },
        h("label", { class: "search" }, "Search in their names", search),
        h("span", { class: "row" }, about, before, after),
      ),
      problem,
      list,
      refused,
    ),
  );

  /** @param {string | null} [wanted] the collection to open */
  async function reload(wanted = null) {
    looked = true;
    const found = await server.list_collections({});
    if (!found || found.error) return;
    /** @type {{collection_id: string, tasks: number}[]} */
    const collections = found.collections;
    const ids = collections.map((one) => one.collection_id);
    shelf.hidden = !ids.length;
    if (!ids.length) return;
    if (wanted) shelf.open = true;
    put(summary, `Collections (${ids.length})`);
    deleting.replaceChildren();
    remove.hidden = false;
    open = wanted ?? (ids.includes(open) ? open : ids[0]);
    chooser.replaceChildren(
      ...collections.map((one) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(one.collection_id === open),
            onclick: () => reload(one.collection_id),
          },
          `${one.collection_id} · ${sayNumber(one.tasks)} tasks`,
        ),
      ),
    );
    search.value = "";
    await turn(0);
  }

  // Ask the studio about the open collection; if it was deleted meanwhile, show those that are left and say so.
  /** @param {string} act @param {object} given */
  async function ask(act, given) {
    /** @type {any} */
    let answer = null;
    try {
      answer = await server[act]({ collection: open, ...given });
    } catch {
      /* said below */
    }
    if (answer?.gone) await reload();
    put(problem, answer ? (answer.error ?? "") : "The studio did not answer. Try again.");
    return answer?.error ? null : answer;
  }

  function askToDelete() {
    const one = open;
    const keep = () => {
      deleting.replaceChildren();
      remove.hidden = false;
      remove.focus();
    };
    remove.hidden = true;
    deleting.replaceChildren(
      sure(
        `Delete the collection ${one}? The tasks you took out of it stay, and so do the runs that learnt them.`,
        "Delete this collection?",
        () => server.delete_collection({ collection: one }),
        async () => {
          find(document, `[data-collection="${CSS.escape(one)}"]`)?.remove();
          announce(`Deleted the collection ${one}`);
          await reload();
          (shelf.hidden ? find(document, "#task-file button") : summary)?.focus();
        },
        keep,
      ),
    );
  }

  /** @param {number} to */
  async function turn(to) {
    const mine = ++asked;
    const found = await ask("list_tasks", { page: to, search: search.value });
    if (!found || mine !== asked) return;
    page = found.page;
    before.disabled = page <= 0;
    after.disabled = page >= found.pages - 1;
    put(
      about,
      found.total
        ? `${sayNumber(page * PAGE + 1)} to ${sayNumber(page * PAGE + found.tasks.length)} of ${sayNumber(found.total)}`
        : "No task has these words in its name",
    );
    list.replaceChildren(...found.tasks.map(row));
    refused.hidden = !found.refused_total;
    put(
      find(refused, "summary"),
      found.refused_total === 1
        ? "1 file could not be read"
        : `${sayNumber(found.refused_total)} files could not be read`,
    );
    refused
      .querySelector("ul")
      .replaceChildren(
        ...found.refused.map((/** @type {{name: string, words: string}} */ one) =>
          h("li", {}, h("bdi", {}, one.name), ": ", h("bdi", {}, one.words)),
        ),
      );
    shelf.dataset.state = "done";
  }

  /** @param {Task} task */
  function row(task) {
    const place = h("div", { class: "peek", hidden: true });
    const look = h(
      "button",
      { type: "button", class: "btn small quiet", "aria-expanded": "false", onclick: () => peek(task, place, look) },
      "Look inside",
    );
    const take = h(
      "button",
      { type: "button", class: "btn small", "data-take": task.task_id, onclick: () => takeOut(task, take) },
      "Take it out",
    );
    const odd = task.warnings
      ? h("span", { class: "hint" }, ` · ${task.warnings} ${task.warnings === 1 ? "remark" : "remarks"}`)
      : null;
    return h(
      "li",
      {},
      h(
        "div",
        { class: "row between" },
        h(
          "span",
          { class: "shelf-name" },
          h("bdi", {}, task.task_id),
          h("span", { class: "hint" }, `${sayNumber(task.count)} examples`, odd),
        ),
        h("span", { class: "row" }, look, take),
      ),
      place,
    );
  }

  /** @param {Task} task @param {HTMLElement} place @param {HTMLElement} button */
  async function peek(task, place, button) {
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
    if (place.hidden || place.childElementCount) return;
    const found = await ask("peek_task", { task_id: task.task_id });
    if (!found) return put(place, problem.textContent);
    place.replaceChildren(
      ...found.rows.map((/** @type {{input: string, output: string}} */ one) =>
        h(
          "div",
          { class: "sample" },
          h("span", { dir: "auto" }, one.input || "(blank)"),
          h("span", { class: "becomes", dir: "auto" }, one.output),
        ),
      ),
      ...found.warnings.map((/** @type {string} */ words) => h("p", { class: "hint" }, h("bdi", {}, words))),
    );
  }

  /** @param {Task} task @param {HTMLButtonElement} button */
  async function takeOut(task, button) {
    button.disabled = true;
    put(button, "Taking it out …");
    const done = await ask("take_task", { task_id: task.task_id });
    button.disabled = false;
    put(button, "Take it out");
    if (!done) return;
    put(button, "Taken and chosen");
    announce(`${task.task_id} is chosen`);
    studio.useTask(done.task_id);
  }

  document.addEventListener("studio:collections", (/** @type {any} */ event) => reload(event.detail.open));
  const look = () => {
    if (!looked && studio.draft.step === "data" && studio.isOpen) reload();
  };
  studio.onDraft(look);
  look();
}
