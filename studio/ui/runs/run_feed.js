// @ts-check
// Follows one run for everything on the page that shows it: asks the server what is new since a byte offset, keeps the
// curve, and tells its listeners. Knows nothing of how a run looks; the truth is the run's events, read again after a
// reload.
//
//   feed.listen(tell)        tell(state, change): change is "reset" | "drop" | "append" | "status"
//   feed.follow(run, pull)   pull({run, offset, seen}) -> what studio/ui/steps/train/live_chart.py answers
//   feed.wake()              ask now (after a click, or when the tab is looked at again)

/**
 * @typedef {import("./run.js").RunState} RunState
 * @typedef {import("./run.js").News} News
 * @typedef {import("./run.js").Change} Change
 * @typedef {import("./run.js").Series} Series
 * @typedef {import("./run.js").Pull} Pull
 */

const REMOTE = location.hostname.endsWith(".hf.space");
const LIVELY = REMOTE ? 3000 : 1000;
const QUIET = REMOTE ? 5000 : 2500;
const SETTLED = 10000;
const LONGEST = 30000;
/** The order of the server's list. */
const LIVE = /** @type {const} */ (["step", "examples_per_second", "seconds_left", "elapsed_seconds"]);
const ENDED = ["finished", "stopped", "failed", "lost", "gone"];
const MANY = 30000; // points after which the thinned history is fetched again
/** @type {Set<import("./run.js").Listener>} */
const listeners = new Set();
/** @type {Pull | null} */
let pull = null;
let timer = 0;
let busy = false;
let failures = 0;
let empty = 0;
let again = false;
let state = blank(null);
/** Whether what shows the run can be seen. @type {() => boolean} */
let shown = () => true;

/**
 * A run of which nothing is known yet: its columns, its samples, its status.
 * @param {string | null} run
 * @returns {RunState}
 */
function blank(run) {
  return {
    run,
    offset: 0,
    seen: "",
    status: null,
    error: null,
    reconnecting: false,
    phase: null,
    samples: [],
    train: { step: [], rate: [] }, // and a list for each measure of the run's objective, under its name
    validation: { step: [] },
  };
}

/** @param {Change} change @param {News} [added] */
function tell(change, added) {
  for (const listener of listeners) {
    try {
      listener(state, change, added);
    } catch (error) {
      console.error(error);
    }
  }
}

/** @param {string | null} run @param {Pull} [ask] */
function follow(run, ask) {
  pull = ask ?? pull;
  if (run === state.run) return wake();
  state = blank(run);
  failures = empty = 0;
  tell("reset");
  wake();
}

function wake() {
  clearTimeout(timer);
  if (busy) again = true;
  else tick();
}

function pause() {
  if (failures) return Math.min(LONGEST, LIVELY * 2 ** Math.min(failures, 6));
  if (ENDED.includes(state.status?.status ?? "")) return SETTLED;
  return empty >= 5 || state.status?.status === "queued" ? QUIET : LIVELY;
}

async function tick() {
  clearTimeout(timer);
  if (!state.run || !pull) return;
  if (document.hidden || !shown()) {
    timer = window.setTimeout(tick, LIVELY);
    return;
  }
  const asked = state.run;
  busy = true;
  let answer;
  try {
    answer = await pull({ run: asked, offset: state.offset, seen: state.seen });
  } catch {
    answer = undefined;
  }
  busy = false;
  if (state.run !== asked || again) {
    again = false;
    if (state.run === asked) take(answer);
    return tick();
  }
  take(answer);
  if (answer?.more) return tick();
  timer = window.setTimeout(tick, pause());
}

/** @param {News | undefined} answer */
function take(answer) {
  if (!answer || typeof answer !== "object") {
    failures += 1;
    state.reconnecting = true;
    return tell("status");
  }
  failures = 0;
  state.reconnecting = false;
  if (answer.error) {
    state.error = answer.error;
    state.status = { ...state.status, status: answer.gone ? "gone" : (state.status?.status ?? "gone") };
    return tell("status");
  }
  const news = Boolean(answer.train || answer.validation || answer.samples);
  const back = answer.drop_after ?? null;
  empty = answer.offset === state.offset ? empty + 1 : 0;
  state.error = null;
  state.offset = answer.offset;
  state.seen = answer.seen ?? state.seen;
  state.phase = answer.phase ?? state.phase;
  const status = (state.status = { ...(answer.facts ?? state.status) });
  (answer.live ?? []).forEach((value, index) => {
    Object.assign(status, { [LIVE[index]]: value });
  });
  if (back !== null) drop(back);
  if (news) append(answer);
  status.told = Object.fromEntries(listNames().map((name) => [name, state.train[name]?.at(-1) ?? null]));
  tell(back !== null ? "drop" : news ? "append" : "status", answer);
  if (state.train.step.length > MANY && (answer.train?.[0].length ?? 0) < MANY / 2 && !answer.more) refetch();
}

/** Forget what came after a step. @param {number} last */
function drop(last) {
  const cut = (/** @type {Series} */ series) => {
    const keep = series.step.map((step) => step <= last);
    for (const key of Object.keys(series)) series[key] = series[key].filter((_, index) => keep[index]);
  };
  cut(state.train);
  cut(state.validation);
  state.samples = state.samples.filter((sample) => sample.step <= last);
}

function listNames() {
  return (state.status?.measures ?? []).map((measure) => measure.name);
}

/** @param {News} answer */
function append(answer) {
  const columns = { train: ["step", ...listNames(), "rate"], validation: ["step", ...listNames()] };
  for (const part of /** @type {const} */ (["train", "validation"]))
    columns[part].forEach((key, index) => (state[part][key] ??= []).push(...(answer[part]?.[index] ?? [])));
  state.samples = [...state.samples, ...(answer.samples ?? [])].slice(-60);
}

function refetch() {
  // a page that stayed open for very long: take the server's thinned history
  const run = state.run;
  state = { ...blank(run), status: state.status };
  tell("reset");
  again = false;
  setTimeout(wake, 0);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) wake();
});
export const feed = {
  listen: (/** @type {import("./run.js").Listener} */ tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  },
  follow,
  wake,
  showing: (/** @type {() => boolean} */ test) => {
    shown = test;
  },
  get state() {
    return state;
  },
};
