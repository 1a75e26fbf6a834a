// @ts-check
// The table of a task's instances: one page of rows at a time, asked for when it is looked at. The server sends
// escaped HTML.

import { around, find } from "../../frame/elements.js";
import { beOneStop, moveByKeys } from "../../frame/roving.js";
import { showView } from "./views.js";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  const body = find(element, ".rows");
  const search = find(element, "input");
  const about = find(element, ".about");
  const only = find(element, ".only");
  const format = find(element, ".format");
  const problem = find(element, ".error-line");
  const SILENT = "The studio did not answer. Try again.";
  let page = 0;
  let asked = 0;
  let timer = 0;
  /** @type {any} */
  let filter = null; // {finding, title, recipe}: the instances of one finding

  async function take() {
    const task = props.value;
    const found = await server.write_file({
      task_id: task.task_id,
      version: task.version || null,
      format: format.value,
    });
    problem.textContent = found ? (found.error ?? "") : SILENT;
    if (!found || found.error) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([found.text], { type: "text/plain;charset=utf-8" }));
    link.download = found.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  /** @param {number} to */
  async function turn(to) {
    const task = props.value;
    only.hidden = !filter;
    if (filter) find(only, "span").textContent = `Only: ${filter.title}`;
    if (!task || !task.task_id) {
      body.replaceChildren();
      about.textContent = "";
      return;
    }
    const mine = ++asked;
    const found = await server.read_rows({
      task_id: task.task_id,
      version: task.version || null,
      page: to,
      search: search.value,
      ...(filter ? { finding: filter.finding, recipe: filter.recipe } : {}),
    });
    if (mine !== asked) return; // a newer question was asked meanwhile
    if (!found || found.error) {
      body.innerHTML = '<tr><td colspan="4" class="error-line"></td></tr>';
      find(body, "td").textContent = found?.error ?? SILENT;
      about.textContent = "";
      return;
    }
    page = found.page;
    body.innerHTML = found.html;
    beOneStop(body, "[data-see]");
    about.textContent = found.about;
    const forms = Object.entries(found.formats);
    const chosen = format.value;
    if (forms.map(([name]) => name).join() !== [...format.options].map((one) => one.value).join())
      format.replaceChildren(...forms.map(([name, title]) => new Option(title, name, false, name === chosen)));
    element.dataset.page = String(page);
    for (const button of /** @type {NodeListOf<any>} */ (element.querySelectorAll("[data-turn]")))
      button.disabled = Number(button.dataset.turn) < 0 ? page <= 0 : page >= found.pages - 1;
  }

  moveByKeys(body, "[data-see]");
  element.addEventListener("click", (event) => {
    const by = around(event, "[data-turn]");
    if (by) turn(page + Number(by.dataset.turn));
    if (around(event, "[data-take]")) take();
    if (around(event, "[data-all]")) {
      filter = null;
      turn(0);
    }
    const see = around(event, "[data-see]");
    if (see)
      document.dispatchEvent(new CustomEvent("studio:instance", { detail: { place: Number(see.dataset.see) } }));
  });
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => turn(0), 250);
  });
  document.addEventListener("studio:rows", (/** @type {any} */ event) => {
    filter = event.detail;
    search.value = "";
    turn(0);
    showView("look");
    element.scrollIntoView({ block: "start", behavior: "smooth" });
  });
  watch("value", () => {
    search.value = "";
    filter = null;
    turn(0);
  });
  turn(0);
}
