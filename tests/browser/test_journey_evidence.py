"""Did it help? From the base's own numbers to a task made of votes, as a person would go, with the built-in base."""

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from typing import Any

import pytest
from drafts import read_recipe
from playwright.sync_api import Page, expect
from test_journey_train import LONG, address, open_studio

STEPS = {"max_steps": 300, "save_every": 100, "sample_every": 100, "evaluate_every": 100, "measures_itself": True}
RECIPE = {"model": "builtin", "task_id": "studio004_story", "training": STEPS}
VOTES = 10
LETTERS = "ABC"


def rank(said: list[str], wanted: str) -> list[str]:
    """The letters of answers, of the one that is most like what was wanted first, as a person would rank them."""
    return sorted(LETTERS, key=lambda letter: -SequenceMatcher(a=said[LETTERS.index(letter)], b=wanted).ratio())


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_run_measures_itself_is_talked_to_and_its_votes_are_a_task(
    page: Page, open_page: Callable[..., Page], app: Any, console_errors: list[str], shot: Callable[..., None]
) -> None:
    page.goto(address("train", recipe=RECIPE))
    start, chart = page.locator("#plan [data-act=start]"), page.locator(".live-chart")
    expect(start).to_be_enabled(timeout=LONG)
    start.click()
    own = chart.locator(".chart-own p")
    expect(own.filter(has_text=re.compile(r"base.*\d+ %"))).to_be_visible(timeout=LONG)  # before it has learnt anything
    expect(chart).to_have_attribute("data-status", "finished", timeout=600_000)
    expect(own.filter(has_text="On test")).to_contain_text(re.compile("chance|difference"), timeout=LONG)  # unasked
    expect(own.filter(has_text="nats a token")).to_be_visible()
    slider = page.locator("#scrub")
    slider.fill("0")
    expect(page.locator(".samples")).to_have_attribute("data-step", "0")
    slider.fill("200")
    expect(page.locator(".samples")).to_have_attribute("data-step", "200")
    shot("evidence-scrub", page, full_page=True)

    run = str(chart.get_attribute("data-run"))
    page.locator(".desk [data-act=talk]").click()
    page.locator(".board").get_by_role("button", name="Measure them").click()
    expect(page.locator(".board")).to_contain_text(re.compile("Measuring|Exact match"), timeout=LONG)
    page.close()  # in mid-score: the work goes on, and nothing that was measured is lost

    page = open_page()
    page.goto(address("compare", run=run))
    form, pair, answers = page.locator(".ask"), page.locator(".pair"), page.locator("#answers")
    expect(form).to_have_attribute("data-state", "ready", timeout=LONG)
    board = page.locator(".board")
    expect(board).to_contain_text("Exact match", timeout=LONG)
    expect(board).to_contain_text(re.compile(r"Better on \d+ of 100, worse on \d+: hardly chance"))
    expect(board.locator("summary", has_text=re.compile(r"Better: \d+"))).to_be_visible()
    shot("evidence-board", page, full_page=True)

    page.locator("#ask-add").select_option(value=f"run:{run}@100")
    page.locator(".ask [data-act=ask]").click()
    expect(pair).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".answer")).to_have_count(3)
    page.locator("#ask-blind").check()
    wanted = [one.output[0] for one in open_studio(app).test_set(run)]
    for vote in range(1, VOTES + 1):
        page.locator("[aria-label='Next prompt']").click()
        expect(form).to_have_attribute("data-index", str(vote))
        page.locator(".ask [data-act=ask]").click()
        expect(pair).to_have_attribute("data-state", "done", timeout=LONG)
        expect(answers.locator(".answer h2")).to_have_text([f"Model {letter}" for letter in LETTERS])
        said = [text.strip() for text in answers.locator(".answer-text").all_inner_texts()]
        shot("evidence-blind", page) if vote == 1 else None
        for letter in rank(said, wanted[vote])[:-1]:  # the last is left
            page.keyboard.press(letter)
        expect(pair).to_have_attribute("data-blind", "false")  # now it is told who was who
        expect(pair).to_have_attribute("data-votes", str(vote))
    expect(page.locator(".answer-tally")).to_contain_text("People prefer tuned")
    expect(page.locator(".answer-tally")).to_contain_text(re.compile(r"step 100 better in \d+ of 20"))
    tally = open_studio(app).count_votes(run)
    assert tally.tuned + tally.base == VOTES and tally.tuned > tally.base and len(tally.models) == len(LETTERS)
    assert sum(model.won for model in tally.models) == 3 * VOTES, "a ranking of three is three pairs"
    shot("evidence-votes", page, full_page=True)
    page.locator("[data-keep=preferences]").click()
    expect(page.locator(".keeping [role=status]")).to_contain_text(re.compile(r"\d\d examples"), timeout=LONG)
    page.get_by_role("button", name="Train on it").click()
    expect(page).to_have_url(re.compile("step=data"))
    assert read_recipe(page)["task_id"].startswith("votes_on")
    shot("evidence-task", page)
    assert console_errors == []
