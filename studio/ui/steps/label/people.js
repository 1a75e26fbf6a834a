// @ts-check
// Below the instance: use the labels as a version; who labels with you, how you agree, and the conflicts to settle.

import { announce, h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { button, foreign } from "./parts.js";

/** @param {import("./label_bench.js").Bench} bench */
export function makePeople(bench) {
  const { root, panels, ask, load, written, moved } = bench;
  let waiting = 0;
  let asked = 0;
  const use = button("Use these labels", useThem, { kind: "primary", keys: "V", "data-act": "use" });
  const used = h("p", { role: "status" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const list = h("ul", { class: "plainlist" });
  const agree = h("p", {});
  const pairs = h("ul", { class: "plainlist hint" });
  const conflicts = h("ol", { class: "bench-conflicts" });
  const overlap = h(
    "select",
    { id: "bench-overlap", oninput: share },
    [
      ["0", "none"],
      ["0.1", "a tenth"],
      ["0.2", "a fifth"],
      ["0.5", "half"],
      ["1", "all"],
    ].map(([value, said]) => h("option", { value }, said)),
  );
  const count = h("span", { class: "pill", hidden: true });
  const together = h(
    "details",
    { class: "more card", id: "bench-together" },
    h("summary", {}, "Together ", count),
    h(
      "div",
      { class: "stack" },
      h(
        "p",
        { class: "hint" },
        "Several people can label at once: open this page in each browser and write your own name above. " +
          "Each gets a share of their own, and two people get some of the same.",
      ),
      list,
      h("label", { class: "row", for: "bench-overlap" }, "Labelled by two people:", overlap),
      agree,
      pairs,
      conflicts,
    ),
  );
  panels.label
    .querySelector(".stack")
    .append(h("div", { class: "bench-use card" }, h("div", { class: "acts" }, use), used, problem), together);

  const later = () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(refresh, 700);
  };

  async function refresh() {
    const turn = ++asked;
    const answer = await ask("look_together");
    if (turn !== asked) return;
    if (answer.error) return put(problem, answer.error);
    put(problem, "");
    const { changes } = answer;
    root.dataset.changes = changes;
    use.disabled = !changes;
    put(
      use.firstChild,
      changes
        ? `Use these labels: ${sayNumber(changes)} ${changes === 1 ? "answer changes" : "answers change"}`
        : "Use these labels",
    );
    if (!used.childElementCount)
      put(
        used,
        changes
          ? "They become a new version of the task, and your recipe takes it."
          : "Your labels match the task. " +
              (answer.open ? "Settle below where people differ, or label more." : "Label some examples first."),
      );
    used.className = used.childElementCount ? "" : "hint";
    draw(answer);
  }

  /** @param {import("./bench.js").Together} found */
  function draw(found) {
    list.replaceChildren(
      ...found.people.map((one) =>
        h("li", {}, foreign("strong", one.name), ` ${sayNumber(one.done)} of ${sayNumber(one.of)}`),
      ),
    );
    overlap.value = String(found.overlap);
    put(
      agree,
      found.alpha === null
        ? "Nothing was labelled twice yet."
        : `Agreement: ${found.words} (Krippendorff's alpha ${found.alpha.toFixed(2)}, ` +
            `on ${sayNumber(found.twice)} labelled twice).`,
    );
    pairs.replaceChildren(
      ...found.kappas.map((one) =>
        h(
          "li",
          {},
          foreign("span", one.people[0]),
          " and ",
          foreign("span", one.people[1]),
          `: ${one.words} (Cohen's kappa ${one.kappa.toFixed(2)})`,
        ),
      ),
    );
    count.hidden = !found.open;
    put(count, `${found.open} to settle`);
    root.dataset.conflicts = found.open;
    conflicts.replaceChildren(
      ...found.conflicts.map((one) => {
        const free = h("input", { type: "text", "aria-label": "Another answer", placeholder: "another answer" });
        const line = h(
          "li",
          { "data-conflict": one.id },
          foreign("p", one.input, { class: "prose" }),
          h(
            "div",
            { class: "acts" },
            [...new Set(Object.values(one.labels))].map((said) =>
              h(
                "button",
                { type: "button", class: "btn small", onclick: () => settle(one.id, said) },
                foreign("strong", said),
                foreign(
                  "span",
                  Object.keys(one.labels)
                    .filter((by) => one.labels[by] === said)
                    .join(", "),
                  { class: "hint" },
                ),
              ),
            ),
            h(
              "form",
              {
                class: "row",
                onsubmit: (/** @type {Event} */ event) => {
                  event.preventDefault();
                  if (free.value.trim()) settle(one.id, free.value.trim());
                },
              },
              free,
              h("button", { class: "btn small" }, "Settle"),
            ),
          ),
        );
        return line;
      }),
    );
  }

  /** @param {string} id @param {string} output */
  async function settle(id, output) {
    const answer = await ask("settle_label", { id, output });
    if (answer.error) return put(problem, answer.error);
    announce("Settled.");
    refresh();
  }

  async function share() {
    const answer = await ask("share_labels", { overlap: Number(overlap.value) });
    if (answer.error) return put(problem, answer.error);
    await moved(answer.task);
    load(false);
  }

  async function useThem() {
    use.disabled = true;
    const answer = await ask("use_labels");
    if (answer.error) {
      use.disabled = false;
      return put(problem, answer.error);
    }
    used.className = "";
    used.replaceChildren(
      h("span", {}, `Version ${answer.number} of the task is made and chosen (${answer.words}). `),
      h("button", { type: "button", class: "btn primary small", "data-go": "train" }, "Train on it"),
    );
    announce(`Version ${answer.number} is chosen.`);
    root.dataset.version = answer.version;
    await written(answer);
  }
  return { refresh, later, button: use, use: () => use.disabled || useThem() };
}
