"""Watching a run tells the truth: after a reload, in three tabs, over a restart of the server, while zoomed.

Where the training itself matters, the tiny model of `tiny_model` is trained; elsewhere the test writes the events.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from drafts import read_draft, read_recipe
from playwright.sync_api import Locator, Page, expect
from tiny import give_to_process, make_checkpoint

from studio.estimates.time import MOST_RUNS, Speed, save_speed
from studio.models.device import find_device
from studio.runs.event import EventWriter
from studio.runs.run import Run, find_run, new_run
from studio.service import Studio
from studio.workspace import Workspace

LONG = 120_000
"""Milliseconds for what waits on a training process; on a busy machine its start alone takes half a minute."""


def write_recipe(model: Path, steps: int = 3_000, **training: Any) -> dict[str, Any]:
    intervals = {"evaluate_every": 200, "save_every": 20, "sample_every": 30, "measures_itself": False, **training}
    return {
        "model": str(model),
        "task_id": "studio002_question",
        "training": {"max_steps": steps, "batch_size": 2, **intervals},
    }


def open_studio(app: Any) -> Studio:
    """The same workspace as the server's, from this process: what is written there, the server finds."""
    return Studio(Workspace(app.home))


def address(step: str, run: str | None = None, recipe: dict[str, Any] | None = None) -> str:
    query = f"/?step={step}" + (f"&run={run}" if run else "")
    return query + (f"&recipe={quote(json.dumps(recipe))}" if recipe else "")


def chart(page: Page) -> Locator:
    return page.locator(".live-chart")


def points(page: Page) -> int:
    return int(chart(page).get_attribute("data-points") or 0)


def await_points(page: Page, least: int) -> None:
    page.wait_for_function(
        "least => +document.querySelector('.live-chart')?.dataset.points >= least", arg=least, timeout=LONG
    )


def drawn_steps(page: Page) -> list[int]:
    """The steps of the training curve as Plotly has them."""
    expect(chart(page)).to_have_attribute("data-plot", "ready", timeout=LONG)
    return page.evaluate("[...document.querySelector('.live-chart .canvas').data[0].x]")


def make_whole_run(app: Any, recipe: dict[str, Any], *events: tuple[str, dict[str, Any]], alive: bool = False) -> Run:
    """Make a run whose process is this one, or one that is gone; it comes whole, or the server would start it."""
    studio = open_studio(app)
    run = new_run(Workspace(app.home / "elsewhere"), studio.read_recipe(recipe))
    if alive:
        give_to_process(run, os.getpid())
    else:
        run.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')
    with EventWriter(run.events_file) as writer:
        for name, values in events:
            writer.append(name, **values)
    return Run(run.folder.rename(studio.workspace.runs / run.run_id))


@pytest.fixture
def training(app: Any, tiny_model: Path) -> Iterator[str]:
    """A run that goes on until it is asked to stop: this process writes ten steps a second of it."""
    over = threading.Event()
    run = make_whole_run(app, write_recipe(tiny_model), alive=True)
    writing = threading.Thread(target=_write_steps, args=(run, over))
    writing.start()
    yield run.run_id
    over.set()
    writing.join()


def _write_steps(run: Run, over: threading.Event) -> None:
    writer, step = EventWriter(run.events_file), 0
    writer.append("started", pid=os.getpid(), resumed_from=None)
    while not over.wait(0.1) and not run.stop_file.exists():
        step += 1
        writer.append("metrics", step=step, of=3_000, loss=3 / step, learning_rate=1e-3, seconds_left=9.0)
    writer.append("stopped", step=step)


@pytest.fixture
def make_run(app: Any, tiny_model: Path) -> Callable[..., Run]:
    """Make a run that ended, with these events."""

    def make(*events: tuple[str, dict[str, Any]]) -> Run:
        return make_whole_run(app, write_recipe(tiny_model), *events)

    return make


def test_the_big_button_makes_one_run_and_the_desk_stops_and_resumes_it(
    page: Page, app: Any, tiny_model: Path, console_errors: list[str]
) -> None:
    before = len(open_studio(app).list_runs())
    page.goto(address("train", recipe=write_recipe(tiny_model)))
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    start.dblclick()
    expect(chart(page)).to_have_attribute("data-status", "running", timeout=LONG)
    assert len(open_studio(app).list_runs()) == before + 1, "pressed twice, it made more than one run"
    assert "run=" in page.url

    talk, stop, resume = (page.locator(f".desk [data-act={name}]") for name in ("talk", "stop", "resume"))
    expect(talk).to_be_visible(timeout=LONG)
    expect(page.locator(".samples .sample-answer").first).to_be_visible(timeout=LONG)
    stop.click()
    expect(chart(page)).to_have_attribute("data-status", "stopped", timeout=LONG)
    kept = int(chart(page).get_attribute("data-step") or 0)
    expect(resume).to_have_text(f"Resume from step {kept:,}")
    resume.click()
    await_points(page, kept + 5)
    stop.click()
    expect(chart(page)).to_have_attribute("data-status", "stopped", timeout=LONG)
    steps = drawn_steps(page)
    assert steps == sorted(set(steps)), "the resumed curve goes on where it stopped, and no step is drawn twice"
    assert console_errors == []


@pytest.mark.long
def test_a_reload_in_mid_training_brings_the_whole_curve_back(page: Page, training: str) -> None:
    page.goto(address("train", training))
    await_points(page, 15)
    before = points(page)
    page.reload()
    await_points(page, before)
    expect(chart(page)).to_have_attribute("data-status", "running")
    expect(page.locator("#plan [data-act=start]")).to_have_count(0)
    assert drawn_steps(page)[0] == 1
    page.locator("[data-show=rate]").click()
    page.locator("[data-show=log]").click()
    marks = page.locator(".live-chart :is(.ytick, .y2tick) text")
    expect(marks.filter(has_text="0.001").first).to_be_attached()
    expect(marks.filter(has_text="e-")).to_have_count(0)


@pytest.mark.long
def test_three_tabs_show_the_same_run_and_one_stops_it_for_all(
    open_page: Callable[..., Page], app_url: str, training: str
) -> None:
    tabs = [open_page(app_url + address("train", training)) for _ in range(3)]
    for tab in tabs:
        await_points(tab, 10)
    tabs[0].locator(".desk [data-act=stop]").click()
    for tab in tabs:
        expect(chart(tab)).to_have_attribute("data-status", "stopped", timeout=LONG)
    assert len({tuple(drawn_steps(tab)) for tab in tabs}) == 1


@pytest.mark.long
def test_a_zoom_stays_while_points_arrive(page: Page, training: str) -> None:
    page.goto(address("train", training))
    await_points(page, 10)
    expect(chart(page)).to_have_attribute("data-plot", "ready", timeout=LONG)
    plot = page.locator(".live-chart .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    page.mouse.up()
    expect(chart(page)).to_have_attribute("data-zoomed", "true")
    read_range = "document.querySelector('.live-chart .canvas').layout.xaxis.range.join()"
    zoomed, seen = page.evaluate(read_range), points(page)
    await_points(page, seen + 20)
    assert page.evaluate(read_range) == zoomed
    page.mouse.dblclick(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    expect(chart(page)).to_have_attribute("data-zoomed", "false")
    page.wait_for_function(f"{read_range} !== '{zoomed}'")


@pytest.mark.long
def test_a_server_killed_and_restarted_leaves_the_training_and_two_open_tabs_alone(
    app: Any, open_page: Callable[..., Page], training: str, tiny_model: Path
) -> None:
    """One tab watches; in the other the person has chosen other settings meanwhile."""
    server, run = app, training
    chosen = {**write_recipe(tiny_model, 777), "method": {"name": "lora", "rank": 3}}
    page = open_page(server.url + address("train", run))
    tabs = [page, page.context.new_page()]
    tabs[1].goto(server.url + address("train", run, chosen))
    drafts = []
    for tab in tabs:
        tab.bring_to_front()
        await_points(tab, 10)
        # An event of gradio's own that is under way when the server dies makes gradio load the page again.
        expect(tab.locator("#recipe-bar")).to_contain_text("learns", timeout=LONG)
        expect(tab.locator("[data-again]")).to_have_count(0, timeout=LONG)
    expect(tabs[1].locator("#plan [data-act=start]")).to_contain_text("Train these settings", timeout=LONG)
    for tab in tabs:
        drafts.append(json.dumps(read_draft(tab)))
        tab.evaluate("window.notReloaded = true")
    assert chosen.items() <= json.loads(drafts[1])["recipe"].items()
    launch = find_run(open_studio(server).workspace, run).find_launch()
    server.kill()
    for tab in tabs:
        expect(chart(tab)).to_have_attribute("data-connection", "reconnecting", timeout=LONG)
        expect(tab.locator(".desk .pill")).to_have_text("reconnecting")
    before = [points(tab) for tab in tabs]
    server.start()
    for tab, seen, draft in zip(tabs, before, drafts, strict=True):
        tab.bring_to_front()
        expect(chart(tab)).to_have_attribute("data-connection", "live", timeout=LONG)
        await_points(tab, seen + 10)
        assert tab.evaluate("window.notReloaded"), "the page was loaded again"
        assert json.dumps(read_draft(tab)) == draft, "what was chosen is lost"
        steps = drawn_steps(tab)
        assert steps == list(range(1, len(steps) + 1)), "the curve has a gap"
    assert find_run(open_studio(server).workspace, run).find_launch() == launch, "another process trains"
    tabs[1].reload()
    await_points(tabs[1], before[1])
    assert chosen.items() <= read_recipe(tabs[1]).items()


@pytest.mark.long
def test_a_failed_and_a_lost_run_say_what_happened_and_what_to_do(page: Page, make_run: Callable[..., Run]) -> None:
    step = ("metrics", {"step": 85, "of": 300, "loss": 0.5})
    failed = make_run(
        step, ("failed", {"step": 85, "error": "Out of memory.\nline 2", "remedy": "Halve the batch size."})
    )
    page.goto(address("train", failed.run_id))
    trouble = page.locator(".desk-trouble")
    expect(trouble).to_contain_text("Out of memory.")
    expect(trouble).to_contain_text("Halve the batch size.")
    expect(trouble.locator("pre")).to_be_hidden()
    failed.output_file.write_text("Traceback <b>\nMemoryError\n")
    trouble.locator("summary").click()
    expect(trouble.locator("pre")).to_have_text("Traceback <b>\nMemoryError")
    lost = make_run(step)
    make_checkpoint(lost, 80)
    page.goto(address("train", lost.run_id))
    expect(page.locator(".desk")).to_contain_text("process")
    expect(page.locator(".desk-words")).to_contain_text("Nothing before step 80 is lost")
    expect(page.locator(".desk [data-act=resume]")).to_have_text("Resume from step 80")


def test_what_a_run_says_is_text_and_never_markup(page: Page, make_run: Callable[..., Run]) -> None:
    attack = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    sample = {"input": attack, "wanted": attack, "base": attack, "tuned": attack}
    run = make_run(
        ("metrics", {"step": 1, "of": 9, "loss": 1.0}),
        ("sampled", {"step": 1, "samples": [sample]}),
        ("failed", {"step": 1, "error": attack, "remedy": attack}),
    )
    page.goto(address("train", run.run_id))
    expect(page.locator(".sample-answer")).to_contain_text(attack)
    expect(page.locator(".desk-trouble")).to_contain_text(attack)
    assert page.evaluate("window.pwned") is None


@pytest.mark.long
def test_the_scrubber_shows_the_same_prompts_answered_at_each_step(page: Page, make_run: Callable[..., Run]) -> None:
    def answer(step: int) -> list[dict[str, str]]:
        return [{"input": "The capital?", "wanted": "at 20", "base": "no idea", "tuned": f"at {step}"}]

    steps = range(10, 40, 10)
    told = [("metrics", {"step": step, "of": 40, "loss": 1 / step}) for step in steps]
    told += [("sampled", {"step": step, "samples": answer(step)}) for step in steps]
    page.goto(address("train", make_run(*told, ("stopped", {"step": 30})).run_id))
    scrubber, said = page.locator("#scrub"), page.locator(".sample-answer")
    expect(said).to_contain_text("at 30")
    scrubber.press("ArrowLeft")
    expect(said).to_contain_text("correct")
    scrubber.fill("12")
    expect(said.locator(".tuned")).to_have_text("Tunedat 10")
    expect(scrubber).to_have_value("10")
    scrubber.press("Home")
    expect(page.locator(".samples-title")).to_contain_text("Before training")
    expect(said).to_contain_text("no idea")
    expect(said.locator(".tuned")).to_have_count(0)
    page.get_by_role("button", name="Next answers").click()
    expect(scrubber).to_have_attribute("aria-valuetext", "step 10")


@pytest.mark.long
def test_the_list_of_runs_opens_and_deletes(page: Page, make_run: Callable[..., Run]) -> None:
    run = make_run(*[("metrics", {"step": n, "of": 9, "loss": 1 / n}) for n in range(1, 10)], ("stopped", {"step": 9}))
    done = make_run(("metrics", {"step": 1, "of": 1, "loss": 1.0}), ("finished", {"step": 1}))
    page.goto(address("model"))
    page.locator("[data-runs=open]").click()
    row = page.locator(f".run-list li[data-run='{run.run_id}']")
    expect(row.locator(".pill")).to_have_text("stopped")
    row.locator(".run-open").click()
    expect(chart(page)).to_have_attribute("data-run", run.run_id)
    expect(chart(page)).to_have_attribute("data-points", "9")
    page.locator(f".run-list li[data-run='{done.run_id}'] .run-open").click()
    expect(chart(page)).to_have_attribute("data-run", done.run_id)
    assert read_draft(page)["step"] == "train", "one stays where one is"
    row.locator(".run-open").click()
    row.locator(".run-delete").click()
    page.keyboard.press("Escape")
    expect(row.locator(".run-open")).to_be_visible()
    row.locator(".run-delete").click()
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert not run.folder.exists()
    assert read_draft(page)["run"] is None


@pytest.mark.long
def test_the_time_is_reckoned_anew_when_a_run_has_measured_it(page: Page, app: Any, tiny_model: Path) -> None:
    studio = open_studio(app)
    recipe = write_recipe(tiny_model)
    begun = (
        ("started", {"pid": os.getpid(), "resumed_from": None}),
        ("metrics", {"step": 1, "of": 3_000, "loss": 1.0}),
    )
    run = make_whole_run(app, recipe, *begun, alive=True)
    page.goto(address("train", run.run_id, recipe))
    expect(page.locator(".desk")).to_have_attribute("data-status", "running", timeout=LONG)
    bar = page.locator("#recipe-bar .recipe")
    expect(bar).to_contain_text("parameters", timeout=LONG)
    kind = studio.estimate(recipe).kind
    for _ in range(MOST_RUNS):  # more than half of those that count, whatever was trained before
        save_speed(studio.workspace.cache, find_device(), kind, Speed(flops=1e12, start_seconds=7_200.0))
    EventWriter(run.events_file).append("finished", step=3_000)
    expect(bar).to_contain_text("about 2.0 h here", timeout=LONG)


@pytest.mark.long
def test_ticked_runs_share_a_chart_and_the_legend_names_what_differs(
    page: Page, app: Any, tiny_model: Path, console_errors: list[str]
) -> None:
    steps = [("metrics", {"step": step, "of": 2, "loss": 3.0 / step}) for step in (1, 2)]
    whole = [("started", {"pid": 1}), *steps, ("evaluated", {"step": 2, "loss": 1.0}), ("finished", {"step": 2})]
    rates = (0.02, 0.002)
    runs = [make_whole_run(app, write_recipe(tiny_model, 2, learning_rate=rate), *whole) for rate in rates]
    page.goto(address("runs"))
    table = page.locator(".run-table")
    expect(table).to_have_attribute("data-state", "ready", timeout=LONG)
    for run in runs:
        table.locator(f"tr[data-run='{run.run_id}'] input").check()
    expect(table.locator(".legend li")).to_have_count(2)
    for run, rate in zip(runs, rates, strict=True):
        expect(table.locator(f".legend [data-run='{run.run_id}']")).to_contain_text(f"learning rate {rate}")
    expect(table.locator("th [data-column='Learning rate']")).to_be_visible()
    expect(table.locator("th [data-column=Seed]")).to_have_count(0)  # it doesn't differ
    row = table.locator(f"tr[data-run='{runs[0].run_id}']")
    page.set_viewport_size({"width": 390, "height": 844})
    row.get_by_role("button", name="Rename, note").click()
    save = page.locator(".run-write").get_by_role("button", name="Save").bounding_box()
    assert save and save["x"] + save["width"] <= 390, "the form is as wide as what is seen of the table"
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("#run-own-name").fill("too fast")
    page.locator("#run-own-note").fill("it jumped")
    page.locator("#run-own-tags").fill("odd, first try")
    page.locator(".run-write").get_by_role("button", name="Save").click()
    expect(row).to_contain_text("it jumped")
    expect(row.locator(".pill").filter(has_text="first try")).to_be_visible()
    page.locator("#run-filter").fill("first try")
    expect(table.locator("tbody tr")).to_have_count(1)
    row.get_by_role("button", name="too fast").click()
    expect(page.locator("body")).to_have_attribute("data-step", "compare")
    expect(page.locator("#run-bar")).to_contain_text("learning rate 0.02")
    expect(page.locator("#run-bar .waits")).to_be_visible()  # the draft's settings are others
    assert console_errors == []
