"""How soon a run of 100,000 points is drawn after the click that opens it: in Chromium, on the real page."""

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


def measure() -> list[Figure]:
    """Seconds from the click in the list of runs to the drawn curve; a short run is looked at in between."""
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
