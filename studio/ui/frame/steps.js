// @ts-check
// Which steps and signals there are: what Python's registry says (frame/step.py), read once from the head of the page.

/** @typedef {{name: string, title: string, of: string}} Step */
/** @typedef {{name: string, about: string[], step: string, unfolded: string, waits: string}} Signal */

/** @type {{steps: Step[], signals: Signal[]}} */
const page = JSON.parse(document.getElementById("studio-page")?.textContent || '{"steps": [], "signals": []}');

export const signals = page.signals;
/** The steps of the stepper, in their order; a view is a page of its own that belongs to one of them. */
export const steps = page.steps.filter((step) => !step.of);
const places = new Map(page.steps.map((step) => [step.name, step]));

/** Whether there is a step or a view of this name. @param {unknown} name @returns {name is string} */
export const isPlace = (name) => typeof name === "string" && places.has(name);

/** Its title, "" for none. @param {string} name */
export const titleOf = (name) => places.get(name)?.title ?? "";

/** The step of the stepper that a step or a view belongs to. @param {string} name */
export const stepOf = (name) => places.get(name)?.of || name;

/** Its place in the stepper, from 0. @param {string} name */
export const placeOf = (name) => steps.findIndex((step) => step.name === stepOf(name));

/** The first step. */
export const firstStep = () => steps[0]?.name ?? "";
