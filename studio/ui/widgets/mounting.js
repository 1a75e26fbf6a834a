// @ts-check
// What gradio hands to the script of a component (widgets/scripted.py), as types; there is nothing to run here.

/**
 * @typedef {object} Parts
 * @property {HTMLElement} element the component in the page
 * @property {any} props its value and options; setting `props.value` draws it again
 * @property {(event: string) => void} trigger fires one of the events that Python named
 * @property {Record<string, (asked: any) => Promise<any>>} server its server functions
 * @property {(file: File) => Promise<{path: string}>} upload
 * @property {(name: string, changed: () => void) => void} watch is told when Python changed the value
 */

export {};
