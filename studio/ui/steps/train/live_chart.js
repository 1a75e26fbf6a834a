// @ts-check
// The live chart: one Plotly plot that is made once and extended with what arrives, so zoom and hover stay.
// The run comes from the draft, the points from the feed.

import { studio } from "../../frame/draft.js";
import { find, h, put } from "../../frame/elements.js";
import { sayFigure } from "../../frame/words.js";
import { feed } from "../../runs/run_feed.js";
import { tellLeap } from "./leap.js";
import { makeScrubber, scrub } from "./scrubber.js";

/** @type {Promise<any> | null} */
let plotly = null; // the plotly package's own script, which makes a global of itself

/**
 * @typedef {import("../../runs/run.js").RunState} RunState
 * @typedef {import("../../runs/run.js").Status} Status
 * @typedef {import("../../runs/run.js").Measure} Measure
 * @typedef {import("../../runs/run.js").News} News
 * @typedef {import("../../runs/run.js").Column} Column
 * @typedef {{rate: number, steps: number[], values: number[]}} Ghost a recorded curve, and its learning rate
 */

const TEXT = 13;
const LARGE_TEXT = 21;
const LONGEST_SCALE = 30; // letters
const PLAIN = "~g"; // 0.002, where plotly's own would be 2.0e-3 or, on a logarithmic axis, a 2

/** What is said below an empty chart. @type {Record<string, string>} */
const NOTES = {
  queued: "The curve starts when it is this run's turn.",
  starting: "The curve starts with the first step.",
  running: "The first step is on its way.",
};

/** @param {string} address where its script is, relative to the page */
function loadPlotly(address) {
  plotly ??= new Promise((resolve, reject) => {
    const script = h("script", { src: new URL(address, document.baseURI).href });
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => {
      script.remove();
      plotly = null;
      reject(new Error("plotly"));
    };
    document.head.append(script);
  });
  return plotly;
}

/** @param {import("../../widgets/mounting.js").Parts} parts */
export function mount({ element, server }) {
  const root = find(element, ".live-chart");
  const canvas = find(root, ".canvas");
  const note = find(root, ".chart-note");
  const says = find(root, ".chart-says");
  const own = find(root, ".chart-own");
  const spoken = find(root, "[role=status]");
  const marks = find(root, ".marks");
  const scrubber = makeScrubber();
  find(root, ".scrub-place").append(scrubber.box);
  const RAW = 0;
  const SMOOTH = 1;
  const VALIDATION = 2;
  const LINES = 3; // of each measure that is drawn; after them come the learning rate and the checkpoints
  /** @type {any} */
  let plot = null;
  /** @type {any} */
  let making = null;
  let zoomed = false;
  let moving = 0;
  /** The running average of each measure. @type {Record<string, {value: number, count: number}>} */
  let averages = {};
  /** The measures of the chart that is shown, as the run's objective declares them. @type {Measure[]} */
  let drawn = [];
  /** Which of the objective's charts a person chose. */
  let chosen = "";
  let extent = 0;
  let saidAt = 0;
  let saidStatus = "";
  const shows = /** @type {Record<string, boolean>} */ ({ rate: false, log: false, ghosts: false });
  /** The curves that lie behind the run's, once they are asked for. @type {Ghost[]} */
  let ghosts = [];
  const tools = find(root, ".chart-tools");
  const rate = () => LINES * drawn.length;
  const saved = () => rate() + 1;

  feed.listen(draw);
  scrub.listen(drawScrubbed);
  studio.onDraft((draft) => feed.follow(draft.run ?? null, server.pull));
  feed.follow(studio.draft?.run ?? null, server.pull);
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting)) {
      feed.wake();
      makePlot();
    }
  }).observe(root);
  const looks = new MutationObserver(recolour);
  looks.observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme"] });
  looks.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] }); // the projector
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  new ResizeObserver(() => {
    if (plot && canvas.offsetWidth) plot.Plots.resize(canvas);
  }).observe(canvas);
  for (const button of root.querySelectorAll("[data-show]")) button.addEventListener("click", () => toggle(button));

  // ---- what arrives ----
  /** @type {import("../../runs/run.js").Listener} */
  function draw(state, change, added) {
    const status = state.status ?? {};
    root.dataset.run = state.run ?? "";
    root.dataset.status = state.run ? (status.status ?? "loading") : "none";
    root.dataset.step = status.step ?? 0;
    root.dataset.points = state.train.step.length;
    root.dataset.connection = state.reconnecting ? "reconnecting" : "live";
    root.hidden = !state.run || status.status === "gone";
    put(note, noteOf(state, status));
    note.hidden = !note.textContent;
    const leap = status.measures?.[0]?.name === "loss" ? tellLeap(state.train.step, state.train.loss ?? []) : "";
    const told = [leap, ...(status.own ?? [])].filter(Boolean);
    own.hidden = !told.length;
    if (own.textContent !== told.join("")) own.replaceChildren(...told.map((sentence) => h("p", {}, sentence)));
    say(state, status);
    drawMarks(status.checkpoints ?? []);
    scrubber.draw();
    offerGhosts(Boolean(status.recorded), change === "reset");
    const other = chooseMeasures(status.measures ?? []);
    if (!plot) return void (state.train.step.length && makePlot());
    if (other) remake(state);
    else if (change === "append" && added) extend(added);
    else if (change === "reset" || change === "drop") redraw(state, change === "reset");
    widen(status);
  }

  /** What the measures of one chart have in common. @param {Measure} measure */
  function chartOf(measure) {
    return measure.chart || measure.name;
  }

  /** Choose what is drawn, and offer the other charts; says whether it is another. @param {Measure[]} measures */
  function chooseMeasures(measures) {
    if (!measures.length) return false; // of a run of which nothing is known yet
    const charts = [...new Set(measures.map(chartOf))]; // what is drawn from the start comes first
    const chart = charts.includes(chosen) ? chosen : charts[0];
    const wanted = measures.filter((measure) => chartOf(measure) === chart);
    const before = drawn.map((measure) => measure.name).join();
    drawn = wanted;
    put(says, wanted.map((measure) => measure.says).join(" ").trim());
    says.hidden = !says.textContent;
    drawCharts(charts.length > 1 ? charts : [], chart, measures);
    return wanted.map((measure) => measure.name).join() !== before;
  }

  /** @param {string[]} charts @param {string} chart @param {Measure[]} measures */
  function drawCharts(charts, chart, measures) {
    if (tools.dataset.charts !== charts.join()) {
      tools.dataset.charts = charts.join();
      for (const button of tools.querySelectorAll("[data-chart]")) button.remove();
      tools.prepend(
        ...charts.map((one) => {
          const title = nameAxis(measures.filter((measure) => chartOf(measure) === one));
          return h("button", { type: "button", class: "btn", "data-chart": one, onclick: () => choose(one) }, title);
        }),
      );
    }
    for (const button of tools.querySelectorAll("[data-chart]"))
      button.setAttribute("aria-pressed", String(button.getAttribute("data-chart") === chart));
  }

  /** @param {string} chart */
  function choose(chart) {
    chosen = chart;
    draw(feed.state, "status");
  }

  /** @param {Measure[]} measures */
  function nameAxis(measures) {
    return measures.map(({ title, unit }) => (unit ? `${title} (${unit})` : title)).join(", ");
  }

  /**
   * What stands along the axis, which is no longer than the picture is high: the legend names what is drawn, too.
   * @param {Measure[]} measures
   */
  function nameScale(measures) {
    const name = nameAxis(measures);
    return name.length > LONGEST_SCALE ? (measures[0]?.unit ?? "") : name;
  }

  /** @param {RunState} state @param {Status} status */
  function noteOf(state, status) {
    if (state.reconnecting) return "Reconnecting to the studio … the training goes on without this page.";
    if (state.error) return state.error;
    if (state.train.step.length || !state.run) return "";
    return status.status ? (NOTES[status.status] ?? "This run has no steps to draw.") : "Reading the run …";
  }

  /** @param {RunState} state @param {Status} status */
  function say(state, status) {
    // a screen reader hears every change of state, and the progress now and then
    if (!state.run) return;
    const changed = root.dataset.status + root.dataset.connection !== saidStatus;
    if (!changed && Date.now() - saidAt < 5000) return;
    saidStatus = root.dataset.status + root.dataset.connection;
    saidAt = Date.now();
    const [main] = status.measures ?? [];
    const told = main ? `, ${main.title} ${sayFigure(status.told?.[main.name])}` : "";
    const progress = status.step ? `Step ${status.step} of ${status.of}${told}` : status.phase || "";
    const sentence = state.reconnecting
      ? "Reconnecting"
      : [progress, status.status === "running" ? "" : status.status].filter(Boolean).join(", ");
    put(spoken, sentence);
    const title = main ? main.title[0].toUpperCase() + main.title.slice(1) : "What is measured";
    canvas.setAttribute("aria-label", `${title} of the run over its steps. ${sentence}.`);
  }

  /** @param {number[]} steps */
  function drawMarks(steps) {
    // the same marks as in the plot, for the keyboard and for fingers
    const wanted = steps.join();
    if (marks.dataset.steps === wanted) return;
    marks.dataset.steps = wanted;
    if (plot) plot.restyle(canvas, { x: [steps], y: [steps.map(() => 0.035)] }, [saved()]);
    marks.hidden = !steps.length;
    marks.replaceChildren(
      h("span", { class: "hint" }, "Use checkpoint "),
      ...steps.map((step) =>
        h(
          "button",
          { type: "button", class: "mark num", "aria-label": `Use checkpoint ${step}`, onclick: () => talkTo(step) },
          String(step),
        ),
      ),
    );
  }

  /** Recorded curves are offered where there are some; another run has none at first.
   * @param {boolean} some @param {boolean} fresh */
  function offerGhosts(some, fresh) {
    const button = find(tools, "[data-show=ghosts]");
    button.hidden = !some;
    if (!fresh || !shows.ghosts) return;
    shows.ghosts = false;
    ghosts = [];
    button.setAttribute("aria-pressed", "false");
    if (plot) remake(feed.state);
  }

  async function drawGhosts() {
    const { run } = feed.state;
    const told = shows.ghosts && !ghosts.length ? await server.read_ghosts({ run }).catch(() => null) : null;
    if (feed.state.run !== run) return;
    ghosts = told?.curves ?? ghosts;
    if (told?.curves && !shows.log) toggle(find(tools, "[data-show=log]")); // one of them leaps out of a linear scale
    if (plot) remake(feed.state);
  }

  /** @param {number} step */
  function talkTo(step) {
    studio.setDraft({ run: feed.state.run, checkpoint: step, step: "compare" }, { push: true });
  }

  // ---- the plot ----
  async function makePlot() {
    if (plot || making || !drawn.length || root.offsetParent === null) return; // without measures there is no axis
    making = loadPlotly(root.dataset.plotly);
    try {
      const Plotly = await making;
      await Plotly.newPlot(canvas, traces(feed.state), layout(), {
        displaylogo: false,
        doubleClick: false,
        showTips: false,
        modeBarButtons: [["zoom2d", "pan2d", "toImage"]],
        toImageButtonOptions: { filename: drawn[0]?.title ?? "run", scale: 2 },
      });
      plot = Plotly;
      root.dataset.plot = "ready";
      canvas.on("plotly_relayout", (/** @type {object} */ moved) => {
        if (!moving && Object.keys(moved).some((key) => /^[xy]axis\.range/.test(key))) mark(true);
      });
      canvas.on("plotly_doubleclick", showAll);
      canvas.on("plotly_afterplot", () => scrubber.align(canvas));
      canvas.on("plotly_click", clickMark);
      if (ghosts.length) remake(feed.state);
      else redraw(feed.state, true);
    } catch {
      put(note, "The chart could not be loaded. It is tried again when you come back to this step.");
      note.hidden = false;
    }
    making = null;
  }

  /** A line in the plot where the answers that are shown are from. */
  function drawScrubbed() {
    if (plot) move({ shapes: listShapes() });
  }

  function listShapes() {
    if (!scrub.isChosen) return [];
    const line = { color: colours().soft, width: 1.5, dash: "dot" };
    return [{ type: "line", xref: "x", yref: "paper", x0: scrub.step, x1: scrub.step, y0: 0, y1: 1, line }];
  }

  /** @param {boolean} now */
  function mark(now) {
    zoomed = now;
    root.dataset.zoomed = now;
  }

  /** @param {object} change */
  async function move(change) {
    // our own change of the axes, which is no zoom of a person
    moving += 1;
    try {
      await plot.relayout(canvas, change);
    } finally {
      moving -= 1;
    }
  }

  async function showAll() {
    mark(false);
    extent = 0;
    await move({ "yaxis.autorange": true });
    widen(feed.state.status ?? {});
  }

  /** @param {RunState} state */
  function traces(state) {
    const colour = colours();
    const train = state.train;
    /** @param {string} name @param {Column} x @param {Column} y @param {any} more @returns {any} */
    const line = (name, x, y, more) => ({ type: "scatter", mode: "lines", name, x: [...x], y: [...y], ...more });
    averages = {};
    return [
      ...drawn.flatMap(({ name, title, digits }, place) => {
        const shade = place % 2 ? { train: colour.ink, validation: colour.soft } : colour;
        const value = `${drawn.length > 1 ? `${title} ` : ""}%{y:.${digits}g}<extra></extra>`;
        return [
          line("each step", train.step, train[name] ?? [], {
            line: { color: shade.train, width: 1 },
            opacity: 0.3,
            hoverinfo: "skip",
            showlegend: false,
          }),
          line(`training ${title}`, train.step, smooth(name, train[name] ?? []), {
            line: { color: shade.train, width: 2.5 },
            hovertemplate: `training ${value}`,
          }),
          line(`validation ${title}`, state.validation.step, state.validation[name] ?? [], {
            mode: "lines+markers",
            line: { color: shade.validation, width: 2.5, dash: "dot" },
            marker: { size: 7 },
            connectgaps: true, // a score is measured at other moments than a loss
            hovertemplate: `validation ${value}`,
          }),
        ];
      }),
      line("learning rate", train.step, train.rate, {
        yaxis: "y2",
        visible: shows.rate,
        line: { color: colour.soft, width: 1.5 },
        hovertemplate: "learning rate %{y:.2g}<extra></extra>",
      }),
      line(
        "checkpoint",
        state.status?.checkpoints ?? [],
        (state.status?.checkpoints ?? []).map(() => 0.035),
        {
          mode: "markers",
          yaxis: "y3",
          cliponaxis: false,
          marker: { size: 12, symbol: "diamond", color: colour.paper, line: { color: colour.train, width: 2 } },
          hovertemplate: "checkpoint: click to talk to it<extra></extra>",
        },
      ),
      ...(shows.ghosts && drawn[0]?.name === "loss" ? ghosts : []).map(({ rate: at, steps, values }, place) =>
        line(`recorded at ${at}`, steps, values, {
          line: { color: colour.ghosts[place % colour.ghosts.length], width: 2, dash: "dash" },
          opacity: 0.7,
          hovertemplate: `recorded at ${at}: %{y:.3g}<extra></extra>`,
        }),
      ),
    ];
  }

  /** @param {string} name @param {Column} values */
  function smooth(name, values) {
    // an exponential average that goes on where it stopped, over about a fiftieth of the run
    const span = Math.min(100, Math.max(4, (feed.state.status?.of ?? 0) / 50));
    const average = (averages[name] ??= { value: 0, count: 0 });
    return values.map((value) => {
      if (value === null) return null;
      average.count += 1;
      const share = 1 / Math.min(average.count, span);
      return (average.value = (1 - share) * average.value + share * value);
    });
  }

  /** @param {News} added */
  function extend(added) {
    const measures = feed.state.status?.measures ?? [];
    const [step = [], ...told] = added.train ?? [];
    const [looked = [], ...validation] = added.validation ?? [];
    const rows = [
      ...drawn.flatMap((measure, place) => {
        const column = measures.findIndex((one) => one.name === measure.name);
        const values = told[column] ?? [];
        return [
          { line: LINES * place + RAW, x: step, y: values },
          { line: LINES * place + SMOOTH, x: step, y: smooth(measure.name, values) },
          { line: LINES * place + VALIDATION, x: looked, y: validation[column] ?? [] },
        ];
      }),
      { line: rate(), x: step, y: told[measures.length] ?? [] },
    ].filter(({ x }) => x.length);
    if (rows.length)
      plot.extendTraces(
        canvas,
        { x: rows.map(({ x }) => x), y: rows.map(({ y }) => y) },
        rows.map(({ line }) => line),
      );
  }

  /** @param {RunState} state @param {boolean} fresh */
  function redraw(state, fresh) {
    // another run, or one that went back to its checkpoint
    const made = traces(state);
    plot.restyle(canvas, { x: made.map((trace) => trace.x), y: made.map((trace) => trace.y) });
    if (fresh) showAll();
  }

  /** @param {RunState} state */
  async function remake(state) {
    // another chart, or a run that measures something else; its axes are moved once they are there
    await plot.react(canvas, traces(state), layout());
    showAll();
  }

  /** @param {Status} status */
  function widen(status) {
    // the axis shows the whole run from the start, unless someone has zoomed
    const last = Math.max(status.of ?? 0, feed.state.train.step.at(-1) ?? 0);
    if (!plot || zoomed || !last || last === extent) return;
    extent = last;
    move({ "xaxis.range": [0, last * 1.01] });
  }

  /** @param {{points: {curveNumber: number, x: number}[], event: MouseEvent}} clicked */
  function clickMark(clicked) {
    // only near the axis: a click up in the curve is not meant for a mark
    const at = clicked.points.find((point) => point.curveNumber === saved());
    const area = find(canvas, ".nsewdrag")?.getBoundingClientRect();
    if (at && area && clicked.event.clientY > area.bottom - 30) talkTo(at.x);
  }

  /** @param {any} button */
  function toggle(button) {
    const key = button.dataset.show;
    shows[key] = !shows[key];
    button.setAttribute("aria-pressed", shows[key]);
    if (!plot) return;
    if (key === "rate") {
      plot.restyle(canvas, { visible: shows.rate }, [rate()]);
      move({ "yaxis2.visible": shows.rate });
    }
    if (key === "ghosts") drawGhosts();
    if (key === "log") move({ "yaxis.type": shows.log ? "log" : "linear", "yaxis.autorange": true });
  }

  // ---- light and dark ----
  function colours() {
    const style = getComputedStyle(root);
    /** @param {string} name @param {string} other */
    const of = (name, other) => style.getPropertyValue(name).trim() || other;
    return {
      train: of("--accent", "#047857"),
      validation: of("--series-validation", "#2563eb"),
      ink: of("--ink", "#1f2937"),
      soft: of("--ink-soft", "#6b7280"),
      line: of("--line", "#e5e7eb"),
      paper: of("--card", "#ffffff"),
      ghosts: [of("--hue-5", "#0e7490"), of("--hue-4", "#6d28d9"), of("--hue-2", "#b45309")],
    };
  }

  /** Larger on a projector: plotly places words by their width, so no style sheet may change it. */
  function sizeOfText() {
    return document.documentElement.classList.contains("projector") ? LARGE_TEXT : TEXT;
  }

  function layout() {
    const colour = colours();
    const axis = { color: colour.soft, gridcolor: colour.line, zeroline: false, automargin: true };
    return {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 44, r: 16, t: 8, b: 36 },
      font: { family: getComputedStyle(root).fontFamily, size: sizeOfText(), color: colour.soft },
      hovermode: "x unified",
      hoverlabel: { bgcolor: colour.paper, bordercolor: colour.line, font: { color: colour.ink } },
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      uirevision: "kept",
      shapes: listShapes(),
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour.soft, activecolor: colour.train, orientation: "v" },
      xaxis: {
        ...axis,
        title: { text: "step", standoff: 6 },
        rangemode: "nonnegative",
        range: [0, 10],
        hoverformat: "d",
      },
      yaxis: {
        ...axis,
        title: { text: nameScale(drawn), standoff: 6 },
        rangemode: "tozero",
        tickformat: PLAIN,
        type: shows.log ? "log" : "linear",
      },
      yaxis2: {
        ...axis,
        overlaying: "y",
        side: "right",
        visible: shows.rate,
        showgrid: false,
        tickmode: "auto", // at round numbers, not where the other axis has its marks
        nticks: 5,
        rangemode: "tozero",
        tickformat: PLAIN,
        fixedrange: true,
      },
      yaxis3: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
    };
  }

  function recolour() {
    if (!plot) return;
    const made = traces(feed.state);
    const fresh = layout();
    /** @type {Record<string, unknown>} */
    const change = { font: fresh.font, hoverlabel: fresh.hoverlabel, modebar: fresh.modebar, shapes: fresh.shapes };
    for (const name of /** @type {const} */ (["xaxis", "yaxis", "yaxis2"])) {
      change[`${name}.color`] = fresh[name].color;
      change[`${name}.gridcolor`] = fresh[name].gridcolor;
    }
    plot.restyle(canvas, {
      "line.color": made.map((trace) => trace.line?.color),
      "marker.color": made.map((trace) => trace.marker?.color ?? trace.line?.color),
      "marker.line.color": made.map((trace) => trace.marker?.line?.color),
    });
    plot.relayout(canvas, change);
  }
}
