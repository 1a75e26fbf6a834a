// @ts-check
// Light or dark, and large type for a projector: switches in the header, remembered by this browser. Until it was used,
// the system decides on the light.

const KEPT = "fine-tuning-studio.theme";

export function switchTheme() {
  const dark = document.body.classList.toggle("dark");
  try {
    localStorage.setItem(KEPT, dark ? "dark" : "light");
  } catch {
    /* a private window */
  }
}

export function restoreTheme() {
  if (new URLSearchParams(location.search).has("__theme")) return;
  /** @type {string | null} */
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    /* a private window */
  }
  if (kept) document.body.classList.toggle("dark", kept === "dark");
}

const LARGE = "fine-tuning-studio.projector";

/** Large type and thick strokes, or back; without a word, the other of what it is. @param {boolean} [large] */
export function switchProjector(large) {
  const root = document.documentElement;
  const is = root.classList.toggle("projector", large);
  for (const button of document.querySelectorAll("[data-projector]")) button.setAttribute("aria-pressed", String(is));
  dispatchEvent(new Event("resize")); // what is drawn to the size of the page is drawn again
  try {
    localStorage.setItem(LARGE, is ? "large" : "");
  } catch {
    /* a private window */
  }
}

export function restoreProjector() {
  try {
    if (localStorage.getItem(LARGE)) switchProjector(true);
  } catch {
    /* a private window */
  }
}
