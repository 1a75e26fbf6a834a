// @ts-check
// A file that is too big is refused before it travels, in words, beside the place where it was dropped.

import { h } from "./elements.js";
import { saySize } from "./words.js";

/** The largest file that is taken: `max_file_size` of page.py. */
export const MOST_BYTES = 50 * 1000 * 1000;

/** @param {Event} event @param {FileList | null | undefined} files */
function refuse(event, files) {
  const target = event.target instanceof Element ? event.target : null;
  const area = target?.closest("#task-file");
  if (!area || !files?.length) return;
  document.getElementById("too-big")?.remove();
  const big = [...files].find((file) => file.size > MOST_BYTES);
  if (!big) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (target instanceof HTMLInputElement) target.value = "";
  const words =
    `It has ${saySize(big.size)}; at most 50 MB are taken. Keep fewer examples (a few thousand are plenty), ` +
    "or split the file into several tasks.";
  const heading = h("h3", {}, `${big.name.slice(0, 80)} was not imported`);
  const block = h("div", { id: "too-big", class: "studio wrong", role: "alert" }, heading, h("p", {}, words));
  area.closest(".upload-row")?.after(block);
}

export function refuseLargeFiles() {
  const files = (/** @type {any} */ event) => event.dataTransfer?.files ?? event.target.files;
  document.addEventListener("change", (event) => refuse(event, files(event)), true);
  document.addEventListener("drop", (event) => refuse(event, event.dataTransfer?.files), true);
}
