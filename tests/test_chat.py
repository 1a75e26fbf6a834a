"""Base and tuned side by side: the base is the untouched base to the last bit, whatever was loaded before."""

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import TASK_ID, import_task, train, wait_until, write_recipe

from studio.chat.desk import Answers, Desk
from studio.chat.pair import BASE, TUNED, Pair
from studio.errors import DeviceError, InputError, ModelError, NotFoundError, StudioError
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.runs.run import Run, find_run
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

PROMPT = [1, *range(40, 60)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("chat"))
    import_task(workspace)
    return workspace


def make(workspace: Workspace, model: Path, **changes: Any) -> Run:
    """Train a run whose answers differ from the base's."""
    training = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.05}
    return train(workspace, write_recipe(model, **{"training": training, **changes}))


@pytest.fixture(scope="module")
def runs(workspace: Workspace, tiny_model: Path) -> dict[str, Run]:
    """One run of each kind, and a second adapter on other layers."""
    full = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.005}
    return {
        "lora": make(workspace, tiny_model),
        "other": make(workspace, tiny_model, method={"name": "lora", "rank": 2, "targets": "attention"}),
        "full": make(workspace, tiny_model, method="full", training=full),
        "nf4": make(workspace, tiny_model, precision="nf4"),
    }


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


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    """A desk with nothing loaded."""
    return Desk(workspace)


def test_both_sides_see_the_prompt_that_was_trained_with(
    desk: Desk, runs: dict[str, Run], workspace: Workspace
) -> None:
    answers = desk.ask(runs["lora"], "40 + 2", max_tokens=8)
    assert answers.prompt == "Definition: Add the numbers.\nInput: 40 + 2\nOutput:"
    assert answers.done and answers.step == 4 and answers.seconds >= 0 and answers.note == ""
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=8, step=2).step == 2


@pytest.mark.parametrize("name", ["lora", "full", "nf4"])
def test_streams_grow_into_the_answer(desk: Desk, runs: dict[str, Run], name: str) -> None:
    seen = list(desk.stream(runs[name], "40 + 2", max_tokens=24))
    assert [answers.done for answers in seen] == [False] * (len(seen) - 1) + [True]
    asked = desk.ask(runs[name], "40 + 2", max_tokens=24)
    assert (seen[-1].base, seen[-1].tuned) == (asked.base, asked.tuned)


def test_a_seed_gives_the_same_answers_again(desk: Desk, runs: dict[str, Run]) -> None:
    def ask(seed: int, temperature: float) -> tuple[str, str]:
        answers = desk.ask(runs["lora"], "40 + 2", max_tokens=16, seed=seed, temperature=temperature)
        return answers.base, answers.tuned

    assert ask(1, 1.0) == ask(1, 1.0) != ask(2, 1.0)
    assert ask(1, 0.0) == ask(2, 0.0)


def test_answers_hold_no_special_tokens(desk: Desk, runs: dict[str, Run]) -> None:
    for seed in range(5):
        answers = desk.ask(runs["lora"], "40 + 2", max_tokens=64, seed=seed, temperature=2.0)
        for text in (answers.base, answers.tuned):
            assert not any(token in text for token in ("<s>", "</s>", "<pad>", "<unk>"))
            assert text == text.strip()


def test_a_stream_that_is_closed_half_way_frees_the_desk(desk: Desk, runs: dict[str, Run]) -> None:
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=400)
    assert not next(stream).done
    with pytest.raises(StopIteration):
        stream.close()
        next(stream)
    before = desk._pair
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=4).done
    assert desk._pair is before  # what was loaded is kept


def test_one_question_at_a_time(desk: Desk, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=400)
    next(stream)
    with monkeypatch.context() as patch:
        patch.setattr("studio.chat.desk.PATIENCE_SECONDS", 0.01)
        with pytest.raises(DeviceError, match="Somebody else's question is still being answered"):
            desk.ask(runs["lora"], "2 + 2")
    answered: list[Answers] = []
    waiting = threading.Thread(target=lambda: answered.append(desk.ask(runs["lora"], "1 + 1", max_tokens=4)))
    waiting.start()
    assert not next(stream).done and not answered
    stream.close()
    waiting.join(timeout=60)
    assert answered and answered[0].done


def test_many_may_ask_different_runs_at_once(desk: Desk, runs: dict[str, Run]) -> None:
    alone = {name: desk.ask(run, "40 + 2", max_tokens=6) for name, run in runs.items()}
    found: dict[tuple[str, int], Answers] = {}

    def ask(name: str, number: int) -> None:
        found[name, number] = desk.ask(runs[name], "40 + 2", max_tokens=6)

    askers = [threading.Thread(target=ask, args=(name, number)) for number in range(3) for name in ("lora", "other")]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(timeout=120)
    assert len(found) == 6
    for (name, _), answers in found.items():
        assert (answers.base, answers.tuned) == (alone[name].base, alone[name].tuned)


def test_what_breaks_in_the_middle_spoils_no_later_answer(
    desk: Desk, workspace: Workspace, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """peft leaves its hooks behind when a forward breaks; whoever asks next must not meet them."""
    import torch

    instances = TaskStore(workspace).load_task(TASK_ID).instances[:3]
    right, scored = desk.ask(runs["lora"], "40 + 2", max_tokens=8), desk.compare(runs["lora"], list(instances))
    assert desk._pair is not None
    layer = desk._pair.base.model.layers[1].mlp
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=64)
    next(stream)
    handle = layer.register_forward_pre_hook(lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError):
        list(stream)
    handle.remove()
    assert desk.compare(runs["lora"], list(instances)) == scored
    again = desk.ask(runs["lora"], "40 + 2", max_tokens=8)
    assert (again.base, again.tuned) == (right.base, right.tuned)
    monkeypatch.setattr(Pair, "write", lambda *_: torch.empty(2**55))
    with pytest.raises(DeviceError, match=r"The device ran out of memory\. Wait until a training has ended"):
        desk.ask(runs["lora"], "40 + 2")
    monkeypatch.undo()
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=8).base == right.base


@pytest.mark.parametrize(
    ("question", "field", "words"),
    [
        ({"text": ""}, "prompt", "The prompt is empty. Write something to ask"),
        ({"text": " \n"}, "prompt", "The prompt is empty."),
        ({"text": None}, "prompt", "The prompt is empty."),
        ({"text": "x" * 20_001}, "prompt", "The prompt has 20,001 characters; at most 20,000 can be asked."),
        ({"text": "a\ud800"}, "prompt", "The prompt holds half a letter (a lone surrogate). Write it again."),
        ({"text": "x" * 600}, "prompt", "This prompt has 6"),
        ({"max_tokens": 0}, "max_tokens", "max_tokens must be a whole number between 1 and 2,048, not 0. Try 48."),
        ({"max_tokens": 10**5000}, "max_tokens", "max_tokens must be a whole number between 1 and 2,048, not someth"),
        ({"max_tokens": True}, "max_tokens", "max_tokens must be a whole number"),
        ({"max_tokens": "9"}, "max_tokens", "max_tokens must be a whole number"),
        ({"seed": -1}, "seed", "seed must be a whole number between 0 and 4,294,967,295, not -1. Try 0."),
        ({"seed": 1.5}, "seed", "seed must be a whole number"),
        ({"temperature": float("nan")}, "temperature", "temperature must be between 0 and 2, not nan. Try 0."),
        ({"temperature": 3}, "temperature", "temperature must be between 0 and 2, not 3. Try 0."),
        ({"step": 3}, "step", "has no checkpoint of step 3. It has: 2, 4."),
        ({"step": "last"}, "step", "has no checkpoint of step last."),
    ],
)
def test_a_question_that_can_not_be_asked_is_told_in_words(
    desk: Desk, runs: dict[str, Run], question: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(StudioError) as told:
        desk.ask(runs["lora"], **{"text": "1 + 1", **question})
    assert words in str(told.value) and len(str(told.value)) < 300
    assert told.value.field == field


def test_a_step_may_come_as_a_float_from_a_page(desk: Desk, runs: dict[str, Run]) -> None:
    assert desk.ask(runs["lora"], "1 + 1", max_tokens=2, step=2.0).step == 2  # type: ignore[arg-type]


def test_a_long_prompt_leaves_only_some_room(desk: Desk, runs: dict[str, Run]) -> None:
    answers = desk.ask(runs["lora"], "x" * 460, max_tokens=100)
    assert answers.done and answers.note.startswith("Only ") and answers.note.endswith(" tokens fit after this prompt.")


def test_a_run_without_weights_or_without_a_folder_is_told_in_words(
    desk: Desk, workspace: Workspace, tiny_model: Path
) -> None:
    run = make(workspace, tiny_model)
    for step in run.list_checkpoints():
        run.forget_checkpoint(step)
    with pytest.raises(NotFoundError, match="has no checkpoint yet"):
        desk.ask(run, "1 + 1")
    run.delete()
    with pytest.raises(StudioError):
        desk.ask(run, "1 + 1")
    with pytest.raises(NotFoundError, match="It may have been deleted"):
        find_run(workspace, run.run_id)


def test_a_base_that_was_changed_since_the_training_is_told_in_words(
    desk: Desk, workspace: Workspace, tiny_model: Path, runs: dict[str, Run], tmp_path: Path
) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    run = make(workspace, tmp_path)
    assert desk.ask(run, "1 + 1", max_tokens=2).done
    desk.forget()
    config = AutoConfig.from_pretrained(tiny_model)
    config.hidden_size = 64
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"The checkpoint step-4 does not fit the base model .* changed since"):
        desk.ask(run, "1 + 1")
    assert desk.ask(runs["lora"], "1 + 1", max_tokens=2).done


def test_scores_of_both_sides_and_one_by_one(desk: Desk, workspace: Workspace, runs: dict[str, Run]) -> None:
    task = TaskStore(workspace).load_task(TASK_ID)
    for name in ("lora", "full"):
        compared = desk.compare(runs[name], list(task.instances[:6]))
        assert compared.base.instances == compared.tuned.instances == 6
        assert 0 <= compared.tuned.exact_match <= 100
        pair = make_pair(runs[name])
        objective = runs[name].load_recipe().objective
        prompts = [objective.encode_prompt(task, one.input, pair.tokenizer) for one in task.instances[:6]]
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


class Ia3(Method):
    """A method that peft can't skip for single rows of a batch."""

    name: ClassVar[str] = "ia3"
    title: ClassVar[str] = "IA3"
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
def ia3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A method that was added as one file."""
    (tmp_path / "ia3.py").write_text(NEW_METHOD)
    package = importlib.import_module("studio.methods")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    METHODS.__dict__.pop("members", None)
    yield
    METHODS.__dict__.pop("members", None)
    sys.modules.pop("studio.methods.ia3", None)


def test_a_method_that_was_added_as_one_file_trains_and_answers_beside_the_base(
    ia3: None, desk: Desk, workspace: Workspace, tiny_model: Path, runs: dict[str, Run]
) -> None:
    import torch

    run = make(workspace, tiny_model, method="ia3")
    base, tuned = (read_alone(model, rows=1)[0] for model in load_alone(run))
    pair = make_pair(run)
    found = read_pair(pair)
    assert torch.equal(found[BASE], base) and torch.allclose(found[TUNED], tuned, atol=1e-5)
    assert not torch.allclose(found[TUNED], found[BASE], atol=1e-3)
    assert not pair.serves(runs["lora"].load_recipe())
    seen = [desk.ask(each, "40 + 2", max_tokens=8) for each in (run, runs["lora"], run)]
    assert seen[0].base == seen[1].base and seen[0].tuned == seen[2].tuned


def test_the_desk_gives_its_memory_back(desk: Desk, runs: dict[str, Run]) -> None:
    desk.ask(runs["lora"], "1 + 1", max_tokens=2)
    desk.forget()
    assert desk._pair is None
    wait_until(lambda: desk.ask(runs["lora"], "1 + 1", max_tokens=2).done)
    with pytest.raises(InputError):
        desk.ask(runs["lora"], "")
