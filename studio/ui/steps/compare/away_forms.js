// @ts-check
// The forms in which a model leaves: a row each, written in the queue when it is asked for, then downloaded.

import { mint } from "../../frame/click.js";
import { announce, h, put } from "../../frame/elements.js";
import { saySize } from "../../frame/words.js";

const PAUSE = 1500;
const ENDED = ["failed", "lost", "stopped"];
export const SILENT = "The studio did not answer. Try again.";

/**
 * @typedef {Record<string, (asked: any) => Promise<any>>} Server
 * @typedef {{form: string, title: string, summary: string, purpose: string, size: number | null,
 *   refusal: string, code: string, choices: Choice[]}} Offered
 * @typedef {{name: string, label: string, choices: string[], default: string}} Choice
 */

const DATA = "data";
const PUSHED = ["adapter", "merged", "gguf"];

/**
 * Every form of a model as rows, and the hub.
 * @param {Server} server
 * @param {string} model
 * @param {{forms?: Offered[], task?: string, name?: string, sign_in?: string} | null} told
 */
export function drawForms(server, model, told) {
  const forms = told?.forms ?? [];
  const pushed = forms.filter(({ form, refusal }) => PUSHED.includes(form) && !refusal);
  const rows = forms.map((offered) => drawForm(server, model, offered));
  return pushed.length ? [...rows, drawPush(server, model, pushed, told ?? {})] : rows;
}

/** @param {Server} server @param {string} model @param {Offered} offered */
function drawForm(server, model, { form, title, summary, purpose, size, refusal, code, choices }) {
  const said = h("span", { class: "hint", role: "status" }, refusal);
  const button = h(
    "button",
    { type: "button", class: "btn small", "data-form": form, disabled: Boolean(refusal), onclick: take },
    "Download",
  );
  const selects = refusal ? [] : choices.map(drawChoice);
  const about = [purpose, size && !refusal ? `about ${saySize(size)}` : ""].filter(Boolean).join("; ");
  return h(
    "li",
    {},
    h("div", {}, h("b", {}, title), h("span", {}, ` ${summary} `), h("span", { class: "hint" }, about)),
    h("div", { class: "away-acts" }, selects, button),
    code ? h("details", {}, h("summary", {}, "How to load it"), h("pre", { tabindex: 0 }, code)) : null,
    said,
  );

  async function take() {
    button.disabled = true;
    put(said, "Preparing it …");
    const told = await fetchFile(server, { model, form, options: readOptions(selects) }, said).catch(() => null);
    button.disabled = false;
    if (!told?.path) return put(said, told?.error ?? SILENT);
    put(said, told.told);
    announce(`${told.name} is downloaded`);
    const { href } = new URL(`gradio_api/file=${told.path}`, document.baseURI);
    h("a", { href, download: told.name }).click();
  }
}

/** @param {Choice} choice */
function drawChoice({ name, label, choices, default: usual }) {
  const options = choices.map((value) => h("option", { value, selected: value === usual }, value));
  return h("select", { name, "aria-label": label }, options);
}

/** @param {HTMLSelectElement[]} selects @returns {Record<string, string>} */
const readOptions = (selects) => Object.fromEntries(selects.map((select) => [select.name, select.value]));

/**
 * Ask for a form, and wait until its file is there.
 * @param {Server} server
 * @param {{model: string, form: string, options: Record<string, string>}} asked
 * @param {HTMLElement} said
 */
async function fetchFile(server, asked, said) {
  const begun = await server.start_export({ ...asked, request: mint() });
  if (!begun?.work) return begun;
  for (;;) {
    const told = await server.look_at_export({ work: begun.work });
    if (!told || told.path || told.error) return told;
    if (ENDED.includes(told.status)) return { error: `It was not written: the work is ${told.status}.` };
    put(said, told.position ? `Number ${told.position} in the queue …` : "Writing it …");
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/**
 * A repository of the hub; the token leaves the page once, with the question, and is kept nowhere.
 * @param {Server} server
 * @param {string} model
 * @param {Offered[]} forms
 * @param {{task?: string, name?: string, sign_in?: string}} about its task, who is signed in, and where one can
 */
function drawPush(server, model, forms, about) {
  const form = h(
    "select",
    { "aria-label": "As what" },
    forms.map((one) => h("option", { value: one.form }, one.title)),
    about.task ? h("option", { value: DATA }, "Its data, as a data set") : null,
  );
  const repo = h("input", { "aria-label": "Repository", placeholder: "your-name/my-model", spellcheck: "false" });
  const typed = about.name ? `as ${about.name}, or hf_…` : "hf_…";
  const token = h("input", { "aria-label": "Token", type: "password", placeholder: typed, autocomplete: "off" });
  const isPublic = h("input", { type: "checkbox" });
  const said = h("span", { class: "hint", role: "status" });
  const button = h("button", { type: "submit", class: "btn small" }, "Push");
  const fields = [form, repo, token, h("label", {}, isPublic, " public"), button];
  return h(
    "li",
    { class: "away-push" },
    h("div", {}, h("b", {}, "Hugging Face Hub"), " With its card, data and scores; private unless you tick it."),
    h("form", { class: "row", onsubmit: push }, fields),
    about.name || !about.sign_in ? null : drawSignIn(about.sign_in),
    said,
  );

  /** @param {Event} event */
  async function push(event) {
    event.preventDefault();
    button.disabled = true;
    put(said, "Pushing …");
    const [where, secret] = [repo.value.trim(), token.value.trim()];
    const what = form.value === DATA ? about.task : model;
    const asked = { model: what, form: form.value, repo: where, token: secret, public: isPublic.checked };
    const told = await server.push(asked).catch(() => null);
    button.disabled = false;
    token.value = "";
    const link = () => h("a", { href: told.url, target: "_blank", rel: "noopener" }, told.url);
    said.replaceChildren(...(told?.url ? ["It is there: ", link()] : [told?.error ?? SILENT]));
  }
}

/** Where a Space lets its visitors sign in: in a tab of its own, as the hub's page can't be shown inside another. */
function drawSignIn(/** @type {string} */ address) {
  const target = encodeURIComponent(`/${location.search}`);
  const href = new URL(`${address}?_target_url=${target}`, document.baseURI).href;
  const link = h("a", { href, target: "_blank", rel: "noopener" }, "Sign in with Hugging Face");
  return h("span", { class: "hint" }, link, ", or type a token that may write. Neither is kept here.");
}
