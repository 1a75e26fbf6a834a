// @ts-check
// Every version of the task: when, by whom, what changed; any two compared, any one made current again.

import { studio } from "../../frame/draft.js";
import { h, put } from "../../frame/elements.js";
import { sayNumber } from "../../frame/words.js";
import { button, foreign } from "./parts.js";

/** @typedef {import("./bench.js").Version} Version */
/** @typedef {import("./bench.js").Part} Part */

/** @param {import("./label_bench.js").Bench} bench */
export function makeVersions(bench) {
  const { root, panels, opened, ask, written } = bench;
  const list = h("ol", { class: "bench-versions" });
  const problem = h("p", { class: "error-line", role: "alert" });
  const said = h("p", { role: "status" });
  const difference = h("div", { class: "stack", "data-difference": "" });
  const from = h("select", { id: "version-from" });
  const to = h("select", { id: "version-to" });
  /** @param {string} id @param {string} label @param {HTMLElement} field */
  const pick = (id, label, field) =>
    h("label", { class: "field", for: id }, h("span", { class: "label" }, label), field);
  const both = h(
    "form",
    {
      class: "card stack bench-compare",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        compare(from.value, to.value);
      },
    },
    h("h2", {}, "Compare two"),
    h(
      "div",
      { class: "bench-filters" },
      pick("version-from", "Before", from),
      pick("version-to", "After", to),
      h("button", { class: "btn", "data-act": "compare" }, "Compare"),
    ),
  );
  panels.versions.append(
    h(
      "p",
      { class: "hint" },
      "Every save makes a version and none is ever changed. A run names the version it was trained on.",
    ),
    problem,
    said,
    list,
    both,
    difference,
  );
  /** @type {Version[]} */
  let versions = [];

  opened.versions = async () => {
    const answer = await ask("list_versions");
    if (answer.error) return put(problem, answer.error);
    put(problem, "");
    ({ versions } = answer);
    root.dataset.versions = versions.length;
    const chosen = studio.draft.recipe.task_version ?? versions[0].version;
    const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
    let isMarked = false;
    list.replaceChildren(
      ...versions.map((one, place) => {
        const older = versions[place + 1];
        const isChosen = !isMarked && one.version === chosen;
        isMarked ||= isChosen;
        return h(
          "li",
          { "data-version": one.version, "data-number": one.number },
          h(
            "div",
            {},
            h("strong", {}, `Version ${one.number}`),
            place ? "" : h("span", { class: "pill" }, "newest"),
            isChosen ? h("span", { class: "pill fits" }, "in your recipe") : "",
            foreign("p", one.words || "no note", {}),
            h("p", { class: "hint" }, when.format(one.at * 1000), one.by ? [" by ", foreign("span", one.by)] : ""),
          ),
          h(
            "div",
            { class: "acts" },
            older
              ? button("What changed", () => {
                  from.value = older.version;
                  to.value = one.version;
                  compare(older.version, one.version);
                })
              : null,
            place ? button("Restore", () => restore(one), { "data-act": "restore" }) : null,
          ),
        );
      }),
    );
    both.hidden = versions.length < 2;
    for (const select of [from, to])
      select.replaceChildren(...versions.map((one) => h("option", { value: one.version }, `Version ${one.number}`)));
    from.value = (versions[1] ?? versions[0]).version;
    to.value = versions[0].version;
  };

  /** @param {string} before @param {string} after */
  async function compare(before, after) {
    const found = await ask("compare_versions", { before, after });
    if (found.error) return put(problem, found.error);
    /** @param {string} version */
    const name = (version) => `version ${versions.find((one) => one.version === version)?.number}`;
    /** @param {Part[]} parts */
    const sides = (parts) =>
      parts.map((part) =>
        h(
          "div",
          {},
          h("h3", {}, part.name.replaceAll("_", " ")),
          h("div", { class: "two" }, side("before", part.before), side("after", part.after)),
        ),
      );
    /** @param {"before" | "after"} kind @param {string} text */
    const side = (kind, text) =>
      h(
        "div",
        { class: `bench-side ${kind}` },
        h("p", { class: "hint" }, kind === "before" ? "Before" : "After"),
        text ? foreign("p", text, { class: "prose" }) : h("p", { class: "hint" }, "(nothing)"),
      );
    difference.replaceChildren(
      h("h2", { tabindex: -1 }, `From ${name(before)} to ${name(after)}: ${found.words}`),
      ...(found.fields.length ? [h("div", { class: "card stack" }, sides(found.fields))] : []),
      ...found.instances.map((/** @type {{id: string, kind: string, parts: Part[]}} */ one) =>
        h(
          "div",
          { class: "card stack" },
          h("p", {}, h("span", { class: "pill" }, one.kind), " ", foreign("span", one.id, { class: "hint" })),
          sides(one.parts),
        ),
      ),
      found.left_out ? h("p", { class: "hint" }, `and ${sayNumber(found.left_out)} more`) : "",
    );
    difference.firstChild.focus();
  }

  /** @param {Version} one */
  async function restore(one) {
    const answer = await ask("restore_version", { version: one.version });
    if (answer.error) return put(problem, answer.error);
    put(said, `Version ${one.number} is current again, as version ${answer.number}, and chosen.`);
    difference.replaceChildren();
    await written(answer);
    opened.versions();
  }
}
