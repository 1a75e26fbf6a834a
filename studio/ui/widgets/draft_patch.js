// @ts-check
// Where handlers put a change of the draft.

import { takePatch } from "../frame/draft.js";

/** @param {import("./mounting.js").Parts} parts */
export function mount({ props, watch }) {
  watch("value", () => takePatch(props.value));
  takePatch(props.value); // it may have come while this was loaded
}
