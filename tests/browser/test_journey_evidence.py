"""Did it help? From the base's own numbers to a task made of votes, as a person would go, with the built-in base."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from drafts import read_recipe
from playwright.sync_api import Page, expect
from test_journey_train import LONG, address, open_studio

STEPS = {"max_steps": 90, "save_every": 30, "sample_every": 30, "evaluate_every": 30, "measures_itself": True}
RECIPE = {"model": "builtin", "task_id": "studio004_story", "training": STEPS}
VOTES = 10


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_run_measures_itself_is_talked_to_and_its_votes_are_a_task(
    page: Page, open_page: Callable[..., Page], app: Any, console_errors: list[str]
) -> None:
    page.goto(address("train", recipe=RECIPE))
    start, chart = page.locator("#plan [data-act=start]"), page.locator(".live-chart")
    expect(start).to_be_enabled(timeout=LONG)
    start.click()
    own = chart.locator(".chart-own p")
    expect(own.first).to_contain_text(re.compile(r"base.*\d+ %"), timeout=LONG)  # before it has learnt anything
    expect(chart).to_have_attribute("data-status", "finished", timeout=600_000)
    expect(own).to_have_count(3, timeout=LONG)  # nobody asked for them
    expect(own.nth(1)).to_contain_text("hardly chance")
    expect(own.nth(2)).to_contain_text("nats a token")
    slider = page.locator("#scrub")
    slider.fill("0")
    expect(page.locator(".samples")).to_have_attribute("data-step", "0")
    slider.fill("60")
    expect(page.locator(".samples")).to_have_attribute("data-step", "60")

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

    page.locator("#ask-add").select_option(value=f"run:{run}@30")
    page.locator(".ask [data-act=ask]").click()
    expect(pair).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".answer")).to_have_count(3)
    page.locator(".beside-marks").get_by_role("button").click()
    page.locator("#ask-blind").check()
    wanted = [one.output[0] for one in open_studio(app).test_set(run)]
    for vote in range(1, VOTES + 1):
        page.locator("[aria-label='Next prompt']").click()
        expect(form).to_have_attribute("data-index", str(vote))
        page.locator(".ask [data-act=ask]").click()
        expect(pair).to_have_attribute("data-state", "done", timeout=LONG)
        expect(answers.locator(".answer h2")).to_have_text(["Model A", "Model B"])
        said = [text.strip() for text in answers.locator(".answer-text").all_inner_texts()]
        page.keyboard.press("AB"[said.index(wanted[vote])] if wanted[vote] in said else "X")
        expect(pair).to_have_attribute("data-votes", str(vote))
    expect(page.locator(".answer-tally")).to_contain_text("People prefer tuned")
    tally = open_studio(app).count_votes(run)
    assert tally.tuned + tally.bad == VOTES and not tally.base
    page.locator("[data-keep=preferences]").click()
    expect(page.locator(".keeping [role=status]")).to_contain_text(f"{tally.tuned} examples", timeout=LONG)
    page.get_by_role("button", name="Train on it").click()
    expect(page).to_have_url(re.compile("step=data"))
    assert read_recipe(page)["task_id"].startswith("votes_on")
    assert console_errors == []
