// @ts-check
// The evidence board: chooses checkpoints, task and part, has them measured, and looks again while that goes on. The
// server draws it.

const EVERY = 1500; // milliseconds between two looks

/**
 * @typedef {{run: string, part: string, task_id: string, models: string[], against: string, others: string[],
 *   judge?: string}} Choice
 */

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  let timer = 0;
  let turn = 0;

  const board = () => /** @type {HTMLElement | null} */ (element.querySelector(".board"));

  /** What the board shows as chosen. @param {HTMLElement} shown @returns {Choice} */
  function read(shown) {
    const { run = "", part = "test", against = "" } = shown.dataset;
    const models = [...shown.querySelectorAll("[data-model]")].map((mark) => mark.getAttribute("data-model") ?? "");
    const task = /** @type {HTMLSelectElement | null} */ (shown.querySelector("[data-task]"));
    const others = [...shown.querySelectorAll("select[data-other]")].map(
      (list) => /** @type {HTMLSelectElement} */ (list).value,
    );
    return { run, part, against, models, task_id: task?.value ?? "", others };
  }

  /**
   * @param {string} act
   * @param {Partial<Choice>} [change]
   * @param {string} [focus] what has the keyboard afterwards
   */
  async function ask(act, change = {}, focus = "") {
    clearTimeout(timer);
    timer = 0;
    const shown = board();
    if (!shown) return;
    const choice = { ...read(shown), ...change };
    const mine = ++turn;
    const found = await server[act](choice).catch(() => ({ error: "The studio did not answer. Try again." }));
    if (mine !== turn || board()?.dataset.run !== choice.run) return; // another choice, or another run, by now
    if (found.error) {
      for (const each of shown.querySelectorAll("button")) each.disabled = false;
      const words = document.createElement("p");
      words.className = "error-line";
      words.setAttribute("role", "alert");
      words.textContent = found.error;
      board()?.append(words);
      return;
    }
    props.value = found.html;
    if (focus) requestAnimationFrame(() => /** @type {HTMLElement | null} */ (element.querySelector(focus))?.focus());
    if (found.busy) timer = window.setTimeout(() => ask("look"), EVERY);
  }

  element.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest("button") : null;
    const shown = board();
    if (!pressed || !shown) return;
    const { part, out, against, act } = pressed.dataset;
    pressed.disabled = Boolean(act); // until the board is drawn again
    if (part) ask("look", { part }, `[data-part="${part}"]`);
    else if (out) ask("look", { models: read(shown).models.filter((model) => model !== out) }, "[data-add]");
    else if (against) ask("look", { against }, "button[aria-checked=true][data-against]");
    else if (act === "measure") ask("measure");
    else if (act === "measure-others") ask("measure_others");
    else if (act === "stop-measuring") ask("stop");
    else if (act === "judge") {
      const by = /** @type {HTMLSelectElement | null} */ (shown.querySelector("[data-judge]"));
      ask("judge", { judge: by?.value ?? "" }, "[data-act=judge]");
    }
  });
  element.addEventListener("change", (event) => {
    const list = event.target instanceof HTMLSelectElement ? event.target : null;
    const shown = board();
    if (!list?.value || !shown) return;
    if (list.matches("[data-add]")) ask("look", { models: [...read(shown).models, list.value] }, "[data-add]");
    if (list.matches("[data-task]")) ask("look", {}, "[data-task]");
    if (list.matches("[data-other]")) ask("look", {}, `[data-other="${list.dataset.other}"]`);
  });
  watch("value", () => {
    if (element.querySelector("[data-busy]") && !timer) timer = window.setTimeout(() => ask("look"), EVERY);
  });
}
