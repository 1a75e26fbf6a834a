"""Labelling by keyboard alone, over reloads and crashes, in two windows, by two people; then training on the result."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from drafts import read_draft, read_recipe
from playwright.sync_api import Locator, Page, Route, expect
from test_hostile import SEEN, check_inert, write_evil_task
from test_journey_train import LONG, address, open_studio, write_recipe
from test_looks import AXE, RULES
from tiny import import_task, wait_until

from studio.service import Studio
from studio.tasks.edit import SetText
from studio.tasks.labels.labelling import Label

WORDS = ("lovely", "awful", "fine", "sad")


@pytest.fixture
def studio(app: Any) -> Studio:
    return open_studio(app)


@pytest.fixture
def moods(studio: Studio, request: pytest.FixtureRequest) -> str:
    """A task of forty instances with two labels, of this test alone."""
    instances = [
        {"id": f"mood-{n}", "input": f"Day {n} was {WORDS[n % 4]}.", "output": [("good", "bad")[n % 2]]}
        for n in range(40)
    ]
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_"))[:50]
    return import_task(studio.workspace, name, **{"Definition": ["Good or bad?"], "Instances": instances})


def open_bench(page: Page, task: str, person: str | None = None) -> Locator:
    """Open the page on a task; `person` is the name to label under."""
    if person:
        page.add_init_script(f"localStorage.setItem('fine-tuning-studio.person', {json.dumps(person)})")
    page.goto(f"/?step=label&task={quote(task)}")
    return await_ready(page, task)


def await_ready(page: Page, task: str) -> Locator:
    bench = page.locator(".bench")
    expect(bench).to_have_attribute("data-task", task, timeout=LONG)
    expect(bench).to_have_attribute("data-state", "ready", timeout=LONG)
    return bench


def press(page: Page, key: str, done: int) -> None:
    """Press a key once the instance is there, and wait until the label is on the studio's disk."""
    expect(page.locator('.bench[data-state="ready"]:not([data-busy])')).to_be_visible()
    page.keyboard.press(key)
    expect(page.locator(".bench")).to_have_attribute("data-done", str(done))
    expect(page.locator(".bench:not([data-busy])")).to_be_visible()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_by_keyboard_alone_a_reload_in_the_middle_and_training_on_the_result(
    page: Page, studio: Studio, moods: str, tiny_model: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    recipe = {**write_recipe(tiny_model, steps=4, save_every=4, evaluate_every=0), "task_id": moods}
    page.goto(address("label", recipe=recipe))
    bench = await_ready(page, moods)
    expect(page.locator(".bench-progress")).to_have_text("0 of 40")
    for done, key in enumerate("12a12", 1):
        press(page, key, done)
    press(page, "s", 6)
    press(page, "u", 5)
    page.keyboard.press("w")
    page.keyboard.type("half a tho")
    page.reload()
    bench = await_ready(page, moods)
    expect(bench).to_have_attribute("data-done", "5")
    expect(bench).to_have_attribute("data-id", "mood-5")
    expect(page.locator("#bench-text")).to_have_value("half a tho")
    page.keyboard.press("w")
    for _ in "half a tho":
        page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    for done in range(6, 11):
        press(page, "1", done)
    expect(page.locator(".bench-progress")).to_contain_text("10 of 40")
    labels = studio.labels.look(moods, "me").mine
    assert [labels[f"mood-{n}"].output for n in range(10)] == ["good", "bad", "good", "good", "bad"] + ["good"] * 5
    expect(bench).to_have_attribute("data-changes", "5")
    shot("label", full_page=True)
    page.keyboard.press("v")
    expect(bench).to_have_attribute("data-version", re.compile("[0-9a-f]{12}"))
    version = bench.get_attribute("data-version")
    assert read_recipe(page)["task_version"] == version
    page.locator(".bench-use [data-go=train]").press("Enter")
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    start.press("Enter")
    expect(page.locator(".live-chart")).to_have_attribute("data-status", "finished", timeout=LONG)
    status = studio.run_status(str(read_draft(page)["run"]))
    assert status.recipe["task_version"] == version
    trained = studio.load_task(moods, version).instances
    assert [one.output[0] for one in trained[:10]] == [labels[f"mood-{n}"].output for n in range(10)]
    assert console_errors == []


@pytest.mark.long
def test_two_people_label_at_once_and_settle_where_they_differ(
    open_page: Callable[..., Page], studio: Studio, moods: str, console_errors: list[str]
) -> None:
    studio.labels.set_overlap(moods, 1.0, "me")
    anna, ben = open_page(), open_page()
    open_bench(anna, moods, "Anna")
    open_bench(ben, moods, "Ben")
    for done in range(1, 4):
        press(anna, "1", done)
        press(ben, "2", done)
    for page in (anna, ben):
        page.reload()
        expect(await_ready(page, moods)).to_have_attribute("data-done", "3")
    labels = studio.labels.read_labels(moods)
    assert {by: len(given) for by, given in labels.items()} == {"Anna": 3, "Ben": 3}
    both = set(labels["Anna"]) & set(labels["Ben"])
    if not both:  # each has an order of their own: let them meet on one
        ben.keyboard.press("j")
        place = studio.labels.look(moods, "Ben").ids.index(next(iter(labels["Anna"]))) + 1
        ben.keyboard.type(str(place))
        ben.keyboard.press("Enter")
        expect(ben.locator(".bench")).to_have_attribute("data-at", str(place))
        press(ben, "2", 4)
    anna.reload()
    bench = await_ready(anna, moods)
    expect(bench).to_have_attribute("data-conflicts", re.compile("[1-9]"))
    anna.locator("#bench-together summary").click()
    expect(anna.locator("#bench-together")).to_contain_text("Krippendorff's alpha")
    line = anna.locator("[data-conflict]").first
    id = str(line.get_attribute("data-conflict"))
    line.get_by_role("button", name="bad").click()
    expect(anna.locator(f"[data-conflict='{id}']")).to_have_count(0)
    made = studio.labels.use_labels(moods, "Anna")
    assert next(one.output for one in made.instances if one.id == id) == ("bad",)
    assert console_errors == []


@pytest.mark.long
def test_two_windows_of_one_person_lose_nothing(open_page: Callable[..., Page], studio: Studio, moods: str) -> None:
    one, other = open_page(), open_page()
    open_bench(one, moods)
    open_bench(other, moods)
    press(one, "1", 1)
    other.keyboard.press("2")
    expect(other.locator(".bench-card .error-line")).to_contain_text("'good'")
    assert studio.labels.look(moods, "me").mine["mood-0"].output == "good"
    other.keyboard.press("2")  # seen, and decided again
    expect(other.locator(".bench")).to_have_attribute("data-id", "mood-1")
    assert studio.labels.look(moods, "me").mine["mood-0"].output == "bad"
    press(other, "1", 2)
    one.keyboard.press("s")  # mood-1, which the other window labelled: refused, and said
    expect(one.locator(".bench-card .error-line")).to_contain_text("in another window")
    assert studio.labels.look(moods, "me").mine["mood-1"].output == "good"


@pytest.mark.long
def test_labels_outlive_the_studio(app: Any, page: Page, studio: Studio) -> None:
    open_bench(page, "studio005_plural")
    page.keyboard.type("gee")
    app.kill()
    page.keyboard.type("se")
    page.keyboard.press("Enter")
    expect(page.locator(".bench-card .error-line")).to_contain_text("does not answer")
    expect(page.locator("#bench-text")).to_have_value("geese")
    app.start()
    page.goto("about:blank")  # gradio may be loading the page again by itself, now that the server is back
    page.goto(f"{app.url}/?step=label&task=studio005_plural")
    await_ready(page, "studio005_plural")
    expect(page.locator("#bench-text")).to_have_value("geese", timeout=LONG)
    page.locator("#bench-text").press("Enter")
    bench = await_ready(page, "studio005_plural_yours")
    expect(bench).to_have_attribute("data-done", "1")
    labels = studio.labels.look("studio005_plural_yours", "me").mine
    assert [label.output for label in labels.values()] == ["geese"]


@pytest.mark.long
def test_adding_waiting_inputs_and_labelling_them(page: Page, studio: Studio, moods: str) -> None:
    open_bench(page, moods)
    page.get_by_role("tab", name="Add").click()
    page.locator("#add-paste").fill("The soup was cold.\nThe bus came, on time.")
    page.locator("[data-act=paste]").click()
    page.locator("[data-act=label-them]").click()
    expect(page.locator(".bench")).to_have_attribute("data-id", re.compile("^adding-"))
    expect(page.locator(".bench-input")).to_have_text("The soup was cold.")
    press(page, "2", 1)
    press(page, "1", 2)
    expect(page.locator(".bench")).to_have_attribute("data-changes", "2")
    page.locator(".bench-use [data-act=use]").click()
    expect(page.locator(".bench-use [data-go=train]")).to_be_visible()
    last = studio.load_task(moods).instances[-2:]
    assert [(one.input, one.output) for one in last] == [
        ("The soup was cold.", ("bad",)),
        ("The bus came, on time.", ("good",)),
    ]
    page.get_by_role("tab", name="Add").click()
    page.locator("#add-input").fill("It rained.")
    page.reload()
    await_ready(page, moods)
    page.get_by_role("tab", name="Add").click()
    expect(page.locator("#add-input")).to_have_value("It rained.")
    page.locator("#add-output").fill("bad")
    page.locator("[data-act=add]").click()
    expect(page.locator(".bench-added")).to_contain_text("1 added")
    expect(page.locator("#add-input")).to_have_value("")
    page.locator("#add-paste").fill("question,label\nWho?,good\nWhat?,\n")
    page.locator("[data-act=paste]").click()
    page.locator("[data-act=paste-table]").click()
    expect(page.locator(".bench-added")).to_contain_text("1 added with its answer")
    expect(page.locator(".bench-added")).to_contain_text("1 new input waits")


@pytest.mark.long
def test_a_file_of_inputs_is_uploaded_to_label(
    page: Page, studio: Studio, moods: str, tmp_path: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    """A table with odd columns asks, a text doesn't; what can't be is said beside the field, and chosen again."""
    open_bench(page, moods)
    page.get_by_role("tab", name="Add").click()
    field, problem = page.locator("#add-file"), page.locator("#bench-add form:last-of-type .error-line")
    (tmp_path / "task.json").write_text('{"Definition": ["x"], "Instances": []}')
    field.set_input_files(tmp_path / "task.json")
    expect(problem).to_contain_text("task")
    (tmp_path / "big.csv").write_bytes(b"a day,\n" * 8_000_000)
    field.set_input_files(tmp_path / "big.csv")
    expect(problem).to_contain_text("big.csv has 56 MB; at most 50 MB are taken")
    table = tmp_path / "days.csv"
    table.write_text(f"note,mood\nThe sun came out.,good\n{SEEN.replace(',', '')},\nThe bus was late.,\n")
    field.set_input_files(table)
    expect(page.locator("#paste-column")).to_have_value("note")
    page.locator("#paste-answers").select_option("mood")
    shot("label-file")
    check_inert(page)
    expect(problem).to_have_text("")
    page.locator("[data-act=paste-table]").click()
    expect(page.locator(".bench-added")).to_contain_text(re.compile(r"\b1\b.*\b2\b"))
    field.set_input_files(table)  # the same file once more: nothing twice
    page.locator("#paste-column").select_option("note")
    page.locator("#paste-answers").select_option("mood")
    page.locator("[data-act=paste-table]").click()
    expect(page.locator(".bench-added")).to_contain_text("were here already")
    (tmp_path / "lines.txt").write_text("It rained all day.\n")
    field.set_input_files(tmp_path / "lines.txt")
    expect(page.locator(".bench-added")).to_contain_text("1 new input waits")
    page.locator("[data-act=label-them]").click()
    expect(page.locator(".bench-progress")).to_contain_text("of 3")
    assert studio.load_task(moods).instances[-1].input == "The sun came out."
    assert console_errors == []


@pytest.mark.long
def test_writing_clashes_and_versions(
    open_page: Callable[..., Page], studio: Studio, moods: str, console_errors: list[str]
) -> None:
    page = open_page()
    open_bench(page, moods)
    page.get_by_role("tab", name="Write").click()
    page.locator("#write-definition").fill("Is it good or bad?")
    page.locator("[data-act=add-negative_examples]").click()
    page.locator("#write-negative_examples-1-input").fill("A day.")
    page.locator("#write-negative_examples-1-output").fill("maybe")
    page.locator("#write-negative_examples-1-explanation").fill("It must decide.")
    page.reload()
    await_ready(page, moods)
    page.get_by_role("tab", name="Write").click()
    expect(page.locator("#write-definition")).to_have_value("Is it good or bad?")
    expect(page.locator("#write-negative_examples-1-explanation")).to_have_value("It must decide.")
    studio.labels.edit(moods, [SetText(field="definition", text="Somebody's words.")], "Ben")
    page.locator("[data-act=save-texts]").click()
    clash = page.locator(".wrong")
    expect(clash).to_contain_text("Somebody's words.")
    expect(clash).to_contain_text("Is it good or bad?")
    clash.get_by_role("button", name="Replace it with mine").click()
    expect(page.locator("#bench-write")).to_contain_text("Version 3 is made")
    made = studio.load_task(moods)
    assert made.definition == "Is it good or bad?"
    assert made.negative_examples[-1].explanation == "It must decide."
    page.get_by_role("tab", name="Versions").click()
    expect(page.locator(".bench-versions li")).to_have_count(3)
    page.locator("[data-number='3']").get_by_role("button", name="What changed").click()
    expect(page.locator("[data-difference]")).to_contain_text("Somebody's words.")
    page.locator("[data-number='1'] [data-act=restore]").click()
    expect(page.locator(".bench-versions li")).to_have_count(4)
    assert studio.load_task(moods).definition == "Good or bad?"
    assert read_recipe(page)["task_version"] == studio.load_task(moods).version
    page.get_by_role("tab", name="Table").click()
    page.locator("#table-answer").select_option("bad")
    expect(page.locator(".bench")).to_have_attribute("data-rows", "20")
    for row in ("mood-1", "mood-3"):
        page.locator(f"[data-row={row}] [type=checkbox]").check()
    page.locator("#bulk-answer").fill("good")
    page.locator("[data-act=bulk]").click()
    expect(page.locator(".bench")).to_have_attribute("data-rows", "18")
    page.locator("[data-row=mood-5]").get_by_role("button", name="Change").click()
    page.locator("#edit-input").fill("Day five.")
    page.locator("[data-act=save-instance]").click()
    expect(page.locator("[data-row=mood-5]")).to_contain_text("Day five.")
    assert [studio.load_task(moods).instances[n].output[0] for n in (1, 3, 5)] == ["good", "good", "bad"]
    assert console_errors == []


@pytest.mark.long
def test_nobody_clashes_with_himself(page: Page, studio: Studio, moods: str) -> None:
    """Saves on and on, the form opened again before the studio has said how the task is now."""
    open_bench(page, moods)
    held: list[Route] = []
    page.route(
        "**/component_server/",
        lambda route: held.append(route) if "open_bench" in (route.request.post_data or "") else route.continue_(),
    )
    write, save = page.get_by_role("tab", name="Write"), page.locator("[data-act=save-texts]")
    definition, said = page.locator("#write-definition"), page.locator("#bench-write [role=status]")
    write.click()
    for number in (2, 3):
        definition.fill(f"Definition {number}.")
        save.dblclick()
        expect(said).to_contain_text(f"Version {number} is made")
        page.get_by_role("tab", name="Label", exact=True).click()
        write.click()
        expect(definition).to_have_value(f"Definition {number}.")
    expect(page.locator("#bench-write .wrong")).to_have_count(0)
    assert len(held) == 2
    for route in reversed(held):  # the older answer comes last, and is not believed
        with page.expect_response(lambda response, route=route: response.request == route.request):
            route.continue_()
    expect(page.locator(".bench-standing")).to_have_text("Version 3.")
    expect(definition).to_have_value("Definition 3.")
    assert [one.number for one in studio.labels.list_versions(moods)] == [3, 2, 1]


@pytest.mark.long
def test_a_run_suggests_in_the_background(page: Page, studio: Studio, moods: str, tiny_model: Path) -> None:
    recipe = {**write_recipe(tiny_model, steps=2, save_every=2, evaluate_every=0), "task_id": moods}
    run = studio.start_run(recipe)
    wait_until(lambda: studio.run_status(run).status == "finished", LONG / 1000)
    open_bench(page, moods)
    page.locator(f"#bench-helper option[value^='{run}']").first.wait_for(state="attached")
    page.locator("#bench-helper").select_option(index=1)
    expect(page.locator(".bench-suggestion")).to_contain_text("tuned")
    page.locator(".bench-input").focus()
    press(page, "1", 1)  # it needn't wait for the model
    expect(page.locator(".bench-suggestion")).not_to_contain_text("thinking", timeout=LONG)


@pytest.mark.long
@pytest.mark.soon(1)
@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390)], ids=["light", "dark", "phone"])
def test_every_tab_is_accessible_and_fits(
    open_page: Callable[..., Page], studio: Studio, moods: str, dark: bool, width: int
) -> None:
    for by, said in (("me", "good"), ("Anna", "bad")):
        studio.labels.add_label(moods, Label(by=by, id="mood-0", output=said, at=1.0))
    studio.labels.edit(moods, [SetText(field="definition", text="Good or bad, in a word?")], "Anna")
    studio.labels.paste(moods, "It waits.\nIt waits too.")
    page = open_page(dark=dark, width=width)
    open_bench(page, moods)
    page.locator("#bench-together summary").click()
    page.add_script_tag(path=AXE)
    for tab in ("Add", "Write", "Table", "Versions", "Label"):
        page.get_by_role("tab", name=tab).click()
        if tab == "Versions":
            page.get_by_role("button", name="What changed").click()
        if tab == "Table":
            page.locator("[data-row=mood-1] [type=checkbox]").check()
            page.get_by_role("button", name="Change number 4", exact=True).click()
        found = page.evaluate(
            f"async () => (await axe.run(document, {RULES})).violations"
            ".map(v => [v.id, v.nodes.length, v.nodes[0].target.join(' ')])"
        )
        assert found == [], tab
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, tab


def test_hostile_text_is_inert(page: Page, studio: Studio, tmp_path: Path, console_errors: list[str]) -> None:
    task = import_task(studio.workspace, "evil_bench", **write_evil_task())
    studio.labels.paste(task, f"{SEEN}\nother")
    open_bench(page, task)
    expect(page.locator(".bench-input")).to_contain_text(SEEN)
    for tab, words in (("Write", "Definition"), ("Table", "onerror"), ("Versions", "Version 1"), ("Label", "script")):
        page.get_by_role("tab", name=tab).click()
        expect(page.locator(".bench")).to_contain_text(words)
        check_inert(page)
    page.locator("#step-label [data-act=other]").click()
    page.locator("#bench-text").fill(SEEN)
    page.locator("#bench-text").press("Enter")
    expect(page.locator(".bench")).to_have_attribute("data-done", "1")
    page.locator("#bench-person").fill(SEEN)
    page.locator("#bench-person").press("Enter")
    await_ready(page, task)
    page.locator("#bench-together summary").click()
    check_inert(page)
    assert console_errors == []
