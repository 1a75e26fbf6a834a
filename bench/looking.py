"""How the page is to go through: heights, tab stops, steps and slider beside fifty runs; the way to a first answer.

In Chromium on the real page at 1280 x 800. The fifty runs are written by hand; the first answer is really trained for.
"""

import json
import shutil
import statistics
import tempfile
import time
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from bench.figure import Figure, serve
from studio.runs.event import EventWriter
from studio.runs.run import new_run
from studio.service import Studio
from studio.workspace import Workspace

RUNS, ROUNDS, MANY = 50, 8, 99
HEIGHT = 800
STEPS = ("model", "data", "method", "train", "compare")
VIEWS = ("choose", "check", "look")
MAIN = {
    "model": "#foot [data-step-by='1']",
    "data": "#foot [data-step-by='1']",
    "method": "#foot [data-step-by='1']",
    "train": "#plan [data-act=start]",
    "compare": ".ask [data-act=ask]",
}
"""The button that a step is for."""
ASKABLE = ".ask[data-state=ready]"
WAIT = 120_000
SHOWN = {"the new count": ".hero", "the file's new size": ".facts .value"}
"""What follows the slider; the browser tells both."""
GO = """([selector, step]) => new Promise((done) => {
  const began = performance.now();
  document.querySelector(selector).click();
  const heading = () => document.querySelector(`#step-${step} h1`);
  const look = () => document.body.dataset.step === step && heading()?.checkVisibility()
    ? requestAnimationFrame(() => done(performance.now() - began)) : requestAnimationFrame(look);
  look();
})"""
SLIDE = """([rank, selector]) => new Promise((done) => {
  const slider = document.getElementById("method-rank-slider"), numbers = document.getElementById("numbers");
  const read = () => numbers.querySelector(selector)?.textContent, before = read(), began = performance.now();
  const look = () => read() && read() !== before ? done(performance.now() - began) : requestAnimationFrame(look);
  slider.value = rank;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(look);
})"""


def measure() -> list[Figure]:
    """Look at a new visitor's way, then at a studio with fifty runs."""
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        figures = measure_first_visit(chromium) + measure_beside_runs(chromium)
        chromium.close()
    return figures


def measure_first_visit(browser: Browser) -> list[Figure]:
    """Clicks and seconds from the address to an answer of the tuned model that is right; heights and tab stops."""
    with tempfile.TemporaryDirectory() as home, serve(home) as (address, _):
        page = open_page(browser, f"{address}/")
        figures = measure_steps(page, STEPS[:-1])
        page = open_page(browser, f"{address}/?step=model")
        began = time.perf_counter()
        page.locator(".welcome [data-act=start]").click(timeout=WAIT)
        page.locator(".samples .sample-row.tuned .tick").first.wait_for(timeout=WAIT)
        first = time.perf_counter() - began
        page.locator(".live-chart[data-status=finished]").wait_for(timeout=WAIT)
        finished = time.perf_counter() - began
        page.locator(".desk [data-act=talk]").click()
        page.locator(ASKABLE).wait_for(timeout=WAIT)
        return [
            *figures,
            Figure("first right answer of the tuned model on the page, after 1 click", first, "s", target="60 s"),
            Figure("first run finished", finished, "s", target="30 s to a visible result"),
            *measure_steps(page, STEPS[-1:]),
        ]


def measure_steps(page: Page, steps: tuple[str, ...]) -> list[Figure]:
    """Screens that each step takes, folded, and how often Tab is pressed until its main button."""
    figures = []
    for step in steps:
        page.locator(f".stepper [data-go={step}]").click()
        page.locator(f"#step-{step} h1").first.wait_for()
        page.wait_for_timeout(3000)  # until what the server draws is there
        for view in VIEWS if step == "data" else ("",):
            if view:
                page.locator(f"#data-views [data-view={view}]").click()
                page.wait_for_timeout(1500)
            screens = page.evaluate("document.documentElement.scrollHeight") / HEIGHT
            figures.append(Figure(f"height of {step} {view}".strip(), screens, "screens", target="2.5"))
        figures.append(
            Figure(f"tab stops to the main button of {step}", count_stops(page, MAIN[step]), "", target="12")
        )
    return figures


def count_stops(page: Page, selector: str) -> int:
    """How often Tab is pressed from the top of the page, using one of the skip links where that is shorter."""
    page.locator(selector).first.wait_for(timeout=WAIT)
    found = []
    for skips in (None, 1, 2):
        page.evaluate("document.querySelector('.skip').focus()")  # what Tab reaches first
        stops = skips or 1
        for _ in range(stops - 1):
            page.keyboard.press("Tab")
        if skips:
            page.keyboard.press("Enter")
        while not page.evaluate("(it) => document.activeElement?.matches(it)", selector) and stops < MANY:
            page.keyboard.press("Tab")
            stops += 1
        found.append(stops)
    return min(found)


def measure_beside_runs(browser: Browser) -> list[Figure]:
    """How soon steps change and the count follows the slider, with fifty runs in the open list."""
    with tempfile.TemporaryDirectory() as home:
        write_runs(home)
        with serve(home) as (address, _):
            recipe = quote(json.dumps({"task_id": "studio002_question", "method": {"name": "lora", "rank": 8}}))
            page = open_page(browser, f"{address}/?step=method&recipe={recipe}")
            page.locator("#numbers .hero", has_text=",").wait_for(timeout=WAIT)
            page.locator("[data-runs=open]").click()
            page.locator("#runs .run-open").nth(10).wait_for(timeout=WAIT)
            page.wait_for_timeout(2000)
            slid: dict[str, list[float]] = {shown: [] for shown in SHOWN}
            for rank in range(9, 9 + 40, 2):
                for more, (shown, selector) in enumerate(SHOWN.items()):
                    page.wait_for_timeout(300)
                    slid[shown].append(float(page.evaluate(SLIDE, [rank + more, selector])))
            moved = []
            for _ in range(ROUNDS):
                for step in STEPS:
                    page.wait_for_timeout(400)
                    moved.append(float(page.evaluate(GO, [f".stepper [data-go={step}]", step])))
    return [
        Figure(f"step to step, {RUNS} runs in the list, p95", quantile(moved), "ms", target="100 ms"),
        *(
            Figure(f"rank slider to {shown}, {RUNS} runs in the list, p95", quantile(waits), "ms", target="100 ms")
            for shown, waits in slid.items()
        ),
    ]


def quantile(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def open_page(browser: Browser, address: str) -> Page:
    """Open the studio as another person would."""
    page = browser.new_context(viewport={"width": 1280, "height": HEIGHT}).new_page()
    page.goto(address)
    page.locator("#recipe-bar .recipe", has_text="parameters").wait_for(timeout=WAIT)
    return page


def write_runs(home: str) -> None:
    """Write fifty finished runs into a workspace."""
    studio = Studio(Workspace(home))
    for number in range(RUNS):
        recipe = studio.read_recipe({"task_id": "studio002_question", "method": {"name": "lora", "rank": number + 1}})
        run = new_run(studio.workspace, recipe)
        run.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')
        with EventWriter(run.events_file) as writer:
            writer.append("started", pid=1, resumed_from=None)
            for step in range(1, 51):
                writer.append("metrics", step=step, of=50, loss=3 / step, learning_rate=1e-3)
            writer.append("evaluated", step=50, loss=0.2)
            writer.append("finished", step=50)
