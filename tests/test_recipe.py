"""A recipe says everything about a run: its JSON comes back equal, and each wrong value is told with its field."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telling import raises, tells

from studio.declaration import Declared, form_fields
from studio.errors import RecipeError
from studio.methods import METHODS
from studio.objectives import OBJECTIVES
from studio.precisions import PRECISIONS
from studio.recipes.options import PRESETS, Training
from studio.recipes.recipe import LARGEST_JSON, read_recipe

FIELDS = ["model", "revision", "task_id", "task_version", "mixture", "method", "objective", "precision", "training"]


def draw_fields(cls: type[Declared]) -> st.SearchStrategy[dict[str, Any]]:
    """Any valid values for any of the fields of a declared class."""
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    for field in form_fields(cls):
        low, high = field.minimum, field.maximum
        if field.kind == "integer":
            strategies[field.name] = st.integers(int(low or 0), int(high or 0))
        elif field.kind == "number":
            strategies[field.name] = st.floats(low, high, exclude_min=low == 0, exclude_max=True)
        elif field.kind == "choice":
            strategies[field.name] = st.sampled_from(field.choices)
        elif field.kind == "list":
            continue
        elif field.kind == "switch":
            strategies[field.name] = st.booleans()
        else:
            strategies[field.name] = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
        if field.default is None:
            strategies[field.name] |= st.none()
    return st.fixed_dictionaries({}, optional=strategies)


def draw_plugin(members: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any plug-in with any of its values, as an object, or as its bare name."""
    objects = [
        draw_fields(cls).map(lambda values, name=name: {"name": name, **values})  # type: ignore[misc]
        for name, cls in members.items()
    ]
    return st.one_of(st.sampled_from(list(members)), *objects)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
RECIPES = st.fixed_dictionaries(
    {"task_id": TEXT},
    optional={
        "model": TEXT,
        "revision": st.none() | TEXT,
        "task_version": st.none() | TEXT,
        "method": draw_plugin(METHODS.members),
        "objective": draw_plugin(OBJECTIVES.members),
        "precision": st.sampled_from(list(PRECISIONS.members)),
        "training": st.none() | draw_fields(Training),
    },
)


@settings(max_examples=150, deadline=None)
@given(RECIPES)
def test_a_recipe_comes_back_equal_from_its_json(data: dict[str, Any]) -> None:
    try:
        recipe = read_recipe(data)
    except RecipeError as error:
        assert error.field in (
            "precision",
            "objective",
            "training.gradient_checkpointing",
        )  # 4-bit weights in full, wrong examples in a chat
        return
    text = json.dumps(recipe.to_json(), allow_nan=False)
    again = read_recipe(text)
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert again.to_json() == recipe.to_json() == json.loads(text)


def test_what_is_left_out_is_filled_in() -> None:
    recipe = read_recipe({"task_id": "sums"})
    assert list(recipe.to_json()) == FIELDS
    assert recipe.to_json()["method"] == {
        "name": "lora",
        "rank": 8,
        "alpha": 16,
        "dropout": 0.0,
        "targets": "all-linear",
        "init": "zero",
        "plus_ratio": 1.0,
    }
    assert (recipe.model, recipe.precision.name, recipe.objective.name) == ("builtin", "fp32", "sft")


@pytest.mark.parametrize(
    "other",
    [
        {"task_id": "sums", "method": "lora"},
        {"task_id": "sums", "method": {"name": "lora", "rank": 8.0}, "precision": {"name": "fp32"}},
        {"task_id": "sums", "training": {"preset": None}, "objective": {"name": "sft"}},
        {"task_id": "sums", "training": None, "model": "builtin", "revision": None},
        '{"task_id": "sums"}',
    ],
)
def test_equal_recipes_are_equal(other: object) -> None:
    assert read_recipe(other) == read_recipe({"task_id": "sums"})


def test_different_recipes_are_different() -> None:
    assert read_recipe({"task_id": "sums", "training": {"seed": 1}}) != read_recipe({"task_id": "sums"})
    assert read_recipe({"task_id": "sums", "precision": "nf4"}) != read_recipe({"task_id": "sums"})


def method(**values: object) -> dict[str, object]:
    """A recipe whose LoRA has these values."""
    return {"task_id": "sums", "method": {"name": "lora", **values}}


def training(**values: object) -> dict[str, object]:
    """A recipe with these training options."""
    return {"task_id": "sums", "training": values}


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (method(rank=0), "method.rank", "rank 1 256 0 8"),
        (method(rank=10_000), "method.rank", "rank 1 256 10000 8"),
        (method(rank=True), "method.rank", "rank 1 256 True 8"),
        (method(rang=8), "method.rang", "rang rank alpha dropout targets"),
        (method(targets="x" * 600), "method.targets", "targets 500"),
        ({"task_id": "sums", "method": "lorra"}, "method.name", "lorra lora"),
        ({"task_id": "sums", "method": 5}, "method", "method"),
        ({"task_id": "sums", "objective": "dppo"}, "objective.name", "dppo"),
        ({"task_id": "sums", "precision": "int3"}, "precision.name", "int3"),
        ({"task_id": "sums", "precision": "nf4", "method": "full"}, "precision", "nf4 LoRA"),
        (training(learning_rate=float("nan")), "training.learning_rate", "learning_rate 0"),
        (training(learning_rate=float("inf")), "training.learning_rate", "learning_rate 0"),
        (training(learning_rate="x"), "training.learning_rate", "learning_rate 0 1"),
        (training(max_steps=True), "training.max_steps", "max_steps 1 1,000,000"),
        (training(max_steps=10**5000), "training.max_steps", "max_steps 1 1,000,000"),
        (training(preset="fast"), "training.preset", "preset quick one_minute balanced careful fast"),
        (training(speed=1), "training.speed", "speed"),
        ({"task_id": "sums", "training": [1]}, "training", "training"),
        ({"task_id": "sums", "teacher": 1}, "teacher", "teacher model"),
        ({"task_id": "sums", "model": ""}, "model", "model builtin"),
        ({"task_id": "sums", "model": "m" * 10_000_000}, "model", "model 1,000"),
        ({"task_id": ["sums"]}, "task_id", "task_id ['sums']"),
        ({}, "task_id", "task"),
        ({"task_id": None}, "task_id", "task"),
        ([], None, "recipe object"),
        (None, None, "recipe object"),
        ("{", None, "JSON"),
        ('["sums"]', None, "recipe object"),
        ("[" * (LARGEST_JSON - 1), None, "JSON"),
        ("[" * 10_000_000, None, "100,000 10,000,000"),
        ('{"task_id": "sums", "training": {"learning_rate": NaN}}', "training.learning_rate", "learning_rate"),
        ('{"task_id": "sums", "training": {"learning_rate": 1e999}}', "training.learning_rate", "learning_rate"),
    ],
)
def test_each_wrong_value_is_told_with_its_field(data: object, field: str | None, words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(data)
    assert tells(caught.value, words)
    assert caught.value.field == field
    assert len(str(caught.value)) < 500


def test_values_nested_too_deeply_are_refused_in_words() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for data in (method(rank=deep), training(seed=deep), {"task_id": deep}, {"task_id": "sums", "precision": [deep]}):
        with pytest.raises(RecipeError):
            read_recipe(data)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_blanks_and_yields_to_what_is_set(name: str) -> None:
    lora, preset = METHODS.read("lora"), PRESETS[name]
    plan = Training(preset=name).plan(lora, 5_000_000, 800)  # type: ignore[arg-type]
    assert (plan.steps, plan.batch_size, plan.patience) == (preset.max_steps, preset.batch_size, preset.patience)
    assert plan.learning_rate == lora.learning_rate_small * preset.rate
    assert plan.evaluate_every == plan.save_every == plan.sample_every == preset.max_steps // 4
    mine = Training(preset=name, max_steps=3, batch_size=2, learning_rate=0.1, evaluate_every=0, save_every=0)  # type: ignore[arg-type]
    plan = mine.plan(lora, 5_000_000, 800)
    assert plan[:5] == (3, 2, 0.1, 0, 0)
    assert plan.sample_every == 1


def test_epochs_are_counted_in_batches() -> None:
    lora = METHODS.read("lora")
    assert Training(epochs=2, batch_size=8).plan(lora, None, 80).steps == 20
    assert Training(epochs=2, batch_size=8, gradient_accumulation=2).plan(lora, None, 80).steps == 10
    assert Training(epochs=0.001, batch_size=8).plan(lora, None, 80).steps == 1
    assert Training(epochs=2, batch_size=8, max_steps=7).plan(lora, None, 80).steps == 7


@pytest.mark.parametrize("name", METHODS.members)
def test_large_bases_get_a_smaller_learning_rate(name: str) -> None:
    chosen = METHODS.read(name)
    small, large = chosen.default_learning_rate(5_000_000), chosen.default_learning_rate(8_000_000_000)
    assert small > large
    assert chosen.default_learning_rate(None) == large


def test_the_method_is_named_as_people_do() -> None:
    assert read_recipe({"task_id": "sums"}).method_words == "LoRA, rank 8"
    assert read_recipe({"task_id": "sums", "precision": "nf4"}).method_words == "QLoRA, rank 8"
    assert read_recipe({"task_id": "sums", "method": "full"}).method_words == "Full fine-tuning"
    assert read_recipe({"task_id": "sums", "precision": "int8"}).method_words == "LoRA, rank 8 on 8-bit weights"
    prefix = {"task_id": "sums", "method": "prefix", "precision": "nf4"}
    assert read_recipe(prefix).method_words == "Prefix tuning, 20 tokens on 4-bit weights"


def test_what_a_method_can_not_do_is_refused_before_a_run_is_made() -> None:
    with raises(RecipeError) as told:
        read_recipe({"task_id": "sums", "method": "prefix", "training": {"gradient_checkpointing": True}})
    assert told.value.field == "training.gradient_checkpointing"
    with raises(RecipeError, "PiSSA") as told:
        read_recipe({"task_id": "sums", "method": {"name": "lora", "init": "pissa"}, "precision": "nf4"})
    assert told.value.field == "precision"
