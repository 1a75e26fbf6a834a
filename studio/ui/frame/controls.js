// @ts-check
// Controls of the page that show and set the draft: buttons with data-set, fields with data-path, links with data-go.
//
//   data-set='{"recipe": {...}}'   a click lays this over the draft; checked while the draft holds it (or data-when)
//   data-whole                     beside it: the recipe becomes what is told, and nothing of the old one stays
//   data-path="method.rank"        a field that shows and sets what the recipe says there
//   data-go="train"                a click goes to that step
//   data-errors, data-error-for    what is wrong with a field, said beside it
// A piece of page that the server drew is tied to the draft by `drawn`.

import { studio } from "./draft.js";
import { announce, around } from "./elements.js";
import { showWays } from "./foot.js";
import { holds } from "./patch.js";
import { placeOf, stepOf, steps, titleOf } from "./steps.js";
import { openRuns } from "./sidebar.js";
import { switchProjector, switchTheme } from "./theme.js";

const TURNS = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });

/** @param {string | undefined} text */
function parsed(text) {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return {};
  }
}

/** @param {ParentNode} root @param {string} selector @returns {NodeListOf<any>} */
const all = (root, selector) => root.querySelectorAll(selector);

/** @param {Element} element @param {string} name @param {string | null} value null takes it away */
function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

// ---- which step one is at ----

/** Show the step of the draft; `moved` says that a person went there. @param {boolean} moved */
export function showStep(moved) {
  const place = studio.draft.step;
  const step = stepOf(place);
  document.body.dataset.step = place;
  for (const button of all(document, ".stepper [data-go]")) {
    mark(button, "aria-current", button.dataset.go === step ? "step" : null);
    button.dataset.done = placeOf(button.dataset.go) < placeOf(step);
  }
  showWays(place);
  document.title = `${titleOf(place)} · Fine-Tuning Studio`;
  if (!moved) return;
  scrollTo({ top: 0 });
  announce(`Step ${placeOf(step) + 1} of ${steps.length}: ${titleOf(place)}`);
  focusHeading();
}

function focusHeading() {
  /** @type {HTMLElement | null} */
  const heading = document.querySelector(`#step-${studio.draft.step} h1`);
  heading?.focus({ preventScroll: true });
}

// ---- what the draft says, shown ----

/** Let every control in `root` show what the draft says. @param {ParentNode} root */
export function sync(root) {
  for (const item of all(root, "[data-set]")) {
    const { when, set, unset } = item.dataset;
    const checked = holds(studio.draft, parsed(when || set)) || (Boolean(unset) && studio.get(unset) === undefined);
    if (item.getAttribute("role") === "radio") item.setAttribute("aria-checked", checked);
    else if (item.hasAttribute("data-toggle")) item.setAttribute("aria-pressed", checked);
  }
  for (const group of all(root, "[role=radiogroup]")) {
    const radios = [...all(group, "[role=radio]")];
    const at = radios.find((radio) => radio.getAttribute("aria-checked") === "true") || radios[0];
    for (const radio of radios) radio.tabIndex = radio === at ? 0 : -1;
  }
  for (const input of all(root, "[data-path]")) {
    const value = studio.get(input.dataset.path);
    if (input === document.activeElement && input.type !== "range") continue;
    const want = value === undefined ? (input.getAttribute("value") ?? input.dataset.value) : value;
    if (input.type === "checkbox") input.checked = want === true || want === "true";
    else if (want !== null && want !== undefined && input.value !== String(want)) input.value = want;
  }
}

/** @param {ParentNode} root */
function showErrors(root) {
  const [holder] = all(root, "[data-errors]");
  if (!holder) return;
  const errors = parsed(holder.dataset.errors);
  for (const slot of all(document, "[data-error-for]")) {
    const path = slot.dataset.errorFor;
    const text = errors[path] || "";
    if (slot.textContent !== text) slot.textContent = text;
    for (const input of all(document, `[data-path="${CSS.escape(path)}"]`))
      mark(input, "aria-invalid", text ? "true" : null);
  }
}

/** @type {Record<string, boolean>} */
const unfolded = {}; // what was unfolded stays unfolded when the server draws it again

/** gradio gives its upload button another name than what it shows; without that name it is called what it says. */
function tidy() {
  for (const button of all(document, ".upload-container[aria-label], #task-file button[aria-label]"))
    if (button.innerText.trim()) button.removeAttribute("aria-label");
}

/** The server drew this again: tie it to the draft. @param {HTMLElement} root */
export function drawn(root) {
  tidy();
  for (const details of all(root, "details[id]")) if (unfolded[details.id]) details.open = true;
  root.closest(".block")?.removeAttribute("data-state");
  sync(root);
  showErrors(root);
  const [again] = all(root, "[data-again]");
  if (again) studio.reckon(Number(again.dataset.again));
  root.dispatchEvent(new CustomEvent("studio:drawn", { bubbles: true }));
}

// ---- what a person does ----

/** @param {Event} event */
function click(event) {
  const details = around(event, "summary")?.parentElement;
  if (details?.id) unfolded[details.id] = !details.open;
  const setter = around(event, "[data-set]");
  if (setter && !setter.disabled) studio.setDraft(parsed(setter.dataset.set), { whole: "whole" in setter.dataset });
  const goer = around(event, "[data-go]");
  if (goer && !goer.disabled) studio.go(goer.dataset.go);
  if (around(event, "button[data-runs]")) openRuns(); // opens or closes
  const skip = around(event, "[data-skip]");
  if (skip) {
    event.preventDefault();
    const way = skip.dataset.skip === "on" ? document.querySelector("#foot:not([hidden]) [data-step-by='1']") : null;
    if (way instanceof HTMLElement && !way.hidden) way.focus();
    else focusHeading();
  }
  if (around(event, "[data-theme-switch]")) switchTheme();
  if (around(event, "[data-projector]")) switchProjector();
  const closer = around(event, "[data-close]");
  if (closer) closer.closest(closer.dataset.close)?.remove();
}

/** @param {KeyboardEvent} event */
function turn(event) {
  const radio = around(event, "[role=radio]");
  const by = TURNS[event.key];
  if (!radio || !by) return;
  event.preventDefault();
  const radios = [...all(radio.closest("[role=radiogroup]"), "[role=radio]:not([disabled])")];
  const next = radios[(radios.indexOf(radio) + by + radios.length) % radios.length];
  next.focus();
  next.click();
}

/** @param {Event} event */
function input(event) {
  const field = around(event, "[data-path]");
  if (!field) return;
  const isNumber = ["integer", "number"].includes(field.dataset.kind);
  let value = field.type === "checkbox" ? field.checked : field.value;
  if (isNumber && value !== "" && Number.isFinite(Number(value))) value = Number(value);
  if (value === "" && field.hasAttribute("data-optional")) value = undefined; // blank: what the preset says
  studio.set(field.dataset.path, value);
}

export function bindControls() {
  document.addEventListener("click", click);
  document.addEventListener("keydown", turn);
  document.addEventListener("input", input);
  document.addEventListener("toggle", look, true);
}

/** What was unfolded may show what is only worked out when somebody looks. @param {Event} event */
function look(event) {
  if (event.target instanceof HTMLDetailsElement && event.target.id) studio.look();
}
