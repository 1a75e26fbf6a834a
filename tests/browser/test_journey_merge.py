"""Two runs become one model that is scored, talked to and taken home: with the built-in base, as a person would go.

The file that the page hands out is read by a real llama.cpp, where there is one, and writes what the page showed. And
the other way: a run that comes from elsewhere is told where its base lies.
"""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from llama import drop_ends, serve
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG, address, open_studio
from tiny import import_task, train_quickly, wait_until

from studio.exporting.asked import find_asked
from studio.exporting.form import Source
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.loading import find_model_folder, load_tokenizer
from studio.models.reference import BUILTIN, ModelRef
from studio.runs.run import Run
from studio.service import Studio
from studio.workspace import Workspace

TASKS = ("studio003_past_tense", "studio005_plural")
STEPS = 24
MEASURING = 600_000
"""Milliseconds for what has four models answer two test parts."""


@pytest.fixture(scope="module")
def pair_of_runs(app: Any) -> list[str]:
    """A run of the built-in base on each of two tasks."""
    studio = open_studio(app)
    quiet = {"max_steps": STEPS, "save_every": STEPS, "evaluate_every": 0, "sample_every": 0, "measures_itself": False}
    runs = [studio.start_run({"model": BUILTIN, "task_id": task, "training": quiet}) for task in TASKS]
    for run in runs:
        wait_until(lambda run=run: studio.run_status(run).status == "finished", seconds=MEASURING / 1000)
    return runs


def choose(page: Page, runs: list[str]) -> Locator:
    """Tick runs in the table of runs, and go on to the page on which they are merged."""
    page.goto(address("runs"))
    for run in runs:
        page.locator(f".run-table tr[data-run='{run}'] input").check()
    page.locator(".run-table [data-act=merge]").click()
    merging = page.locator(".merge-page")
    expect(merging.locator(".merge-parents .merge-rows li")).to_have_count(2)
    expect(merging.locator(".merge-cell").first).to_be_visible(timeout=LONG)
    return merging


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_two_runs_become_one_that_is_scored_and_answers(
    page: Page, app: Any, pair_of_runs: list[str], console_errors: list[str], tmp_path: Path
) -> None:
    past, plural = pair_of_runs
    merging, desk = choose(page, [plural, past]), open_studio(app)
    tried = merging.locator(".merge-trying .merge-answers")
    merging.get_by_label(f"Weight of {Run.name_of(past)}, step {STEPS}", exact=True).fill("0.9")
    expect(tried).to_have_attribute("data-state", "done", timeout=LONG)
    expect(tried.locator("dt")).to_have_count(3)
    merging.locator("[data-way=ties]").click()
    expect(tried).to_have_attribute("data-state", "failed", timeout=LONG)
    merging.locator("#merge-density").fill("7")
    merging.locator("#merge-name").fill("two-in-one")
    merging.locator("[data-act=merge]").click()
    expect(merging.locator("[data-error=density]")).to_contain_text("7")
    merging.locator("[data-way=task_arithmetic]").click()
    merging.locator("[data-act=merge]").click()
    expect(merging).to_have_attribute("data-merge", "merge:two-in-one", timeout=LONG)
    (card,) = desk.merges.list_merges()
    assert [parent.weight for parent in card.parents if parent.model == f"run:{past}@{STEPS}"] == [0.9]

    merging.locator("[data-act=scores]").click()
    scored = merging.locator(".merge-scored")
    expect(scored).to_have_attribute("data-state", "done", timeout=MEASURING)
    expect(scored.locator("tbody tr")).to_have_count(4)  # the base, the parents and the merge
    expect(merging.locator(".merge-own td").first).to_have_text(re.compile(r"\d+ \(\d+ to \d+\)"))

    merging.locator("#merge-as").select_option(value=f"run:{past}@{STEPS}")
    merging.locator("[data-act=ask]").click()
    expect(merging.locator(".merge-result .merge-answers dt")).to_have_count(4, timeout=LONG)
    shown = merging.locator(f".merge-result dt[data-model='{card.address}'] + dd").inner_text()
    prompt = merging.locator("#merge-prompt").input_value()
    said = desk.ask(past, prompt, [card.address], step=STEPS).columns[2]
    assert said.answer.strip() and shown.strip() == said.answer.strip()

    file = take_gguf(page, merging, tmp_path)
    assert file.name == "two-in-one-gguf.gguf"
    if find_spec("xllamacpp"):
        check_llama(desk, file, past, prompt, list(said.tokens), shown)
    merging.get_by_role("button", name="Tune it further").click()
    expect(page).to_have_url(re.compile("merge%3Atwo-in-one|merge:two-in-one"))
    assert console_errors == []


def take_gguf(page: Page, merging: Locator, folder: Path) -> Path:
    """Download the merge as GGUF, as a person does."""
    merging.locator(".merge-away > summary").click()
    gguf = merging.locator(".merge-away li", has=page.locator("[data-form=gguf]"))
    gguf.get_by_label("Numbers").select_option("f16")
    with page.expect_download(timeout=LONG) as download:
        gguf.get_by_role("button", name="Download").click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def check_llama(desk: Any, file: Path, run: str, prompt: str, tokens: list[int], shown: str) -> None:
    """Have llama.cpp write after the prompt that a run was trained with: the studio's tokens, and the page's text."""
    stack = desk.resolve_model(ModelRef(ref=f"run:{run}@{STEPS}"))
    asked = find_asked(Source(desk.workspace, stack, find_device())).write(prompt)
    tokenizer = load_tokenizer(find_model_folder(stack.base))
    ends = {tokenizer.eos_token_id}
    with serve(file) as llama:
        written = drop_ends(llama.write(asked, 128), ends)
    assert written == drop_ends(tokens, ends)
    assert tokenizer.decode(written, skip_special_tokens=True).strip() == shown.strip()


@pytest.mark.long
def test_a_run_from_elsewhere_is_told_where_its_base_lies(
    page: Page, app: Any, tiny_model: Path, tmp_path: Path, console_errors: list[str]
) -> None:
    elsewhere, moved = Workspace(tmp_path / "elsewhere"), tmp_path / "here"
    gone = Path(shutil.copytree(tiny_model, tmp_path / "there"))
    import_task(elsewhere)
    run = train_quickly(elsewhere, gone)
    file = Studio(elsewhere, InlineLauncher()).archives.export(run.run_id, tmp_path)
    gone.rename(moved)
    page.goto(address("runs"))
    expect(page.locator(".run-table")).to_have_attribute("data-state", "ready", timeout=LONG)
    page.locator("#run-file").set_input_files(file)
    asking = page.locator(".run-import form")
    asking.locator("#run-base").fill("/no/such/folder")
    asking.get_by_role("button").click()
    expect(asking.locator(".error-line")).to_contain_text("/no/such/folder")
    asking.locator("#run-base").fill(str(moved))
    asking.get_by_role("button").click()
    expect(page.locator(".run-import [role=status]")).to_contain_text(str(moved))
    expect(asking).to_have_count(0)
    assert open_studio(app).ask(run.run_id, "1 + 1", max_tokens=4).tuned is not None and console_errors == []
