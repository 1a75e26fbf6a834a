"""A conversation is trained, asked and scored as what it is: with all its turns, the system text included."""

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from studio.answering.question import read_question
from studio.errors import InputError, RecipeError, StudioError
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.ui.steps.compare.question import split_instance

NAMES = "Anna Ben Carl Dora Emma Finn Greta Hans Ida Jonas Karl Lena Mia Nils Olga Paul Rosa Sam Tom Vera".split()
THINGS = ("ball", "book", "coat", "cup", "hat", "key")


def write_chats(file: Path) -> Path:
    """Chats of three turns, of which the first says what the third asks for."""
    chats = []
    for name, thing in product(NAMES, THINGS):
        turns = (
            ("system", "You are kind and short in your answers."),
            ("user", f"{name} found a {thing}."),
            ("assistant", "That is interesting."),
            ("user", f"What did {name} find?"),
            ("assistant", f"the {thing}"),
        )
        chats.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    file.write_text("".join(json.dumps(chat) + "\n" for chat in chats), encoding="utf-8")
    return file


@pytest.mark.slow
@pytest.mark.long
def test_an_answer_is_what_the_first_turn_said(workspace: Any) -> None:
    studio = Studio(workspace, launcher=InlineLauncher())
    task_id = studio.import_task(write_chats(workspace.cache / "found.jsonl"), "found.jsonl").task.task_id
    training = {"max_steps": 30, "batch_size": 8, "evaluate_every": 0, "sample_every": 0, "save_every": 0}
    run = studio.start_run({"task_id": task_id, "training": training})
    studio.scheduler.start_next()
    assert studio.run_status(run).status == "finished"
    asked = split_instance(studio.test_set(run)[0])
    assert [turn["role"] for turn in asked["messages"]] == ["system", "user", "assistant"]
    for thing in ("letter", "lamp", "spoon"):  # no chat has them: what is answered is read in turn one
        first = {"role": "user", "content": f"Vera found a {thing}."}
        messages = [asked["messages"][0], first, asked["messages"][2]]
        answers = studio.ask(run, "What did Vera find?", messages=messages)
        assert answers.tuned == f"the {thing}" != answers.base
    scores = studio.score(run)
    assert scores.tuned.exact_match > 80 > scores.base.exact_match


@pytest.fixture
def studio(workspace: Any) -> Studio:
    """A studio that trains in this process."""
    return Studio(workspace, launcher=InlineLauncher())


def import_chats(studio: Studio) -> str:
    """The chats as a task."""
    file = write_chats(studio.workspace.cache / "found.jsonl")
    return studio.import_task(file, file.name).task.task_id


@pytest.mark.parametrize("template", ["plain", "tk_instruct", "chat"])
@pytest.mark.parametrize("turns", ["all", "last"])
def test_what_is_seen_of_a_chat_is_what_is_trained(studio: Studio, template: str, turns: str) -> None:
    """Tokens and mask of the preview are those of the trainer's batch."""
    from studio.models.loading import load_tokenizer
    from studio.models.reference import BUILTIN_FOLDER
    from studio.objectives.objective import list_rows
    from studio.tasks.mixture import take_examples
    from studio.training.batch import Batcher
    from studio.training.prepared import encode_examples

    data = {"task_id": import_chats(studio), "objective": {"name": "sft", "template": template, "turns": turns}}
    recipe, task = studio.read_recipe(data), studio.load_task(data["task_id"])
    tokenizer = load_tokenizer(BUILTIN_FOLDER)
    examples = take_examples([task], [], recipe.training.seed)
    rows = list_rows(encode_examples(examples, recipe.objective, tokenizer, 10_000).train)
    for (_, instance), row in list(zip(examples.train, rows, strict=True))[:5]:
        _, sight = studio.data.see(data, task.instances.index(instance))
        assert [piece.token for piece in sight.pieces] == row.input_ids
        assert [piece.token if piece.learnt else -100 for piece in sight.pieces] == row.labels
        batch = Batcher(tokenizer.pad_token_id)([{"input_ids": row.input_ids, "labels": row.labels}])
        assert batch["input_ids"][0].tolist() == row.input_ids and batch["labels"][0].tolist() == row.labels
        text, learnt = (
            "".join(piece.text for piece in sight.pieces if wanted(piece)) for wanted in (bool, lambda one: one.learnt)
        )
        for turn in instance.messages:
            assert turn.content in text
            is_learnt = turn.role == "assistant" and (turns == "all" or turn is instance.messages[-1])
            assert (turn.content in learnt) == is_learnt


def test_an_instance_is_asked_with_the_turns_before_its_answer(studio: Studio) -> None:
    task = studio.load_task(import_chats(studio))
    objective = studio.read_recipe({"task_id": task.task_id}).objective
    instance = task.instances[0]
    asked = split_instance(instance)
    whole = objective.write_dialogue(task, instance).before_answer()
    question = objective.write_question(task, asked["prompt"], asked["messages"], asked["tools"])
    assert (question.turns, question.tools) == (whole.turns, whole.tools)
    assert [turn["role"] for turn in whole.turns] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"messages": "Hello"}, "messages"),
        ({"messages": [["user", "Hello"]]}, "messages"),
        ({"messages": [{"role": "robot", "content": "Hello"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages"),
        ({"messages": [{"role": "user", "content": "\ud83d"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 200_000}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hello"}]}, "prompt"),
        ({"messages": []}, "prompt"),
        ({"tools": ["rain"], "prompt": "x"}, "tools"),
    ],
)
def test_a_conversation_that_can_not_be_asked_says_so(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as told:
        read_question(**given)
    assert told.value.field == field


def test_a_conversation_that_ends_in_a_question_needs_no_prompt() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert read_question(messages=messages).messages == tuple(messages)


def test_a_conversation_that_the_template_refuses_is_told_before_the_run(
    studio: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    """Of five hundred chats the last one alone has a system text, and the template has no place for it."""
    folder, file = tmp_path / "strict", tmp_path / "chats.jsonl"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system text') }}{% endif %}"
        "<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    )
    chats = [[{"role": "user", "content": f"Eat {n}?"}, {"role": "assistant", "content": "soup"}] for n in range(500)]
    chats[-1].insert(0, {"role": "system", "content": "Be brief."})
    file.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    task_id = studio.import_task(file, file.name).task.task_id
    recipe = {"task_id": task_id, "model": str(folder), "objective": {"name": "sft", "template": "chat"}}
    for start in (studio.estimate, studio.start_run):
        with pytest.raises(RecipeError) as told:
            start(recipe)
        assert told.value.field == "objective.template"
        assert "No system text" in str(told.value) and "500" in str(told.value)


def test_a_task_of_which_nothing_counts_is_refused(studio: Studio, tiny_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    turns = ({"role": "user", "content": "Eat?"}, {"role": "assistant", "content": "soup", "weight": 0})
    chats = [[{**turns[0], "content": f"Eat {n}?"}, turns[1]] for n in range(20)]
    file.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    with pytest.raises(StudioError) as told:
        task_id = studio.import_task(file, file.name).task.task_id
        studio.estimate({"task_id": task_id, "model": str(tiny_model)})
    assert told.value.field
