"""Talking to base and tuned side by side: a tiny model that was trained for a moment answers.

That the built-in base learns is seen in test_journey.py.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG, address, open_studio, write_recipe
from tiny import wait_until


@pytest.fixture(scope="module")
def tuned(app: Any, tiny_model: Path) -> str:
    """A run of the tiny model with checkpoints at steps 4 and 8."""
    studio = open_studio(app)
    run = studio.start_run(write_recipe(tiny_model, steps=8, save_every=4, evaluate_every=4))
    wait_until(lambda: studio.run_status(run).status == "finished", seconds=LONG / 1000)
    return run


def pair(page: Page) -> Locator:
    return page.locator(".pair")


def form(page: Page) -> Locator:
    return page.locator(".ask")


def button(page: Page, name: str) -> Locator:
    return page.locator(f".ask [data-act={name}]")


def open_compare(page: Page, run: str) -> None:
    page.goto(address("compare", run))
    expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.locator(".ask-turn .num")).to_contain_text("1 / ")


def test_both_answer_the_same_prompt_and_show_what_they_saw(page: Page, tuned: str, console_errors: list[str]) -> None:
    open_compare(page, tuned)
    expect(page.locator(".answer.tuned h3")).to_have_text(f"Tuned: {open_studio_name(tuned)}, step 8")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    prompt = page.locator("#ask-prompt").input_value()
    page.locator(".exact summary").click()
    expect(page.locator(".exact pre")).to_contain_text(prompt)
    expect(page.locator(".answer-small")).to_contain_text("one copy of the weights")
    page.locator("[aria-label='Next prompt']").click()
    expect(form(page)).to_have_attribute("data-index", "1")
    page.locator("#ask-prompt").press("Enter")
    expect(page.locator(".asked-before li")).to_have_count(1)
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    assert console_errors == []


def open_studio_name(run: str) -> str:
    return "-".join(run.split("-")[2:])


def test_an_answer_can_be_stopped_and_the_next_one_comes(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    page.locator(".ask details summary").click()
    page.locator("#ask-tokens").fill("400")
    button(page, "ask").click()
    button(page, "halt").click()
    expect(pair(page)).to_have_attribute("data-state", "halted")
    page.locator("#ask-tokens").fill("4")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)


def test_an_earlier_checkpoint_and_words_it_never_saw_can_be_asked(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    page.get_by_role("radio", name="4", exact=True).click()
    expect(page.locator(".answer.tuned h3")).to_contain_text("step 4")
    expect(page).to_have_url(re.compile("[?&]checkpoint=4(&|$)"))
    page.reload()
    expect(page.locator(".answer.tuned h3")).to_contain_text("step 4", timeout=LONG)
    expect(page.get_by_role("radio", name="4", exact=True)).to_be_checked()
    page.get_by_role("radio", name="Words it never saw").click()
    expect(page.locator(".ask-wanted")).to_contain_text("Wanted:")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".answer.tuned h3")).to_contain_text("step 4")


def test_a_vote_is_kept_with_the_run_and_the_last_word_counts(page: Page, app: Any, tuned: str) -> None:
    open_compare(page, tuned)
    ballot = page.get_by_role("group", name="Which answer is better?")
    tally = page.locator(".answer-tally")
    for prompt in range(2):
        expect(ballot).to_be_hidden()
        button(page, "ask").click()
        expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
        ballot.get_by_role("button", name="Base is better").click()
        expect(pair(page)).to_have_attribute("data-votes", str(prompt + 1))
        page.locator("[aria-label='Next prompt']").click()
        if not prompt:
            page.reload()
            expect(tally).to_have_text("Your votes on this run: base 1, the same 0, tuned 0.", timeout=LONG)
            expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
            page.locator("[aria-label='Next prompt']").click()
            expect(form(page)).to_have_attribute("data-index", "1")
    chosen = ballot.get_by_role("button", name="Tuned is better")
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(tally).to_have_text("Your votes on this run: base 1, the same 0, tuned 1.")
    assert open_studio(app).count_votes(tuned).model_dump() == {"base": 1, "same": 0, "tuned": 1}


def test_a_mark_of_the_chart_leads_to_its_checkpoint(page: Page, tuned: str) -> None:
    page.goto(address("train", tuned))
    page.get_by_role("button", name="Talk to step 4").click()
    expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.locator(".answer.tuned h3")).to_contain_text("step 4")


def test_errors_are_words_and_an_empty_place_says_how_it_fills(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    page.locator("#ask-prompt").fill("   ")
    page.locator("#ask-prompt").press("Enter")
    expect(page.locator(".ask .error-line")).to_contain_text("empty")
    page.locator(".ask details summary").click()
    page.locator("#ask-tokens").fill("99999")
    page.locator("#ask-prompt").fill("Hello.")
    button(page, "ask").click()
    expect(page.locator(".pair .error-line")).to_contain_text("max_tokens")
    page.goto(address("compare"))
    expect(page.locator(".ask .empty")).to_contain_text("Which run")
