"""How soon a run of 100,000 points is drawn after the click that opens it, and the table of 500 runs: in Chromium."""

import shutil
import statistics
import tempfile

from playwright.sync_api import sync_playwright

from bench.chart import make_run
from bench.figure import Figure, serve
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


RUNS = 500
OPEN_TABLE = """runs => new Promise(done => {
  const began = performance.now(), table = document.querySelector(".run-table");
  const look = () => table.querySelectorAll("tbody tr").length === runs ? done(performance.now() - began)
    : requestAnimationFrame(look);
  document.querySelector("[data-go=runs]").click();
  requestAnimationFrame(look);
})"""


def measure() -> list[Figure]:
    """Seconds from a click: to the drawn curve of a long run, and to the table of many runs."""
    return [*_measure_curve(), *_measure_table()]


def _measure_table() -> list[Figure]:
    """From any step to the table with all its rows, which is read each time."""
    with tempfile.TemporaryDirectory() as home:
        for _ in range(RUNS):
            make_run(home, 50)
        with serve(home) as (address, _), sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{address}/?step=model")
            page.locator("[data-go=runs]").first.wait_for(state="attached", timeout=120_000)
            page.wait_for_timeout(8000)  # a person looks at the page first
            waits = []
            for _ in range(ROUNDS):
                waits.append(float(page.evaluate(OPEN_TABLE, RUNS)) / 1000)
                page.locator(".stepper [data-go=model]").click()
                page.evaluate("document.querySelector('.run-table tbody').replaceChildren()")
            browser.close()
    name = f"the table of {RUNS} runs after the click"
    return [
        Figure(name, statistics.median(waits), "s", target="within 1 s"),
        Figure(f"{name}, the first time", waits[0], "s"),
    ]


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
