"""A few examples typed by hand become a classifier, a text file becomes something to ask about, on the page alone."""

from pathlib import Path
from typing import Any

import pytest
from drafts import go, read_recipe, set_draft
from playwright.sync_api import Page, expect
from test_journey_data import drop
from test_journey_train import LONG, address, chart, open_studio, write_recipe
from tiny import wait_until

ROOMS = "kitchen garden office hall school garage museum station".split()
QUICK = {"batch_size": 8, "sample_every": 0}


def train(page: Page) -> None:
    """Start what is chosen and wait for its end."""
    go(page, "train")
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    earlier = chart(page).get_attribute("data-run") or "none"
    start.click()
    expect(chart(page)).not_to_have_attribute("data-run", earlier, timeout=LONG)
    expect(chart(page)).to_have_attribute("data-status", "finished", timeout=3 * LONG)


def ask(page: Page, prompt: str) -> str:
    """Ask what was trained, and return its answer."""
    go(page, "compare")
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    page.locator("#ask-prompt").fill(prompt)
    page.locator(".ask [data-act=ask]").click()
    expect(page.locator(".pair")).to_have_attribute("data-state", "done", timeout=LONG)
    return page.locator(".answer.tuned .answer-text").inner_text().strip()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_eight_of_each_class_are_typed_and_told_apart(page: Page, app: Any, console_errors: list[str]) -> None:
    training = {**QUICK, "max_steps": 30, "evaluate_every": 15}
    page.goto(address("data", recipe={"model": "encoder", "objective": {"name": "setfit"}, "training": training}))
    page.locator("#by-hand summary").click()
    page.locator("#hand-title").fill("Moods")
    page.locator("#hand-definition").fill("Is the writer happy? Answer with happy or sad.")
    said = [(f"The {room} was wonderful and I loved it.", "happy") for room in ROOMS]
    said += [(f"The {room} was terrible and I hated it.", "sad") for room in ROOMS]
    for place, (given, answer) in enumerate(said, start=1):
        page.get_by_label(f"Input {place}", exact=True).fill(given)
        page.get_by_label(f"Answer {place}", exact=True).fill(answer)
    page.locator("#by-hand [type=submit]").click()
    expect(page.locator("#task-view h2")).to_have_text("Moods", timeout=LONG)
    go(page, "method")
    expect(page.locator("#aims").get_by_role("radio", name="Few labels")).to_be_checked(timeout=LONG)
    expect(page.get_by_role("button", name="+ Try draws")).to_be_visible()
    train(page)
    assert ask(page, "The bridge was wonderful and I loved it.") == "happy"
    assert ask(page, "The bridge was terrible and I hated it.") == "sad"
    expect(page.locator(".spots")).to_have_count(2, timeout=LONG)
    assert open_studio(app).load_task(read_recipe(page)["task_id"]).labels == ("happy", "sad")
    assert console_errors == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_text_file_is_read_on_and_asked_about(page: Page, tmp_path: Path, console_errors: list[str]) -> None:
    laws = tmp_path / "laws.txt"
    laws.write_text("\n\n".join(f"In {room} whoever sings owes the warden two silver spoons." for room in ROOMS * 6))
    training = {**QUICK, "max_steps": 40, "evaluate_every": 40, "measures_itself": False}
    page.goto(address("data", recipe={"model": "builtin", "training": training}))
    drop(page, laws)
    expect(page.locator("#task-report .notice")).to_be_visible(timeout=LONG)
    go(page, "method")
    page.locator("#aims").get_by_role("radio", name="Continued pre-training").click(timeout=LONG)
    train(page)
    assert "two silver spoons" in ask(page, "In the kitchen whoever sings owes the warden")
    assert "spoons" not in page.locator(".answer.base .answer-text").inner_text()
    assert console_errors == []


VOTES = 6


def vote(page: Page, times: int) -> None:
    """Ask so many prompts, not knowing who is who, and prefer the first answer in turn with the second."""
    page.locator("#ask-blind").check()
    for place in range(times):
        page.locator(".ask [data-act=ask]").click()
        expect(page.locator(".pair")).to_have_attribute("data-state", "done", timeout=LONG)
        expect(page.locator(".answer h2")).to_have_text(["Model A", "Model B"])
        page.keyboard.press("AB"[place % 2])
        expect(page.locator(".pair")).to_have_attribute("data-votes", str(place + 1))
        page.locator("[aria-label='Next prompt']").click()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_votes_become_pairs_that_are_learnt_from_and_voted_on_again(
    page: Page, app: Any, tiny_model: Path, console_errors: list[str]
) -> None:
    studio = open_studio(app)
    tuned = studio.start_run(write_recipe(tiny_model, steps=4, save_every=4, evaluate_every=4))
    wait_until(lambda: studio.run_status(tuned).status == "finished", seconds=LONG / 1000)
    page.goto(address("compare", tuned))
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    vote(page, VOTES)
    page.locator("[data-keep=preferences]").click()
    expect(page.locator(".keeping [role=status]")).to_contain_text(f"{VOTES} examples", timeout=LONG)
    page.get_by_role("button", name="Train on it").click()
    set_draft(page, {"recipe": {"model": f"run:{tuned}", "training": {"max_steps": 4, "batch_size": 2}}})
    go(page, "method")
    page.locator("#aims").get_by_role("radio", name="Preferences (DPO)").click(timeout=LONG)
    train(page)
    assert read_recipe(page)["objective"]["name"] == "dpo"
    run = str(chart(page).get_attribute("data-run"))
    go(page, "compare")
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    vote(page, 1)
    assert open_studio(app).count_votes(run).base + open_studio(app).count_votes(run).tuned == 1
    assert console_errors == []
