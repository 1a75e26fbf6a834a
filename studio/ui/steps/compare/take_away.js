// @ts-check
// Taking the model that is looked at away, in one of the forms that there are of it.

import { studio } from "../../frame/draft.js";
import { find, h, put } from "../../frame/elements.js";
import { drawForms, SILENT } from "./away_forms.js";

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
    list.replaceChildren(...drawForms(server, model, answer));
    if (answer?.forms) return;
    listed = "";
    put(problem, answer?.error ?? SILENT);
  }
}
