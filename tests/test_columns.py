"""Two to four models side by side: each answers as if it were alone, those on one base from one copy of the weights."""

from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import import_task, make_runs, train_quickly

from studio.answering.column import Column, make_base, make_column
from studio.answering.columns import Columns
from studio.answering.inside import spell
from studio.answering.vote import read_votes
from studio.answering.way import Way
from studio.checkpoints.address import resolve
from studio.checkpoints.weights import load_stack
from studio.errors import InputError, NotFoundError
from studio.launchers.inline import InlineLauncher
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.split import split_task
from studio.workspace import Workspace

PROMPT = [1, *range(40, 60)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("columns"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def runs(workspace: Workspace, tiny_model: Path) -> dict[str, Run]:
    """One run of each kind, a second adapter on other layers, and one that a batch can't skip for a row."""
    quickly = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.5}
    ia3 = train_quickly(workspace, tiny_model, method="ia3", training=quickly)
    return {**make_runs(workspace, tiny_model), "ia3": ia3}


def find(workspace: Workspace, runs: dict[str, Run], name: str) -> Column:
    """The column of a run's last checkpoint, of "lora@2", or of the base."""
    recipe = runs["lora"].load_recipe()
    if name == "base":
        return make_base(resolve(workspace, recipe.base), recipe)
    name, _, step = name.partition("@")
    stack = resolve(workspace, ModelRef(ref=f"run:{runs[name].run_id}@{step or 4}"))
    return make_column(stack, recipe)


def arrange(workspace: Workspace, runs: dict[str, Run], *names: str) -> Columns:
    """These columns, loaded."""
    columns = Columns(find_device())
    columns.arrange([find(workspace, runs, name) for name in names])
    return columns


def write(columns: Columns, prompts: list[list[int]] | None = None) -> list[list[int]]:
    """What each column writes, drawn with dice."""
    prompts = prompts or [PROMPT] * len(columns.columns)
    *_, written = columns.write(prompts, 8, temperature=0.1, seed=1, ends=frozenset())
    return [list(tokens) for tokens in written]


@pytest.mark.soon(4)
@pytest.mark.parametrize(
    ("names", "copies"),
    [
        (("base", "lora", "lora@2", "other"), 1),
        (("lora", "base"), 1),
        (("base", "lora", "ia3"), 2),
        (("base", "full", "full@2"), 3),
        (("nf4", "lora", "base"), 2),
        (("lora", "lora"), 1),
    ],
)
def test_each_column_answers_as_if_it_were_alone(
    workspace: Workspace, runs: dict[str, Run], names: tuple[str, ...], copies: int
) -> None:
    columns = arrange(workspace, runs, *names)
    together = write(columns)
    assert columns.count_copies() == copies
    assert together == [write(arrange(workspace, runs, name))[0] for name in names]
    assert len({tuple(tokens) for tokens in together}) == len(set(names))


def test_adapters_on_one_base_are_rows_of_one_batch(workspace: Workspace, runs: dict[str, Run]) -> None:
    columns = arrange(workspace, runs, "base", "lora", "other")
    write(columns)
    assert columns.find_sides((0, 1, 2)).way == Way(together=True, cached=True)


def test_columns_may_see_prompts_of_their_own(workspace: Workspace, runs: dict[str, Run]) -> None:
    prompts = [PROMPT, PROMPT[:9], PROMPT]
    found = write(arrange(workspace, runs, "base", "lora", "other"), prompts)
    alone = [
        write(arrange(workspace, runs, name), [prompt])[0]
        for name, prompt in zip(("base", "lora", "other"), prompts, strict=True)
    ]
    assert found == alone


def test_only_what_is_missing_is_loaded(workspace: Workspace, runs: dict[str, Run]) -> None:
    columns = arrange(workspace, runs, "base", "lora")
    shared, first = columns.find_shared(0), write(columns)
    for names in (("base", "other", "lora@2"), ("base", "lora", "full"), ("base", "lora")):
        columns.arrange([find(workspace, runs, name) for name in names])
        assert columns.find_shared(0) is shared
    assert write(columns) == first and columns.count_copies() == 1
    assert len(shared.model.peft_config) == 1
    assert columns.answer_many(1, [PROMPT], 8) == arrange(workspace, runs, "lora").answer_many(0, [PROMPT], 8)


@pytest.mark.soon(2)
@pytest.mark.parametrize("method", METHODS.members)
def test_the_base_is_untouched_after_a_cancel_an_error_and_a_switch(
    workspace: Workspace, runs: dict[str, Run], tiny_model: Path, method: str
) -> None:
    import torch

    quickly = {"max_steps": 2, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.5}
    run = train_quickly(workspace, tiny_model, method=method, training=quickly)
    beside = make_column(resolve(workspace, ModelRef(ref=f"run:{run.run_id}@2")), run.load_recipe())
    columns, base, ids = Columns(find_device()), find(workspace, runs, "base"), torch.tensor([PROMPT])
    with torch.inference_mode():
        untouched = load_stack(base.below, base.precision, columns.device)(ids).logits

    def check() -> None:
        columns.arrange([base, beside])
        write(columns)
        for place, is_base in ((1, False), (0, True), (1, False), (0, True)):
            with columns.enter(place) as model, torch.inference_mode():
                found = model(ids).logits[:, -len(PROMPT) :]
            assert torch.equal(found, untouched) == is_base
        last = columns.find_sides((0,)).read(ids)[0]  # of one place alone the head's sums are in another order
        assert torch.allclose(last, untouched[:, -1], atol=1e-5)

    def fail(*_: Any) -> None:
        raise MemoryError("in mid-answer")

    check()
    answer = columns.write([PROMPT] * 2, 8, temperature=0, seed=0, ends=frozenset())
    next(answer)
    answer.close()  # type: ignore[attr-defined]
    check()
    for place in (0, 1):
        hook = columns.find_shared(place).base.get_output_embeddings().register_forward_hook(fail)
        with pytest.raises(MemoryError):
            write(columns)
        hook.remove()
        check()
    columns.arrange([base, find(workspace, runs, "lora"), find(workspace, runs, "other")])
    write(columns)
    check()


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    """A studio."""
    return Studio(workspace, InlineLauncher())


def ask(studio: Studio, run: Run, models: Any = ()) -> Any:
    """The answers of a run, and of models beside it."""
    return studio.ask(run.run_id, "40 + 2", models, max_tokens=8, temperature=0.1, seed=1)


def test_more_models_are_asked_beside_base_and_tuned(studio: Studio, runs: dict[str, Run], tiny_model: Path) -> None:
    lora, other = runs["lora"], runs["other"]
    plain = ask(studio, lora)
    assert [(said.model, said.answer) for said in plain.columns] == [
        (str(tiny_model), plain.base),
        (f"run:{lora.run_id}@4", plain.tuned),
    ]
    more = ask(studio, lora, [f"run:{lora.run_id}@2", f"run:{other.name}"])
    assert (more.base, more.tuned) == (plain.base, plain.tuned)
    assert [said.model for said in more.columns[2:]] == [f"run:{lora.run_id}@2", f"run:{other.run_id}@4"]
    assert (
        more.columns[2].answer == studio.ask(lora.run_id, "40 + 2", max_tokens=8, temperature=0.1, seed=1, step=2).tuned
    )
    assert more.columns[3].answer == ask(studio, other).tuned
    assert other.name in more.columns[3].title


@pytest.mark.parametrize("models", ["run:x", [1], ["builtin"] * 3, [""]])
def test_models_that_can_not_be_asked_are_told_in_words(studio: Studio, runs: dict[str, Run], models: Any) -> None:
    with raises(InputError, field="models"):
        ask(studio, runs["lora"], models)
    with raises(NotFoundError, "nobody-here", field="model"):
        ask(studio, runs["lora"], ["run:nobody-here"])


def test_a_vote_names_what_it_compared() -> None:
    old = {"choice": "base", "prompt": "1", "base": "2", "tuned": "3", "step": 4}
    assert [vote.models for vote in read_votes(old)] == [()]
    assert [vote.models for vote in read_votes({**old, "models": ["builtin", "run:x@4"]})] == [("builtin", "run:x@4")]
    for wrong in (["a", "b", "c"], "builtin", [1]):
        with raises(InputError, field="models"):
            read_votes({**old, "models": wrong})


def test_each_token_is_as_likely_as_the_model_says(studio: Studio, runs: dict[str, Run]) -> None:
    run, beside = runs["lora"], [f"run:{runs['lora'].run_id}@2"]
    answers = studio.ask(run.run_id, "2 + 2", beside, max_tokens=4)
    written = [said.tokens for said in answers.columns]
    assert all(0 < len(tokens) <= 4 for tokens in written[1:])
    found = studio.inside.look(run.run_id, "2 + 2", written, beside, max_tokens=4)
    for place, (inside, said) in enumerate(zip(found, answers.columns, strict=True)):
        assert "".join(inside.tokens[:-1]).strip() == said.answer and len(inside.tokens) == len(said.tokens) + 1
        own = inside.columns[place]
        assert own.model == inside.model == said.model and len(inside.columns) == 3
        likeliest = zip(own.probabilities[:-1], own.others, strict=False)
        assert all(value >= others[0].probability for value, others in likeliest), "a greedy answer takes the likeliest"
        for reading in inside.columns:
            for value, others in zip(reading.probabilities, reading.others, strict=True):
                assert 0 <= value + sum(other.probability for other in others) <= 1 + 1e-5 and len(others) == 5
    assert found[0].columns[0].probabilities != found[0].columns[1].probabilities, "tuning changed something"
    for wrong in ([], [[1]], [[-1], [1], [1]], [[10**9], [1], [1]], [["a"], [1], [1]]):
        with raises(InputError, field="tokens"):
            studio.inside.look(run.run_id, "2 + 2", wrong, beside)


def test_a_letter_of_several_tokens_is_spelled_by_its_last() -> None:
    parts = ["b", "b\ufffd", "b\ufffd", "bö", "bö!"]
    assert spell(lambda tokens: parts[len(tokens) - 1], [1, 2, 3, 4, 5])[3:] == ["ö", "!"]


def test_the_rows_that_hold_a_word_are_found(studio: Studio, runs: dict[str, Run]) -> None:
    run_id = runs["lora"].run_id
    recipe = runs["lora"].load_recipe()
    row = split_task(studio.load_task(recipe.task_id, recipe.task_version), recipe.training.seed).train[0]
    found = studio.inside.find_rows(run_id, f" {row.output[0]} ")
    assert 1 <= found.count <= found.of and found.rows[0].answer == row.output[0]
    assert studio.inside.find_rows(run_id, "zebra").count == 0
    with raises(InputError, field="text"):
        studio.inside.find_rows(run_id, "  ")
