// @ts-check
// Taking a model away: the forms that there are of it, each written in the queue when it is asked for, then downloaded.

import { mint } from "../../frame/click.js";
import { studio } from "../../frame/draft.js";
import { announce, find, h, put } from "../../frame/elements.js";
import { saySize } from "../../frame/words.js";

const PAUSE = 1500;
const ENDED = ["failed", "lost", "stopped"];
const SILENT = "The studio did not answer. Try again.";

/** Go to where a run's model is taken away. @param {string} run */
export function openTakeAway(run) {
  studio.setDraft({ run, step: "compare" }, { push: true });
  const box = find(document, "#take-away");
  box.open = true;
  box.scrollIntoView({ block: "center" });
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const box = find(element, "#take-away");
  const list = find(box, ".away-forms");
  const problem = find(box, ".error-line");
  let listed = "";

  studio.onDraft(follow);
  box.addEventListener("toggle", follow);
  follow();

  /** The address of the model that is looked at. */
  function findModel() {
    const { run, checkpoint } = studio.draft;
    return run ? `run:${run}${checkpoint === null ? "" : `@${checkpoint}`}` : "";
  }

  async function follow() {
    const model = findModel();
    box.hidden = !model;
    if (!model || !box.open || studio.draft.step !== "compare" || model === listed) return;
    listed = model;
    put(problem, "");
    list.replaceChildren(h("li", { class: "hint" }, "Looking what it can be taken away as …"));
    const answer = await server.list_forms({ model });
    if (model !== listed) return;
    list.replaceChildren(...(answer?.forms ?? []).map(drawForm));
    if (answer?.forms) return;
    listed = "";
    put(problem, answer?.error ?? SILENT);
  }

  /** @param {{form: string, title: string, summary: string, purpose: string, refusal: string}} offered */
  function drawForm({ form, title, summary, purpose, refusal }) {
    const said = h("span", { class: "hint", role: "status" }, refusal);
    const button = h(
      "button",
      { type: "button", class: "btn small", "data-form": form, disabled: Boolean(refusal), onclick: take },
      "Download",
    );
    return h(
      "li",
      {},
      h("div", {}, h("b", {}, title), h("span", {}, ` ${summary} `), h("span", { class: "hint" }, purpose)),
      button,
      said,
    );

    async function take() {
      button.disabled = true;
      put(said, "Preparing it …");
      const told = await fetchFile(form, said).catch(() => null);
      button.disabled = false;
      if (!told?.path) return put(said, told?.error ?? SILENT);
      put(said, `${told.name}, ${saySize(told.size)}`);
      announce(`${told.name} is downloaded`);
      const { href } = new URL(`gradio_api/file=${told.path}`, document.baseURI);
      h("a", { href, download: told.name }).click();
    }
  }

  /**
   * Ask for a form, and wait until its file is there.
   * @param {string} form
   * @param {HTMLElement} said
   */
  async function fetchFile(form, said) {
    const begun = await server.start_export({ model: findModel(), form, request: mint() });
    if (!begun?.work) return begun;
    for (;;) {
      const told = await server.look_at_export({ work: begun.work });
      if (!told || told.path || told.error) return told;
      if (ENDED.includes(told.status)) return { error: `It was not written: the work is ${told.status}.` };
      put(said, told.position ? `Number ${told.position} in the queue …` : "Writing it …");
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
