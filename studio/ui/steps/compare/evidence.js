// @ts-check
// The evidence board: chooses a part, has it measured, and looks again while that goes on. The server draws it.

const EVERY = 1500; // milliseconds between two looks

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, props, server, watch }) {
  let timer = 0;

  const board = () => /** @type {HTMLElement | null} */ (element.querySelector(".board"));

  /**
   * @param {string} act
   * @param {string} part
   */
  async function ask(act, part) {
    clearTimeout(timer);
    const run = board()?.dataset.run;
    if (!run) return;
    const found = await server[act]({ run, part });
    if (board()?.dataset.run !== run) return; // another run is shown by now
    if (found.error) {
      const words = document.createElement("p");
      words.className = "error-line";
      words.setAttribute("role", "alert");
      words.textContent = found.error;
      board()?.append(words);
      return;
    }
    props.value = found.html;
    if (found.busy) timer = window.setTimeout(() => ask("look", part), EVERY);
  }

  element.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest("button") : null;
    if (pressed?.dataset.part) ask("look", pressed.dataset.part);
    if (pressed?.dataset.act === "measure") ask("measure", board()?.dataset.part ?? "test");
  });
  watch("value", () => {
    if (element.querySelector("[data-busy]") && !timer)
      timer = window.setTimeout(() => ask("look", board()?.dataset.part ?? "test"), EVERY);
  });
}
