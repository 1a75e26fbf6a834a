"""Objectives that move texts about: pairs and losses are the libraries', choices are kept as numbers, what can't be
learnt is refused in words, and what was made answers by choosing; beside it, the base with examples looked up.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import make_model
from telling import raises, tells
from tiny import import_task, read_all, train, write_recipe

from studio.answering.column import read_nearest
from studio.errors import InputError, ModelError, StudioError, TaskError
from studio.evidence.few_labels import Drawn, find_majority, find_shots, list_ways
from studio.launchers.inline import InlineLauncher
from studio.objectives import OBJECTIVES
from studio.objectives.choices import (
    FILE,
    count_right,
    fit_beside,
    fit_classes,
    index_texts,
    load_choices,
    save_choices,
)
from studio.objectives.contrastive import find_pair
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.objective import Row
from studio.objectives.places import load_places, place_texts, save_places
from studio.runs.event import Scored
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.text import Text
from studio.tasks.task import Instance, Task
from studio.training.pieces import cut_rows, read_in_pieces
from studio.ui.steps.compare.apart import draw_few, draw_places
from studio.workspace import Workspace

WORDS = ("red", "green", "blue")
TRAINING = {"max_steps": 12, "measures_itself": True}


def make_task(*counts: int) -> Task:
    """Return a task with so many instances of each class."""
    rows = [(f"{word} {n}", word) for word, count in zip(WORDS, counts, strict=False) for n in range(count)]
    return Task(
        task_id="colours",
        definition="Name the colour.",
        instances=tuple(Instruction(id=text, input=text, output=(word,)) for text, word in rows),
    )


def make_examples(*counts: int) -> list[Any]:
    """Return as many examples of each class as encode makes them."""
    rows = [Row([1, mark + 5, n + 9, 2], [-100] * 4, float(mark)) for mark, c in enumerate(counts) for n in range(c)]
    return [(row, row) for row in rows]


def spread(count: int, width: int = 4, seed: int = 0) -> Any:
    """Return vectors drawn by chance, as embeddings of rows."""
    import torch

    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), requires_grad=True)


def find_loss(name: str, marks: list[float], embeddings: Any) -> tuple[Any, dict[str, Any]]:
    """Return losses and measures of an objective for rows two by two."""
    import torch

    nothing = LogProbs(torch.zeros(0), torch.zeros(0), len(marks), 1)
    losses, measures = OBJECTIVES.read(name).loss(nothing, Batch(2, torch.tensor(marks), embeddings=embeddings))
    return losses, dict(measures)


# ---- SetFit ----


def test_a_text_is_learnt_from_by_what_is_near_to_it() -> None:
    embeddings = spread(6)
    losses, measures = find_loss("setfit", [0, 0, 0, 1, 2, 2], embeddings)
    first, second = embeddings.detach().view(3, 2, 4).unbind(1)
    cosine = (first * second).sum(1) / first.norm(dim=1) / second.norm(dim=1)
    wanted = np.array([1.0, 0.0, 1.0])
    classes, unit = np.array([0, 0, 0, 1, 2, 2]), embeddings.detach().numpy()
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    near = np.exp(10 * (unit @ unit.T)[np.ix_(paired := [0, 1, 2, 4, 5], paired)])  # that of class 1 is alone
    np.fill_diagonal(near, 0)
    alike = classes[paired][:, None] == classes[paired]
    np.fill_diagonal(alike, False)
    shares = np.log(near + np.eye(5)) - np.log(near.sum(1, keepdims=True))
    assert losses.mean().item() == pytest.approx(-(shares * alike).sum(1).dot(1 / alike.sum(1)) / 5, rel=1e-4)
    losses.mean().backward()
    assert embeddings.grad.abs().sum() > 0
    assert measures["same"].tolist() == pytest.approx(cosine[[0, 2]].tolist())
    assert measures["other"].tolist() == pytest.approx(cosine[[1]].tolist())
    assert measures["pairs"].tolist() == [float((c > 0.5) == (w > 0.5)) for c, w in zip(cosine, wanted, strict=True)]


@pytest.mark.parametrize(("shots", "most", "pairs"), [(8, 600, 2 * 72), (4, 600, 2 * 20), (8, 20, 20), (2, 600, 2 * 6)])
def test_as_many_pairs_are_made_as_are_told_before(shots: int, most: int, pairs: int) -> None:
    objective = OBJECTIVES.read({"name": "setfit", "shots": shots, "most_pairs": most})
    taken = objective.take(make_examples(12, 9))
    assert [sum(example[0].mark == mark for example in taken) for mark in (0, 1)] == [shots, shots]
    gathered = objective.gather(taken, 64)
    assert len(gathered) == pairs == objective.count_examples(make_task(12, 9), 21)
    assert sum(one.mark == other.mark for one, other in gathered) == pairs // 2
    assert objective.gather(taken, 64) == gathered
    assert OBJECTIVES.read({"name": "setfit", "shots": shots, "draw": 1}).take(make_examples(12, 9)) != taken


def test_all_that_was_taken_is_known() -> None:
    objective, task = OBJECTIVES.read({"name": "setfit", "shots": 3}), make_task(9, 9)
    known = objective.list_known(task, objective.take(make_examples(5, 5)), ())
    assert sorted(one.text for one in known) == sorted([*task.labels] * 3)
    assert all(task.labels[int(one.row.mark)] == one.text for one in known)


@pytest.mark.parametrize(
    ("counts", "field", "fact"),
    [
        ((40,), "task_id", "red"),
        ((3, 2, 1), "task_id", "no labels"),
        ((20, 4), "objective.shots", "4"),
    ],
)
def test_what_has_no_classes_is_refused(counts: tuple[int, ...], field: str, fact: str) -> None:
    objective, task = OBJECTIVES.read("setfit"), make_task(*counts)
    with raises(TaskError) as told:
        objective.check_task(task)
        objective.check_train(task, task.instances)
    assert told.value.field == field and tells(told.value, fact)


def test_both_ways_learn_from_the_same_draw_and_what_is_split_off_is_no_lack() -> None:
    task = make_task(9, 9)
    pairs = [(Row([1, n, 2], [-100, n % 2 + 5, 2], float(n % 2)),) * 2 for n in range(18)]
    few = {"shots": 4, "draw": 3}
    drawn, tuned = (OBJECTIVES.read({"name": name, **few}).take(pairs) for name in ("setfit", "sft"))
    assert {example[0].input_ids[1] for example in drawn} == {example[0].input_ids[1] for example in tuned}
    assert len(tuned) == 8 and OBJECTIVES.read("sft").take(pairs) == pairs
    OBJECTIVES.read({"name": "setfit", "shots": 9}).check_train(task, task.instances[2:])
    with raises(TaskError) as told:
        OBJECTIVES.read({"name": "sft", "shots": 2}).check_train(task, task.instances[8:])
    assert told.value.field == "objective.shots"
    with raises(TaskError) as told:
        OBJECTIVES.read({"name": "sft", "shots": 2}).check_task(make_task(1, 1))
    assert told.value.field == "objective.shots"


def test_ways_are_means_of_their_draws() -> None:
    def score(part: str, model: str, value: float, examples: int = 0) -> Scored:
        told = {"event": "scored", "at": 1.0, "part": part, "model": model, "value": value, "examples": examples}
        return Scored.model_validate(told)

    runs = [
        Drawn("setfit", "encoder", draw, (score("test", "base", 60.0 + draw), score("test", "tuned", 70.0 + 2 * draw)))
        for draw in range(3)
    ]
    runs.append(Drawn("sft", "builtin", 0, (score("validation", "base", 1), score("test", "base", 9, 2))))
    majority, frozen, setfit = list_ways(runs, 50.0)
    assert (majority.mean, majority.spread, frozen.mean, setfit.mean, setfit.spread) == (50, None, 61, 72, 2)
    task = make_task(6, 2)
    assert find_majority(task.instances, task.instances) == 75
    assert [find_shots({"objective": one}) for one in ("setfit", "sft", {"name": "sft", "shots": 4}, None)] == [
        8, 0, 4, 0,
    ]  # fmt: skip
    drawn = draw_few([majority, frozen, setfit])
    assert drawn.count("<tr>") == 4 and "72 %" in drawn and not draw_few([majority])


# ---- Pieces ----


def test_a_batch_in_pieces_has_the_gradients_of_the_whole() -> None:
    import torch

    torch.manual_seed(0)
    layer, drop = torch.nn.Linear(3, 4), torch.nn.Dropout(0.5)
    ids = torch.randn(6, 3)
    batch = {"input_ids": ids, "learnt": torch.arange(18), "rows_each": 2}

    def read(piece: dict[str, Any]) -> Any:
        assert len(piece["learnt"]) == piece["input_ids"].numel()
        return drop(layer(piece["input_ids"]))

    found = []
    for most in (0, 2, 4):
        pieces = cut_rows(batch, most)
        assert [len(piece["input_ids"]) for piece in pieces] == {0: [6], 2: [2, 2, 2], 4: [4, 2]}[most]
        layer.zero_grad()
        drop.p = 0.0
        vectors = read_in_pieces(read, pieces)
        find_loss("contrastive", [0.0] * 6, vectors)[0].mean().backward()
        found.append((vectors.detach(), layer.weight.grad))
        drop.p = 0.5  # chance falls the second time as it did the first
        layer.zero_grad()
        vectors = read_in_pieces(read, pieces)
        vectors.sum().backward()
        assert (layer.bias.grad == 2 * (vectors != 0).sum(0)).all()
    for vectors, gradient in found[1:]:
        assert torch.allclose(vectors, found[0][0], atol=1e-6) and torch.allclose(gradient, found[0][1], atol=1e-6)


# ---- Places ----


def test_places_are_turned_to_where_they_were(tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    before = dice.normal(size=(12, 2)) @ dice.normal(size=(2, 5))
    turn = np.linalg.qr(dice.normal(size=(5, 5)))[0]
    texts, groups = [f"t{n}" for n in range(12)], [str(n // 2) for n in range(12)]
    places = place_texts(texts, groups, before, before @ turn)
    assert np.array(places.after) == pytest.approx(np.array(places.before), abs=2e-3)
    assert max(np.hypot(*spot) for spot in places.before) == pytest.approx(1, abs=2e-3)
    assert load_places(tmp_path) is None
    save_places(places, tmp_path)
    assert load_places(tmp_path) == places
    assert draw_places(places).count("<line") == 12 and draw_places(None) == ""
    assert draw_places(places.model_copy(update={"groups": ("a", "b") * 6})).count("<line") == 0
    (tmp_path / "places.json").write_text("{}")
    with raises(ModelError):
        load_places(tmp_path)
    assert place_texts(["one"], ["0"], np.zeros((1, 3)), np.zeros((1, 3))).after == ((0.0, 0.0),)


# ---- Choices ----


def test_classes_are_chosen_as_the_regression_does(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    dice = np.random.default_rng(0)
    for classes in (2, 3):
        labels = [WORDS[n % classes] for n in range(30)]
        vectors = (dice.normal(size=(30, 5)) + np.arange(30)[:, None] % classes).astype(np.float32)
        choices = fit_classes(vectors, labels)
        moved = StandardScaler().fit_transform(vectors)
        head = LogisticRegression(max_iter=1000).fit(moved, labels)
        assert choices.choose(vectors) == list(head.predict(moved))
        scores = np.exp(choices.weigh(vectors))
        assert scores / scores.sum(1, keepdims=True) == pytest.approx(head.predict_proba(moved), abs=1e-4)
        save_choices(choices, tmp_path)
        again = load_choices(tmp_path)
        assert again.texts == choices.texts and np.array_equal(again.weigh(vectors), choices.weigh(vectors))


def test_the_start_has_a_say_as_far_as_it_is_right() -> None:
    labels, dice = [WORDS[n % 2] for n in range(16)], np.random.default_rng(0)
    knows = (np.eye(2)[np.arange(16) % 2] + 0.1 * dice.normal(size=(16, 2))).astype(np.float32)
    guesses = dice.normal(size=(16, 2)).astype(np.float32)
    assert count_right(knows, labels) == 1 and count_right(guesses, labels) < 0.8
    assert count_right(knows[:2], labels[:2]) == 0.5
    assert fit_beside(guesses, knows, labels).choose(np.concatenate([guesses[::-1], knows], axis=1)) == labels
    one, both = fit_classes(knows, labels), fit_beside(knows, guesses, labels)
    assert both.texts == one.texts and both.weights.shape == (2, 4)
    share = count_right(guesses, labels)
    assert both.weights[:, :2] == pytest.approx((1 - share) * one.weights, abs=1e-6)


def test_the_nearest_is_found_by_its_direction_and_damage_is_told(tmp_path: Path) -> None:
    choices = index_texts(np.array([[1, 0], [0, 3], [-1, 0]], np.float32), ["east", "north", "west"])
    assert choices.choose(np.array([[9, 1], [0.1, 0.2]], np.float32)) == ["east", "north"]
    assert choices.rank(np.array([[1, 0.1]], np.float32), 2) == [[0, 1]]
    (tmp_path / FILE).write_bytes(b"nothing")
    with raises(ModelError):
        load_choices(tmp_path)


# ---- Contrastive ----


def test_the_rank_of_each_is_that_among_all() -> None:
    embeddings = spread(14, seed=1)
    losses, measures = find_loss("contrastive", [0.0] * 14, embeddings)
    texts, others = (one / one.norm(dim=1, keepdim=True) for one in embeddings.detach().view(7, 2, 4).unbind(1))
    near = (texts @ others.T).numpy()
    ranks = np.array([1 + sum(row > row[place]) for place, row in enumerate(near)])
    assert measures["mrr"].tolist() == pytest.approx((1 / ranks).tolist())
    assert measures["recall_1"].tolist() == [float(rank == 1) for rank in ranks]
    assert measures["recall_5"].mean().item() == pytest.approx(float((ranks <= 5).mean()))
    assert measures["near"].tolist() == pytest.approx(near.diagonal().tolist(), abs=1e-5)
    assert len(measures["far"]) == 42
    scaled = 20 * near
    wanted = np.log(np.exp(scaled).sum(1)) - scaled.diagonal()
    assert losses.mean().item() == pytest.approx(wanted.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("instance", "pair"),
    [
        (Instruction(id="a", input="Where?", output=("Here.",)), ("Where?", "Here.")),
        (Text(id="b", output=("It rains. We stay.",)), ("It rains.", "We stay.")),
        (Text(id="c", output=("One sentence alone.",)), None),
    ],
)
def test_pairs_are_what_belongs_together(instance: Instance, pair: tuple[str, str] | None) -> None:
    task = Task(task_id="pairs", definition="Answer.", instances=(instance,), kind=instance.name)
    assert find_pair(task, instance) == pair


def test_labels_are_no_answers_to_be_found() -> None:
    with raises(TaskError) as told:
        OBJECTIVES.read("contrastive").check_task(make_task(12, 12))
    assert told.value.field == "task_id" and tells(told.value, "SetFit")


# ---- What was made ----


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with a task of colours; it starts no process."""
    workspace = Workspace(tmp_path_factory.mktemp("embedding"))
    rows = [{"id": f"c{n}", "input": f"{WORDS[n % 2]} {n}", "output": [WORDS[n % 2]]} for n in range(60)]
    import_task(workspace, "colours", Instances=rows)
    yield Studio(workspace, launcher=InlineLauncher())


@pytest.fixture(scope="module")
def run(house: Studio, tiny_model: Path) -> Run:
    """A run of SetFit that tells two words apart."""
    recipe = write_recipe(tiny_model, "colours", objective={"name": "setfit", "shots": 6}, training=TRAINING)
    return train(house.workspace, recipe)


def test_it_answers_with_a_class_and_the_base_in_words(house: Studio, run: Run) -> None:
    assert read_all(run)[-1]["event"] == "finished", read_all(run)[-1]
    kept = {file.name for file in (run.checkpoints_folder / "step-12").iterdir()}
    assert FILE in kept and not any(name.endswith((".bin", ".pkl", ".joblib")) for name in kept)
    answers = house.ask(run.run_id, "red 3")
    assert answers.tuned == "red" and answers.base not in WORDS[:2]
    assert "Add the numbers." in answers.prompt
    assert house.score(run.run_id).tuned.exact_match >= 80


def test_it_tells_what_its_labels_came_to_and_where_texts_lie(house: Studio, run: Run) -> None:
    places, ways = house.evidence.find_places(run.run_id), house.evidence.list_few(run.run_id)
    assert places is not None and set(places.groups) <= set(WORDS[:2])
    assert len(places.texts) == len(places.before) == len(places.after) > 4
    assert [way.title for way in ways][-1] == "SetFit" and len(ways) == 3
    assert ways[-1].mean >= 80 and ways[-1].model == run.load_recipe().model
    assert {one["part"] for one in read_all(run) if one["event"] == "scored"} == {"validation", "test"}


def test_the_built_in_encoder_says_that_it_writes_nothing() -> None:
    from studio.answering.column import Column
    from studio.answering.columns import Columns
    from studio.checkpoints.checkpoint import Stack
    from studio.models.reference import ENCODER, ModelRef
    from studio.precisions import PRECISIONS

    columns = object.__new__(Columns)
    columns.columns = (Column(Stack(ModelRef(ref=ENCODER), ()), PRECISIONS.read("fp32"), OBJECTIVES.read("sft")),)
    assert columns._is_silent(0)


def test_the_base_is_asked_with_the_nearest_examples_in_its_prompt(house: Studio, run: Run) -> None:
    answers = house.ask(run.run_id, "red 3", models=["nearest:2"], max_tokens=4)
    assert [column.model for column in answers.columns][2] == "nearest:2"
    first, *_, looked_up = answers.columns
    assert not first.prompt and looked_up.prompt != answers.prompt
    assert looked_up.prompt.count("Input:") == answers.prompt.count("Input:") + 2, "what was looked up is there to read"
    desk = house.desk._nearest
    columns = house.desk._pair.columns  # type: ignore[union-attr]
    shown = desk.show(columns, 2, house.load_task("colours"), 0, "red 3").positive_examples
    assert len(shown) == 2 and all(one.input != "red 3" for one in shown)


@pytest.mark.parametrize("address", ["nearest:", "nearest:0", "nearest:9", "nearest:x", "nearest:²"])
def test_how_many_are_looked_up_is_a_small_number(address: str) -> None:
    with raises(InputError) as told:
        read_nearest(address)
    assert told.value.field == "models"
    assert (read_nearest("nearest:3"), read_nearest("builtin")) == (3, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"objective": {"name": "setfit", "shots": 50}}, "objective.shots"),
        ({"objective": {"name": "setfit"}, "mixture": [{"task_id": "studio001_sentiment"}]}, "mixture"),
        ({"objective": {"name": "contrastive", "views": "itself"}}, "method.dropout"),
    ],
)
def test_what_can_not_be_learnt_is_said_before_the_run(
    house: Studio, run: Run, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(StudioError) as told:
        house.estimate({**run.load_recipe().to_json(), **changes})
    assert told.value.field == field, json.dumps(str(told.value))


def test_an_encoder_of_sentence_transformers_that_reads_left_to_right_is_a_start(
    house: Studio, tiny_model: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    plain, saved = make_model("llama_tied", tmp_path / "plain"), tmp_path / "saved"
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, plain)
    body = Transformer(str(plain), model_kwargs={"dtype": "float32"})
    SentenceTransformer(modules=[body, Pooling(body.get_embedding_dimension(), "mean")], device="cpu").save(str(saved))
    assert (saved / "modules.json").exists()
    recipe = write_recipe(saved, "colours", objective={"name": "setfit", "shots": 4}, training={"max_steps": 2})
    made = train(house.workspace, recipe)
    assert read_all(made)[-1]["event"] == "finished", read_all(made)[-1]
    assert house.ask(made.run_id, "red 3").tuned in WORDS
