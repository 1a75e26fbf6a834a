"""How soon a run of 100,000 points is drawn after the click that opens it, and the table of 500 runs: in Chromium."""

import json
import shutil
import statistics
import tempfile

from playwright.sync_api import sync_playwright

from bench.chart import make_run
from bench.figure import Figure, serve
from studio.runs.note import write_note
from studio.runs.run import Run

POINTS = 100_000
ROUNDS = 5
OPEN = """run => new Promise(done => {
  const chart = document.querySelector(".live-chart"), began = performance.now();
  const look = () => chart.dataset.run === run && chart.dataset.plot === "ready" && Number(chart.dataset.points) > 0
    && document.querySelector(".live-chart .scatterlayer .trace") ? done(performance.now() - began)
    : requestAnimationFrame(look);
  document.querySelector(`li[data-run="${run}"] .run-open`).click();
  requestAnimationFrame(look);
})"""


RUNS, DRAWN, CHECKPOINTS = 500, 100, (25, 50)
OPEN_TABLE = """([rows, runs]) => new Promise(done => {
  const began = performance.now(), table = document.querySelector(".run-table");
  const isThere = () => table.querySelectorAll("tbody tr").length === rows
    && table.querySelector("[data-act=more-runs]").textContent.includes(runs);
  const look = () => isThere() ? done(performance.now() - began) : requestAnimationFrame(look);
  document.querySelector("[data-go=runs]").click();
  requestAnimationFrame(look);
})"""


def measure() -> list[Figure]:
    """Seconds from a click: to the drawn curve of a long run, and to the table of many runs."""
    return [*_measure_curve(), *_measure_table()]


def _measure_table() -> list[Figure]:
    """From any step to the table, whose first rows are drawn; all are read each time, and sorted and filtered."""
    with tempfile.TemporaryDirectory() as home:
        for place in range(RUNS):
            _make_ended(home, place)
        with serve(home) as (address, _), sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{address}/?step=model")
            page.locator("[data-go=runs]").first.wait_for(state="attached", timeout=120_000)
            page.wait_for_timeout(8000)  # a person looks at the page first
            waits = []
            for _ in range(ROUNDS):
                waits.append(float(page.evaluate(OPEN_TABLE, [DRAWN, RUNS])) / 1000)
                page.locator(".stepper [data-go=model]").click()
                page.evaluate("document.querySelector('.run-table tbody').replaceChildren()")
            browser.close()
    name = f"the table of {RUNS} runs after the click, {DRAWN} rows at once"
    return [
        Figure(name, statistics.median(waits), "s", target="within 1 s"),
        Figure(f"{name}, the first time", waits[0], "s", target="within 1 s"),
    ]


def _make_ended(home: str, place: int) -> None:
    """A run that has finished, as its folder would be: events, scores, two checkpoints, of some a name and tags."""
    run = make_run(home, 50)
    run.stop_file.unlink()
    score = {"part": "test", "n": 50, "of": 100, "metric": "exact_match", "value": 80.0, "low": 66.0, "high": 89.0}
    ended = [
        {"event": "evaluated", "at": 2.0, "step": 50, "loss": 0.5},
        {"event": "scored", "at": 2.5, "step": 50, **score},
        {"event": "finished", "at": 3.0, "step": 50},
    ]
    events = '{"event": "started", "at": 1.0}\n' + run.events_file.read_text()
    run.events_file.write_text(events + "".join(json.dumps(each) + "\n" for each in ended))
    for step in CHECKPOINTS:
        folder = run.checkpoints_folder / f"step-{step}"
        folder.mkdir(parents=True)
        (folder / "recipe.json").write_text("{}")
        (folder / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    if place % 5 == 0:
        write_note(run, f"try {place}", "", ["first"])


def _measure_curve() -> list[Figure]:
    """To the drawn curve, from the list of runs; a short run is looked at in between."""
    with tempfile.TemporaryDirectory() as home, serve(home) as (address, _), sync_playwright() as play:
        long, short = make_run(home, POINTS), make_run(home, 20)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/?step=train&run={short.run_id}")
        page.locator('.live-chart[data-plot="ready"]').wait_for(timeout=120_000)
        page.wait_for_timeout(3000)  # a person looks at the page first

        def open_run(run: Run) -> float:
            seconds = float(page.evaluate(OPEN, run.run_id)) / 1000
            page.wait_for_timeout(1500)
            return seconds

        waits = []
        for _ in range(ROUNDS):
            waits.append(open_run(long))
            open_run(short)
        browser.close()
    return [
        Figure(f"a run of {POINTS:,} points drawn after the click", statistics.median(waits), "s", target="within 1 s")
    ]
