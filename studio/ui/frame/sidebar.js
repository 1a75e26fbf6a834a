// @ts-check
// The side bar with the runs, which is gradio's: opened and closed by its own button.

const find = () => document.querySelector("#runs, .sidebar");
const isOpen = () => Boolean(find()?.classList.contains("open"));

/** Open or close it; without a word, the other of what it is. @param {boolean} [open] */
export function openRuns(open) {
  const wanted = open ?? !isOpen();
  let tries = 40; // a page that is still being built opens it as soon as it is there
  (function turn() {
    if (isOpen() === wanted || !tries--) return;
    /** @type {HTMLElement | null | undefined} */
    const button = find()?.querySelector(".toggle-button, button[aria-label*='idebar']");
    button?.click();
    setTimeout(turn, 250);
  })();
}

/** Keep what can't be seen out of reach of the keyboard: the closed bar is inert. */
export function guardRuns() {
  const bar = find();
  if (!bar) return void setTimeout(guardRuns, 100); // gradio has not built it yet
  const mark = () => {
    for (const part of bar.querySelectorAll(".sidebar-content")) part.toggleAttribute("inert", !isOpen());
  };
  new MutationObserver(mark).observe(bar, { attributes: true, attributeFilter: ["class"] });
  mark();
}
