"""Talking to base and tuned side by side: a tiny model that was trained for a moment answers.

That the built-in base learns is seen in test_journey.py.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from drafts import read_recipe
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG, address, open_studio, write_recipe
from tiny import make_checkpoint, wait_until

from studio.runs.run import new_run


@pytest.fixture(scope="module")
def tuned(app: Any, tiny_model: Path) -> str:
    """A run of the tiny model with checkpoints at steps 4 and 8."""
    studio = open_studio(app)
    run = studio.start_run(write_recipe(tiny_model, steps=8, save_every=4, evaluate_every=4))
    wait_until(lambda: studio.run_status(run).status == "finished", seconds=LONG / 1000)
    return run


def count_stands(app: Any, run: str) -> dict[str, tuple[int, int]]:
    """How each model did by the votes on a run: in how many pairs it was better, and of how many."""
    return {one.model: (one.won, one.of) for one in open_studio(app).count_votes(run).models}


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


@pytest.mark.long
def test_both_answer_the_same_prompt_and_show_what_they_saw(page: Page, tuned: str, console_errors: list[str]) -> None:
    open_compare(page, tuned)
    expect(page.locator(".answer.tuned h2")).to_have_text(f"Tuned: {open_studio_name(tuned)}, step 8")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    prompt = page.locator("#ask-prompt").input_value()
    page.locator(".exact summary").click()
    expect(page.locator(".exact pre")).to_contain_text(prompt)
    expect(page.locator(".answer-small")).to_contain_text("one copy")
    page.get_by_role("button", name="Look inside").click()
    tokens = page.locator(".answer.tuned .token")
    expect(tokens.last).to_have_text("end")
    tokens.last.click()
    expect(page.locator(".inside tbody tr")).to_have_count(2)
    expect(page.locator(".inside tbody td.num").first).to_contain_text("%")
    page.get_by_role("button", name="Look inside").click()
    expect(page.locator(".token")).to_have_count(0)
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


@pytest.mark.long
def test_an_earlier_checkpoint_and_words_it_never_saw_can_be_asked(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    page.get_by_role("radio", name="4", exact=True).click()
    expect(page.locator(".answer.tuned h2")).to_contain_text("step 4")
    expect(page).to_have_url(re.compile("[?&]checkpoint=4(&|$)"))
    page.reload()
    expect(page.locator(".answer.tuned h2")).to_contain_text("step 4", timeout=LONG)
    expect(page.get_by_role("radio", name="4", exact=True)).to_be_checked()
    page.locator("#ask [data-part=unseen]").click()
    expect(page.locator(".ask-wanted")).to_contain_text("Expected:")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".answer.tuned h2")).to_contain_text("step 4")


def test_a_vote_is_kept_with_the_run_and_the_last_word_counts(page: Page, app: Any, tuned: str) -> None:
    open_compare(page, tuned)
    ballot = page.locator("#answers .acts:has([data-vote])")
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
            expect(tally).to_contain_text("base 1, the same 0, tuned 0", timeout=LONG)
            expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
            page.locator("[aria-label='Next prompt']").click()
            expect(form(page)).to_have_attribute("data-index", "1")
    chosen = ballot.get_by_role("button", name="Tuned is better")
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(tally).to_contain_text("base 1, the same 0, tuned 1")
    votes = open_studio(app).count_votes(tuned)
    assert (votes.base, votes.same, votes.tuned) == (1, 0, 1)
    page.locator(".answer.tuned [data-rating='5']").click()
    expect(tally).to_contain_text("step 8 5.0 (of 1)")
    page.locator(".answer.base [data-act=correct]").click()
    page.locator(".answer.base textarea").fill("Nothing of the kind.")
    page.get_by_role("button", name="Keep this answer").click()
    page.locator("[data-keep=corrections]").click()
    expect(page.locator(".keeping [role=status]")).to_contain_text("Corrections of", timeout=LONG)
    page.get_by_role("button", name="Train on it").click()
    expect(page).to_have_url(re.compile("step=data"))
    assert read_recipe(page)["task_id"].startswith("corrections_of")


@pytest.mark.long
def test_any_checkpoints_are_scored_on_any_task(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    board = page.locator(".board")
    marks = board.locator("[data-model]")
    expect(marks.first).to_be_visible(timeout=LONG)
    before = marks.count()
    board.locator("[data-add]").select_option("builtin")
    expect(marks).to_have_count(before + 1)
    board.locator("[data-task]").select_option("studio006_opposite")
    expect(board).to_contain_text(f"{100 * (before + 1)} answers")
    board.get_by_role("radio", name="Unseen").click()
    expect(board.get_by_role("radio", name="Unseen")).to_be_checked()
    board.get_by_label("Leave out Little World 5M").click()
    expect(board).to_contain_text(f"{60 * before} answers")


def test_three_columns_are_ranked_best_first_and_asked_ten(page: Page, app: Any, tuned: str) -> None:
    open_compare(page, tuned)
    page.locator("#ask-add").select_option(label=f"{open_studio_name(tuned)}, step 4")
    expect(page.locator(".beside-marks .pill")).to_have_count(1)
    page.locator("#ask-tokens").evaluate("box => { box.value = 4 }")
    page.locator("#ask-prompt").fill("Rank them.")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    expect(page.locator(".answer h2").nth(2)).to_have_text(f"C · {open_studio_name(tuned)}, step 4")
    ballot, tally = page.locator("#answers .ballot"), page.locator(".answer-tally")
    before = count_stands(app, tuned)
    ballot.get_by_role("button", name="C", exact=True).click()
    expect(tally).to_contain_text("step 4 better in 2 of 2")
    ballot.get_by_role("button", name="A", exact=True).click()
    expect(ballot.locator("[data-vote=B]")).to_have_text("B: 3rd")
    ((won, of),) = [stand for model, stand in before.items() if not model.startswith("run:")] or [(0, 0)]
    expect(tally).to_contain_text(f"base better in {won + 1} of {of + 2}")
    stands = count_stands(app, tuned)
    assert stands[f"run:{tuned}@4"] == (2, 2) and stands[f"run:{tuned}@8"][1] >= 2
    button(page, "ten").click()
    table = page.locator(".ten-box")
    expect(table).to_have_attribute("data-state", "done", timeout=LONG)
    expect(table.locator("th")).to_have_count(5)
    expect(table.locator(".ten-scores > div")).to_have_count(3)


def test_models_are_added_beside_the_two_and_left_out_again(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    marks, adding = page.locator(".beside-marks .pill"), page.locator("#ask-add")
    expect(button(page, "ask")).to_have_text("Ask both")
    for step in (4, 8):
        adding.select_option(value=f"run:{tuned}@{step}")
    expect(marks).to_have_count(2)
    expect(button(page, "ask")).to_have_text("Ask all")
    expect(adding).to_be_hidden()
    expect(page.locator(".answer")).to_have_count(4)
    page.locator(".beside-marks").get_by_label(f"Leave out {open_studio_name(tuned)}, step 4").click()
    expect(marks).to_have_text(re.compile("step 8"))
    expect(adding).to_be_focused()
    expect(adding.locator("option", has_text="step 8")).to_have_count(0)
    expect(page.locator(".answer")).to_have_count(3)


@pytest.mark.long
def test_a_score_from_the_click_to_the_result(page: Page, app: Any, tuned: str) -> None:
    desk, score = page.locator(".desk"), page.locator(".desk [data-act=score]")
    page.goto(address("train", tuned))
    score.click()
    expect(desk).not_to_have_attribute("data-run", tuned, timeout=LONG)
    expect(desk).to_have_attribute("data-status", "finished", timeout=LONG)
    expect(page.locator(".desk-words")).to_contain_text("Exactly right:")
    work = desk.get_attribute("data-run")
    (kept,) = open_studio(app).scores.list_kept(tuned)
    assert (kept.work, kept.model) == (work, f"run:{tuned}@8")
    page.goto(address("train", tuned))
    score.click()
    expect(desk).to_have_attribute("data-run", str(work))


def test_a_model_made_here_is_chosen_on_the_model_step(page: Page, tuned: str) -> None:
    page.goto(address("model"))
    card = page.locator("#models-made [role=radio]", has_text=open_studio_name(tuned))
    card.click()
    expect(card).to_be_checked()
    expect(page.locator("#model-facts h2").first).to_contain_text(open_studio_name(tuned), timeout=LONG)
    assert read_recipe(page)["model"] == f"run:{tuned}@8"


def test_who_is_who_is_hidden_until_the_vote(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    page.get_by_label("Hide who is who").check()
    page.locator("#ask-prompt").fill("Who are you?")
    page.locator("#ask-tokens").evaluate("box => { box.value = 4 }")
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    titles = page.locator(".answer h2")
    expect(titles).to_have_text(["Model A", "Model B"])
    page.locator("#answers .ballot").get_by_role("button", name="B is better").click()
    expect(titles).to_have_text([re.compile("^A · (Base|Tuned): "), re.compile("^B · (Base|Tuned): ")])
    expect(page.locator("#answers .ballot [data-vote=same]")).to_have_attribute("aria-pressed", "false")


def test_a_question_waits_for_the_first_checkpoint_and_is_of_its_own_task(
    page: Page, app: Any, tiny_model: Path, tuned: str
) -> None:
    other = open_studio(app)
    recipe = write_recipe(tiny_model, steps=8) | {"task_id": "studio006_opposite"}
    early = new_run(other.workspace, other.read_recipe(recipe))
    other.stop_run(early.run_id)
    open_compare(page, tuned)
    asked = page.locator("#ask-prompt").input_value()
    page.goto(address("compare", early.run_id))
    to_train = page.locator(".ask .empty [data-go=train]")
    expect(to_train).to_be_visible(timeout=LONG)
    make_checkpoint(early, 4)
    to_train.click()
    page.locator(".stepper [data-go=compare]").click()
    expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
    prompts = {instance.input for instance in other.test_set(early.run_id)}
    expect(page.locator("#ask-prompt")).not_to_have_value("")
    assert page.locator("#ask-prompt").input_value() in prompts and asked not in prompts


@pytest.mark.long
def test_a_mark_of_the_chart_leads_to_its_checkpoint(page: Page, tuned: str) -> None:
    page.goto(address("train", tuned))
    page.get_by_role("button", name="Use checkpoint 4").click()
    expect(form(page)).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.locator(".answer.tuned h2")).to_contain_text("step 4")


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


@pytest.fixture(scope="module")
def chatty(app: Any, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run on chats of two answers each."""
    studio, file = open_studio(app), tmp_path_factory.mktemp("chats") / "waiters.jsonl"
    said = ("What is there to eat?", "soup", "And to drink?", "milk")
    turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant") * 2, said, strict=True)]
    chats = ([{"role": "system", "content": f"You wait in town {number}."}, *turns] for number in range(40))
    file.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    task_id = studio.import_task(file, file.name).task.task_id
    recipe = write_recipe(tiny_model, steps=4, save_every=4, evaluate_every=4) | {"task_id": task_id}
    run = studio.start_run(recipe)
    wait_until(lambda: studio.run_status(run).status == "finished", seconds=LONG / 1000)
    return run


@pytest.mark.long
def test_a_conversation_is_asked_with_all_its_turns_and_goes_on(page: Page, chatty: str) -> None:
    open_compare(page, chatty)
    turns, exact = page.locator(".ask-before li"), page.locator(".exact pre")
    expect(turns).to_have_count(2)
    expect(page.locator("#ask-system")).to_have_value(re.compile("You wait in town"))
    expect(page.locator("#ask-prompt")).to_have_value("And to drink?")
    expect(page.locator(".ask-wanted")).to_contain_text("milk")
    page.locator("#ask-system").fill("You wait at sea.")
    expect(page.locator(".ask-wanted")).to_be_empty()
    button(page, "ask").click()
    expect(pair(page)).to_have_attribute("data-state", "done", timeout=LONG)
    page.locator(".exact summary").click()
    for text in ("You wait at sea.", "What is there to eat?", "soup", "And to drink?"):
        expect(exact).to_contain_text(text)
    page.get_by_role("button", name="Continue with the tuned answer").click()
    expect(turns).to_have_count(4)
    page.locator("#ask-prompt").fill("And then?")
    page.locator("#ask-prompt").press("Enter")
    expect(exact).to_contain_text("And then?", timeout=LONG)
    expect(exact).to_contain_text("And to drink?")
    page.get_by_role("button", name="Start over").click()
    expect(turns).to_have_count(0)
    expect(page.locator("#ask-system")).to_have_value("")


def test_a_run_of_single_questions_has_no_room_for_turns(page: Page, tuned: str) -> None:
    open_compare(page, tuned)
    expect(page.locator("#ask-system")).to_be_hidden()
    expect(page.get_by_role("button", name="Start over")).to_be_hidden()
