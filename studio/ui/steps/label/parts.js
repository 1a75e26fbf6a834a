// @ts-check
// The small pieces of which the bench is made: foreign text, keys, buttons, fields. Foreign text is only ever text.

import { h } from "../../frame/elements.js";

/** @type {(tag: string, text: any, attributes?: Record<string, any>) => any} */
export const foreign = (tag, text, attributes = {}) => h(tag, { dir: "auto", ...attributes }, text);
/** @type {(text: string) => any} a key of the keyboard */
export const key = (text) => h("kbd", {}, text);
/** @type {(text: string, act: (event: any) => any, look?: Record<string, any>) => any} */
export const button = (text, act, { kind = "small", keys = null, ...rest } = {}) =>
  h(
    "button",
    { type: "button", class: `btn ${kind}`, onclick: act, ...rest },
    h("span", {}, text),
    keys ? key(keys) : null,
  );

/** @type {(id: string, label: string, look?: Record<string, any>) => {field: any, box: any}} */
export const area = (id, label, { rows = 3, hint = null, ...rest } = {}) => {
  const field = h("textarea", {
    id,
    rows,
    dir: "auto",
    spellcheck: "true",
    maxlength: 200000,
    style: `--rows: ${rows}`,
    ...rest,
  });
  return {
    field,
    box: h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      field,
      hint ? h("span", { class: "hint" }, hint) : null,
    ),
  };
};
/** Any part of a task in words. @type {(value: any) => string} */
export const asText = (value) =>
  Array.isArray(value)
    ? value.map(asText).join("\n\n")
    : value && typeof value === "object"
      ? Object.entries(value)
          .filter(([name, one]) => name !== "extra" && one && asText(one))
          .map(([name, one]) => `${name}: ${asText(one)}`)
          .join("\n")
      : String(value ?? "");
/** @type {(one: unknown, other: unknown) => boolean} */
export const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);
