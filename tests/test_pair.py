"""Base and tuned as one pair: the base is the untouched base to the last bit, whatever was loaded before."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import TASK_ID, import_task, make_runs, train_quickly

from studio.answering.desk import Desk
from studio.answering.pair import BASE, TUNED, Pair
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.objectives.objective import encode_asked
from studio.runs.run import Run
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

PROMPT = [1, *range(40, 60)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("chat"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def runs(workspace: Workspace, tiny_model: Path) -> dict[str, Run]:
    """One run of each kind, and a second adapter on other layers."""
    return make_runs(workspace, tiny_model)


def load_alone(run: Run, step: int | None = None) -> tuple[Any, Any]:
    """Return base and tuned as anybody would load them without the studio: two models."""
    from peft import PeftModel

    recipe, device = run.load_recipe(), find_device()
    folder = recipe.base.find_folder()
    assert folder is not None
    base, again = (load_base(folder, recipe.precision, device) for _ in range(2))
    checkpoint = run.find_checkpoint(step)
    if recipe.method.saves_whole_model:
        return base, load_base(checkpoint, recipe.precision, device)
    return base, PeftModel.from_pretrained(again, checkpoint).eval()


def read_alone(model: Any, rows: int = 2) -> Any:
    """Return the logits after the prompt, read in a batch of as many rows."""
    import torch

    ids = torch.tensor([PROMPT] * rows)
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True, logits_to_keep=1)
    return out.logits[:, -1].float()


def read_pair(pair: Pair) -> Any:
    """Return the logits of both sides after the prompt."""
    import torch

    ids = torch.tensor([PROMPT, PROMPT])
    return pair.read(ids, torch.ones_like(ids)).values


def make_pair(run: Run, step: int | None = None) -> Pair:
    """Return the pair of a run."""
    pair = Pair(run.load_recipe(), find_device())
    pair.use(run, run.load_recipe(), step)
    return pair


@pytest.mark.soon(3)
@pytest.mark.parametrize("name", ["lora", "other", "nf4", "full"])
def test_each_side_answers_as_if_it_were_alone(runs: dict[str, Run], name: str) -> None:
    import torch

    run = runs[name]
    rows = 1 if name == "full" else 2
    base, tuned = (read_alone(model, rows)[0] for model in load_alone(run))
    found = read_pair(make_pair(run))
    assert torch.equal(found[BASE], base)
    assert torch.allclose(found[TUNED], tuned, atol=1e-5)
    assert (found[TUNED] - found[BASE]).abs().max() > 0.01


def test_the_base_stays_the_base_while_checkpoints_and_runs_change(runs: dict[str, Run]) -> None:
    import torch

    lora, other = runs["lora"], runs["other"]
    base = read_alone(load_alone(lora)[0])[0]
    pair = make_pair(lora)
    for run, step in ((lora, 2), (lora, 4), (other, 4), (other, 2), (lora, 4)):
        assert pair.serves(run.load_recipe())
        assert pair.use(run, run.load_recipe(), step) == step
        found = read_pair(pair)
        assert torch.equal(found[BASE], base)
        assert torch.allclose(found[TUNED], read_alone(load_alone(run, step)[1])[0], atol=1e-5)
    assert len(pair.model.peft_config) == 1


def test_a_pair_serves_what_was_trained_on_its_base_stored_alike(runs: dict[str, Run], tiny_model: Path) -> None:
    pair = Pair(runs["lora"].load_recipe(), find_device())
    served = {name: pair.serves(run.load_recipe()) for name, run in runs.items()}
    assert served == {"lora": True, "other": True, "full": False, "nf4": False}


def test_writing_is_reading_one_token_after_the_other(runs: dict[str, Run]) -> None:
    """With the cache, each side writes what it writes alone without one."""
    import torch

    run = runs["lora"]
    pair, models = make_pair(run), load_alone(run)
    *_, written = pair.write(PROMPT, 12, temperature=0, seed=0, ends=frozenset())
    for side, model in zip(written, models, strict=True):
        text = list(PROMPT)
        with torch.inference_mode():
            for token in side:
                assert token == int(model(input_ids=torch.tensor([text])).logits[0, -1].argmax())
                text.append(token)
        assert len(side) == 12
    assert written[BASE] != written[TUNED]


def test_an_end_ends_one_side_and_both_ends_end_it(runs: dict[str, Run]) -> None:
    pair = make_pair(runs["lora"])
    *_, free = pair.write(PROMPT, 12, temperature=0, seed=0, ends=frozenset())
    free = ([*free[BASE]], [*free[TUNED]])
    end = free[BASE][3]
    *_, written = pair.write(PROMPT, 12, temperature=0, seed=0, ends=frozenset({end}))
    for side in (BASE, TUNED):
        cut = free[side].index(end) if end in free[side] else 12
        assert written[side] == free[side][:cut]
    every = frozenset(range(260))
    assert list(pair.write(PROMPT, 12, temperature=0, seed=0, ends=every)) == [([], [])]


def test_many_answers_at_once_are_those_of_one_by_one(workspace: Workspace, runs: dict[str, Run]) -> None:
    task = TaskStore(workspace).load_task(TASK_ID)
    for name in ("lora", "full"):
        pair = make_pair(runs[name])
        objective = runs[name].load_recipe().objective
        prompts = [encode_asked(objective, task, one, pair.tokenizer) for one in task.instances[:6]]
        for tuned in (False, True):
            batched = pair.answer_many(prompts, 12, tuned=tuned, batch=4)
            assert batched == [text for prompt in prompts for text in pair.answer_many([prompt], 12, tuned=tuned)]
        assert pair.answer_many([], 12, tuned=True) == []
        long = [[1] * 505, prompts[0]]
        assert pair.answer_many(long, 12, tuned=True) == ["", pair.answer_many(prompts[:1], 12, tuned=True)[0]]


NEW_METHOD = '''
"""IA3: a factor for each output of some layers (Liu et al. 2022, arXiv:2205.05638)."""

from typing import Any, ClassVar

from studio.methods.method import Method


class Louder(Method):
    """A method that peft can't skip for single rows of a batch."""

    name: ClassVar[str] = "louder"
    title: ClassVar[str] = "Louder"
    learning_rate_small: ClassVar[float] = 0.05
    learning_rate_large: ClassVar[float] = 0.01

    def attach(self, model: Any) -> Any:
        """Scale keys, values and what the feed-forward layer reads."""
        from peft import IA3Config, get_peft_model

        wanted = ["k_proj", "v_proj", "down_proj"]
        config = IA3Config(task_type="CAUSAL_LM", target_modules=wanted, feedforward_modules=["down_proj"])
        return get_peft_model(model, config)
'''


@pytest.fixture
def louder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A method that was added as one file."""
    (tmp_path / "louder.py").write_text(NEW_METHOD)
    package = importlib.import_module("studio.methods")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    METHODS.__dict__.pop("members", None)
    yield
    METHODS.__dict__.pop("members", None)
    sys.modules.pop("studio.methods.louder", None)


@pytest.mark.long
def test_a_method_that_was_added_as_one_file_trains_and_answers_beside_the_base(
    louder: None, workspace: Workspace, tiny_model: Path, runs: dict[str, Run]
) -> None:
    import torch

    run = train_quickly(workspace, tiny_model, method="louder")
    base, tuned = (read_alone(model, rows=1)[0] for model in load_alone(run))
    pair, desk = make_pair(run), Desk(workspace)
    found = read_pair(pair)
    assert torch.equal(found[BASE], base) and torch.allclose(found[TUNED], tuned, atol=1e-5)
    assert not torch.allclose(found[TUNED], found[BASE], atol=1e-3)
    assert not pair.serves(runs["lora"].load_recipe())
    seen = [desk.ask(each, "40 + 2", max_tokens=8) for each in (run, runs["lora"], run)]
    assert seen[0].base == seen[1].base and seen[0].tuned == seen[2].tuned
