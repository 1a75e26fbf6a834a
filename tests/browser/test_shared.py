"""Several people at one studio: a place in the queue with an expected time, and nobody sees what isn't theirs."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drafts import go, read_draft, read_recipe, set_draft
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG, address, make_whole_run, open_studio, write_recipe

from studio.runs.event import EventWriter
from studio.runs.run import Run

STOP = """(run) => fetch("/gradio_api/call/stop_run", {method: "POST", body: JSON.stringify({data: [run]}),
  headers: {"content-type": "application/json"}}).then((answer) => answer.json())
  .then(({event_id}) => fetch(`/gradio_api/call/stop_run/${event_id}`)).then((answer) => answer.text())"""
RECIPE = {"model": "builtin", "task_id": "studio002_question"}


def occupy(app: Any, recipe: dict[str, Any], **metrics: Any) -> Run:
    """Let a run of nobody's train, in this process, so that all others wait."""
    begun = ("started", {"pid": os.getpid(), "resumed_from": None})
    return make_whole_run(app, recipe, begun, *([("metrics", metrics)] if metrics else []), alive=True)


def words(page: Page) -> Locator:
    return page.locator(".desk-words")


def start(page: Page, button: str = "#plan [data-act=start]") -> str:
    """Press the big button and return the id of the run it made."""
    page.locator(button).click(timeout=LONG)
    expect(page.locator(".desk")).to_have_attribute("data-status", "queued", timeout=LONG)
    return str(read_draft(page)["run"])


@pytest.mark.long
def test_visitors_wait_in_a_fair_line_and_see_only_their_own(
    launch_app: Callable[..., Any], open_page: Callable[..., Page], console_errors: list[str]
) -> None:
    app = launch_app(STUDIO_SHARED="1")
    occupy(app, RECIPE, step=10, of=300, loss=2.0, seconds_left=80.0)
    anna, ben = (open_page(app.url + there) for there in ("/", address("train", recipe=RECIPE)))
    expect(anna.locator(".welcome-sentence")).to_be_in_viewport(timeout=LONG)
    first = start(anna, "#welcome [data-act=start]")
    assert read_draft(anna)["step"] == "train", "one click trains on a first visit"
    expect(words(anna)).to_contain_text("80 s", timeout=LONG)
    set_draft(anna, {"run": None})
    go(anna, "model")
    expect(anna.locator("#welcome .welcome")).to_have_count(0, timeout=LONG)  # she has a run
    go(anna, "train")
    second = start(anna)
    hers = {first, second}
    his = start(ben)
    expect(words(ben)).to_contain_text("You are number 2 in the queue")  # Anna's second waits behind Ben's first
    expect(words(ben)).to_have_text(re.compile(r"number 2 in the queue, about \d.* to wait"), timeout=LONG)
    expect(words(anna)).to_have_text(re.compile(r"number 3 in the queue, about \d.* to wait"), timeout=LONG)

    ben.locator("button[data-runs=open]").click()
    expect(ben.locator(".run-list li")).to_have_count(1)
    expect(ben.locator(".run-list-words")).to_have_text("In the queue with you: 2 runs of other people.")
    assert not hers & set(re.findall(r"\d{8}-\d{6}-[a-z]+-[a-z]+", ben.content()))
    ben.goto(app.url + address("train", first))
    expect(ben.locator("#link-notice")).to_contain_text("run")
    expect(ben.locator(".desk")).to_be_hidden()
    ben.evaluate(STOP, first)

    app.stop(training=False)
    app.start()
    anna.goto(app.url + address("train", second))
    expect(words(anna)).to_have_text(re.compile(r"number 3 in the queue"), timeout=LONG)
    anna.locator(".desk [data-act=stop]").click()
    expect(anna.locator(".desk")).to_have_attribute("data-status", "stopped")
    ben.goto(app.url + address("train", his))
    expect(words(ben)).to_contain_text("You are number 2 in the queue")
    assert open_studio(app).run_status(first).status == "queued", "Ben asked in vain"
    assert "Traceback" not in app.output()
    assert not [said for said in console_errors if "ERR_CONNECTION" not in said and "Failed to load" not in said]


def test_what_nobody_knows_is_said(app: Any, page: Page, tiny_model: Path) -> None:
    """The run ahead is of a model that is gone, so nobody can say how long it takes."""
    ahead = occupy(app, write_recipe(Path("/gone/model")))
    waiting = open_studio(app).start_run(write_recipe(tiny_model))
    page.goto(address("train", waiting))
    expect(words(page)).to_contain_text("in the queue; how long")
    studio = open_studio(app)
    studio.stop_run(waiting)
    with EventWriter(ahead.events_file) as events:
        events.append("stopped", step=0)
    ahead.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')


@pytest.mark.long
def test_a_run_that_failed_for_memory_is_trained_again_with_less(
    app: Any, page: Page, tiny_model: Path, console_errors: list[str]
) -> None:
    studio = open_studio(app)
    remedy = "Choose less."
    changes = {"training": {"batch_size": 8, "gradient_accumulation": 8}, "precision": "nf4"}
    failed = {"step": 1, "error": "It broke here.", "remedy": remedy, "remedy_changes": changes}
    run = make_whole_run(
        app,
        write_recipe(tiny_model, batch_size=64),
        ("started", {"resumed_from": None}),
        ("metrics", {"step": 1, "of": 3_000, "loss": 2.0}),
        ("failed", failed),
    )
    page.goto(address("train", run.run_id))
    trouble = page.locator(".desk-trouble")
    expect(trouble).to_contain_text("It broke here.")
    expect(trouble).to_contain_text(remedy)
    lower = trouble.locator("[data-act=lower]")
    expect(lower).to_have_text("Train again with batches of 8, 8 batches a step and 4-bit weights")
    page.set_viewport_size({"width": 390, "height": 844})
    box = lower.bounding_box()
    assert box and box["x"] + box["width"] <= 390 - 14, "it fits a phone"
    before = {status.run_id for status in studio.list_runs()}
    lower.click()
    expect(page.locator(".desk")).not_to_have_attribute("data-run", run.run_id)
    (made,) = {status.run_id for status in studio.list_runs()} - before
    expect(page.locator(".desk")).to_have_attribute("data-run", made)
    recipe = studio.run_status(made).recipe
    assert recipe["precision"] == "nf4" and recipe["training"]["batch_size"] == 8
    assert recipe["training"]["max_steps"] == 3_000, "what the remedy leaves alone is as it was"
    assert read_recipe(page)["training"]["batch_size"] == 8
    expect(page.locator("#plan [data-state=changed]")).to_have_count(0)
    studio.stop_run(made)
    assert console_errors == []
