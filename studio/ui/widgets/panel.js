// @ts-check
// A piece of page made by the server: tied to the draft after each drawing.

import { drawn } from "../frame/controls.js";

/** @param {import("./mounting.js").Parts} parts */
export function mount({ element, watch }) {
  watch("value", () => drawn(element));
  drawn(element);
}
