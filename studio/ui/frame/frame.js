// @ts-check
// What runs once, before any component is there: who this browser is, which step is shown, and the page's controls.
//
// There are no globals: a component's script is a module with `mount`, and imports what it needs. Python's own `js=`
// of an event asks `found` of frame/address.js the same way (see frame/scripts.py).

import "./visitor.js";
import { readKept } from "./address.js";
import { bindControls, showStep, sync } from "./controls.js";
import { onShow, studio } from "./draft.js";
import { guardRuns, openRuns } from "./sidebar.js";
import { explainTerms } from "./terms.js";
import { refuseLargeFiles } from "./upload.js";

const WIDE = 1560; // from here on the runs have room beside the page
const PATIENCE = 4000;

document.body.dataset.step = studio.draft.step; // before the page is shown: no step flashes by
document.body.toggleAttribute("data-returning", Boolean(readKept()));
setTimeout(() => {
  document.body.dataset.ready = ""; // whatever happens, nobody looks at an empty page
}, PATIENCE);

onShow((moved) => {
  showStep(moved);
  sync(document);
});
studio.onDraft((_, before) => {
  if (before === null && innerWidth >= WIDE) openRuns(true);
});
bindControls();
guardRuns();
explainTerms();
refuseLargeFiles();
