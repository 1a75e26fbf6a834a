"""Data in the browser: the first page of a task of 200,000 rows, one label, one edit, in Chromium on the real page.

Its rows are short, so that the file is under the 50 MB that a task may have.
"""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

from bench.data import write_task
from bench.figure import Figure, serve
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

ROWS, FEWER, ROUNDS = 200_000, 6_500, 10
READY = '.bench[data-state="ready"]'
LABEL = """() => new Promise(done => {
  const bench = document.querySelector(".bench"), before = bench.dataset.done, began = performance.now();
  const look = () => bench.dataset.done !== before && !("busy" in bench.dataset) ? done(performance.now() - began)
    : requestAnimationFrame(look);
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true}));
  requestAnimationFrame(look);
})"""

EDIT = """async () => {
  const { modules } = await import(document.querySelector('script[src*="/all.js"]').src);
  const { studio } = modules["frame/draft.js"];
  return new Promise(done => {
    const chosen = () => studio.draft.recipe.task_version, before = chosen(), began = performance.now();
    const look = () => chosen() !== before ? done(performance.now() - began) : requestAnimationFrame(look);
    document.querySelector("[data-act=save-texts]").click();
    requestAnimationFrame(look);
  });
}"""


def measure() -> list[Figure]:
    """Seconds to the first row of the large task, new to the server and known to it; milliseconds a label, an edit."""
    with tempfile.TemporaryDirectory() as folder:
        home, store = Path(folder), TaskStore(Workspace(Path(folder) / "studio"))
        large, small = (
            import_file(
                store, write_task(home / f"rows_{count}.json", count, longest=12, indent=None), f"rows_{count}.json"
            ).task.task_id
            for count in (ROWS, FEWER)
        )
        with serve(str(home / "studio")) as (address, _), sync_playwright() as play:
            browser = play.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{address}/?step=model")
            page.wait_for_timeout(5000)
            first = [_open_rows(page, address, large) for _ in range(2)]
            page.goto(f"{address}/?step=label&task={small}")
            page.locator(READY).wait_for(timeout=120_000)
            page.wait_for_timeout(2000)
            labels = [_label(page) for _ in range(ROUNDS)]
            edits = [_edit(page, number) for number in range(ROUNDS)]
            browser.close()
    return [
        Figure(f"first page of {ROWS:,} rows, new to the server", first[0], "s"),
        Figure(f"first page of {ROWS:,} rows, known to it", first[1], "s"),
        Figure(f"one label in a task of {FEWER:,}, key to disk and back", statistics.median(labels), "ms"),
        Figure(f"one edit in a task of {FEWER:,}, click to version and back", statistics.median(edits), "ms"),
    ]


def _open_rows(page: Page, address: str, task_id: str) -> float:
    """Seconds from the address to the first row of a task's table."""
    began = time.perf_counter()
    page.goto(f"{address}/?{urlencode({'step': 'data', 'recipe': json.dumps({'task_id': task_id})})}")
    page.locator("#task-rows tbody.rows td.number").first.wait_for(timeout=300_000)
    return time.perf_counter() - began


def _label(page: Page) -> float:
    """Milliseconds from the key that accepts an answer until it is on the disk and the next instance is there."""
    page.locator(READY).wait_for()
    return float(page.evaluate(LABEL))


def _edit(page: Page, number: int) -> float:
    """Milliseconds from the click that saves another definition until its version is chosen."""
    page.wait_for_timeout(1000)  # a person writes longer than the form takes to read the new version
    page.locator("#bench-tab-write").click()
    page.locator("#write-definition").fill(f"Say it in other words, {number} of them.")
    return float(page.evaluate(EDIT))
