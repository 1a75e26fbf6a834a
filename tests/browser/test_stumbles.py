"""What three kinds of users stumbled over on the page, row by row; several rows a page, for pages cost.

What has a test of its own elsewhere is not repeated here. Answers of the server are held back where it matters what
the page shows meanwhile.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from drafts import go, read_draft, view
from playwright.sync_api import Locator, Page, Route, expect
from test_journey_train import LONG, address, chart, make_whole_run, write_recipe
from tiny import make_checkpoint

from bench.slider import write_hole
from studio.models.reference import BUILTIN_FOLDER
from studio.runs.event import EventWriter
from studio.ui.steps.model.page import FITS

ASKS = re.compile(r"/gradio_api/(queue/join|run/|component_server)")
QUESTION = {"task_id": "studio002_question"}
PADDINGS = """() => ["#foot", "#recipe-bar", "#recipe-bar > *", "#numbers", "#numbers > *", ".beside"]
  .flatMap((place) => [...document.querySelectorAll(place)].map((it) => place + getComputedStyle(it).padding))"""
INSIDE = """(it) => { const box = it.getBoundingClientRect(), card = it.closest(".card").getBoundingClientRect();
  return box.height > 20 && box.left > card.left && box.right < card.right; }"""
CUT = "(all) => all.filter((it) => it.scrollHeight > it.clientHeight + 1).map((it) => it.textContent)"


class Held:
    """What a page asks of the studio while this is on: each question whose body holds `words` waits to be let go."""

    def __init__(self, page: Page, words: str = "") -> None:
        self._words, self._routes, self._holds = words, list[Route](), True
        page.route(ASKS, self._answer)

    def _answer(self, route: Route) -> None:
        if self._holds and self._words in (route.request.post_data or ""):
            self._routes.append(route)
        else:
            route.continue_()

    def let_go(self) -> None:
        """Let the studio answer all that was asked, and all that is asked from now on."""
        self._holds = False
        for route in self._routes:
            route.continue_()


def height(page: Page) -> float:
    return float(page.evaluate("document.documentElement.scrollHeight"))


def background(button: Locator) -> str:
    return str(button.evaluate("(it) => getComputedStyle(it).backgroundColor"))


def test_steps_and_the_slider_wait_for_nobody_and_old_numbers_are_grey(page: Page) -> None:
    """Section 10, the first three rows; what a screen reader is told of the slider; F10."""
    page.goto(address("method", recipe={**QUESTION, "method": {"name": "lora", "rank": 8}}))
    numbers, slider = page.locator("#numbers"), page.locator("#method-rank-slider")
    expect(numbers.locator(".hero")).to_have_text("224,256", timeout=LONG)
    expect(slider).to_have_attribute("aria-valuetext", "rank 8, 7,680 numbers beside one matrix")
    held = Held(page)
    slider.fill("9")
    expect(numbers.locator(".hero")).to_have_text("252,288")
    expect(numbers.locator("[data-count=size]")).to_have_text("1.0 MB")
    expect(slider).to_have_attribute("aria-valuetext", "rank 9, 8,640 numbers beside one matrix")
    page.locator("#method-qlora").click()
    expect(numbers).to_have_attribute("data-state", "waiting")
    expect(numbers.locator(".html-container")).to_have_css("filter", "grayscale(1)")
    for step in ("data", "train", "compare", "model", "method"):
        page.locator(f".stepper [data-go={step}]").click()
        expect(page.locator(f"#step-{step} h1").first).to_be_visible()
    assert not re.search(r"\d\.\d ?s\b", page.locator("body").inner_text()), "the framework's seconds are read"
    held.let_go()
    expect(page.locator("#recipe-bar")).to_contain_text("QLoRA, rank 9", timeout=LONG)
    expect(numbers).not_to_have_attribute("data-state", "waiting")
    for width in (1280, 1024, 390):
        page.set_viewport_size({"width": width, "height": 768})
        assert page.locator("#methods .hint").evaluate_all(CUT) == [], "a method's card is cut"
        assert numbers.get_by_role("cell", name=re.compile("steps")).evaluate(INSIDE), "how often it steps is cut off"


def write_spellings(path: Path) -> Path:
    """A hundred messages of four balanced classes, spelt in several ways, ten of them twice."""
    spelt = ("Rechnung", "Lieferung", "Technik", "Lob", "rechnung", "Lieferung.", "Technik", "LOB ")
    rows = [f"Nachricht {number} von Kunde {number * 7};{spelt[number % 8]}" for number in range(100)]
    path.write_text("\n".join(["nachricht;kategorie", *rows, *rows[:10]]), "cp1252")
    return path


@pytest.mark.long
def test_a_file_is_judged_by_its_causes_where_one_looks_and_nothing_jumps(page: Page, tmp_path: Path) -> None:
    """F3, F4, F8; "Checking again" of section 10; the table as one stop of section 5."""
    page.goto(address("data"))
    page.locator("#task-file input[type=file]").set_input_files(write_spellings(tmp_path / "spelt.csv"), timeout=LONG)
    page.locator(".columns-form [name=definition]").fill("Sort the message.", timeout=LONG)
    held = Held(page, "check_task")
    page.locator(".columns-form [type=submit]").click()
    notice = page.locator("#task-report .notice")
    expect(notice).to_be_focused(timeout=LONG)
    expect(notice).to_be_in_viewport()
    expect(page.locator("#task-view h2")).to_have_text("Spelt", timeout=LONG)
    before = height(page)
    held.let_go()
    view(page, "check")
    report = page.locator(".quality")
    expect(report).to_have_attribute("data-state", "done", timeout=LONG)
    view(page, "choose")
    assert abs(height(page) - before) < 1, "the page grows when the report arrives"
    view(page, "check")
    names = report.locator("[data-finding]").evaluate_all("(all) => all.map((it) => it.dataset.finding)")
    assert names[0] == "label variants" and "skewed labels" not in names, "what is spelt differently is no imbalance"
    variants = report.locator("[data-finding='label variants']")
    variants.locator("[data-preview]").click()
    held = Held(page, "check_task")
    variants.locator("[data-apply]").click(timeout=LONG)
    again = report.get_by_text("Checking again")
    expect(again).to_be_visible(timeout=LONG)
    expect(report.locator(".findings").first).to_have_css("opacity", "0.55")
    held.let_go()
    expect(again).to_have_count(0, timeout=LONG)
    expect(variants).to_have_count(0)
    view(page, "look")
    rows = page.locator("#task-rows [data-see]")
    expect(page.locator("#task-rows [data-see][tabindex='0']")).to_have_count(1, timeout=LONG)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()


def write_large(folder: Path, parameters: int) -> Path:
    """A model of one layer so wide that it has about so many numbers; its weights are a hole in a file."""
    folder.mkdir()
    width, vocabulary = 4096, json.loads((BUILTIN_FOLDER / "config.json").read_text())["vocab_size"]
    wide = (parameters - 2 * width * vocabulary - 4 * width**2) // (3 * width)
    shape = {"hidden_size": width, "intermediate_size": wide, "num_hidden_layers": 1, "num_attention_heads": 32}
    kind = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": vocabulary}
    (folder / "config.json").write_text(json.dumps(kind | shape))
    write_hole(folder)
    for file in BUILTIN_FOLDER.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


@pytest.mark.long
def test_a_model_is_too_big_by_what_there_is_and_the_hub_is_asked_in_words(
    page: Page, tmp_path: Path, console_errors: list[str]
) -> None:
    """F5; the hub without a network of section 10; names of steps beside the open list of section 5."""
    memory = psutil.virtual_memory()
    answers = {(memory.available + memory.total) // 2: FITS["not enough now"], 2 * memory.total: FITS["too big"]}
    page.goto(address("model"))
    for needed, words in answers.items():
        folder = write_large(tmp_path / str(needed), needed // 3)
        page.locator("#model-name :is(input, textarea)").fill(str(folder))
        page.locator("#look-up").click()
        expect(page.locator("#model-facts")).to_contain_text(words, timeout=LONG)
    held = Held(page)
    page.locator("#model-name :is(input, textarea)").fill("somebody/some-model")
    page.locator("#look-up").click()
    expect(page.locator("#look-up-answer")).to_contain_text("asking")
    held.let_go()
    expect(page.locator("#look-up-answer [role=alert]")).to_be_visible(timeout=LONG)
    page.set_viewport_size({"width": 1024, "height": 768})
    page.locator("[data-runs=open]").click()
    tall = page.locator(".stepper span").evaluate_all("(all) => all.filter((it) => it.offsetHeight > 30).length")
    assert tall == 0, "a step's name breaks beside the open list"
    assert console_errors == []


@pytest.mark.long
def test_a_run_that_is_clicked_keeps_the_step_and_says_whose_settings_one_sees(
    page: Page, app: Any, tiny_model: Path, console_errors: list[str]
) -> None:
    """F2, F7, F9; flicker and hover of section 10; the projector's strokes of section 5."""
    steps = [("metrics", {"step": n, "of": 9, "loss": 3 / n, "learning_rate": 1e-3}) for n in range(1, 10)]
    done = make_whole_run(app, write_recipe(tiny_model), *steps, ("finished", {"step": 9}))
    make_checkpoint(done, 9)
    going = make_whole_run(app, write_recipe(tiny_model), ("started", {"resumed_from": None}), steps[0], alive=True)
    page.goto(address("train", recipe={**write_recipe(tiny_model), "method": {"name": "lora", "rank": 3}}))
    page.locator("[data-runs=open]").click()
    page.locator(f".run-list li[data-run='{done.run_id}'] .run-open").click()
    expect(chart(page)).to_have_attribute("data-run", done.run_id)
    assert read_draft(page)["step"] == "train"
    expect(page.locator("#run-bar .recipe")).to_contain_text("rank 8", timeout=LONG)
    expect(page.locator("#run-bar .waits")).to_be_visible()
    expect(page.locator("#recipe-bar")).to_be_hidden()
    expect(page.locator("#plan [data-act=start]")).to_contain_text("Train these settings", timeout=LONG)

    page.emulate_media(reduced_motion="no-preference")
    moves = "(it) => it.getAnimations().flatMap((one) => one.effect.getKeyframes().flatMap(Object.keys))"
    moving = page.locator(f".run-list li[data-run='{going.run_id}'] .pill").evaluate(moves)
    assert "boxShadow" in moving and "opacity" not in moving, "a badge can be read at any time"
    page.emulate_media(reduced_motion="reduce")
    page.locator("[data-runs=open]").click()  # closes it
    expect(chart(page)).to_have_attribute("data-plot", "ready", timeout=LONG)
    log = page.locator("[data-show=log]")
    plain = background(log)
    log.hover()
    assert background(log) == plain, "it looks pressed"
    log.click()
    assert background(log) != plain
    page.locator("[data-projector]").click()
    expect(page.locator(".live-chart path.js-line").last).to_have_css("stroke-width", "5px")
    page.locator("[data-projector]").click()

    go(page, "compare")
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.get_by_role("button", name=re.compile("random prompt"))).to_have_text("Random")
    ten = page.locator(".ask [data-act=ten]")
    plain = background(ten)
    ten.hover()
    assert background(ten) == plain, "it looks pressed"
    page.goto("/?step=label&task=studio001_sentiment")
    expect(page.locator(".bench")).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.locator("#bench-helper option")).to_have_count(1)
    expect(page.locator(f"#bench-helper option[value^='{done.run_id}']")).to_have_count(0)
    with EventWriter(going.events_file) as events:
        events.append("stopped", step=1)
    assert console_errors == []


@pytest.mark.long
def test_a_phone_names_its_steps_and_keeps_its_foot_in_sight(open_page: Callable[..., Page], app_url: str) -> None:
    """Sections 5 and 10: unlabelled numbers of steps, the way on below the page, a box whose padding changes or that
    scrolls unseen.
    """
    recipe = {**QUESTION, "method": {"name": "lora", "rank": 8}}
    page = open_page(app_url + address("method", recipe=recipe), width=390, height=844)
    expect(page.locator("#numbers .hero")).to_have_text("224,256", timeout=LONG)
    held = Held(page)
    before = page.evaluate(PADDINGS)
    page.locator("#method-rank-slider").fill("16")
    expect(page.locator("#numbers")).to_have_attribute("data-state", "waiting")
    assert page.evaluate(PADDINGS) == before
    held.let_go()
    expect(page.locator("#recipe-bar")).to_contain_text("rank 16", timeout=LONG)
    assert page.evaluate(PADDINGS) == before
    page.locator("#all-methods > summary").click()
    expect(page.locator("#method-table tbody tr").nth(10)).to_be_visible(timeout=LONG)
    assert page.locator("#all-methods .wide").evaluate("(it) => it.scrollHeight <= it.clientHeight + 1"), "rows unseen"
    for name in ("Model", "Data", "Method", "Train"):
        page.get_by_role("navigation").get_by_role("button", name=name).click()
        expect(page.locator("body")).to_have_attribute("data-step", name.lower())
        expect(page.locator("#foot .recipe:visible")).to_be_in_viewport()
        expect(page.locator("#foot [data-step-by='1']")).to_be_in_viewport()


@pytest.mark.long
def test_the_same_recipe_takes_as_long_for_everybody_and_after_a_restart(
    launch_app: Callable[..., Any], open_page: Callable[..., Page]
) -> None:
    """F6: what was measured once is kept with the workspace, whoever asks and whichever server answers."""
    app = launch_app()
    takes = []
    for restart in range(2):
        for page in [open_page(app.url + address("method", recipe=QUESTION)) for _ in range(2)]:
            told = page.locator("#recipe-bar [data-takes]")
            expect(told).to_be_visible(timeout=LONG)
            takes.append(told.inner_text())
        if not restart:
            app.stop()
            app.start()
    assert len(set(takes)) == 1, takes
