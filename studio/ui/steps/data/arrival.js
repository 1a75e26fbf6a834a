// @ts-check
// What became of a file: the answers of its form go to the server, which draws what comes next.

import { drawn } from "../../frame/controls.js";
import { studio } from "../../frame/draft.js";
import { around, find, h, put } from "../../frame/elements.js";

/** @typedef {Record<string, string[]>} Roles the columns of each role */
/** @typedef {{html?: string, task_id?: string, error?: string, field?: string}} Answer */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  function tie() {
    drawn(element);
    const collection = find(element, "[data-collection]");
    if (collection)
      document.dispatchEvent(
        new CustomEvent("studio:collections", { detail: { open: collection.dataset.collection } }),
      );
  }

  /** @param {string} html */
  function show(html) {
    // escaped by the server
    props.value = html;
    requestAnimationFrame(tie);
  }

  /** @param {string} words */
  function wait(words) {
    const block = h("div", { class: "studio notice", role: "status" }, words);
    show(block.outerHTML);
  }

  /** What came of it is where one reads on. @param {HTMLElement | null} notice */
  function tellOf(notice) {
    if (notice) notice.tabIndex = -1;
    notice?.focus({ preventScroll: true });
  }

  /** @param {any} answer */
  function accept(answer) {
    if (!answer || answer.error) return false;
    show(answer.html);
    requestAnimationFrame(() => element.scrollIntoView({ block: "nearest" }));
    if (!answer.task_id) return true;
    requestAnimationFrame(() => tellOf(element.querySelector(".notice")));
    studio.useTask(answer.task_id);
    return true;
  }

  const words = (/** @type {Answer | undefined} */ answer) => answer?.error ?? "The studio did not answer. Try again.";

  // ---- the columns of a file ----
  /** @param {any} form */
  function readRoles(form) {
    /** @type {Roles} */
    const roles = {};
    for (const select of form.querySelectorAll("select[data-column]"))
      if (select.value) (roles[select.value] ??= []).push(select.dataset.column);
    return roles;
  }

  /** @param {any} form @param {Answer} answer */
  function complain(form, answer) {
    // beside the field it is about, else above the button
    for (const select of form.querySelectorAll("select")) {
      select.removeAttribute("aria-invalid");
      put(select.parentElement.querySelector(".error-line"), "");
    }
    const role = (answer.field ?? "").replace(/^mapping\./, "");
    const at = [...form.querySelectorAll("select")].filter((select) => select.value === role);
    put(find(form, "[data-form-error]"), at.length ? "" : words(answer));
    if (at.length) put(at.at(-1).parentElement.querySelector(".error-line"), words(answer));
    for (const select of at) select.setAttribute("aria-invalid", "true");
    (at[0] ?? find(form, "select, button"))?.focus();
  }

  let asked = 0;
  let soon = 0;

  /** @param {any} form */
  function tryColumns(form) {
    // what the choices so far come to, shown below them
    clearTimeout(soon);
    soon = window.setTimeout(async () => {
      const turn = ++asked;
      const answer = await server.try_columns({
        file: form.dataset.file,
        roles: readRoles(form),
        definition: form.elements.definition.value,
      });
      if (turn !== asked || !form.isConnected) return;
      const place = find(form, "[data-trial]");
      if (answer?.html)
        place.innerHTML = answer.html; // escaped by the server
      else place.replaceChildren(h("p", { class: "hint" }, words(answer)));
    }, 250);
  }

  /**
   * @param {any} block a form, or what says that columns can be left out
   * @param {Roles} roles
   * @param {string} definition
   * @param {boolean} leaveOut
   * @param {any} button
   */
  async function choose(block, roles, definition, leaveOut, button) {
    button.disabled = true;
    const before = button.textContent;
    put(button, "Reading …");
    const answer = await server.choose_columns({ file: block.dataset.file, roles, definition, leave_out: leaveOut });
    if (accept(answer)) return;
    button.disabled = false;
    put(button, before);
    if (block.matches("form")) complain(block, answer ?? {});
    else put(find(block, "[data-form-error]"), words(answer));
  }

  // ---- how a file is read ----
  /** @param {any} ways @param {string} value @param {any} control */
  async function readAs(ways, value, control) {
    const problem = ways.parentElement.querySelector("[data-form-error]");
    control.disabled = true;
    put(problem, "");
    const answer = await server.choose_reading({ file: ways.dataset.file, [ways.dataset.name]: value });
    if (accept(answer)) return;
    control.disabled = false;
    put(problem, words(answer));
  }
  element.addEventListener("change", (event) => {
    const other = around(event, "[data-read-other]");
    if (other?.value) readAs(other.closest(".ways"), other.value, other);
  });

  element.addEventListener("submit", (event) => {
    const form = around(event, ".columns-form");
    if (!form) return;
    event.preventDefault();
    choose(form, readRoles(form), form.elements.definition.value, false, find(form, "[type=submit]"));
  });
  element.addEventListener("input", (event) => {
    const form = around(event, ".columns-form");
    if (form) tryColumns(form);
  });
  element.addEventListener("click", async (event) => {
    const again = around(event, "[data-look-again]");
    const out = around(event, "[data-leave-out]");
    const way = around(event, "[data-read-as]");
    if (around(event, "[data-dismiss]")) show("");
    if (way) readAs(way.closest(".ways"), way.dataset.readAs, way);
    if (out) {
      const block = out.closest("[data-file]");
      choose(block, JSON.parse(block.dataset.roles), block.dataset.definition, true, out);
    }
    if (again) {
      const answer = await server.look_again({ file: again.dataset.lookAgain });
      if (!accept(answer)) wait(words(answer));
    }
  });

  // ---- the hub, or a folder ----
  document.addEventListener("submit", async (event) => {
    const form = around(event, "#fetch-from");
    if (!form) return;
    event.preventDefault();
    const problem = find(form, "[data-fetch-error]");
    const button = find(form, "[type=submit]");
    const asked = Object.fromEntries(new FormData(form));
    put(problem, "");
    button.disabled = true;
    put(button, "Fetching … it can take a minute");
    const answer = await server.fetch_from(asked);
    button.disabled = false;
    put(button, "Fetch it");
    if (!accept(answer)) return put(problem, words(answer));
    element.scrollIntoView({ block: "nearest" });
  });

  watch("value", tie);
  tie();
}
