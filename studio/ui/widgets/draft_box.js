// @ts-check
// The hidden component of the draft: its value goes to Python's handlers, its events are the draft's signals.

import { attachDraft } from "../frame/draft.js";
import { restoreProjector, restoreTheme } from "../frame/theme.js";

/** @param {import("./mounting.js").Parts} parts */
export function mount({ props, trigger }) {
  attachDraft({ props, trigger });
  restoreTheme();
  restoreProjector();
  requestAnimationFrame(() => {
    document.body.dataset.ready = "";
  });
}
