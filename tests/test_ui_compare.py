"""The Compare step without a browser: questions checked, answers passed on as they grow, ten at once counted."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from tiny import make_checkpoint

from studio.answering.desk import Answers, Said
from studio.answering.question import Question
from studio.errors import InputError, ModelError
from studio.recipes.recipe import read_recipe
from studio.runs.event import Sampled
from studio.runs.run import new_run
from studio.runs.status import RunStatus
from studio.service import Studio
from studio.ui.steps.compare.ask_form import make_acts
from studio.ui.steps.compare.next_tries import draw_tries
from studio.ui.steps.compare.page import answer_both, answer_ten, draw_ten, make_handlers
from studio.ui.steps.compare.question import find_wanted, list_part, read_asked
from studio.ui.steps.runs.same_ten import ask_same
from studio.ui.steps.train.curve import read_curve

TASK = "studio002_question"


class OpenStudio(Studio):
    """A studio whose device answers from a list, so that no weights are loaded; everything else is real."""

    said: dict[str, tuple[str, str]] = {}
    beside: dict[str, str] = {}
    closed = 0

    def stream(self, run_id: str, prompt: str = "", *rest: Any, **options: Any) -> Iterator[Answers]:
        self.run_status(run_id)
        base, tuned = self.said.get(prompt, ("Once upon a time", "?"))
        try:
            for share in (0.5, 1.0):
                parts = (side[: int(len(side) * share)] for side in (base, tuned))
                yield Answers(
                    base=next(parts), tuned=next(parts), prompt=f"Input: {prompt}", step=9, seconds=0.1, done=share == 1
                )
        finally:
            self.closed += 1

    def ask(self, run_id: str, prompt: str = "", *rest: Any, **options: Any) -> Answers:
        *_, last = self.stream(run_id, prompt)
        models = [
            Said(model=model, title="calm-heron, step 8", answer=self.beside.get(prompt, "?"))
            for model in options.get("models", ())
        ]
        sides = [Said(model=side, title=side, answer="") for side in ("base", "tuned")]
        return last.model_copy(update={"columns": (*sides, *models)})


@pytest.fixture
def studio(workspace: Any) -> OpenStudio:
    return OpenStudio(workspace)


@pytest.fixture
def run(studio: Studio) -> str:
    return new_run(studio.workspace, read_recipe({"task_id": TASK})).run_id


def act(studio: Studio, name: str, asked: Any) -> dict[str, Any]:
    return {function.__name__: function for function in make_acts(studio)}[name](asked)


# ---- questions


def test_a_question_has_defaults(run: str) -> None:
    assert read_asked({"run": run, "prompt": "Hello."}) == (run, "test", Question(prompt="Hello."), ())
    asked = read_asked(
        {"run": run, "prompt": "x", "step": 40, "part": "unseen", "temperature": 1, "seed": 3, "max_tokens": 9}
    )
    assert asked.part == "unseen"
    how = {"step": 40, "temperature": 1.0, "seed": 3, "max_tokens": 9, "strength": 1.0}
    assert asked.options == {**how, "messages": (), "tools": ()}
    assert read_asked({"run": run, "prompt": "x", "part": "../"}).part == "test"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        {},
        {"run": 3, "prompt": "x"},
        {"run": "r", "prompt": " "},
        {"run": "r", "prompt": 7},
        {"run": "r", "prompt": "x", "step": "nine"},
        {"run": "r", "prompt": "x", "step": -1},
        {"run": "r", "prompt": "x", "seed": 0.5},
        {"run": "r", "prompt": "x", "max_tokens": True},
        {"run": "r", "prompt": "x", "temperature": "hot"},
    ],
)
def test_a_question_that_is_none_is_refused_in_words(value: Any) -> None:
    with pytest.raises(InputError, match=r"\.$"):
        read_asked(value)


def test_what_was_wanted_is_known_for_prompts_kept_aside(studio: OpenStudio, run: str) -> None:
    for part in ("test", "unseen", "validation"):
        instance = list_part(studio, run, part)[0]
        assert find_wanted(studio, read_asked({"run": run, "prompt": f" {instance.input}\n"})) == list(instance.output)
    assert find_wanted(studio, read_asked({"run": run, "prompt": "Nobody kept this aside."})) == []


def test_a_tick_stands_where_the_score_counts() -> None:
    from studio.evidence.metrics.matching import match_exactly
    from studio.ui.steps.compare import page as compare_page

    assert compare_page.match_exactly is match_exactly, "there is one definition of right"
    said = {"input": "?", "wanted": "Paris", "base": "", "tuned": "paris."}
    assert read_curve([Sampled(event="sampled", at=1, step=1, samples=[said])])["samples"][0]["right"]


# ---- both at once


def test_answers_grow_and_end_with_a_verdict(studio: OpenStudio, run: str) -> None:
    instance = studio.test_set(run)[0]
    studio.said = {instance.input: ("Then Tom went home.", instance.output[0])}
    ask_both, _ = make_handlers(studio)
    first, last = ask_both({"run": run, "prompt": instance.input, "at": 7})
    assert (first["done"], first["at"], first["asked"]) == (False, 7, instance.input)
    assert (last["done"], last["right"], last["base_right"]) == (True, True, False)
    assert last["wanted"] == list(instance.output) and last["prompt"] == f"Input: {instance.input}"


def test_a_question_that_is_stopped_frees_the_device(studio: OpenStudio, run: str) -> None:
    growing = answer_both(studio, {"run": run, "prompt": "x"})
    next(growing)
    growing.close()
    assert studio.closed == 1


@pytest.mark.parametrize(
    "value", [None, {"run": "20261120-070000-no-one", "prompt": "x"}, {"run": "../..", "prompt": "x"}]
)
def test_what_cannot_be_asked_is_answered_in_words(studio: OpenStudio, value: Any) -> None:
    (answer,) = answer_both(studio, value)
    assert set(answer) == {"at", "error"} and len(answer["error"]) < 300


def test_a_base_that_is_missing_is_said(studio: OpenStudio, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Iterator[Answers]:
        raise ModelError("The folder /gone is not there.")
        yield

    monkeypatch.setattr(studio, "stream", refuse)
    (answer,) = answer_both(studio, {"run": run, "prompt": "x", "at": 1})
    assert answer == {"at": 1, "error": "The folder /gone is not there."}


def test_a_bug_is_an_apology(studio: OpenStudio, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "stream", lambda *_, **__: 1 / 0)
    (answer,) = answer_both(studio, {"run": run, "prompt": "x"})
    assert "broke" in answer["error"] and "zero" not in answer["error"]


# ---- ten at once


def test_ten_are_asked_and_counted(studio: OpenStudio, run: str) -> None:
    test_set = studio.test_set(run)
    studio.said = {one.input: ("no", one.output[0]) for one in test_set[:7]}
    drawn = list(answer_ten(studio, {"run": run}))
    assert len(drawn) == 11
    assert 'data-state="asking"' in drawn[0] and "Asking 1 of 10" in drawn[0]
    assert 'data-state="done"' in drawn[-1] and 'data-tuned="7"' in drawn[-1] and 'data-base="0"' in drawn[-1]
    assert "n = 10" in drawn[-1] and drawn[-1].count("<tr>") == 11


def test_the_table_escapes_what_models_and_tasks_say(studio: OpenStudio, run: str) -> None:
    from studio.ui.steps.compare.page import Row

    html = draw_ten(
        run, [Row("<b>", ["<i>"], ("<img src=x onerror=alert(1)>", "<i>", ""))], 1, ("base", "tuned", "<u>")
    )
    assert (
        "<u>" not in html
        and "<img" not in html
        and "<b>x" not in html
        and "&lt;img" in html
        and 'data-tuned="1"' in html
    )


def test_ten_are_asked_of_all_columns(studio: OpenStudio, run: str) -> None:
    test_set = studio.test_set(run)
    studio.said = {one.input: ("no", one.output[0]) for one in test_set[:7]}
    studio.beside = {one.input: one.output[0] for one in test_set[:4]}
    *_, drawn = answer_ten(studio, {"run": run, "models": ["run:calm-heron@8"]})
    assert 'data-right="0 7 4"' in drawn and drawn.count("calm-heron, step 8") == 1 + 1 + 1 + 10
    (refused,) = answer_ten(studio, {"run": run, "models": ["builtin"] * 3})
    assert "error-line" in refused


def test_ticked_runs_are_asked_the_same_ten(studio: OpenStudio, run: str) -> None:
    test_set = studio.test_set(run)
    studio.said = {one.input: ("no", one.output[0]) for one in test_set[:7]}
    studio.beside = {one.input: one.output[0] for one in test_set[:4]}
    *_, drawn = ask_same(studio, {"runs": [run, "calm-heron"]})
    assert 'data-right="0 7 4"' in drawn and studio.run_status(run).name in drawn and "<th>Tuned" not in drawn
    for runs in ([], [run] * 4, "x", ["20261120-070000-no-one"]):
        (refused,) = ask_same(studio, {"runs": runs})
        assert "error-line" in refused


def test_ten_of_no_run_are_refused_in_words(studio: OpenStudio) -> None:
    (drawn,) = answer_ten(studio, {"run": "20261120-070000-no-one"})
    assert "error-line" in drawn


# ---- the form


def test_prompts_are_counted_round(studio: OpenStudio, run: str) -> None:
    test_set = studio.test_set(run)
    first = act(studio, "pick", {"run": run, "part": "test", "index": 0})
    assert (first["input"], first["wanted"]) == (test_set[0].input, list(test_set[0].output))
    assert act(studio, "pick", {"run": run, "part": "test", "index": -1})["index"] == len(test_set) - 1
    assert act(studio, "pick", {"run": run, "part": "test", "index": len(test_set)})["index"] == 0
    assert 0 <= act(studio, "pick", {"run": run, "part": "unseen", "index": None})["index"] < len(studio.unseen(run))


@pytest.mark.parametrize("asked", [None, {}, {"run": 1, "part": "test"}, {"run": "x", "part": None}])
def test_picking_from_nothing_is_refused_in_words(studio: OpenStudio, asked: Any) -> None:
    assert act(studio, "pick", asked)["error"]


def test_the_form_knows_the_run(studio: OpenStudio, tiny_model: Any) -> None:
    run = new_run(studio.workspace, read_recipe({"task_id": TASK, "model": str(tiny_model)}))
    make_checkpoint(run, 40)
    about = act(studio, "look", {"run": run.run_id})
    assert (about["steps"], about["name"], about["two_models"]) == ([40], run.name, False)
    assert about["counts"]["test"] == len(studio.test_set(run.run_id))
    assert act(studio, "look", {"run": None})["choices"][0]["run"] == run.run_id


def test_without_a_run_there_is_nothing_to_choose(studio: OpenStudio, run: str) -> None:
    assert act(studio, "look", {"run": None}) == {"choices": []}, "a run without a checkpoint can't be asked"
    assert act(studio, "look", {"run": "20261120-070000-no-one"})["gone"] is True


# ---- what to try next


def finished(recipe: dict[str, Any]) -> RunStatus:
    return RunStatus(
        run_id="a",
        name="calm-heron",
        status="finished",
        created_at=0.0,
        checkpoints=(8,),
        recipe=read_recipe(recipe).to_json(),
    )


def read_tries(html: str) -> list[dict[str, Any]]:
    return [json.loads(unescape(patch)) for patch in re.findall('data-set="([^"]*)"', html)]


def test_what_to_try_next_changes_one_thing(studio: OpenStudio) -> None:
    run = finished({"task_id": TASK, "task_version": "1"})
    html = draw_tries(studio, run)
    found = read_tries(html)
    assert re.findall('aria-label="([^"]*)"[^<]*>Try it<', html)[0] == "Try it: Rank 1 instead of 8"
    own = {key: value for key, value in run.recipe.items() if key not in ("task_version", "revision")}
    changed = [{key for key, value in own.items() if one["recipe"][key] != value} for one in found]
    assert changed == [{"method"}, {"training"}, {"task_id"}] and {one["step"] for one in found} == {"train"}
    assert found[0]["recipe"]["method"] == {**run.recipe["method"], "rank": 1}
    assert found[1]["recipe"]["training"]["learning_rate"] == pytest.approx(10 * 0.004)


def test_after_a_start_come_pairs_and_after_a_judge_its_start_learns(studio: OpenStudio, tiny_model: Any) -> None:
    style = {"task_id": "studio009_pirate_pairs", "model": str(tiny_model)}

    def read_next(**more: Any) -> tuple[str, list[dict[str, Any]]]:
        run = new_run(studio.workspace, read_recipe({**style, **more}))
        make_checkpoint(run, 40)
        return f"run:{run.run_id}@40", [
            one["recipe"] for one in read_tries(draw_tries(studio, studio.run_status(run.run_id)))
        ]

    made, found = read_next(objective={"name": "sft", "learns": "everything"})
    assert [one["objective"]["name"] for one in found] == ["dpo", "reward", "sft"]
    assert [one["model"] for one in found] == [made, made, str(tiny_model)]
    judge, (first, *_) = read_next(objective="reward", method="full")
    assert (first["model"], first["objective"]["name"], first["method"]["name"]) == (str(tiny_model), "ppo", "lora")
    assert [one["model"] for one in first["objective"]["rewards"]] == [judge]
    _, rest = read_next(objective="dpo")
    assert {one["objective"]["name"] for one in rest} == {"dpo"}


def test_what_was_tried_is_not_proposed_again(studio: OpenStudio) -> None:
    new_run(studio.workspace, read_recipe({"task_id": TASK, "method": {"name": "lora", "rank": 1}}))
    found = read_tries(draw_tries(studio, finished({"task_id": TASK})))
    assert [one["recipe"]["method"]["rank"] for one in found] == [8, 8, 8]
    assert found[2]["recipe"]["training"]["max_steps"] == 300


def test_what_trains_or_left_nothing_proposes_nothing(studio: OpenStudio) -> None:
    run = finished({"task_id": TASK})
    assert draw_tries(studio, run.model_copy(update={"status": "running"})) == ""
    assert draw_tries(studio, run.model_copy(update={"checkpoints": ()})) == ""
    assert draw_tries(studio, run.model_copy(update={"recipe": {"method": "of another time"}})) == ""
