"""Text that came from outside is only ever text: in every field of a task, a file's name, a model, a run's events."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from drafts import go
from drafts import view as show_view
from playwright.sync_api import Page, expect
from test_journey_train import LONG, address, make_whole_run, open_studio, write_recipe
from tiny import make_checkpoint

expect.set_options(timeout=30_000)
EVIL = (
    "<script>window.pwned='script'</script><img src=x onerror=\"window.pwned='img'\">"
    "<svg onload=\"window.pwned='svg'\"></td></table></textarea>'\"><a href=\"javascript:window.pwned='link'\">link</a>"
    "${window.pwned='template'}{{7*7}} \u202egnihtemos\u202c \u2066hidden\u2069 &lt;b&gt; \x07"
)
SEEN = "<script>window.pwned='script'</script>"
"""What a person reads where EVIL is shown as text."""

CHECK = """() => ({pwned: window.pwned ?? null,
  made: [...document.querySelectorAll('img[src=x], svg[onload], a[href^="javascript"], script')]
    .filter((found) => found.matches(':not(script)') || found.textContent.includes('pwned'))
    .map((found) => found.outerHTML.slice(0, 80))})"""


def check_inert(page: Page) -> None:
    """Fail if any of it became more than text."""
    assert page.evaluate(CHECK) == {"pwned": None, "made": []}


def write_evil_task() -> dict[str, Any]:
    """A task whose every text is hostile, lists and keys that nobody knows included."""
    example = {"input": EVIL, "output": EVIL, "explanation": EVIL, "suggestion": EVIL, EVIL: EVIL}
    lists = ("Contributors", "Source", "URL", "Categories", "Reasoning", "Input_language", "Output_language", "Domains")
    return {
        "Title": EVIL,
        "Definition": [EVIL, EVIL],
        "Prompt": EVIL,
        "Things to Avoid": EVIL,
        "Emphasis & Caution": EVIL,
        **{key: [EVIL] for key in (*lists, "Instruction_language", "Instance License")},
        "Positive Examples": [example] * 2,
        "Negative Examples": [example] * 2,
        "Instances": [{"id": f"{EVIL}{number}", "input": f"{number} {EVIL}", "output": [EVIL]} for number in range(30)],
        EVIL: EVIL,
    }


@pytest.fixture
def evil_model(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model, in a folder with a hostile name, config, card and chat template."""
    folder = tmp_path / "<img src=x onerror=window.pwned='folder'>"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"_name_or_path": EVIL, "license": EVIL, "model_name": EVIL, "torch_dtype": EVIL, EVIL: EVIL}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text(f"---\nlicense: \"{SEEN}\"\nlicense_name: '{SEEN}'\n---\n{EVIL}\n")
    (folder / "chat_template.jinja").write_text(EVIL)
    return folder


def test_a_hostile_task_is_text_in_every_place(page: Page, app: Any, tmp_path: Path, console_errors: list[str]) -> None:
    file = tmp_path / "<img src=x onerror=window.pwned='name'>.json"
    file.write_text(json.dumps(write_evil_task()))
    page.goto(address("data"))
    page.locator("#task-file input[type=file]").set_input_files(file, timeout=LONG)
    expect(page.locator("#task-report .notice")).to_contain_text("onerror=window.pwned='name'", timeout=LONG)
    show_view(page, "look")
    view = page.locator("#task-view")
    expect(view.locator("h2")).to_contain_text("<script>window.pwned", timeout=LONG)
    for heading in ("Definition", "Things to avoid", "Positive examples", "Negative examples"):
        expect(view).to_contain_text(heading)
    assert view.inner_text().count(SEEN) >= 10
    expect(page.locator("#task-rows .rows tr").first).to_contain_text(SEEN, timeout=LONG)
    page.locator("#task-rows input[type=search]").fill(EVIL[:100])
    expect(page.locator("#task-rows .about")).to_contain_text("of 30")
    check_inert(page)
    for step in ("method", "train", "compare", "model"):
        go(page, step)
        expect(page.locator("#recipe-bar .recipe")).to_contain_text("<script>window.pwned", timeout=LONG)
        check_inert(page)
    page.goto(address("compare"))
    (card,) = [card for card in open_studio(app).list_tasks() if "pwned" in card.title]
    shutil.rmtree(open_studio(app).workspace.tasks / card.task_id)
    assert console_errors == []


def test_a_hostile_file_that_is_refused_is_text_too(page: Page, tmp_path: Path) -> None:
    page.goto(address("data"))
    for name, content in (
        ("<img src=x onerror=window.pwned='name'>.json", json.dumps({"Definition": [EVIL], EVIL: EVIL})),
        ("\u202enosj.<b>.json", json.dumps({**write_evil_task(), "Instances": [{EVIL: EVIL}]})),
        ("zip.json", "PK\x03\x04" + EVIL),
    ):
        file = tmp_path / name
        file.write_text(content)
        page.locator("#task-file input[type=file]").set_input_files(file, timeout=LONG)
        expect(page.locator("#task-refused h3 bdi")).to_have_text(
            re.sub("[<>]", "", name), timeout=LONG
        )  # gradio drops these
        check_inert(page)


@pytest.mark.long
def test_a_hostile_model_is_text(page: Page, evil_model: Path, console_errors: list[str]) -> None:
    page.goto(address("model"))
    page.locator("#model-name input, #model-name textarea").fill(str(evil_model), timeout=LONG)
    page.locator("#look-up").click()
    expect(page.locator("#model-facts h2").first).to_contain_text("<img src=x", timeout=LONG)
    expect(page.locator("#model-cards")).to_contain_text("<img src=x")
    check_inert(page)
    for step in ("method", "train"):
        go(page, step)
        expect(page.locator("#recipe-bar .recipe")).to_contain_text("<img src=x", timeout=LONG)
        check_inert(page)
    assert console_errors == []


@pytest.mark.long
def test_events_written_by_hand_are_text(page: Page, app: Any, tiny_model: Path, console_errors: list[str]) -> None:
    sample = {"input": EVIL, "wanted": EVIL, "base": EVIL, "tuned": EVIL}
    remedy = {"training": {EVIL: EVIL}, "precision": EVIL}
    run = make_whole_run(
        app,
        write_recipe(tiny_model),
        ("started", {"resumed_from": None, "pid": 1, "note": EVIL, "versions": {EVIL: EVIL}}),
        ("phase", {"text": EVIL, "part": 1, "parts": 2}),
        *[("metrics", {"step": step, "of": 9, "loss": 1 / step, "learning_rate": 1e-3}) for step in range(1, 6)],
        ("sampled", {"step": 5, "samples": [sample]}),
        (EVIL, {EVIL: EVIL}),
        ("failed", {"step": 5, "error": EVIL, "remedy": EVIL, "remedy_changes": remedy}),
    )
    with run.events_file.open("a") as events:  # a line that no program of ours writes
        events.write(json.dumps({"event": "started", "at": 1, "pid": EVIL, "versions": {EVIL: EVIL}}) + "\n")
    run.output_file.write_text(EVIL)
    make_checkpoint(run, 5)
    page.goto(address("train", run.run_id))
    expect(page.locator(".desk-trouble")).to_contain_text(SEEN, timeout=LONG)
    expect(page.locator(".desk-trouble [data-act=lower]")).to_contain_text("window.pwned")
    page.locator(".desk-trouble summary").click()
    expect(page.locator(".desk-trouble pre")).to_contain_text(SEEN)
    expect(page.locator(".samples-list")).to_contain_text(SEEN)
    expect(page.locator(".live-chart")).to_have_attribute("data-plot", "ready", timeout=LONG)
    check_inert(page)
    page.locator(".desk-trouble [data-act=lower]").click()
    expect(page.locator(".desk > .error-line")).to_contain_text("setting", timeout=LONG)
    page.locator("button[data-runs=open]").click()
    expect(page.locator(f".run-list li[data-run='{run.run_id}']")).to_be_visible()
    go(page, "compare")
    expect(page.locator("form.ask")).to_have_attribute("data-run", run.run_id)
    check_inert(page)
    assert console_errors == []
