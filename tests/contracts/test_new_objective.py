"""An objective is one file: put into its folder, it trains on pairs, streams what it measures, resumes and chats.

The one of this test is DPO in its shortest form. What a run of it tells is checked against the formula, computed from
plain transformers' log-probabilities of each row read alone.
"""

import importlib
import json
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from tiny import import_task, kinds, losses, read_all, resume, train, write_recipe

import studio.objectives
from studio.errors import RecipeError
from studio.launchers.inline import InlineLauncher
from studio.objectives import OBJECTIVES, Measure
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.split import split_task
from studio.workspace import Workspace

FILE = '''
"""Direct preference optimisation: a better answer gains on a worse one, measured from where the run starts.

Rafailov et al. 2023, arXiv:2305.18290. The rewards are those of TRL: beta times how much likelier an answer became.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Need
from studio.objectives.prompted import Prompted
from studio.tasks.instance import Form

if TYPE_CHECKING:
    from torch import Tensor


class Dpo(Prompted):
    """Learn to prefer the better answers."""

    name: ClassVar[str] = "short_dpo"
    title: ClassVar[str] = "Short DPO"
    position: ClassVar[int] = 20
    form: ClassVar[Form] = "pair"
    summary: ClassVar[str] = "Shows the model a better and a worse answer, and trains it to prefer the better one."
    needs: ClassVar[frozenset[Need]] = frozenset({"reference"})
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure(name="rewards/margins", title="margin", unit="nats", better="higher", chart="margin"),
        Measure(name="rewards/accuracies", title="pairs in the right order", better="higher", chart="accuracy"),
        LOSS,
    )
    chooses: ClassVar[str] = "rewards/margins"
    learning_rate_factor: ClassVar[float] = 0.05

    beta: float = Field(0.1, gt=0, le=10, title="Beta", description="How tightly the model is held to its start.")

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return -log sigmoid of each pair's margin (pairs)."""
        from torch.nn.functional import logsigmoid

        better, worse = batch.split(self.beta * (logprobs.sum_rows() - batch.reference))
        margins = better - worse
        return -logsigmoid(margins), {"rewards/margins": margins, "rewards/accuracies": (margins > 0).float()}
'''
BETA, STEPS, MIDDLE = 0.5, 8, 4
FILE_KEPT = "reference.safetensors"
ROWS = [{"id": f"p{n}", "input": f"Count {n}", "output": [f"{n} and {n + 1}"], "rejected": f"no{n}"} for n in range(40)]


class Trained(NamedTuple):
    """A run of DPO, and what is around it."""

    workspace: Workspace
    run: Run
    model: Path


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The studio's own objectives, with one file more in their folder."""
    more = tmp_path_factory.mktemp("more")
    (more / "short_dpo.py").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studio.objectives, "__path__", [*studio.objectives.__path__, str(more)])
        importlib.invalidate_caches()
        OBJECTIVES.__dict__.pop("members", None)
        yield OBJECTIVES
    OBJECTIVES.__dict__.pop("members", None)
    sys.modules.pop("studio.objectives.short_dpo", None)


@pytest.fixture(scope="module")
def trained(family: Any, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Trained:
    """Eight steps on pairs, with a checkpoint and a look at the validation pairs in the middle."""
    workspace = Workspace(tmp_path_factory.mktemp("dpo"))
    task = import_task(workspace, "pairs", Instances=ROWS, Studio={"kind": "preference", "format": "by hand"})
    objective = {"name": "short_dpo", "beta": BETA}
    return Trained(workspace, train(workspace, write_recipe(tiny_model, task, objective=objective)), tiny_model)


def open_house(trained: Trained) -> Studio:
    """Return the studio of the run; it starts no process."""
    return Studio(trained.workspace, launcher=InlineLauncher())


def measure_by_hand(trained: Trained, step: int, part: str) -> list[float]:
    """Return beta x ((better - worse) now - (better - worse) at the start) of each pair of a part, row by row."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(trained.model).eval()
    recipe, tokenizer = trained.run.load_recipe(), AutoTokenizer.from_pretrained(trained.model)
    task = open_house(trained).load_task(recipe.task_id)
    examples = [
        recipe.objective.encode(task, one, tokenizer, 512)
        for one in getattr(split_task(task, recipe.training.seed), part)
    ]
    start = [[score(base, row) for row in example] for example in examples]
    tuned = PeftModel.from_pretrained(base, trained.run.find_checkpoint(step)).eval()
    now = [[score(tuned, row) for row in example] for example in examples]
    return [BETA * ((n[0] - n[1]) - (s[0] - s[1])) for n, s in zip(now, start, strict=True)]


def score(model: Any, row: Any) -> float:
    """Return the log-probability of what is learnt of a row, in nats."""
    import torch

    ids, labels = torch.tensor([row.input_ids]), torch.tensor(row.labels)[1:]
    with torch.no_grad():
        found = model(input_ids=ids).logits[0, :-1].log_softmax(dim=-1)
    learnt = (labels != -100).nonzero().flatten()
    return float(found[learnt, labels[learnt]].sum())


def test_an_example_is_two_rows_that_differ_in_their_answers_alone(trained: Trained, tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    recipe, tokenizer = trained.run.load_recipe(), AutoTokenizer.from_pretrained(tiny_model)
    task = open_house(trained).load_task(recipe.task_id)
    better, worse = recipe.objective.encode(task, task.instances[3], tokenizer, 512)
    texts = [tokenizer.decode([label for label in row.labels if label != -100]).strip() for row in (better, worse)]
    assert texts == ["3 and 4</s>", "no3</s>"]
    assert recipe.objective.encode(task, task.instances[3], tokenizer, len(better.input_ids) - 1) is None
    assert [[label == -100 for label in row.labels].index(False) for row in (better, worse)] == [
        len(recipe.objective.encode_prompt(task, recipe.objective.write_question(task, "Count 3"), tokenizer))
    ] * 2


def test_what_it_tells_is_the_formula(trained: Trained) -> None:
    assert kinds(trained.run)[-1] == "finished", read_all(trained.run)[-1]
    first = next(event for event in read_all(trained.run) if event["event"] == "metrics")
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-5)
    assert first["measures"] == {"rewards/margins": 0, "rewards/accuracies": 0}
    looked = [event for event in read_all(trained.run) if event["event"] == "evaluated"]
    assert [event["step"] for event in looked] == [MIDDLE, STEPS]
    for event in looked:
        margins = measure_by_hand(trained, event["step"], "validation")
        assert event["measures"]["rewards/margins"] == pytest.approx(sum(margins) / len(margins), abs=1e-3)
        wanted = sum(math.log1p(math.exp(-one)) for one in margins) / len(margins)
        assert event["loss"] == pytest.approx(wanted, abs=1e-3)
        assert event["measures"]["rewards/accuracies"] == sum(one > 0 for one in margins) / len(margins)
    assert looked[1]["measures"]["rewards/margins"] > looked[0]["measures"]["rewards/margins"] > 0.01


def test_the_reference_is_that_of_the_start_and_is_kept(trained: Trained) -> None:
    """Training examples too: at no step but the last have all been read."""
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    kept = load_file(trained.run.folder / FILE_KEPT)
    recipe, tokenizer = trained.run.load_recipe(), AutoTokenizer.from_pretrained(trained.model)
    task = open_house(trained).load_task(recipe.task_id)
    base = AutoModelForCausalLM.from_pretrained(trained.model).eval()
    split = split_task(task, recipe.training.seed)
    for values, instances in ((kept["0"], split.train), (kept["1"], split.validation)):
        assert tuple(values.shape) == (len(instances), 2)
        for found, instance in zip(values[:6].tolist(), instances, strict=False):
            rows = recipe.objective.encode(task, instance, tokenizer, 512)
            assert found == pytest.approx([score(base, row) for row in rows], abs=1e-3)


def test_the_best_checkpoint_is_the_one_its_own_measure_chooses(trained: Trained) -> None:
    state = json.loads((trained.run.find_checkpoint(STEPS) / "trainer_state.json").read_text())
    looked = {event["step"]: event for event in read_all(trained.run) if event["event"] == "evaluated"}
    best = max(looked, key=lambda step: looked[step]["measures"]["rewards/margins"])
    assert state["best_global_step"] == best
    assert state["best_metric"] == pytest.approx(looked[best]["measures"]["rewards/margins"], abs=1e-4)


@pytest.mark.parametrize(("better", "best"), [("higher", 4), ("lower", 2)])
def test_what_is_better_is_for_the_measure_to_say(better: Literal["higher", "lower"], best: int) -> None:
    """A stand-in for the trainer's looks: values of one measure at steps, beside a loss that says the contrary."""
    measure = Measure(name="gain", title="gain", better=better)
    said: dict[int, float] = {1: 0.5, 2: 0.25, 3: float("nan"), 4: 0.75, 5: 0.5}
    chosen, so_far = 0, None
    for step, value in said.items():
        if measure.is_better(value, so_far):
            chosen, so_far = step, value
    assert chosen == best


@pytest.mark.parametrize("reference", ["kept", "damaged", "another's"])
def test_it_goes_on_as_if_it_had_never_stopped(trained: Trained, reference: str) -> None:
    from safetensors.torch import load_file, save_file

    run = Run(trained.workspace.runs / f"{trained.run.run_id}-{reference[:4]}")
    shutil.copytree(trained.run.folder, run.folder)
    run.forget_checkpoint(STEPS)
    if reference == "damaged":
        (run.folder / FILE_KEPT).write_bytes(b"{}")
    if reference == "another's":
        values = {name: value + 1 for name, value in load_file(run.folder / FILE_KEPT).items()}
        save_file(values, (run.folder / FILE_KEPT), metadata={"key": "another"})
    before = (run.folder / FILE_KEPT).stat().st_mtime_ns
    events = resume(trained.workspace, run)
    assert events[-1]["event"] == "finished" and events[0]["resumed_from"] == MIDDLE
    whole = losses(read_all(trained.run))
    assert losses(events) == {step: loss for step, loss in whole.items() if step > MIDDLE}
    assert ((run.folder / FILE_KEPT).stat().st_mtime_ns == before) == (reference == "kept")


def test_its_measures_stream_to_the_chart_in_their_order(trained: Trained) -> None:
    from studio.ui.runs.run_shelf import RunShelf
    from studio.ui.steps.train.live_chart import NewsReader

    house, told = open_house(trained), [event for event in read_all(trained.run) if event["event"] == "metrics"]
    news = NewsReader().read(house, trained.run.run_id, 0)
    assert [(one["name"], one["title"], one["unit"]) for one in news["facts"]["measures"]] == [
        ("rewards/margins", "margin", "nats"),
        ("rewards/accuracies", "pairs in the right order", ""),
        ("loss", "loss", ""),
    ]
    steps, margins, right, lost, rates = news["train"]
    assert steps == list(range(1, STEPS + 1)) and len(rates) == STEPS
    assert margins == [event["measures"]["rewards/margins"] for event in told] and margins[-1] > 0.01
    assert (lost, right[-1]) == ([event["loss"] for event in told], told[-1]["measures"]["rewards/accuracies"])
    assert news["validation"][0] == [MIDDLE, STEPS] and len(news["validation"]) == 4
    (row,) = [row for row in RunShelf().list_rows(house)["rows"] if row["run"] == trained.run.run_id]
    assert row["measure"]["title"] == "margin" and row["value"] == margins[-1] and row["path"].startswith("M")


def test_what_it_made_answers(trained: Trained) -> None:
    answers = open_house(trained).ask(trained.run.run_id, "Count 3", max_tokens=8)
    assert answers.step == STEPS and answers.base != answers.tuned


def test_it_learns_gently_unless_told_otherwise(trained: Trained) -> None:
    house = open_house(trained)
    recipe = trained.run.load_recipe().to_json()
    recipe["training"] |= {"learning_rate": None}
    plans = [
        house.read_recipe({**recipe, "objective": objective}).plan(10**6, 40)
        for objective in (recipe["objective"], "sft")
    ]
    assert plans[0].learning_rate == pytest.approx(0.05 * plans[1].learning_rate)


def test_a_task_without_pairs_is_refused(trained: Trained) -> None:
    house = open_house(trained)
    sums = import_task(trained.workspace)
    with pytest.raises(Exception) as told:
        house.estimate({**trained.run.load_recipe().to_json(), "task_id": sums, "task_version": None})
    assert getattr(told.value, "field", None) == "task_id"


def test_what_no_training_gives_is_refused(family: Any) -> None:
    from studio.training.session import check_needs

    class Judge(type(family.read("short_dpo"))):  # type: ignore[misc]
        needs = frozenset({"reference", "second_thoughts"})

    with pytest.raises(RecipeError) as told:
        check_needs(Judge())
    assert told.value.field == "objective.name" and "second thoughts" in str(told.value)
