"""The tasks of three kinds of users, walked as they would: a first look, a file of one's own, three runs, breaking it.

Each is a whole journey on the built-in base, so all are among the longest tests; what they are made of is tried in the
others. Pictures of each end are kept where STUDIO_SHOTS names a folder.
"""

import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drafts import go, read_draft, read_recipe, set_draft, view
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG, address, chart
from test_looks import AXE, RULES

pytestmark = pytest.mark.long
SHAPES = {"desktop": (1280, 800), "projector": (1024, 768), "phone": (390, 844)}
LABELS = {
    "Rechnung": "Der Betrag auf der Rechnung stimmt nicht, ich habe schon bezahlt, Nummer {}.",
    "Lieferung": "Mein Paket ist noch nicht angekommen, wo bleibt die Lieferung von Montag, dem {}.?",
    "Technik": "Das Gerät lässt sich nicht einschalten, der Bildschirm bleibt dunkel, Fehler {}.",
    "Lob": "Vielen Dank, der Service war großartig und sehr freundlich, {} Punkte von mir.",
}
WRONG, BLANK, TWICE = 12, 12, 25


def write_messages(path: Path, rows: int = 200) -> Path:
    """Messages of customers as they come out of an old program: semicolons, Windows-1252, rows to be wondered about."""
    dice = random.Random(3)
    names = list(LABELS)
    lines = []
    for number in range(rows):
        label = names[number % len(names)]
        given = dice.choice([name for name in names if name != label]) if number < WRONG else label
        text = LABELS[label].format(number)
        lines.append(f"{number};2026-03-{number % 28 + 1:02};{text};{given if number < rows - BLANK else ''};A{number}")
    path.write_text("\n".join(["id;datum;nachricht;kategorie;kunde", *lines, *lines[WRONG : WRONG + TWICE]]), "cp1252")
    return path


def take_all(page: Page, shot: Callable[..., None], name: str) -> None:
    """Keep pictures of what is shown, of each shape, light and dark; nothing sticks out, axe finds nothing."""
    page.add_script_tag(path=AXE)
    wrong = f"async () => (await axe.run(document, {RULES})).violations.map((it) => [it.id, it.nodes[0].html])"
    for shape, (width, height) in SHAPES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            shot(f"{name}-{shape}-{scheme}", page, full_page=True)
            assert shape != "desktop" or page.evaluate(wrong) == [], f"{name} {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, shape
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 800})


def train(page: Page) -> Locator:
    """Start what is chosen, and wait until it ended well."""
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    start.click()
    expect(chart(page)).to_have_attribute("data-status", "finished", timeout=300_000)
    return page.locator(".desk [data-act=talk]")


def test_1_a_first_visit_sees_a_right_answer_after_one_click(
    launch_app: Callable[..., Any], open_page: Callable[..., Page], shot: Callable[..., None], console_errors: list[str]
) -> None:
    page = open_page(launch_app().url)  # nobody has trained there yet
    began = time.monotonic()
    page.locator(".welcome [data-act=start]").click(timeout=LONG)
    expect(page.locator(".samples .sample-row.tuned .tick").first).to_be_visible(timeout=LONG)
    print(f"From the click to a right answer: {time.monotonic() - began:.0f} s (aim: 60).")
    expect(chart(page)).to_have_attribute("data-status", "finished", timeout=LONG)
    page.locator("[data-show=ghosts]").click()
    expect(page.locator(".live-chart .legend")).to_contain_text("recorded at", timeout=LONG)
    take_all(page, shot, "walk-1-train")
    page.locator(".desk [data-act=talk]").click()
    page.locator(".ask[data-state=ready] [data-act=ask]").click()
    expect(page.locator(".pair")).to_have_attribute("data-state", re.compile("done|halted"), timeout=LONG)
    take_all(page, shot, "walk-1-compare")
    assert console_errors == []


def test_2_a_file_of_ones_own_is_checked_relabelled_trained_and_taken_away(
    page: Page, tmp_path: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    page.goto(address("data"))
    page.locator("#task-file input[type=file]").set_input_files(
        write_messages(tmp_path / "nachrichten.csv"), timeout=LONG
    )
    form = page.locator(".columns-form")
    expect(form.get_by_label("nachricht")).to_have_value("input", timeout=LONG)
    expect(form.get_by_label("kategorie")).to_have_value("output")
    expect(form.locator("[name=definition]")).to_have_value(re.compile("Rechnung"))
    form.locator("[type=submit]").click()
    page.locator("[data-leave-out]").click(timeout=LONG)
    expect(page.locator("#task-unanswered")).to_contain_text(str(BLANK), timeout=LONG)
    expect(page.locator("#task-report .notice")).to_be_in_viewport()
    view(page, "check")
    expect(page.locator(".quality")).to_have_attribute("data-state", "done", timeout=LONG)
    page.locator("#doubts summary").click()
    doubts = page.locator(".doubt-list li")
    expect(doubts.first).to_be_visible(timeout=LONG)
    found = [re.search(r"\d+", text) for text in doubts.locator(".doubt-text").all_inner_texts()]
    numbers = {int(one[0]) for one in found if one}
    assert len(numbers & set(range(WRONG))) >= WRONG * 3 // 4, "most of the wrong labels are found"
    take_all(page, shot, "walk-2-check")
    before = read_recipe(page).get("task_version")
    doubts.first.locator("[data-relabel]").click()
    expect(doubts.first.locator("[data-relabel]")).to_have_count(0, timeout=LONG)
    set_draft(page, {"recipe": {"training": {"max_steps": 60}}})
    go(page, "train")
    train(page).click()
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    page.locator(".ask [data-act=ten]").click()
    expect(page.locator("#ten [data-state=done]")).to_be_visible(timeout=LONG)
    page.locator("#take-away > summary").click()
    with page.expect_download(timeout=LONG) as fetched:
        page.locator("#take-away [data-form=adapter]").click(timeout=LONG)
    assert fetched.value.suggested_filename.endswith(".zip")
    take_all(page, shot, "walk-2-compare")
    assert read_recipe(page).get("task_version") == before, "the newest version is what is trained on"
    assert console_errors == []


def test_3_three_runs_share_a_chart_and_answer_the_same_ten(
    page: Page, shot: Callable[..., None], console_errors: list[str]
) -> None:
    training = {"max_steps": 12, "measures_itself": False, "sample_every": 0}
    page.goto(address("method", recipe={"task_id": "studio006_opposite", "training": training}))
    page.locator("[data-picture=change]").click(timeout=LONG)
    kept = page.locator(".change-kept")
    expect(kept).to_contain_text("keeps", timeout=LONG)
    page.locator("#change-rank").fill("1")
    little = kept.inner_text()
    page.locator("#change-rank").fill("32")
    assert kept.inner_text() != little
    expect(page.locator("#recipe-bar .recipe")).to_contain_text("parameters", timeout=LONG)
    expect(page.locator("#preset-label")).to_be_visible(timeout=LONG)
    take_all(page, shot, "walk-3-method")
    page.locator("[data-try]").first.click()
    table = page.locator(".run-table")
    expect(table).to_have_attribute("data-ticked", "3", timeout=LONG)
    expect(table.locator("tr:has(input:checked) .pill.finished")).to_have_count(3, timeout=300_000)
    expect(table.locator(".legend li")).to_have_count(3)
    for rank in ("1", "8", "64"):
        expect(table.locator(".legend")).to_contain_text(f"rank {rank}")
    table.locator("[data-act=ten]").click()
    ten = page.locator("#runs-ten [data-state=done]")
    expect(ten).to_be_visible(timeout=LONG)
    expect(ten.locator("th")).to_have_count(2 + 1 + 3)
    take_all(page, shot, "walk-3-runs")
    assert console_errors == []


def test_4_clicks_in_the_wrong_moment_lead_where_one_wanted(page: Page, console_errors: list[str]) -> None:
    page.goto("/", wait_until="commit")
    page.locator(".stepper [data-go=data]").click(timeout=LONG)
    expect(page.locator("#recipe-bar .recipe")).to_contain_text("parameters", timeout=LONG)
    expect(page.locator("body")).to_have_attribute("data-step", "data")
    page.go_back()
    expect(page.locator("body")).to_have_attribute("data-step", "model")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-step", "model")
    page.goto(address("compare"))
    expect(page.locator(".ask")).to_have_attribute("data-state", "empty", timeout=LONG)
    page.goto(f"/?step=nowhere&recipe={json.dumps({'task_id': 'gone'})}")
    expect(page.locator("#link-notice li")).to_have_count(2, timeout=LONG)
    assert console_errors == []


def test_5_the_whole_way_to_training_by_keyboard(page: Page, console_errors: list[str]) -> None:
    page.goto("/?step=model")
    for step in ("data", "method", "train"):
        expect(page.locator("#recipe-bar .recipe")).to_contain_text("parameters", timeout=LONG)
        page.evaluate("document.activeElement?.blur(); document.querySelector('.skip').focus()")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(page.locator("body")).to_have_attribute("data-step", step)
    assert read_draft(page)["step"] == "train"
    assert console_errors == []


def test_6_nothing_of_the_page_says_what_was_said_wrong(page: Page) -> None:
    """Words that misled, or were nobody's English: none of them stands on any step."""
    wrong: Any = re.compile(
        r"held.out|forgets everything|four times larger|about a minute|none so far|by chance|what it learnt\?|"
        r"its turn now|a laptop trains|is told by its content|how often each answer stands",
        re.IGNORECASE,
    )
    page.goto("/?step=model")
    expect(page.locator("#recipe-bar .recipe")).to_contain_text("parameters", timeout=LONG)
    for step in ("model", "data", "method", "train", "compare", "runs", "label"):
        go(page, step)
        expect(page.locator(f"#step-{step} h1").first).to_be_visible(timeout=LONG)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert wrong.search(page.locator("body").inner_text()) is None, step
