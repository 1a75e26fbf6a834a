// @ts-check
// Saving edits of a task: every save is a version; what clashes is shown with both texts, and a person decides.

import { h, put } from "../../frame/elements.js";
import { asText, button, foreign } from "./parts.js";

/** @typedef {import("./bench.js").Edit} Edit */

/** Which part of an edit is what the person wrote. */
export const MINE = { set_text: "text", set_input: "input", set_output: "output", set_examples: "examples" };

/**
 * Send edits; where one was made of what is no longer there, show both texts and let the person say. Returns the answer
 * once it is done, else null.
 * @template {Edit} E
 * @param {(act: string, given?: object) => Promise<any>} ask
 * @param {E[]} edits
 * @param {HTMLElement} problem
 * @param {any} clashes where the choice is shown
 * @param {(edit: E, theirs: any) => void} tookTheirs
 * @returns {Promise<any>}
 */
export async function saveEdits(ask, edits, problem, clashes, tookTheirs) {
  if (clashes.ariaBusy) return null; // a second click
  put(problem, "");
  clashes.replaceChildren();
  clashes.ariaBusy = "true";
  const answer = await ask("edit_task", { edits });
  clashes.ariaBusy = null;
  if (answer.error) {
    put(problem, answer.error);
    return null;
  }
  if (!answer.clashes) return answer;
  /** @type {import("./bench.js").Clash[]} */
  const found = answer.clashes;
  return new Promise((settled) => {
    const left = new Set(found.map((one) => one.number));
    /** @type {Set<number>} */
    const dropped = new Set();
    /** @param {number} number @param {HTMLElement} card */
    const decide = async (number, card) => {
      left.delete(number);
      card.remove();
      if (left.size) return;
      const rest = edits.filter((_, place) => !dropped.has(place));
      settled(rest.length ? await saveEdits(ask, rest, problem, clashes, tookTheirs) : { kept: true });
    };
    clashes.replaceChildren(
      ...found.map(({ number, current }) => {
        const edit = edits[number];
        const what = (edit.field ?? edit.op.replace("set_", "")).replaceAll("_", " ");
        const card = h(
          "div",
          { class: "wrong", role: "alert" },
          h("h3", {}, `Somebody changed the ${what} while you wrote. Nothing is lost; which version should be kept?`),
          h(
            "div",
            { class: "two" },
            h("div", {}, h("p", { class: "hint" }, "There now"), foreign("p", asText(current), { class: "prose" })),
            h(
              "div",
              {},
              h("p", { class: "hint" }, "Yours"),
              foreign("p", asText(edit[MINE[edit.op]]), { class: "prose" }),
            ),
          ),
        );
        card.append(
          h(
            "div",
            { class: "acts" },
            button("Replace it with mine", () => {
              edit.before = current;
              decide(number, card);
            }),
            button("Keep what is there", () => {
              dropped.add(number);
              tookTheirs(edit, current);
              decide(number, card);
            }),
          ),
        );
        return card;
      }),
    );
    clashes.scrollIntoView({ block: "nearest" });
  });
}
