"""Wrong values: what a person may type is answered in words beside the field it belongs to, and no run is made."""

import json
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import import_task

from studio.ui.steps.method.page import draw_choices
from studio.ui.steps.method.weighing import weigh_recipe
from tests.test_ui_api import Served, serve

LORA, PREFIX = {"name": "lora"}, {"name": "prefix"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Served]:
    """The page, served for the tests of this file, with a task of sums."""
    with serve(tmp_path_factory.mktemp("wrong") / "home", tiny_model) as served:
        import_task(served.studio.workspace)
        yield served


def refuse_everywhere(served: Served, recipe: dict[str, Any] | str, field: str, words: str) -> None:
    """Check that page and endpoints answer a recipe with the same words, beside `field`, and that no run is made."""
    before = {status.run_id for status in served.studio.list_runs()}
    for endpoint in ("estimate", "start_run"):
        assert tells(served.refusal(endpoint, recipe=recipe), words)
    assert {status.run_id for status in served.studio.list_runs()} == before
    if isinstance(recipe, str):
        return
    numbers = weigh_recipe(served.studio, {"step": "method", "recipe": recipe}).numbers
    answered = json.loads(unescape(numbers.partition('data-errors="')[2].partition('"')[0]))
    assert list(answered) == [field] and tells(answered[field], words)
    form = draw_choices(served.studio, recipe)
    assert f'data-error-for="{field}"' in form or field in ("model", "method.name")  # those are on a card


@pytest.mark.parametrize(
    ("method", "field", "words"),
    [
        ({**LORA, "rank": 0}, "method.rank", "rank 1 256 0 8"),
        ({**LORA, "rank": -1}, "method.rank", "rank 1 256 -1 8"),
        ({**LORA, "rank": 10_000}, "method.rank", "rank 1 256 10000 8"),
        ({**LORA, "rank": 10**400}, "method.rank", "rank 1 256"),
        ({**LORA, "rank": 2.5}, "method.rank", "rank 1 256 2.5 8"),
        ({**LORA, "rank": "many"}, "method.rank", "rank 1 256 many 8"),
        ({**LORA, "rank": [8]}, "method.rank", "rank"),
        ({**LORA, "rank": None}, "method.rank", "rank"),
        (
            {**LORA, "alpha": "1e"},
            "method.alpha",
            "alpha 1 1,024 1e 16",
        ),
        ({**LORA, "dropout": 1}, "method.dropout", "dropout 0 0.9 1"),
        ({**LORA, "targets": "wq, wk"}, "method.targets", "wq"),
        ({**LORA, "targets": ""}, "method.targets", "targets"),
        ({**LORA, "targets": "(((("}, "method.targets", "layer"),
        ({**PREFIX, "tokens": 0}, "method.tokens", "tokens 1 1,000 0 20"),
        ({**PREFIX, "tokens": 512}, "method.tokens", "tokens 512"),
        ({"name": "llama_adapter", "layers": 3}, "method.layers", "layers 2"),
        ({"name": "lorra"}, "method.name", "lora"),
    ],
)
def test_a_wrong_setting_of_the_method(served: Served, method: dict[str, Any], field: str, words: str) -> None:
    refuse_everywhere(served, write(served, method=method), field, words)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rate", "fast", "learning_rate 0 1 fast"),
        ("learning_rate", 0, "learning_rate"),
        ("learning_rate", 7, "learning_rate"),
        ("max_steps", 0, "max_steps 1 1,000,000 0"),
        ("max_steps", "1,000", "max_steps 1 1,000,000 1,000"),
        ("batch_size", 1.5, "batch_size 1 1,024 1.5"),
        ("batch_size", 100_000, "batch_size 1 1,024 100000"),
        ("epochs", -1, "epochs"),
        ("warmup_ratio", 1, "warmup_ratio"),
        ("seed", -1, "seed 0"),
        ("optimiser", "sgd", "optimiser"),
        ("attention", "magic", "attention"),
        ("max_length", 8, "48 8"),
    ],
)
def test_a_wrong_training_option(served: Served, name: str, value: Any, words: str) -> None:
    refuse_everywhere(served, write(served, training={name: value}), f"training.{name}", words)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_json_has_no_number_for(served: Served, number: str) -> None:
    text = json.dumps(write(served, training={"learning_rate": 7})).replace(": 7}", f": {number}}}")
    refuse_everywhere(served, text, "training.learning_rate", "learning_rate must be")


def test_a_prompt_longer_than_what_the_model_reads(served: Served) -> None:
    words = "48 12"
    refuse_everywhere(served, write(served, method={**PREFIX, "tokens": 500}), "training.max_length", words)
    long = write(served, objective={"name": "sft", "template": "tk_instruct", "positive_examples": 2})
    assert served.ask("estimate", recipe=long)["examples"] == 48
    served.ask("estimate", recipe=write(served, method={**PREFIX, "tokens": 400}))


def write_nothing(folder: Path) -> None:
    """Leave a folder without a config."""
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (write_nothing, "config.json"),
        (lambda folder: (folder / "config.json").write_text("rank = 8"), "JSON"),
        (lambda folder: (folder / "config.json").write_text("[1, 2]"), "model_type"),
        (lambda folder: (folder / "config.json").write_text('{"rank": 8}'), "model_type"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "t5"}'), "t5"),
        (lambda folder: shutil.rmtree(folder), "folder"),
    ],
    ids=["none", "toml", "list", "settings", "t5", "gone"],
)
def test_a_config_that_is_none(
    served: Served, spoil: Callable[[Path], object], words: str, tiny_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    spoil(folder)
    refuse_everywhere(served, write(served, model=str(folder)), "model", words)


def write(served: Served, **changes: Any) -> dict[str, Any]:
    """Return the recipe of a run on the task of sums, with changes."""
    return {"model": served.recipe["model"], "task_id": "tiny_sums", **changes}
