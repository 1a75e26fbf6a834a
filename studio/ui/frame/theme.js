// @ts-check
// Light or dark: the switch in the header, remembered by this browser. The system decides until it was used.

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
