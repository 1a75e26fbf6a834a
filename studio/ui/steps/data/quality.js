// @ts-check
// The quality report: asked for after the page is shown, in words while it is worked out.

import { drawn } from "../../frame/controls.js";
import { studio } from "../../frame/draft.js";
import { announce, around, find, h, put } from "../../frame/elements.js";

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  const box = find(element, ".quality");
  let asked = 0;
  let shown = "";
  let said = "";

  /** @returns {Record<string, any>} */
  function recipe() {
    const task = props.value;
    return { ...studio.draft.recipe, task_id: task.task_id, task_version: task.version };
  }

  async function look(all = false) {
    const task = props.value;
    box.hidden = !task?.task_id;
    if (box.hidden || studio.draft.step !== "data") return;
    const about = recipe();
    const key = JSON.stringify([
      about.task_id,
      about.task_version,
      about.model,
      about.revision,
      about.objective,
      about.training?.max_length,
      about.training?.seed,
      about.method?.name,
      all,
    ]);
    if (key === shown) return;
    shown = key;
    const mine = ++asked;
    box.dataset.state = "checking";
    if (!find(box, ".findings"))
      box.replaceChildren(
        h("h2", {}, "Is it good enough to learn from?"),
        h(
          "p",
          { class: "hint", role: "status" },
          "Reading every example: duplicates, labels, broken letters, lengths in tokens …",
        ),
      );
    else box.prepend(h("p", { class: "hint", role: "status" }, "Checking again …"));
    const found = await server.check_task({ recipe: about, all });
    if (mine !== asked) return; // a newer question was asked meanwhile
    if (!found || found.error) {
      box.replaceChildren(
        h("h2", {}, "Is it good enough to learn from?"),
        h(
          "p",
          { class: "error-line", role: "alert" },
          found?.error ?? "The studio did not answer. Reload the page to try again.",
        ),
      );
      box.dataset.state = "error";
      return;
    }
    box.innerHTML = found.html; // escaped by the server
    if (said) box.prepend(h("p", { class: "done-line", role: "status" }, said));
    said = "";
    box.dataset.state = found.state;
    box.dataset.version = about.task_version ?? "";
    drawn(box);
  }

  /** @param {HTMLElement} button */
  const nameOf = (button) =>
    button.dataset.repairName ? { repair: button.dataset.repairName } : { finding: button.dataset.findingName };

  /** @param {HTMLElement} button */
  async function preview(button) {
    const card = button.closest(".finding");
    if (!card) return;
    const place = find(card, ".changes");
    const open = place.hidden;
    place.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open || place.childElementCount) return;
    put(place, "Looking what it would change …");
    const found = await server.preview_fix({ recipe: recipe(), ...nameOf(button) });
    if (found && !found.error) place.innerHTML = found.html;
    else
      place.replaceChildren(
        h("p", { class: "error-line", role: "alert" }, found?.error ?? "The studio did not answer. Try again."),
      );
  }

  /** @param {HTMLButtonElement} button @param {() => Promise<any>} ask @param {HTMLElement} problem */
  async function act(button, ask, problem) {
    button.disabled = true;
    const done = await ask();
    button.disabled = false;
    if (!done || done.error) return put(problem, done?.error ?? "The studio did not answer. Try again.");
    said = done.said;
    announce(said);
    studio.useTask(done.task_id);
  }

  element.addEventListener("click", (event) => {
    const on = (/** @type {string} */ selector) => around(event, selector);
    const button = on("button");
    if (!button) return;
    const card = on(".finding");
    if (on("[data-check-all]")) look(true);
    if (on("[data-preview]")) preview(button);
    if (on("[data-leave]")) {
      const opener = find(card, "[data-preview]");
      preview(opener);
      opener.focus();
    }
    if (on("[data-apply]"))
      act(
        button,
        () => server.fix_task({ recipe: recipe(), ...nameOf(find(card, "[data-preview]")) }),
        find(card, ".changes .error-line"),
      );
    if (on("[data-look]"))
      document.dispatchEvent(
        new CustomEvent("studio:rows", {
          detail: { finding: button.dataset.look, title: button.dataset.title, recipe: recipe() },
        }),
      );
    if (on("[data-rule]") && button.getAttribute("aria-pressed") !== "true")
      act(
        button,
        () => server.choose_split({ recipe: recipe(), rule: button.dataset.rule }),
        on(".splits").querySelector(".error-line"),
      );
  });

  studio.onDraft(() => look());
  watch("value", () => look());
  look();
}
