"""From a table with odd columns to tokens: the form asks, the report finds, the fix repairs, the view shows tokens.

Also what a class would upload: an archive of many tasks, hostile cells, one cell of a megabyte.
"""

import csv
import json
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drafts import read_recipe, view
from playwright.sync_api import Page, expect
from test_hostile import EVIL, SEEN, check_inert
from test_journey_train import LONG, address, open_studio
from test_looks import AXE, RULES
from tiny import write_task

WORDS = "river stone cloud apple green little happy window summer garden yellow music winter paper flower".split()


def write_reviews(path: Path, count: int = 120) -> Path:
    """A table as people have them: a column nobody needs, blanks at the ends, three rows that occur twice."""
    dice = random.Random(7)
    rows = [[f"u{n}", f" {' '.join(dice.choices(WORDS, k=12))} ", "good" if n % 2 else "bad"] for n in range(count)]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["wer", "was", "wie"])
        writer.writerows([*rows, *rows[:3]])
    return path


def drop(page: Page, path: Path) -> None:
    page.locator("#task-file input[type=file]").set_input_files(path, timeout=LONG)


def axe(page: Page) -> object:
    page.add_script_tag(path=AXE)
    return page.evaluate(
        f"async () => (await axe.run(document, {RULES})).violations"
        ".map(v => [v.id, v.nodes.map(n => n.target.join(' '))])"
    )


@pytest.mark.long
def test_from_odd_columns_to_tokens(
    page: Page, tmp_path: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    page.goto(address("data"))
    drop(page, write_reviews(tmp_path / "reviews.csv"))
    form = page.locator(".columns-form")
    expect(form.locator("h2")).to_contain_text("reviews.csv", timeout=LONG)
    expect(form.locator(".column-row")).to_have_count(3)

    # a choice that can't be is said beside its field
    form.get_by_label("wer").select_option("messages")
    form.get_by_label("was").select_option("messages")
    form.get_by_label("wie").select_option("")
    form.get_by_role("button", name="Import 123 rows").click()
    expect(form.locator(".column-row").nth(1).locator(".error-line")).to_contain_text("takes one column")
    expect(form.get_by_label("was")).to_have_attribute("aria-invalid", "true")
    for column, role in (("wer", ""), ("was", "input"), ("wie", "output")):
        form.get_by_label(column).select_option(role)
    form.locator("[name=definition]").fill("Say whether it is good or bad.")
    shot("data-columns")
    assert axe(page) == []
    form.get_by_role("button", name="Import 123 rows").click()
    expect(page.locator("#task-report .notice")).to_contain_text("123 examples", timeout=LONG)
    expect(page.locator("#task-view h2")).to_have_text("Reviews", timeout=LONG)
    assert read_recipe(page)["task_id"] == "reviews"
    expect(page.locator("#task-report .notice")).to_be_focused()
    expect(page.locator("#task-report .notice")).to_be_in_viewport()

    # the report finds the twins, shows them in the table, and fixes them on a click
    view(page, "check")
    report = page.locator(".quality")
    expect(report).to_have_attribute("data-state", "done", timeout=LONG)
    twins = report.locator("[data-finding=duplicates]")
    expect(twins).to_be_visible()
    expect(report).to_contain_text("50")
    expect(report.locator(".label-bars li")).to_have_count(2)
    twins.get_by_role("button", name="Show these 3").click()
    expect(page.locator("#task-rows tbody tr")).to_have_count(3, timeout=LONG)
    expect(page.locator("#task-rows .only")).to_be_visible()
    view(page, "check")
    twins.locator("[data-preview]").click()
    expect(twins.locator(".diff li")).to_have_count(3, timeout=LONG)
    expect(twins.locator(".changes .hint").first).to_contain_text("leave out 3")
    shot("data-report", full_page=True)
    assert axe(page) == []
    twins.locator("[data-apply]").click()
    expect(report.locator(".done-line")).to_contain_text("120 examples", timeout=LONG)
    expect(report.locator("[data-finding=duplicates]")).to_have_count(0)
    expect(page.locator("#task-rows .about")).to_have_text("1 to 50 of 120", timeout=LONG)
    expect(page.locator("#task-cards [aria-checked=true]")).to_contain_text("120 examples")

    # what the model sees of a row, and with other examples in the prompt
    view(page, "look")
    page.locator("#task-rows [data-see='4']").click()
    sight = page.locator(".sight")
    expect(sight).to_have_attribute("data-place", "4", timeout=LONG)
    expect(sight).to_have_attribute("data-state", "done")
    expect(sight.locator(".run.learnt")).to_have_text(re.compile(r"^\s*bad"))
    expect(sight.locator(".run.read")).to_contain_text("Say whether it is good or bad.")
    total = int(sight.get_attribute("data-total") or 0)
    assert total == sight.locator(".token").count()
    sight.get_by_role("button", name="Tk-Instruct").click()
    expect(sight.locator(".run.read")).to_contain_text("Now complete the following example", timeout=LONG)
    assert read_recipe(page)["objective"].get("template", "plain") == "plain", "only looked at"
    shot("data-tokens")
    assert axe(page) == []
    sight.get_by_role("button", name="with this prompt").click()
    assert read_recipe(page)["objective"]["template"] == "tk_instruct"

    # the next file with the same columns is read the same way, and can be read otherwise
    view(page, "choose")
    drop(page, write_reviews(tmp_path / "second.csv", 60))
    expect(page.locator("#task-warnings")).to_contain_text("as you chose", timeout=LONG)
    page.get_by_role("button", name="Change the column mapping").click()
    expect(page.locator(".columns-form select").nth(1)).to_have_value("input", timeout=LONG)
    assert console_errors == []


@pytest.mark.long
def test_an_archive_is_searched_and_a_task_taken_out(
    page: Page, tmp_path: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for number in range(45):
            archive.writestr(f"task{number:03}_sums.json", json.dumps(write_task(20 + number)))
        archive.writestr("broken.json", "{")
    page.goto(address("data"))
    drop(page, tmp_path / "class.zip")
    expect(page.locator("#task-report .notice")).to_contain_text("45 tasks", timeout=LONG)
    shelf = page.locator(".shelf")
    expect(shelf.locator(".shelf-list > li")).to_have_count(10, timeout=LONG)
    shelf.get_by_role("button", name="Next 10").click()
    expect(shelf).to_contain_text("11 to 20 of 45")
    shelf.locator("input[type=search]").fill("task033")
    expect(shelf.locator(".shelf-list > li")).to_have_count(1)
    shelf.get_by_role("button", name="Look inside").click()
    expect(shelf.locator(".peek .sample")).to_have_count(3)
    expect(shelf.locator("details summary")).to_contain_text("1 file")
    shot("data-collection")
    assert axe(page) == []
    shelf.locator("[data-take]").click()
    expect(page.locator("#task-view")).to_contain_text("53 examples", timeout=LONG)

    # deleted after a question; what was taken out stays
    page.get_by_role("button", name="Delete this collection").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete this collection")).to_be_focused()
    page.keyboard.press("Enter")
    expect(shelf.locator(".sure")).to_contain_text("tasks you took")
    assert axe(page) == []
    shelf.get_by_role("button", name="Delete", exact=True).click()
    expect(shelf).to_be_hidden()
    expect(page.locator("#task-report .notice")).to_have_count(0)
    expect(page.locator("#task-view")).to_contain_text("53 examples")
    assert page.evaluate("document.activeElement.closest('#task-file') !== null")
    assert read_recipe(page)["task_id"] == "task033_sums"
    assert console_errors == []


def test_a_collection_that_was_deleted_elsewhere(
    open_page: Callable[..., Page], app: Any, tmp_path: Path, console_errors: list[str]
) -> None:
    studio = open_studio(app)
    for name in ("autumn", "spring", "summer"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for number in range(12):
                archive.writestr(f"task{number:03}_{name}.json", json.dumps(write_task(20)))
        studio.data.upload(tmp_path / f"{name}.zip", f"{name}.zip")
    page = open_page()
    page.goto(address("data"))
    shelf = page.locator(".shelf")
    first, problem = shelf.locator(".shelf-list > li").first, shelf.locator("[role=alert]")
    shelf.locator("summary").first.click(timeout=LONG)
    shelf.get_by_role("button", name="summer").click()
    expect(first).to_contain_text("_summer")
    studio.data.delete_collection("summer")
    shelf.get_by_role("button", name="Next 10").click()
    expect(problem).to_contain_text("'summer'")
    expect(first).to_contain_text("_autumn")
    expect(shelf.get_by_role("button", name="summer")).to_have_count(0)
    studio.data.delete_collection("spring")
    shelf.get_by_role("button", name="spring").click()
    expect(problem).to_contain_text("'spring'")
    expect(first).to_contain_text("_autumn")
    studio.data.delete_collection("autumn")
    shelf.get_by_role("button", name="Delete this collection").click()
    shelf.get_by_role("button", name="Delete", exact=True).click()
    expect(shelf).to_be_hidden()
    assert console_errors == []


@pytest.mark.long
def test_hostile_columns_cells_and_members_are_text(page: Page, tmp_path: Path, console_errors: list[str]) -> None:
    rows = [
        {
            f"a {EVIL}": f"{n} {EVIL}",
            f"b {EVIL}": "=HYPERLINK(\"javascript:window.pwned='cell'\")",
            "c": "x" * 1_000_000 * (n == 3),
        }
        for n in range(12)
    ]
    (tmp_path / "evil.json").write_text(json.dumps([*rows, rows[0]]))
    page.goto(address("data"))
    drop(page, tmp_path / "evil.json")
    form = page.locator(".columns-form")
    expect(form.locator("label").first).to_contain_text("<script>", timeout=LONG)
    check_inert(page)
    for place, role in enumerate(("input", "output", "")):
        form.locator("select").nth(place).select_option(role)
    form.get_by_role("button", name="Import 13 rows").click()
    choice = page.locator("#rows-choice")
    expect(choice).to_contain_text("the text has 1,000,000 characters", timeout=LONG)
    check_inert(page)
    choice.locator("[data-leave-out]").click()
    expect(page.locator("#task-report .notice")).to_contain_text("12 examples", timeout=LONG)
    expect(page.locator(".quality")).to_have_attribute("data-state", "done", timeout=LONG)
    view(page, "check")
    for button in page.locator(".quality [data-preview]").all():
        if button.is_visible():
            button.click()
    expect(page.locator(".quality .changes:not([hidden])").first).to_contain_text("<script>", timeout=LONG)
    view(page, "look")
    page.locator("#task-rows [data-see='2']").click()
    sight = page.locator(".sight .tokens")
    expect(page.locator(".sight")).to_have_attribute("data-place", "2", timeout=LONG)
    expect(sight).to_contain_text("⟨202E⟩")
    assert SEEN in sight.inner_text().replace("⏎", "")
    check_inert(page)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for number in range(2):
            archive.writestr(
                f"<img src=x onerror=window.pwned={number}>.json", json.dumps(write_task(9, Definition=[EVIL]))
            )
        archive.writestr(f"{SEEN}.json", json.dumps({EVIL: EVIL}))
    view(page, "choose")
    drop(page, tmp_path / "evil.zip")
    expect(page.locator(".shelf details summary")).to_be_visible(timeout=LONG)
    page.locator(".shelf details summary").click()
    expect(page.locator(".shelf .plainlist")).to_contain_text("window.pwned")
    check_inert(page)
    assert console_errors == []


@pytest.mark.parametrize("width", [390, 1024], ids=["phone", "projector"])
def test_nothing_sticks_out_of_the_forms(
    open_page: Callable[..., Page], app_url: str, tmp_path: Path, width: int
) -> None:
    page = open_page(f"{app_url}/?step=data", width=width, height=844)
    with open(tmp_path / "wide.csv", "w", newline="") as file:
        csv.writer(file).writerows([[f"{'long' * 12}{n}" for n in range(30)], *[["word" * 60] * 30] * 9])
    drop(page, tmp_path / "wide.csv")
    expect(page.locator(".columns-form .column-row")).to_have_count(30, timeout=LONG)
    expect(page.locator(".quality")).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".sight")).to_have_attribute("data-state", "done", timeout=LONG)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.long
def test_other_tasks_are_learnt_with_it_and_a_task_is_taken_along(
    page: Page, tmp_path: Path, console_errors: list[str]
) -> None:
    page.goto(address("data"))
    mixing = page.locator("#mixing")
    expect(mixing).to_contain_text("none", timeout=LONG)
    mixing.locator("summary").click()
    share = mixing.get_by_role("group", name="How often Yesterday comes").get_by_role("button", name="half as often")
    share.press("Enter")
    expect(mixing).to_contain_text("67 % of the examples", timeout=LONG)
    expect(share).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#recipe-bar")).to_contain_text("Make it a question and 1 more (1,200 examples)", timeout=LONG)
    page.reload()
    expect(mixing).to_contain_text("67 % of the examples", timeout=LONG)
    assert axe(page) == []

    view(page, "look")
    page.locator(".format").select_option("csv", timeout=LONG)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Download").click()
    waited.value.save_as(tmp_path / "taken.csv")
    with open(tmp_path / "taken.csv", newline="") as file:
        assert len(list(csv.reader(file))) == 1001

    view(page, "choose")
    page.locator("#task-cards").get_by_role("radio", name=re.compile("Yesterday")).click()
    expect(mixing).to_contain_text("none", timeout=LONG)
    assert console_errors == []


def test_a_studio_that_is_away_is_told_where_it_was_asked_and_asked_again(page: Page) -> None:
    page.goto(address("data"))
    view(page, "look")
    rows, sight = page.locator("#task-rows"), page.locator("#task-sight .sight")
    expect(rows.locator("tbody tr")).to_have_count(50, timeout=LONG)
    expect(sight).to_have_attribute("data-state", "done", timeout=LONG)
    rows.locator("[data-see]").first.press("ArrowDown")  # the table is one stop of the keyboard
    expect(rows.locator("[data-see='1']")).to_be_focused()
    expect(rows.locator("[data-see][tabindex='0']")).to_have_count(1)
    page.context.set_offline(True)
    rows.get_by_role("button", name="Download").click()
    expect(rows.locator("p.error-line")).to_contain_text("did not answer")
    see = rows.locator("[data-see='3']")
    see.click()
    expect(sight).to_have_attribute("data-state", "error")
    expect(sight.locator(".error-line")).to_contain_text("did not answer")
    rows.get_by_role("button", name="Next 50").click()
    expect(rows.locator("tbody .error-line")).to_contain_text("did not answer")
    page.context.set_offline(False)
    rows.get_by_role("button", name="Next 50").click()
    expect(rows.locator("tbody tr")).to_have_count(50)
    with page.expect_download():
        rows.get_by_role("button", name="Download").click()
    expect(rows.locator("p.error-line")).to_be_empty()
    rows.locator("[data-see]").first.click()
    expect(sight).to_have_attribute("data-state", "done", timeout=LONG)


@pytest.mark.long
def test_an_old_encoding_is_chosen_by_the_look_of_a_line(
    page: Page, open_page: Callable[..., Page], tmp_path: Path, shot: Callable[..., None], console_errors: list[str]
) -> None:
    path = tmp_path / "naiv.csv"
    path.write_bytes("question,answer\nWas ist naïv?,nicht klug\nWer?,er\n".encode("cp1252"))
    page.goto(address("data"))
    drop(page, path)
    ways = page.locator("#reading-choice .way")
    expect(ways).to_have_count(3, timeout=LONG)
    page.locator("#reading-choice").scroll_into_view_if_needed()
    shot("data-encoding")
    assert axe(page) == []
    ways.filter(has_text="naïv").click()
    report = page.locator("#task-report .notice")
    expect(report).to_contain_text("2 examples", timeout=LONG)
    report.locator("summary", has_text="Encoding: Windows-1252").click()
    expect(report.locator("[data-reading] .way[aria-pressed=true]")).to_contain_text("naïv")
    shot("data-encoding-chosen")
    report.locator("[data-read-other]").select_option("mac_roman")
    expect(report).not_to_contain_text("Encoding: Windows-1252", timeout=LONG)

    phone = open_page(width=390, height=844)
    phone.goto(address("data"))
    drop(phone, path)
    expect(phone.locator("#reading-choice .way")).to_have_count(3, timeout=LONG)
    assert phone.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    phone.locator("#reading-choice").scroll_into_view_if_needed()
    shot("data-encoding-phone", phone)
    assert console_errors == []
