// The form of the Compare step: which checkpoint, which prompt, how to answer. Its value is the question; Enter asks.
// js_on_load of AskForm: `element`, `props`, `trigger`, `server` come from gradio. Events: 'asked', 'ten_asked', 'halted'.
const {h, put, name} = window.studioElements;
const studio = window.studio, form = element.querySelector(".ask");
let about = null, asking = "", picked = {part: "held_out", index: 0, count: 0, input: "", wanted: []};
let looking = 0;

// ---- made once -----------------------------------------------------------------------------------------------------------
const empty = h("div", {class: "empty", hidden: true});
const prompt = h("textarea", {id: "ask-prompt", rows: 2, spellcheck: "false", maxlength: 20000, placeholder: "Write something to ask both …"});
const wanted = h("p", {class: "ask-wanted hint"});
const place = h("span", {class: "num", role: "status"}), parts = h("div", {class: "segments", role: "radiogroup", "aria-label": "Prompts from"});
const turn = (text, label, act) => h("button", {type: "button", class: "tool", "aria-label": label, title: label, onclick: act}, text);
const picks = h("div", {class: "ask-picks"}, parts, h("div", {class: "ask-turn"}, turn("‹", "Previous prompt", () => pick(picked.index - 1)), place,
  turn("›", "Next prompt", () => pick(picked.index + 1)), turn("Any", "A random prompt", () => pick(null))));
const ask = h("button", {type: "submit", class: "btn primary", "data-act": "ask"}, "Ask both");
const stop = h("button", {type: "button", class: "btn", "data-act": "halt", hidden: true, onclick: halt}, "Stop");
const ten = h("button", {type: "button", class: "btn", "data-act": "ten", onclick: () => send("ten_asked")}, "Ask ten at once");
const steps = h("div", {class: "ask-steps", role: "radiogroup", "aria-label": "Checkpoint"});
const option = (id, label, hint, attributes) => h("label", {class: "field", for: id}, h("span", {class: "label"}, label), h("input", {id, ...attributes}), h("span", {class: "hint"}, hint));
const more = h("details", {class: "more"}, h("summary", {}, "More"), h("div", {class: "fields"},
  option("ask-tokens", "Longest answer, in tokens", "1 to 2,048", {type: "number", min: 1, max: 2048, step: 1, value: 48}),
  option("ask-temperature", "Temperature", "0 always gives the likeliest answer", {type: "number", min: 0, max: 2, step: 0.1, value: 0}),
  option("ask-seed", "Seed", "Matters only above temperature 0", {type: "number", min: 0, step: 1, value: 0})));
const body = h("div", {class: "ask-body card", hidden: true}, h("div", {class: "ask-top"}, h("label", {class: "ask-label", for: "ask-prompt"}, "Prompt"), picks), prompt, wanted,
  h("div", {class: "ask-acts"}, h("div", {class: "acts"}, ask, stop, ten), steps), more);
const problem = h("p", {class: "error-line", role: "alert"});
form.append(empty, body, problem);

form.addEventListener("submit", (event) => { event.preventDefault(); send("asked"); });
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send("asked");
});
prompt.addEventListener("input", drawWanted);
studio.onDraft(follow);
document.addEventListener("studio:answered", (event) => { if (event.detail.done) settle(); });
document.addEventListener("studio:drawn", (event) => { if (event.target.querySelector?.(".ten-box[data-state=done], #ten .error-line")) settle("ten_asked"); });
window.studioTalkTo = (run, step) => studio.setDraft({run, checkpoint: step});
follow(studio.draft, null);

// ---- which run -------------------------------------------------------------------------------------------------------------
function follow(draft, before) {
  if (draft.step !== "compare") return;
  if (!before || before.step !== "compare" || before.run !== draft.run) load();
}

async function load() {
  const run = studio.draft.run, turn = ++looking;
  const answer = await server.look({run});
  if (turn !== looking) return;
  hideTen(run);
  if (!answer) { about = null; return nothing("The studio does not answer. ", h("button", {type: "button", class: "btn", onclick: load}, "Try again")); }
  if (answer.error) { about = null; return nothing(answer.error, h("button", {type: "button", class: "btn", onclick: () => studio.setDraft({run: null})}, "Choose another run")); }
  if (answer.choices) { about = null; return choose(answer.choices); }
  const fresh = about?.run !== answer.run;
  about = answer;
  form.dataset.run = answer.run;
  if (!answer.steps.length) return nothing(waiting(answer), h("button", {type: "button", class: "btn", "data-go": "train"}, "Watch it train"));
  empty.hidden = true;
  body.hidden = false;
  put(problem, "");
  form.dataset.state = asking ? "asking" : "ready";
  if (!answer.steps.includes(studio.draft.checkpoint)) studio.setDraft({checkpoint: null});
  drawSteps();
  drawParts();
  window.studioAnswers?.introduce(title());
  if (fresh) { picked.part = "held_out"; prompt.value = ""; await pick(0); }
}

function hideTen(run) {                      // a table of another run's answers is no answer of this one
  const box = document.querySelector("#ten .ten-box");
  if (box) box.hidden = box.dataset.run !== run;
}

function waiting(run) {
  return {queued: `${run.name} waits for its turn. You can talk to it after its first checkpoint.`, starting: `${run.name} is starting. You can talk to it after its first checkpoint.`,
          running: `${run.name} has no checkpoint yet. The first one is on its way.`}[run.status] ?? `${run.name} kept no checkpoint, so there is nothing to talk to.`;
}

function nothing(text, button) {
  form.dataset.state = "empty";
  body.hidden = true;
  empty.hidden = false;
  empty.replaceChildren(h("p", {}, text), button);
  window.studioAnswers?.introduce(null);
}

function choose(choices) {
  nothing(choices.length ? "Which run do you want to talk to?" : "There is nothing to compare yet. Train a model, and its answers stand here beside the base's.",
    choices.length ? h("div", {class: "cards"}, choices.map((one) => h("button", {type: "button", class: "card", onclick: () => studio.setDraft({run: one.run})},
      h("span", {class: "name"}, one.name), h("span", {class: "hint"}, one.sentence))))
      : h("button", {type: "button", class: "btn primary", "data-go": "train"}, "To the training"));
}

function title() {
  const step = studio.draft.checkpoint ?? about.steps.at(-1);
  return {run: about.run, base: `Base: ${about.base}`, tuned: `Tuned: ${about.name}, step ${studio.number(step)}`, two: about.two_models};
}

function drawSteps() {
  const newest = about.steps.at(-1), chosen = studio.draft.checkpoint ?? newest;
  steps.hidden = about.steps.length < 2;
  steps.replaceChildren(h("span", {class: "hint"}, "Talk to step"), ...about.steps.map((step) => h("button", {type: "button", role: "radio", class: "mark num",
    "aria-checked": String(step === chosen), tabindex: step === chosen ? 0 : -1, onclick: () => { studio.setDraft({checkpoint: step === newest ? null : step}); drawSteps(); window.studioAnswers?.introduce(title());
      steps.querySelector("[aria-checked=true]")?.focus(); }}, studio.number(step))));
}

// ---- prompts kept aside ---------------------------------------------------------------------------------------------------
function drawParts() {
  const names = {held_out: "Held-out", unseen: "Words it never saw"};
  const has = Object.keys(names).filter((key) => about.counts[key]);
  picks.hidden = !has.length;
  parts.hidden = has.length < 2;
  parts.replaceChildren(...has.map((key) => h("button", {type: "button", role: "radio", "aria-checked": String(key === picked.part), tabindex: key === picked.part ? 0 : -1,
    "data-part": key, onclick: () => { picked.part = key; drawParts(); parts.querySelector("[aria-checked=true]").focus(); pick(0); }}, names[key])));
}

async function pick(index) {
  const answer = await server.pick({run: about.run, part: picked.part, index});
  if (!answer || answer.error) return put(problem, answer?.error ?? "The studio did not answer. Try again.");
  put(problem, "");
  picked = {...picked, ...answer};
  form.dataset.index = picked.index;
  put(place, picked.count ? `${studio.number(picked.index + 1)} / ${studio.number(picked.count)}` : "none");
  if (picked.input) prompt.value = picked.input;
  drawWanted();
}

function drawWanted() {
  const known = picked.input && prompt.value.trim() === picked.input.trim();
  wanted.replaceChildren(...(known ? [h("span", {}, "Wanted: "), h("span", {class: "ask-answer"}, picked.wanted.join("  or  "))] : []));
}

// ---- asking ------------------------------------------------------------------------------------------------------------------
function number(id, other) {
  const value = document.getElementById(id).valueAsNumber;
  return Number.isFinite(value) ? value : other;
}

function send(event) {
  if (!about || asking) return;
  if (event === "asked" && !prompt.value.trim()) { put(problem, "The prompt is empty. Write something, or pick a held-out prompt."); return prompt.focus(); }
  put(problem, "");
  const at = Date.now();
  asking = event;
  props.value = {at, run: about.run, step: studio.draft.checkpoint, prompt: prompt.value, part: picked.part, max_tokens: number("ask-tokens", 48), seed: number("ask-seed", 0),
                 temperature: number("ask-temperature", 0)};
  if (event === "asked") window.studioAnswers?.begin({at, prompt: prompt.value, ...title()});
  drawAsking();
  trigger(event === "asked" ? 'asked' : 'ten_asked');
}

function halt() {
  trigger('halted');
  window.studioAnswers?.halt();
  settle();
}

function settle(only) {
  if (only && asking !== only) return;
  asking = "";
  drawAsking();
}

function drawAsking() {
  form.dataset.state = asking ? "asking" : "ready";
  ask.disabled = ten.disabled = Boolean(asking);
  stop.hidden = !asking;
}
