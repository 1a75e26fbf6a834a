"""Merging: each way's promises on plain numbers, then on real models of every method, against deltas made by hand."""

import json
import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import import_task, read_all, train_quickly, write_recipe

from studio.__main__ import main
from studio.answering.column import make_base, make_column
from studio.answering.columns import Columns
from studio.checkpoints.address import resolve
from studio.checkpoints.merges import find_merges_folder
from studio.checkpoints.weights import load_stack
from studio.errors import InputError, ModelError, NotFoundError, RecipeError
from studio.launchers.inline import InlineLauncher
from studio.merging import WAYS, making
from studio.merging.deltas import Pair
from studio.merging.making import open_parents
from studio.merging.meeting import meet, meet_pairs
from studio.merging.sparse import drop, elect, trim
from studio.merging.trying import MIX
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.precisions import PRECISIONS
from studio.recipes.recipe import read_recipe
from studio.runs.run import Run
from studio.service import Studio
from studio.shares.quota import count_held
from studio.ui.steps.compare import take_away
from studio.ui.steps.merge import merge_desk, scoring
from studio.visitor import read_visitor
from studio.works.merge import Merge, Parent
from studio.workspace import Workspace

METHODS: dict[str, dict[str, Any]] = {
    "lora": {"method": {"name": "lora", "rank": 4}},
    "rslora": {"method": {"name": "rslora", "rank": 2, "targets": "attention"}},
    "dora": {"method": {"name": "dora", "rank": 2}},
    "pissa": {"method": {"name": "lora", "rank": 2, "init": "pissa"}},
    "ia3": {"method": "ia3"},
    "bitfit": {"method": "bitfit"},
    "full": {"method": "full"},
    "nf4": {"method": {"name": "lora", "rank": 2}, "precision": "nf4"},
}
IDS = [1, *b"Add the numbers."]


def combine(way: str, deltas: Sequence[Any], weights: Sequence[float], **options: Any) -> Any:
    """Return what a way makes of deltas; each has the random numbers of its content."""
    import torch

    dice = [torch.Generator().manual_seed(int(delta.abs().sum() * 1000)) for delta in deltas]
    return WAYS.read({"name": way, **options}).combine(deltas, weights, dice)


@pytest.mark.parametrize("way", WAYS.members)
def test_every_way_keeps_its_promises(way: str) -> None:
    import torch

    torch.manual_seed(0)
    one, two = torch.randn(6, 5), torch.randn(6, 5)
    cls = WAYS.members[way]
    beside = ([two], [0.0]) if cls.parents else ([], [])
    dense = {"density": 1.0} if "density" in cls.model_fields else {}
    itself = combine(way, [one, *beside[0]], [1.0, *beside[1]], **dense)
    assert torch.allclose(itself, one), "one parent at 1 is itself"
    assert not combine(way, [one, two][: 1 + len(beside[0])], [0.0] * (1 + len(beside[0])), **dense).any()
    assert combine(way, [one, one], [1.0, -1.0]).abs().max() < 1e-6, "+1 and -1 cancel, whatever is left out"
    there, back = combine(way, [one, two], [0.7, -0.4]), combine(way, [two, one], [-0.4, 0.7])
    assert torch.allclose(there, back, atol=1e-6) and torch.isfinite(there).all()
    assert cls.summary.endswith(".") and cls.when.endswith(".") and cls.paper.startswith("https://")


def test_the_ways_are_those_of_the_papers() -> None:
    import torch

    one, two = torch.tensor([4.0, -3.0, 2.0, 1.0]), torch.tensor([2.0, 3.0, -1.0, 0.5])
    assert combine("task_arithmetic", [one, two], [1, -0.5]).tolist() == [3.0, -4.5, 2.5, 0.75]
    assert combine("linear", [one, two], [3, 1]).tolist() == [3.5, -1.5, 1.25, 0.875]
    assert trim(one, 0.5).tolist() == [4.0, -3.0, 0.0, 0.0]
    assert combine("magnitude", [one, two], [1, 1], density=0.5).tolist() == [6.0, 0.0, 0.0, 0.0]
    assert combine("ties", [one, two], [1, 1], density=1.0).tolist() == [3.0, 0.0, 2.0, 0.75]
    assert combine("ties", [one, two], [1, 0.5], density=1.0).tolist() == [2.5, -3.0, 2.0, 0.625]
    assert elect([one, -one]).tolist() == [0.0] * 4
    left = drop(torch.ones(10_000), 0.2, torch.Generator().manual_seed(1))
    assert set(left.tolist()) == {0.0, 5.0} and left.mean() == pytest.approx(1, abs=0.05)
    assert (combine("dare", [one], [1.0], density=0.5) != combine("dare_ties", [one], [1.0], density=0.5)).sum() == 0
    middle = combine("slerp", [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])], [0.5, 0.5])
    assert middle.tolist() == pytest.approx([0.5**0.5, 0.5**0.5])


def test_our_ties_is_pefts_at_equal_weights() -> None:
    import torch
    from peft.utils.merge_utils import ties

    torch.manual_seed(0)
    deltas = [torch.randn(8, 8), torch.randn(8, 8)]
    assert torch.allclose(combine("ties", deltas, [1.0, 1.0], density=0.3), ties(deltas, torch.ones(2), 0.3))


@pytest.mark.parametrize(
    ("rslora", "how", "is_right"),
    [(False, "cat", True), (False, "svd", True)]
    + [(False, how, False) for how in ("linear", "ties", "magnitude_prune")]
    + [(True, "cat", False), (True, "svd", False)],
)
def test_pefts_own_merging_is_right_for_plain_sums_alone(rslora: bool, how: str, is_right: bool) -> None:
    """Why sums are made on the deltas here: peft 0.21.2 adds A to A and B to B, and takes rsLoRA's scale twice."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=2, lora_alpha=5, target_modules=["0"], use_rslora=rslora, init_lora_weights=False)
    model = get_peft_model(torch.nn.Sequential(torch.nn.Linear(12, 10)), config, adapter_name="one")
    model.add_adapter("two", config)
    layer = model.base_model.model[0]
    wanted = 0.7 * layer.get_delta_weight("one") - 0.4 * layer.get_delta_weight("two")
    rest = {"svd_rank": 4} if how == "svd" else {"density": 0.99} if how in ("ties", "magnitude_prune") else {}
    model.add_weighted_adapter(["one", "two"], [0.7, -0.4], "sum", combination_type=how, **rest)
    assert torch.allclose(layer.get_delta_weight("sum"), wanted, atol=1e-4) == is_right


def test_pairs_meet_as_what_they_add_does() -> None:
    import torch

    torch.manual_seed(0)
    shapes = ((2, False), (5, False))
    pairs = [Pair(torch.randn(rank, 20), torch.randn(1000, rank), 0.5 * rank, turned) for rank, turned in shapes]
    pairs.append(pairs[0]._replace(scale=-3.0))
    whole = meet("x", [pair.scale * (pair.b @ pair.a) for pair in pairs])
    for found, wanted in zip(meet_pairs("x", pairs), whole, strict=True):
        assert found.cosine == pytest.approx(wanted.cosine, abs=2e-4)
        assert found.opposite == pytest.approx(wanted.opposite, abs=0.05) and (found.rows, wanted.rows) == (256, 0)
    assert wanted.weight == "x" and [each.cosine for each in meet_pairs("x", [pairs[0], pairs[2]])] == [-1.0]
    (nothing,) = meet_pairs("x", [pairs[0], pairs[1]._replace(scale=0.0)])
    assert (nothing.cosine, nothing.opposite) == (0.0, 0.0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, Run]:
    """A short run of each method on one base."""
    workspace = Workspace(tmp_path_factory.mktemp("merges"))
    import_task(workspace)
    short = {"max_steps": 2, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.02}
    return {name: train_quickly(workspace, tiny_model, training=short, **changes) for name, changes in METHODS.items()}


@pytest.fixture
def studio(runs: dict[str, Run]) -> Studio:
    return Studio(Workspace(runs["lora"].folder.parents[1]), InlineLauncher())


def address(run: Run) -> str:
    return f"run:{run.run_id}@2"


def write_order(runs: dict[str, Run], way: str = "task_arithmetic", **given: Any) -> dict[str, Any]:
    """Return an order of parents by their names and weights, and what else it says."""
    parents = [{"model": address(runs[name]), "weight": by} for name, by in given.items() if name in runs]
    return {"way": way, "parents": parents, **{key: value for key, value in given.items() if key not in runs}}


def read_logits(studio: Studio, model: str, run: Run, is_base: bool = False) -> Any:
    """Return the logits of a model as the studio asks it."""
    import torch

    stack, recipe = resolve(studio.workspace, ModelRef(ref=model)), run.load_recipe()
    columns = Columns(find_device())
    columns.arrange([make_base(stack, recipe) if is_base else make_column(stack, recipe)])
    with columns.enter(0) as asked, torch.no_grad():
        return asked(input_ids=torch.tensor([IDS])).logits.float()


@pytest.mark.soon(3)
@pytest.mark.parametrize("method", METHODS)
def test_one_parent_is_itself_and_nothing_is_the_base(studio: Studio, runs: dict[str, Run], method: str) -> None:
    run = runs[method]
    card = studio.merges.merge(write_order(runs, **{method: 1.0}))
    assert card.result == ("full" if method in ("dora", "ia3", "full", "bitfit") else "exact")
    wanted = read_logits(studio, address(run), run)
    assert (read_logits(studio, card.address, run) - wanted).abs().max() < 2e-5
    base = read_logits(studio, str(run.load_recipe().model), run, is_base=True)
    assert (wanted - base).abs().max() > 1e-3, "the run learnt something"
    if method in ("nf4", "ia3"):
        nothing = studio.merges.merge(write_order(runs, **{method: 0.0}, result="full"))
        assert (read_logits(studio, nothing.address, run) - base).abs().max() < (2e-2 if method == "nf4" else 2e-5)
        assert bool(nothing.cost) == (method == "nf4")


@pytest.mark.soon(2)
@pytest.mark.parametrize("method", METHODS)
def test_every_way_keeps_its_promises_on_every_method(
    studio: Studio, runs: dict[str, Run], tmp_path: Path, method: str
) -> None:
    import torch

    other = runs["bitfit" if method == "bitfit" else "rslora"]
    parents = (Parent(model=address(runs[method])), Parent(model=address(other), weight=0.5))
    opened = open_parents(studio.workspace, Merge(way="linear", parents=parents), tmp_path)
    name = next(name for name in opened.deltas[0].names if name in opened.deltas[1].names)
    one, two = opened.read(name)
    assert one.abs().max() > 1e-5 and two.abs().max() > 1e-5

    def add(way: str, deltas: Sequence[Any], weights: tuple[float, ...]) -> Any:
        dense = {"density": 1.0} if "density" in WAYS.members[way].model_fields else {}
        return opened._replace(way=WAYS.read({"name": way, **dense}), weights=weights).combine(name, deltas)

    for way in WAYS.members:
        assert torch.allclose(add(way, [one, two], (1.0, 0.0)), one, atol=1e-6), way
        assert not add(way, [one, two], (0.0, 0.0)).any()
        assert add(way, [one, one], (1.0, -1.0)).abs().max() < 1e-6, "+1 and -1 of the same cancel"
        there, back = add(way, [one, two], (0.7, -0.4)), add(way, [two, one], (-0.4, 0.7))
        assert torch.allclose(there, back, atol=1e-6), way


def test_merging_into_codes_is_measured(studio: Studio, runs: dict[str, Run]) -> None:
    def read_losses(text: str) -> list[float]:
        return [float(each) for each in re.findall(r"(?:loss|\(nf4\),|again) (\d+\.\d{4})", text)]

    card = studio.merges.merge(write_order(runs, nf4=1.0, result="full"))
    trained, merged, again = read_losses(card.cost)
    assert abs(trained - merged) < 0.02 and 0 < abs(again - merged) < 1, card.cost
    ties = studio.merges.merge(write_order(runs, "ties", nf4=1.0))
    assert len(read_losses(ties.cost)) == 2, "what TIES makes is no adapter that codes could have"
    assert not studio.merges.merge(write_order(runs, nf4=1.0)).cost, "an adapter stays beside the codes"
    file = studio.exports.export(address(runs["nf4"]), "merged")
    with zipfile.ZipFile(file) as archive:
        readme = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("README.md"))
    found = take_away.look_at_export(studio, {"work": studio.exports.start(address(runs["nf4"]), "merged")})
    assert (
        file.name in found["told"]
        and read_losses(readme) == read_losses(found["told"])
        and len(read_losses(readme)) == 3
    )


def test_parents_of_different_methods_are_added_as_by_hand(studio: Studio, runs: dict[str, Run]) -> None:
    given = {"lora": 0.5, "rslora": -0.3, "ia3": 0.7, "full": 0.4}
    card = studio.merges.merge(write_order(runs, **given))
    fp32 = PRECISIONS.read("fp32")

    def load(model: str) -> dict[str, Any]:
        found = load_stack(resolve(studio.workspace, ModelRef(ref=model)), fp32, find_device())
        return dict(found.named_parameters())

    base, merged = load(str(runs["lora"].load_recipe().model)), load(card.address)
    parents = {name: load(address(runs[name])) for name in given}
    for name, value in base.items():
        wanted = value + sum(by * (parents[key][name] - value) for key, by in given.items())
        assert (merged[name] - wanted).abs().max() < 1e-5, name
    assert card.result == "full" and len(card.parents) == 4
    assert {each.title for each in card.parents} == {f"{runs[name].name}, step 2" for name in given}


def test_an_adapter_is_the_sum_exactly_or_the_best_of_a_rank(
    studio: Studio, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = write_order(runs, lora=0.8, rslora=0.6)
    with monkeypatch.context() as without:
        without.delattr("studio.merging.making.load_ground")  # which would take the memory of the whole base
        exact = studio.merges.merge({**order, "name": "calm-heron"})
        least = studio.merges.merge({**order, "result": "svd", "rank": 1})
    assert (exact.address, exact.result, exact.rank) == ("merge:calm-heron", "exact", 6)
    wanted = read_logits(studio, exact.address, runs["lora"])
    for changes, bound in (({"result": "full"}, 2e-5), ({"result": "svd", "rank": 6}, 2e-5)):
        other = studio.merges.merge({**order, **changes})
        assert (read_logits(studio, other.address, runs["lora"]) - wanted).abs().max() < bound
        assert other.explained is None or other.explained == pytest.approx(1, abs=1e-5)
    assert least.explained is not None and 0.1 < least.explained < 0.999
    assert {len(each.weight) > 0 and -1 <= each.cosine <= 1 and 0 <= each.opposite <= 1 for each in exact.meetings} == {
        True
    }
    ties = [
        studio.merges.merge({**write_order(runs, "dare_ties", **parents), "seed": 3, "result": "full"})
        for parents in ({"lora": 0.8, "pissa": 0.6}, {"pissa": 0.6, "lora": 0.8})
    ]
    files = [find_merges_folder(studio.workspace) / card.name / "model.safetensors" for card in ties]
    assert files[0].read_bytes() == files[1].read_bytes(), "the order of parents doesn't matter"
    assert ties[0].options == {"density": 0.5, "seed": 3}


def test_a_merge_is_a_model_like_any_other(studio: Studio, runs: dict[str, Run]) -> None:
    card = studio.merges.merge({**write_order(runs, lora=0.5, dora=0.5), "name": "like-any"})
    said = studio.ask(runs["lora"].run_id, "1 + 1", models=[card.address], max_tokens=2)
    assert [each.model for each in said.columns][2] == card.address
    task = runs["lora"].load_recipe().task_id
    values = studio.evidence.score([card.address], task).values
    assert values and {value.checkpoint for value in values} == {card.address}
    above = train_quickly(studio.workspace, Path(card.address))
    assert read_all(above)[-1]["event"] == "finished"
    with raises(ModelError, above.name, field="name"):
        studio.merges.delete("like-any")
    assert card.address in {made.ref for made in studio.list_made()}
    file = studio.exports.export(card.address, "merged")
    with zipfile.ZipFile(file) as archive:
        readme = archive.read("like-any-merged/README.md").decode()
    assert file.name == "like-any-merged.zip" and tells(readme, f"merge task_arithmetic {runs['dora'].name} 0.5")
    for form in ("script", "notebook", "report"):
        with raises(ModelError, "like-any", field="form"):
            studio.exports.start(card.address, form)
    order = json.loads(studio.exports.export(card.address, "recipe").read_text())
    again = studio.merges.merge(order)
    assert again.model_copy(update={"name": card.name, "work": card.work}) == card, "its recipe merges it again"
    twice = studio.merges.merge(
        {"way": "linear", "parents": [{"model": card.address}, {"model": address(runs["lora"])}]}
    )
    assert twice.parents[0].model == card.address
    studio.merges.delete(twice.name)
    with raises(NotFoundError, twice.name, field="model"):
        resolve(studio.workspace, ModelRef(ref=twice.address))


def test_what_can_not_be_merged_is_told_in_words(studio: Studio, runs: dict[str, Run], tiny_model: Path) -> None:
    order = write_order(runs, lora=1.0)
    studio.merges.merge({**order, "name": "taken"})
    for changes, kind, facts, field in (
        ({"way": "tyes"}, RecipeError, "tyes ties", "way.name"),
        ({"density": 2}, RecipeError, "density task_arithmetic", "way.density"),
        ({"way": "ties", "density": 0}, RecipeError, "density 0 1", "way.density"),
        ({"way": "slerp"}, InputError, "2 1", "parents"),
        ({"parents": []}, InputError, "1 8 0", "parents"),
        ({"parents": "x"}, InputError, "parents weight", "parents"),
        (
            {"parents": [{"model": address(runs["lora"]), "weight": 1e9}]},
            RecipeError,
            "weight -10 10",
            "parents.weight",
        ),
        (
            {"parents": [{"model": address(runs["lora"]), "weight": float("nan")}]},
            RecipeError,
            "weight -10 10",
            "parents.weight",
        ),
        ({"parents": [{"model": "run:gone"}]}, NotFoundError, "gone", "parents"),
        ({"parents": [{"model": str(tiny_model)}]}, RecipeError, "run:brave-otter@120", "parents"),
        ({"result": "svd", "rank": 0}, RecipeError, "rank 1 256 0", "rank"),
        ({"way": "ties", "result": "exact"}, InputError, "TIES svd full", "result"),
        ({**write_order(runs, lora=1.0, dora=1.0), "result": "exact"}, InputError, "svd full", "result"),
        ({"name": "taken"}, InputError, "taken", "name"),
        ({"name": 5}, RecipeError, "name text 5", "name"),
        ({"name": "../out"}, RecipeError, "../out calm-heron", "name"),
    ):
        with raises(kind, facts, field=field):
            studio.merges.read({**order, **changes})
    with raises(InputError, "task_arithmetic", field="merge"):
        studio.merges.read(None)
    work = studio.merges.start({**order, **write_order(runs, full=1.0), "result": "svd"})
    studio.scheduler.start_next()
    assert tells(str(studio.run_status(work).error).replace(".", " "), "full embed_tokens")
    assert not [folder for folder in find_merges_folder(studio.workspace).iterdir() if folder.name.startswith(".")]


def test_models_of_other_bases_and_broken_ones_are_refused(studio: Studio, runs: dict[str, Run]) -> None:
    elsewhere = runs["lora"].load_recipe().model_copy(update={"revision": "other"})
    folder = studio.workspace.runs / f"{runs['lora'].run_id}-copy"
    from safetensors.torch import load_file, save_file

    shutil.copytree(runs["lora"].folder, folder)
    (folder / "recipe.json").write_text(elsewhere.model_dump_json())
    try:
        order = {"way": "linear", "parents": [{"model": address(runs["ia3"])}, {"model": address(Run(folder))}]}
        with raises(ModelError, "other bases", field="parents"):
            studio.merges.read(order)
        (folder / "recipe.json").write_text(read_recipe(write_recipe(elsewhere.model)).model_dump_json())
        file = folder / "checkpoints" / "step-2" / "adapter_model.safetensors"
        save_file({name: value * float("nan") for name, value in load_file(file).items()}, file, {"format": "pt"})
        work = studio.merges.start({"way": "linear", "parents": [{"model": address(Run(folder))}]})
        studio.scheduler.start_next()
        assert tells(studio.run_status(work).error, "numbers earlier checkpoint")
    finally:
        shutil.rmtree(folder)


def test_a_parent_that_is_gone_ends_its_merge_in_words(studio: Studio, runs: dict[str, Run]) -> None:
    twin = Run(studio.workspace.runs / f"{runs['lora'].run_id}-twin")
    shutil.copytree(runs["lora"].folder, twin.folder)
    order = {"way": "linear", "parents": [{"model": address(twin)}, {"model": address(runs["rslora"])}], "name": "gone"}
    work, waiting = studio.merges.start(order), studio.merges.start({**order, "name": "gone-too"})
    shutil.rmtree(twin.folder)
    while studio.scheduler.start_next():
        continue
    for each in (work, waiting):
        assert tells(studio.run_status(each).error, "twin")
    assert not {"gone", "gone-too"} & {folder.name for folder in find_merges_folder(studio.workspace).iterdir()}
    assert studio.merges.merge(write_order(runs, rslora=1.0)).rank, "the queue goes on"


@pytest.mark.parametrize("when", ["open_parents", "open_deltas", "write_result"])
def test_a_parent_deleted_in_mid_merge_is_told_or_not_needed_any_more(
    studio: Studio, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    twins = [Run(studio.workspace.runs / f"{runs['full'].run_id}-{name}") for name in ("a", "b")]
    for twin in twins:
        shutil.copytree(runs["full"].folder, twin.folder)
    order = {"way": "linear", "parents": [{"model": address(twin)} for twin in twins], "name": f"mid-{when}".lower()}
    work, do = studio.merges.start(order), getattr(making, when)

    def delete_in_mid(*given: Any) -> Any:
        found = None if when == "write_result" else do(*given)
        shutil.rmtree(twins[1].folder, ignore_errors=True)
        return found or do(*given)

    monkeypatch.setattr(making, when, delete_in_mid)
    try:
        studio.scheduler.start_next()
        status = studio.run_status(work)
        assert (status.status == "finished") == (when != "open_deltas"), status.error
        assert when != "open_deltas" or tells(status.error, Run.name_of(twins[1].run_id))
        names = {folder.name for folder in find_merges_folder(studio.workspace).iterdir()}
        assert (f"mid-{when}" in names) == (when != "open_deltas") and not {n for n in names if n.startswith(".")}
    finally:
        shutil.rmtree(twins[0].folder)


def test_how_changes_lie_is_told_before_they_are_merged(studio: Studio, runs: dict[str, Run]) -> None:
    both = [address(runs[name]) for name in ("lora", "rslora")]
    before = {each.weight: each for each in studio.merges.meet(both) or ()}
    merged = studio.merges.merge(write_order(runs, lora=1.0, rslora=1.0)).meetings
    shared = [each for each in merged if each.weight in before and each.cosine]
    assert len(shared) == len([each for each in before.values() if each.cosine]) > 3
    assert all(before[each.weight].cosine == pytest.approx(each.cosine, abs=1e-3) for each in shared)
    (itself,) = {each.cosine for each in studio.merges.meet([both[0]] * 2) or ()}
    assert itself == pytest.approx(1, abs=1e-3)
    assert studio.merges.meet([both[0], address(runs["full"])]) is None, "a whole model is compared while merging"
    with raises(NotFoundError, "gone", field="parents"):
        studio.merges.meet(["run:gone", both[0]])


def test_the_page_of_merges_scores_and_scales(studio: Studio, runs: dict[str, Run]) -> None:
    models = [address(runs["lora"]), address(runs["rslora"]), str(runs["lora"].load_recipe().model)]
    told = merge_desk.read_parents(studio, {"models": models})
    assert [bool(parent["error"]) for parent in told["parents"]] == [False, False, True]
    assert told["parents"][0]["title"] == f"{runs['lora'].name}, step 2" and told["parents"][0]["task"]
    assert [way["name"] for way in told["ways"]] == list(WAYS.members)
    fields = {way["name"]: [field["name"] for field in way["fields"]] for way in told["ways"]}
    assert fields["ties"] == ["density"] and fields["dare"] == ["density", "seed"] and fields["linear"] == []
    assert models[0] not in {other["model"] for other in told["others"]}
    order = {**write_order(runs, lora=0.5, rslora=0.4), "name": "on-the-page"}
    trying = {"order": {**order, "result": "svd"}, "parent": models[0], "prompt": told["parents"][0]["prompt"]}
    tried = merge_desk.try_weights(studio, trying)["answers"]
    assert [said["model"] for said in tried] == [models[2], models[0], MIX]
    assert not list(studio.workspace.cache.glob("mix-*")), "nothing of it is kept"
    for way, parents in (("ties", order["parents"]), ("linear", [{"model": address(runs["full"])}])):
        unlike = {**trying, "order": {"way": way, "parents": parents}}
        assert merge_desk.try_weights(studio, unlike)["field"] == "way"
    refused = merge_desk.start_merge(studio, {"order": {**order, "way": "slerp", "density": 1}, "request": "a" * 8})
    assert refused["field"] == "way.density" and refused["error"]
    work = merge_desk.start_merge(studio, {"order": order, "request": "b" * 8})["work"]
    assert merge_desk.look_at_merge(studio, {"work": work})["made"] is None
    studio.scheduler.start_next()
    made = merge_desk.look_at_merge(studio, {"work": work})["made"]
    said = studio.ask(runs["lora"].run_id, trying["prompt"], [made["model"]], max_tokens=32, step=2)
    assert said.columns[2].answer == tried[2]["answer"], "the mix answered what the merge does"
    assert made["model"] == "merge:on-the-page" and made["meetings"] and len(made["asks"]) == 2
    asked = {"merge": made["model"], "start": True}
    assert not scoring.look_at_scores(studio, {**asked, "start": False})["busy"]
    assert scoring.look_at_scores(studio, asked)["busy"]
    studio.scheduler.start_next()
    found = scoring.look_at_scores(studio, asked)
    assert found["done"] and len(found["tasks"]) == 1, "both learned one task"
    assert [value["checkpoint"] for value in found["tasks"][0]["values"]] == [models[2], *models[:2], made["model"]]
    asking = {"order": order, "name": "on-the-page", "start": True}
    while not (curve := scoring.look_at_curve(studio, asking))["done"]:
        while studio.scheduler.start_next():
            pass
    assert curve["scales"] == list(scoring.SCALES) and len(curve["tasks"][0]["values"]) == len(scoring.SCALES)
    names = {card.name for card in studio.merges.list_merges()}
    assert "on-the-page" in names and not {name for name in names if "-x" in name}, "what was for the curve is gone"
    assert merge_desk.delete(studio, {"name": "on-the-page"})["done"]


def test_what_a_merge_is_measured_beside_and_at_which_scales() -> None:
    assert scoring.choose_columns("base", "merge:m", ["a", "b", "c"], ["b"]) == ["base", "b", "a", "merge:m"]
    assert scoring.choose_columns("base", "merge:m", ["a"], ["a"]) == ["base", "a", "merge:m"]
    order = {"way": "ties", "parents": [{"model": "a", "weight": 0.5}, {"model": "b", "weight": -8}]}
    assert [parent["weight"] for parent in scoring.scale_order(order, 2.0)["parents"]] == [1.0, -10.0]


def test_the_same_work_makes_a_merge_once(studio: Studio, runs: dict[str, Run]) -> None:
    work = Merge(way="linear", parents=(Parent(model=address(runs["lora"])),), called="just-once")
    run = work.queue(studio.workspace)
    for _ in range(2):
        InlineLauncher().launch(studio.workspace, run)
        assert read_all(run)[-1]["event"] == "finished"
    other = work.queue(studio.workspace)
    InlineLauncher().launch(studio.workspace, other)
    assert tells(read_all(other)[-1]["error"], "just-once")


def test_the_command_line_merges(
    runs: dict[str, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.queueing.scheduler.ProcessLauncher", InlineLauncher)
    (tmp_path / "order.json").write_text(json.dumps({**write_order(runs, lora=0.5), "name": "typed"}))
    given = ["--workspace", str(runs["lora"].folder.parents[1]), "merge"]
    assert main([*given, str(tmp_path / "order.json")]) == 0
    printed = capsys.readouterr().out
    told = json.loads(printed[printed.index("{") :])
    assert (told["name"], told["result"], told["parents"][0]["weight"]) == ("typed", "exact", 0.5)
    assert main([*given, str(tmp_path / "none.json")]) == 2 and tells(capsys.readouterr().err, "none.json")
    (tmp_path / "order.json").write_text("{")
    assert main([*given, str(tmp_path / "order.json")]) == 2 and tells(capsys.readouterr().err, "task_arithmetic")


def test_a_merge_is_its_owners_and_counts_as_theirs(workspace: Workspace) -> None:
    owner = read_visitor("a-visitors-secret-of-32-letters-or-more").owner
    folder = find_merges_folder(workspace) / "calm-heron"
    folder.mkdir(parents=True)
    (folder / "owner").write_text(str(owner))
    (folder / "model.safetensors").write_bytes(bytes(5000))
    assert 5000 <= count_held(workspace, str(owner)).bytes < 6000 and count_held(workspace, "another").bytes == 0
    with raises(NotFoundError, "calm-heron", field="model"):
        resolve(workspace, ModelRef(ref="merge:calm-heron"), read_visitor("another-secret-of-32-letters-or-more"))
