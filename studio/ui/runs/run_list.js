// @ts-check
// The list of runs: rows that are changed in place, opened by a click, deleted after a question in the row itself.
// Asks the server every few seconds, only while the list can be seen and something is going on; refreshed when it is
// opened.

import { studio } from "../frame/draft.js";
import { announce, find, h, put, sure } from "../frame/elements.js";
import { openRuns } from "../frame/sidebar.js";
import { feed } from "./run_feed.js";
import { sayDuration, sayFigure, sayNumber, sayRun } from "../frame/words.js";

/** @typedef {import("./run.js").Row} Row */
/** @typedef {{item: any, parts: Record<string, any>, open: any, remove: any, question?: any, shown: string,
 *   row: Row | null}} Entry an item of the list, and what of it changes */

/** @param {import("../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const root = find(element, ".run-list");
  const list = find(root, "ul");
  const words = find(root, ".run-list-words");
  const ACTIVE = ["queued", "starting", "running"];
  const PAUSE = location.hostname.endsWith(".hf.space") ? 8000 : 4000;
  /** The item of each run. @type {Map<string, Entry>} */
  const rows = new Map();
  let busy = false;
  let timer = 0;
  let seen = false;
  let lastStatus = "";
  let failures = 0;

  document.addEventListener("studio:runs", refresh);
  new IntersectionObserver((all) => {
    seen = all.at(-1)?.isIntersecting ?? false;
    if (seen) refresh();
  }).observe(root);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && seen) refresh();
  });
  studio.onDraft(markCurrent);
  feed.listen((state) => {
    const now = `${state.run} ${state.status?.status}`;
    if (now !== lastStatus && seen) refresh();
    lastStatus = now;
  });
  refresh();

  async function refresh() {
    clearTimeout(timer);
    if (busy) return;
    busy = true;
    /** @type {{rows: Row[], total: number, others: number, error?: string} | undefined} */
    let answer;
    try {
      answer = await server.list_runs({});
    } catch {
      answer = undefined;
    }
    busy = false;
    failures = answer?.rows ? 0 : failures + 1;
    if (answer?.rows) draw(answer);
    else {
      root.dataset.state = "unreachable";
      say(answer?.error ?? "The studio does not answer; trying again …");
    }
    const active = !answer?.rows || answer.rows.some((row) => ACTIVE.includes(row.status));
    if (active) timer = window.setTimeout(again, PAUSE * 2 ** Math.min(failures, 3));
  }

  function again() {
    if (seen && !document.hidden) refresh();
    else timer = window.setTimeout(again, PAUSE);
  }

  /** @param {string} text */
  function say(text) {
    put(words, text);
    words.hidden = !text;
  }

  /** @param {{rows: Row[], total: number, others: number}} answer */
  function draw({ rows: news, total, others }) {
    root.dataset.runs = total;
    root.dataset.state = "ready";
    root.dataset.active = news.filter((row) => ACTIVE.includes(row.status)).length;
    say(
      [
        !total
          ? "No run yet. Each training you start appears here, with its curve."
          : total > news.length
            ? `The newest ${news.length} of ${total} runs.`
            : "",
        others ? `In the queue with you: ${others} ${others === 1 ? "run" : "runs"} of other people.` : "",
      ]
        .filter(Boolean)
        .join(" "),
    );
    const wanted = new Set(news.map((row) => row.run));
    for (const [run, { item }] of rows)
      if (!wanted.has(run)) {
        item.remove();
        rows.delete(run);
      }
    news.forEach((row, place) => {
      const item = rows.get(row.run)?.item ?? make(row.run);
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
      fill(row);
    });
    markCurrent();
  }

  /** @param {string} run */
  function make(run) {
    const path = h("path", { d: "", fill: "none", "vector-effect": "non-scaling-stroke" });
    const parts = {
      path,
      name: h("b", {}, sayRun(run)),
      pill: h("span", { class: "pill" }),
      title: h("span", { class: "run-title" }),
      facts: h("span", { class: "hint" }),
    };
    const open = h(
      "button",
      { type: "button", class: "run-open", onclick: () => show(run) },
      h("svg", { viewBox: "0 0 72 24", class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" }, path),
      h(
        "span",
        { class: "run-words" },
        h("span", { class: "run-top" }, parts.name, parts.pill),
        parts.title,
        parts.facts,
      ),
    );
    const remove = h(
      "button",
      {
        type: "button",
        class: "run-delete",
        "aria-label": `Delete the run ${sayRun(run)}`,
        title: "Delete",
        onclick: () => ask(run),
      },
      "×",
    );
    const item = h("li", { "data-run": run }, open, remove);
    rows.set(run, { item, parts, open, remove, shown: "", row: null });
    return item;
  }

  /** @param {Row} row */
  function fill(row) {
    const entry = rows.get(row.run);
    if (!entry) return;
    const shown = JSON.stringify(row);
    if (entry.shown === shown) return;
    entry.shown = shown;
    entry.row = row;
    const { parts, item } = entry;
    const running = row.status === "running";
    item.dataset.status = row.status;
    put(parts.pill, row.status === "queued" && row.position ? `number ${row.position} in the queue` : row.status);
    parts.pill.className = `pill ${row.status}`;
    put(parts.name, row.name || sayRun(row.run));
    put(parts.title, row.sentence);
    put(
      parts.facts,
      running && row.of
        ? `${row.unit} ${sayNumber(row.step)} of ${sayNumber(row.of)}` +
            (row.value === null ? "" : `, ${row.measure.title} ${sayFigure(row.value)}`)
        : row.status === "queued"
          ? row.wait_seconds === null
            ? "how long it waits is not known yet"
            : row.wait_seconds
              ? `about ${sayDuration(row.wait_seconds)} to wait`
              : "starting"
          : row.validation !== null
            ? `validation ${row.measure.title} ${sayFigure(row.validation)}`
            : (row.result ?? ""),
    );
    entry.remove.hidden = running || row.status === "starting";
    parts.path.setAttribute("d", row.path);
  }

  function markCurrent() {
    for (const [run, { open }] of rows) {
      if (run === studio.draft.run) open.setAttribute("aria-current", "true");
      else open.removeAttribute("aria-current");
    }
  }

  /** @param {string} run */
  function show(run) {
    const { status, about } = rows.get(run)?.row ?? {};
    const finished = status === "finished"; // a score that has ended leads to the run it is of
    const stays = ["train", "compare"].includes(studio.draft.step);
    const step = stays ? studio.draft.step : finished ? "compare" : "train";
    studio.setDraft({ run: (finished && about) || run, step }, { push: true });
    if (innerWidth < 900) openRuns(false);
  }

  // ---- deleting: the question takes the row's place, nothing covers the page ----
  /** @param {string} run */
  function ask(run) {
    const entry = rows.get(run);
    if (!entry) return;
    entry.question = sure(
      entry.row?.about ? `Delete ${sayRun(run)}? What came out stays.` : `Delete ${sayRun(run)} and its checkpoints?`,
      "Delete this run?",
      () => server.delete_run({ run }),
      () => drop(run),
      () => close(run),
    );
    entry.open.hidden = entry.remove.hidden = true;
    entry.item.append(entry.question);
  }

  /** @param {string} run */
  function close(run) {
    const entry = rows.get(run);
    if (!entry) return;
    entry.question?.remove();
    entry.open.hidden = entry.remove.hidden = false;
    entry.remove.focus();
  }

  /** @param {string} run */
  function drop(run) {
    if (studio.draft.run === run) studio.setDraft({ run: null });
    announce(`Deleted ${sayRun(run)}`);
    rows.get(run)?.item.remove();
    rows.delete(run);
    refresh();
  }
}
