"""What to lower after a training ran out of memory, and what may be said of a child that ended without a word."""

import os
from pathlib import Path
from typing import Any

import pytest
from telling import tells

from studio.estimates.checking import is_storable
from studio.launchers.launcher import Traces
from studio.launchers.local import count_oom_kills
from studio.recipes.options import PRESETS
from studio.recipes.recipe import Recipe, read_recipe
from studio.recipes.smaller import lower_memory
from studio.runs.ending import explain_end, explain_failure


def make(**changes: Any) -> Recipe:
    """Return a recipe with these changes."""
    return read_recipe({"task_id": "sums", **changes})


def merge(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge a patch deeply, as the page's button does."""
    merged = dict(recipe)
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = merge(merged[name], value) if both else value
    return merged


def batch(recipe: Recipe) -> tuple[int, int]:
    """Return the batch size and how many batches a step adds up."""
    options = recipe.training
    return options.batch_size or PRESETS[options.preset].batch_size, options.gradient_accumulation


@pytest.mark.parametrize(
    ("given", "lower"),
    [
        ({}, (8, 2)),
        ({"batch_size": 16, "gradient_accumulation": 4}, (8, 8)),
        ({"batch_size": 15}, (5, 3)),
        ({"batch_size": 7}, (1, 7)),
        ({"preset": "careful"}, (8, 2)),
    ],
)
def test_smaller_batches_come_first_and_leave_the_step_what_it_was(given: dict[str, Any], lower: Any) -> None:
    recipe = make(training=given)
    remedy = lower_memory(recipe, loading=False)
    assert remedy.changes is not None and tells(remedy.words, "batch size")
    after = read_recipe(merge(recipe.to_json(), remedy.changes))
    assert batch(after) == lower
    assert batch(after)[0] * batch(after)[1] == batch(recipe)[0] * batch(recipe)[1]
    assert after.training.plan(after.method, 10**6, 100).steps == recipe.training.plan(recipe.method, 10**6, 100).steps


def test_remedies_follow_each_other_until_words_are_all_that_is_left() -> None:
    recipe, found = make(training={"batch_size": 4, "max_length": 300}), []
    while (remedy := lower_memory(recipe, loading=False)).changes is not None:
        found.append(remedy.changes)
        recipe = read_recipe(merge(recipe.to_json(), remedy.changes))
    assert found == [
        {"training": {"batch_size": 2, "gradient_accumulation": 2}},
        {"training": {"batch_size": 1, "gradient_accumulation": 4}},
        {"training": {"gradient_checkpointing": True}},
        {"precision": "nf4"},
        {"training": {"max_length": 150}},
        {"training": {"max_length": 75}},
    ]
    assert tells(remedy.words, "base model")


def test_before_the_first_step_only_the_base_can_be_smaller() -> None:
    assert lower_memory(make(), loading=True).changes == {"precision": "nf4"}
    assert "13 %" in lower_memory(make(), loading=True).words.replace("%", " %")
    assert lower_memory(make(precision="nf4"), loading=True).changes is None
    for precision in ("fp32", "bf16"):  # full tuning holds its weights in 32 bits either way
        full = lower_memory(make(method="full", precision=precision), loading=True)
        assert full.changes is None and tells(full.words, "LoRA")


def test_accumulation_has_an_end() -> None:
    recipe = make(training={"batch_size": 2, "gradient_accumulation": 1024})
    assert lower_memory(recipe, loading=False).changes == {"training": {"gradient_checkpointing": True}}


@pytest.mark.parametrize(
    ("method", "precision"),
    [("lora", "fp32"), ("lora", "bf16"), ("lora", "nf4"), ("full", "fp32"), ("full", "bf16")],
)
@pytest.mark.parametrize("loading", [False, True])
def test_every_patch_makes_a_recipe_that_can_be_read(precision: str, method: str, loading: bool) -> None:
    recipe = make(precision=precision, method=method)
    for _ in range(40):
        remedy = lower_memory(recipe, loading)
        assert remedy.words.endswith(".")
        if remedy.changes is None:
            return
        after = read_recipe(merge(recipe.to_json(), remedy.changes))
        assert after != recipe
        recipe = after
    pytest.fail("It never comes to an end.")


def test_a_precision_that_the_base_can_not_be_stored_in_is_never_proposed(tmp_path: Path) -> None:
    from transformers import AutoConfig

    AutoConfig.for_model("falcon", hidden_size=64, num_hidden_layers=2, num_attention_heads=4).save_pretrained(tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    recipe = make(model=str(tmp_path))
    assert lower_memory(recipe, True).changes == {"precision": "nf4"}
    assert lower_memory(recipe, True, is_storable).changes == {"precision": "bf16"}
    assert lower_memory(make(model=str(tmp_path), precision="bf16"), True, is_storable).changes is None
    recipe = make(training={"batch_size": 1, "gradient_checkpointing": True})
    assert lower_memory(recipe, False, lambda changed: not changed.precision.quantised).changes == {"precision": "bf16"}


def test_out_of_memory_is_told_with_the_patch_that_helps() -> None:
    cuda = RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    told = explain_failure(cuda, lower_memory(make(), loading=False))
    assert tells(told["error"], "memory")
    assert told["remedy_changes"] == {"training": {"batch_size": 8, "gradient_accumulation": 2}}
    assert explain_failure(cuda, lower_memory(make(), loading=True))["remedy_changes"] == {"precision": "nf4"}
    assert explain_failure(cuda)["remedy_changes"] is None and explain_failure(cuda)["remedy"]
    assert explain_failure(OSError(28, os.strerror(28)), lower_memory(make(), loading=False))["remedy_changes"] is None


@pytest.mark.parametrize(
    ("traces", "words", "patched"),
    [
        (Traces(), "", False),
        (Traces(exit_code=-9), "SIGKILL", False),
        (Traces(exit_code=-9, oom_kills=0), "SIGKILL", False),
        (Traces(exit_code=-9, oom_kills=1), "memory", True),
        (Traces(oom_kills=2), "memory", True),
        (Traces(exit_code=-15, oom_kills=2), "SIGTERM", False),
        (Traces(exit_code=-11), "SIGSEGV", False),
        (Traces(exit_code=-250), "signal 250", False),
        (Traces(exit_code=1), "status 1", False),
        (Traces(exit_code=1), "disk full", False),
        (Traces(restarted=True, oom_kills=3), "computer", False),
        (Traces(oom_kills=-4), "", False),
    ],
)
def test_of_a_silent_end_only_the_evidence_is_told(traces: Traces, words: str, patched: bool) -> None:
    told = explain_end(traces, lower_memory(make(), loading=False), disk_full=words.endswith("full"))
    assert tells(told["error"], words) and told["remedy"].endswith(".")
    assert (told["remedy_changes"] is not None) == patched


@pytest.mark.parametrize(
    ("text", "count"),
    [("nr_free_pages 5\noom_kill 3\n", 3), ("oom_kill_x 3\n", None), ("oom_kill many\n", None), ("", None)],
)
def test_the_systems_own_count_is_read(tmp_path: Path, text: str, count: int | None) -> None:
    (tmp_path / "vmstat").write_text(text)
    assert count_oom_kills(tmp_path / "vmstat") == count
    assert count_oom_kills(tmp_path / "missing") is None


@pytest.mark.skipif(not Path("/proc/vmstat").exists(), reason="only Linux counts them")
def test_this_computer_counts_them() -> None:
    assert isinstance(count_oom_kills(), int)
