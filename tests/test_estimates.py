"""What a recipe will cost: exact counts of models that are not here, memory that adds up, time once it was measured."""

import json
import subprocess
import sys
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import import_task, read_model_recipe

from studio.errors import ModelError, RecipeError
from studio.estimates import counting
from studio.estimates.activations import Computing, find_activations
from studio.estimates.counting import LinearShape, Part, Shape, count, find_shape
from studio.estimates.estimate import (
    Estimate,
    TaskSize,
    count_computing,
    count_read_before,
    count_step_tokens,
    draw_matrix,
    estimate_recipe,
    weigh_memory,
)
from studio.estimates.lengths import TokenLengths, measure_mixture
from studio.estimates.memory import MOST_KERNELS, itemise_memory, weigh_kernels
from studio.estimates.time import count_operations, load_speed, measure_run
from studio.estimates.timing import measure_speed
from studio.methods import METHODS, Method
from studio.methods.lora import Lora
from studio.models.architecture import build_model, read_config_text
from studio.models.device import DeviceFacts, find_device
from studio.objectives import OBJECTIVES
from studio.precisions import PRECISIONS

GIB = 2**30
DEVICE = DeviceFacts(kind="cpu", name="a test", memory_bytes=16 * GIB, free_bytes=8 * GIB, cores=2, bf16=False)

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "num_key_value_heads": 8}
EIGHT = {**LLAMA, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32}
SEVENTY = {**LLAMA, "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64}


def write_config(folder: Path, config: dict[str, Any]) -> Path:
    """Make a folder that holds nothing but a config.json."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def list_matrices(config: dict[str, Any]) -> list[tuple[int, int]]:
    """Return rows and columns of the linear layers of one Llama layer, as the paper draws it."""
    wide, hidden = config["hidden_size"], config["intermediate_size"]
    shared = wide // config["num_attention_heads"] * config["num_key_value_heads"]
    return [(wide, wide), (shared, wide), (shared, wide), (wide, wide), (hidden, wide), (hidden, wide), (wide, hidden)]


@pytest.mark.parametrize(
    ("config", "rank", "published"),
    [(EIGHT, 16, 41_943_040), (SEVENTY, 16, 207_093_760), (EIGHT, 8, 20_971_520)],
    ids=["8B", "70B", "8B-8"],
)
def test_the_counts_of_large_models_are_those_of_the_closed_form(
    config: dict[str, Any], rank: int, published: int, tmp_path: Path
) -> None:
    folder = write_config(tmp_path, config)
    matrices, layers = list_matrices(config), config["num_hidden_layers"]
    linear = layers * sum(rows * columns for rows, columns in matrices)
    ends = 2 * config["vocab_size"] * config["hidden_size"] + (2 * layers + 1) * config["hidden_size"]
    counted = count(folder, Lora(rank=rank))
    assert counted.trainable == layers * sum(rank * (rows + columns) for rows, columns in matrices) == published
    assert counted.base == linear + ends and counted.linear == linear
    assert counted.total == counted.base + counted.trainable
    assert count(folder, METHODS.read("full")).trainable == counted.base


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
@pytest.mark.parametrize("targets", ["all-linear", "q_proj", "layers.0.mlp.up_proj"])
def test_a_count_from_one_layer_is_that_of_all(layers: int, targets: str, tmp_path: Path) -> None:
    config = {**EIGHT, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": layers, "vocab_size": 100}
    counted = count(write_config(tmp_path, config), Lora(rank=2, targets=targets))
    chosen = {"all-linear": list_matrices(config) * layers, "q_proj": [(64, 64)] * layers}.get(targets, [(96, 64)])
    assert counted.trainable == sum(2 * (rows + columns) for rows, columns in chosen)


STRAIGHT = sorted(name for name, method in METHODS.members.items() if method.grows_by_rank)
SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 90}
EXPERTS = {"moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2, "head_dim": 16}
GPT2 = {"model_type": "gpt2", "n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 90}


@pytest.mark.parametrize("name", STRAIGHT)
@pytest.mark.parametrize(
    "config",
    [{**LLAMA, **SMALL, "num_key_value_heads": 2}, GPT2, {"model_type": "qwen3_moe", **SMALL, **EXPERTS}],
    ids=["llama", "gpt2", "experts"],
)
def test_a_count_told_from_two_ranks_is_that_of_the_rank_itself(
    name: str, config: dict[str, Any], tmp_path: Path
) -> None:
    folder = write_config(tmp_path, {**config, "num_key_value_heads": config.get("num_key_value_heads", 2)})
    text = read_config_text(folder)
    for rank in (1, 2, 5, 64, 256):
        method = METHODS.read({"name": name, "rank": rank})
        counted = counting._count(text, json.dumps(method.model_dump()))
        assert count(folder, method) == counted
        assert counted.trainable == counted.total - counted.base
    at = {rank: METHODS.read({"name": name, "rank": rank}) for rank in range(1, 257)}
    counts = {rank: count(folder, method) for rank, method in at.items()}
    found = [(one.trainable, 4 * counting.count_saved(at[rank], one)) for rank, one in counts.items()]
    each = counting.count_per_rank(folder, at[1])
    assert each is not None
    assert {(more[0] - less[0], more[1] - less[1]) for less, more in pairwise(found)} == {tuple(each)}


def test_layers_of_different_sizes_are_counted_one_by_one(tmp_path: Path) -> None:
    small = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
    experts = {"moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2, "mlp_only_layers": [0, 3]}
    config = {"model_type": "qwen3_moe", "vocab_size": 100, "head_dim": 16, "num_hidden_layers": 5, **small, **experts}
    folder = write_config(tmp_path, config)
    full = count(folder, METHODS.read("full"))
    assert full.trainable == full.base == full.total


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_attention_heads": 0}, "llama"),
        ({"hidden_size": "wide"}, "llama"),
        ({"num_hidden_layers": -3}, ""),
        ({"model_type": "t5", "architectures": None}, "t5"),
        ({"model_type": "nothing"}, "nothing"),
    ],
)
def test_a_config_that_makes_no_model_is_told_in_words(values: dict[str, Any], words: str, tmp_path: Path) -> None:
    with raises((ModelError, RecipeError), words):
        count(write_config(tmp_path, {**EIGHT, "num_hidden_layers": 2, **values}), Lora())


def test_the_counts_of_a_quantised_config_are_those_of_what_it_stands_for(tmp_path: Path) -> None:
    plain = write_config(tmp_path / "plain", {**EIGHT, "num_hidden_layers": 2})
    stored = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    small = write_config(tmp_path / "small", {**EIGHT, "num_hidden_layers": 2, "quantization_config": stored})
    assert count(plain, Lora()) == count(small, Lora())


@pytest.mark.parametrize(
    ("precision", "bf16", "head"), [("bf16", False, True), ("bf16", True, False), ("fp32", False, False)]
)
def test_a_head_that_is_unpacked_is_counted(tiny_model: Path, precision: str, bf16: bool, head: bool) -> None:
    recipe, device = read_model_recipe(tiny_model, precision=precision), DEVICE.model_copy(update={"bf16": bf16})
    shape = find_shape(tiny_model)
    found = weigh_memory(recipe, tiny_model, TaskSize(100, 20, 30, 5), device)
    assert found.get("unpacked head", 0) == 4 * shape.vocabulary * shape.hidden * head


PAIRS = TaskSize(320, 80.0, 50, 20, shared=16, rows=2, different=12)
RULE = {"rewards": [{"name": "length", "most": 8}], "group": 4, "answer_tokens": 30}


def test_a_beginning_that_rows_share_counts_once_a_batch(tiny_model: Path) -> None:
    def count_tokens(name: str, task: TaskSize = PAIRS, more: Any = (), **training: Any) -> float:
        objective = {"name": name, **dict(more)}
        return count_step_tokens(read_model_recipe(tiny_model, objective=objective, training=training), task, 8)

    once = 8 * 80 - 15 * 16
    assert count_tokens("dpo") == count_tokens("orpo") == count_tokens("reward") == once
    assert count_tokens("dpo", gradient_accumulation=2) == 2 * once
    assert count_tokens("dpo", neftune_alpha=5) == 8 * 80, "noise hangs on the length of a row"
    answers = PAIRS._replace(rows=4, tokens=4 * 60.0)
    read, written = 8 * 240 - 31 * 16, 0.5 * 8 * 240
    assert count_tokens("grpo", answers, RULE) == pytest.approx(written + 1.3 * read)
    for rounds in (1, 3):
        found = count_tokens("ppo", answers, {**RULE, "epochs": rounds}.items())
        assert found == pytest.approx(written + (1.3 + rounds - 1) * read), "each round reads and goes back once more"


def test_a_reference_is_read_before_the_first_step(tiny_model: Path) -> None:
    before = {
        name: count_read_before(read_model_recipe(tiny_model, objective=name), PAIRS, 8)
        for name in ("dpo", "kto", "orpo", "simpo", "reward")
    }
    assert before == {"dpo": 45, "kto": 45, "orpo": 0, "simpo": 0, "reward": 0}


def test_what_predicts_no_token_has_no_logits_and_no_head_to_multiply_with(tiny_model: Path) -> None:
    shape = find_shape(tiny_model)
    for name in OBJECTIVES.members:
        recipe = read_model_recipe(tiny_model, objective={"name": name, **(RULE if name in REWARDED else {})})
        predicts = name not in ("reward", "contrastive", "setfit")
        assert (weigh_memory(recipe, tiny_model, PAIRS, DEVICE)["logits"] > 0) == predicts
        assert count_computing(recipe, shape) == shape.base - (not predicts) * shape.vocabulary * shape.hidden


REWARDED = ("ppo", "grpo", "rloo")


def test_answers_are_told_as_long_as_they_may_be_written(tiny_model: Path) -> None:
    lengths = TokenLengths(
        model="m", counted=9, mean=40, learnt=6, shared=10, shortest=30, median=40, p95=50, longest=55, too_long=0,
        context=None, learnt_p95=9, different=7,
    )  # fmt: skip
    recipe = read_model_recipe(tiny_model, objective={"name": "grpo", **RULE})
    found = measure_mixture([lengths], recipe, 100)
    assert (found.tokens, found.longest, found.learnt, found.rows) == (4 * (40 - 6 + 30), 55 - 6 + 30, 30, 4)
    plain = measure_mixture([lengths], read_model_recipe(tiny_model), 100)
    assert (plain.tokens, plain.longest, plain.learnt, plain.different) == (40, 55, 9, 7)


def test_a_processor_that_multiplies_in_16_bits_keeps_a_kernel_for_each_size(tiny_model: Path) -> None:
    device, training = DEVICE.model_copy(update={"bf16": True}), {"mixed_precision": "auto", "max_steps": 11}

    def weigh(name: str, task: TaskSize = PAIRS, on: DeviceFacts = device) -> int | None:
        recipe = read_model_recipe(tiny_model, objective=name, training={**training, "batch_size": 32})
        return weigh_memory(recipe, tiny_model, task, on).get("kernels")

    each = 12 * 2**20
    assert weigh("orpo") == 10 * 2 * each and weigh("reward") == 10 * each
    assert weigh("dpo") == pytest.approx((10 + 1.125 * 320 / 32) * 2 * each), "those read before the first step, too"
    assert weigh("reward", PAIRS._replace(different=4)) == 3 * each, "where no token is predicted, lengths come again"
    assert weigh("orpo", PAIRS._replace(different=1)) == 0
    assert weigh("orpo", on=DEVICE) is None is weigh("orpo", on=device.model_copy(update={"kind": "cuda"}))
    assert weigh_kernels(10**6, 50, True) == MOST_KERNELS * 2**20


def itemise(folder: Path, precision: str = "fp32", method: str = "lora", **changes: Any) -> dict[str, int]:
    """Return the memory of a recipe."""
    chosen = METHODS.read(method)
    options = {"batch": 4, "length": 128, "learnt": 32, "checkpointing": False, "adds_up": True, "in_pieces": False}
    options |= changes
    shape, counted, stored = find_shape(folder), count(folder, chosen), PRECISIONS.read(precision)
    kept = find_activations(folder, chosen, Computing(stored.other_bytes))
    return itemise_memory(shape, counted, stored, kept, **options)


@pytest.mark.soon(9)
@pytest.mark.parametrize("precision", PRECISIONS.members)
@pytest.mark.parametrize("method", METHODS.members)
def test_every_item_of_memory_is_positive(precision: str, method: str, tmp_path: Path) -> None:
    items = itemise(write_config(tmp_path, EIGHT), precision, method)
    nothing = {name for name, size in items.items() if size == 0}
    assert nothing == ({"adapter"} if METHODS.find(method).saves_whole_model else set())
    assert all(size >= 0 for size in items.values())


def test_memory_grows_with_what_it_is_made_of(tmp_path: Path) -> None:
    folder = write_config(tmp_path, EIGHT)
    usual = itemise(folder)
    assert usual["base weights"] == 4 * count(folder, Lora()).base
    assert itemise(folder, "bf16")["base weights"] == usual["base weights"] // 2
    assert 3.2 < usual["base weights"] / itemise(folder, "nf4")["base weights"] < 8
    assert itemise(folder, batch=8)["activations"] == pytest.approx(2 * usual["activations"], rel=0.001)
    assert itemise(folder, learnt=64)["logits"] == 2 * usual["logits"]
    shared = itemise(folder, shared=64)
    assert shared["activations"] == pytest.approx(usual["activations"] * (64 + 4 * 64) / (4 * 128), rel=0.001)
    assert shared["logits"] == usual["logits"]
    assert itemise(folder, checkpointing=True)["activations"] < usual["activations"] / 4
    assert itemise(folder, method="full")["optimiser"] > 100 * usual["optimiser"]


def test_a_processor_needs_more_for_what_depends_on_the_batch(tmp_path: Path) -> None:
    folder = write_config(tmp_path, EIGHT)
    card, processor = itemise(folder), itemise(folder, on_processor=True)
    spare, little = processor.pop("spare"), card.pop("spare")
    assert 0 < card.pop("context") <= processor.pop("program")
    card["activations"] -= 2 * 4 * 128 * 14336  # what comes and goes again stays with the process there
    assert processor == card and 0.5 < spare / (card["activations"] + card["logits"]) < 0.7
    assert 0 < little < spare / 10


def test_logits_of_many_words_stand_in_pieces(tmp_path: Path) -> None:
    folder = write_config(tmp_path, EIGHT)
    pieces = [itemise(folder, learnt=learnt, in_pieces=True)["logits"] for learnt in (8, 512, 1024)]
    whole = [itemise(folder, learnt=learnt)["logits"] for learnt in (8, 512, 1024)]
    assert pieces[0] == whole[0] and pieces[1] == pieces[2] < whole[1] / 10


def test_as_many_layers_are_kept_whole_as_a_card_has_room_for(tmp_path: Path) -> None:
    from studio.estimates.activations import Spared
    from studio.estimates.estimate import choose_spared, weigh_memory
    from studio.recipes.recipe import read_recipe

    folder = write_config(tmp_path, EIGHT)
    recipe = read_recipe(
        {
            "task_id": "t",
            "precision": "nf4",
            "training": {"batch_size": 2, "max_length": 2048, "gradient_checkpointing": True},
        }
    )
    task, kept = TaskSize(1000, 1500.0, 2048, 512.0), []
    for size in (8, 12, 16, 24, 48):
        card = DEVICE.model_copy(update={"kind": "cuda", "bf16": True, "free_bytes": size * 10**9})
        spared = choose_spared(recipe, folder, task, card)
        kept.append(spared.whole)
        assert spared.words == (size < 10) and not (spared.on_host and size > 8)
        taken = sum(weigh_memory(recipe, folder, task, card, spared).values())
        least = sum(weigh_memory(recipe, folder, task, card, Spared(on_host=True, words=True)).values())
        assert least <= taken <= max(card.free_bytes, least)
    entries = 30 * 2 * 2048 * 4096 * 2  # of 32 layers, one is computed again and one is on its way
    words = EIGHT["vocab_size"] * 4096 * 2
    plain = sum(weigh_memory(recipe, folder, task, card).values())
    assert plain - least == pytest.approx(entries + words, rel=0.05)
    tied = write_config(tmp_path / "tied", {**EIGHT, "tie_word_embeddings": True})
    small = DEVICE.model_copy(update={"kind": "cuda", "bf16": True, "free_bytes": 5 * 10**9})
    assert choose_spared(recipe, tied, task, small) == Spared(on_host=True), "the head needs the table on the card"
    assert kept == sorted(kept) and kept[0] == 0 and 0 < kept[3] < kept[4]
    assert choose_spared(recipe, folder, task, DEVICE.model_copy(update={"kind": "cpu"})) == Spared()


def test_a_small_base_in_4_bits_is_kept_in_16_too(tmp_path: Path) -> None:
    from studio.estimates.memory import MOST_COPIED_BYTES

    sizes = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6}
    large, small = write_config(tmp_path / "large", EIGHT), write_config(tmp_path / "small", {**EIGHT, **sizes})
    assert "copies" not in itemise(large, "nf4", kept_copies=True)
    assert "copies" not in itemise(small, "nf4")
    assert 0 < itemise(small, "nf4", kept_copies=True)["copies"] == 2 * count(small, Lora()).linear <= MOST_COPIED_BYTES


def test_gradients_take_the_room_that_activations_leave(tmp_path: Path) -> None:
    folder = write_config(tmp_path, EIGHT)
    for method in ("lora", "full"):
        added, alone = itemise(folder, method=method), itemise(folder, method=method, adds_up=False)
        both = ("activations", "gradients")
        assert sum(alone[name] for name in both) == max(added[name] for name in both)
        assert {**added, **{name: alone[name] for name in both}} == alone


@pytest.mark.parametrize(
    ("needed", "wanted"),
    [
        (None, "unknown"),
        (0, "fits"),
        (84, "fits"),
        (85, "tight"),
        (100, "tight"),
        (101, "not enough now"),
        (200, "not enough now"),
        (201, "too big"),
        (10**18, "too big"),
    ],
)
def test_what_fits(needed: int | None, wanted: str) -> None:
    assert DEVICE.model_copy(update={"free_bytes": 100, "memory_bytes": 200}).judge(needed) == wanted


def estimate(model: Path, cache: Path, **changes: Any) -> Estimate:
    """Estimate a recipe on a task of 800 examples."""
    names = {"model": "Tiny", "task": "Sums"}
    return estimate_recipe(
        read_model_recipe(model, **changes), model, TaskSize(800, 40.0, 90, 8.0), DEVICE, cache, names
    )


def test_pairs_that_are_read_a_few_at_a_time_take_less_memory_and_a_third_more_time(tiny_model: Path) -> None:
    task = TaskSize(800, 80.0, 90, 8.0, rows=2)
    few, some, all_at_once = (
        weigh_memory(
            read_model_recipe(tiny_model, objective={"name": "contrastive", "at_once": count}), tiny_model, task, DEVICE
        )
        for count in (1, 2, 0)
    )
    assert few["activations"] == pytest.approx(some["activations"] / 2, rel=0.01)
    assert some["activations"] < all_at_once["activations"]
    objective = OBJECTIVES.read({"name": "contrastive", "at_once": 2})
    assert objective.count_passes(8) == pytest.approx(4 / 3) and objective.count_passes(4) == 1
    assert OBJECTIVES.read("dpo").count_passes(100) == 1


def test_an_estimate_adds_up_and_says_it_in_a_sentence(tiny_model: Path, tmp_path: Path) -> None:
    found = estimate(tiny_model, tmp_path, precision="nf4")
    assert found.memory_bytes == sum(found.memory.values()) and found.fits == "fits" and found.free_bytes == 8 * GIB
    assert found.percent == pytest.approx(100 * found.trainable / found.total)
    assert found.adapter_bytes == 4 * found.trainable and found.steps == 8 and found.examples == 800
    assert found.sentence == (
        f"Tiny learns Sums (800 examples) by QLoRA, rank 4: {found.trainable:,} of {found.total:,} parameters "
        f"({found.percent:.1f} %)."
    )


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 16}
DBRX = {"model_type": "dbrx", "d_model": 4096, "n_heads": 32, "n_layers": 4, "vocab_size": 1000}
BLOCKS = {
    "attn_config": {"kv_n_heads": 4, "rope_theta": 1e4, "clip_qkv": 8},
    "ffn_config": {"hidden_size": 4096, "moe_num_experts": 4},
}


def test_where_memory_can_not_be_told_there_is_the_count_and_the_reason(tmp_path: Path) -> None:
    found = estimate(write_config(tmp_path, {**DBRX, **BLOCKS}), tmp_path)  # it asks which tokens an expert gets
    assert (found.memory_bytes, found.memory, found.largest, found.fits, found.change) == (
        None,
        {},
        None,
        "unknown",
        None,
    )
    assert found.trainable > 0 and found.steps == 8 and len(found.notes) >= 1
    assert "nonzero" in found.notes[-1]


SMALL_GPT2 = {"model_type": "gpt2", "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 512, "vocab_size": 300}
SMALL_EXPERTS = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}


@pytest.mark.soon(3)
@pytest.mark.parametrize(
    "config",
    [
        {**SMALL_GPT2, "pad_token_id": 7},
        {"model_type": "qwen3_moe", "vocab_size": 300, **SMALL_EXPERTS, **EXPERTS, "mlp_only_layers": [0]},
        {"model_type": "mixtral", "vocab_size": 300, "intermediate_size": 64, "num_local_experts": 4, **SMALL_EXPERTS},
        {"model_type": "emu3", "vocab_size": 300, "intermediate_size": 64, **SMALL_EXPERTS},
        {"model_type": "bloom", "vocab_size": 300, "hidden_size": 64, "n_layer": 3, "n_head": 4},
        {"model_type": "mamba", "vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 3, "state_size": 4},
        {**DBRX, **BLOCKS, "d_model": 64, "n_heads": 4, "ffn_config": {"hidden_size": 64, "moe_num_experts": 4}},
    ],
    ids=lambda config: config["model_type"],
)
def test_memory_is_told_at_every_precision(config: dict[str, Any], tmp_path: Path) -> None:
    for precision in ("fp32", "bf16", "nf4"):
        found = estimate(write_config(tmp_path, config), tmp_path, precision=precision)
        assert found.memory_bytes is not None and found.memory["activations"] > 0


def test_a_pad_token_changes_no_estimate(tmp_path: Path) -> None:
    plain, padded = (
        write_config(tmp_path / name, {**SMALL_GPT2, "pad_token_id": pad}) for name, pad in (("a", None), ("b", 7))
    )
    assert estimate(plain, tmp_path).memory == estimate(padded, tmp_path).memory


def test_time_is_unknown_until_it_was_measured(tiny_model: Path, tmp_path: Path) -> None:
    kind = estimate(tiny_model, tmp_path).kind
    assert estimate(tiny_model, tmp_path).seconds is load_speed(tmp_path, DEVICE, kind) is None
    speed = measure_speed(tmp_path, DEVICE, kind)
    assert speed.flops > 1e6 and load_speed(tmp_path, DEVICE, kind) == speed
    short, long = (estimate(tiny_model, tmp_path, training={"max_steps": n}).seconds for n in (100, 1000))
    assert short is not None and long is not None
    assert speed.start_seconds < short < long
    assert f"about {short:.0f} s here" in estimate(tiny_model, tmp_path, training={"max_steps": 100}).sentence
    others = ({"precision": "nf4"}, {"training": {"gradient_checkpointing": True}})
    assert {estimate(tiny_model, tmp_path, **changes).seconds for changes in others} == {None}, "steps of other kinds"


def test_a_run_tells_its_own_speed() -> None:
    speed = measure_run(began=10.0, step_moments=[13.0, 15.0, 17.0], parameters=1000, tokens_a_step=50)
    assert speed.start_seconds == 3 and speed.flops == count_operations(1000, 50) / 2


def test_the_picture_of_a_thousand_by_a_thousand() -> None:
    kinds = (LinearShape("q_proj", 1000, 1000, 4), LinearShape("k_proj", 250, 1000, 4))
    shape = Shape(5_000_000, 5_000_000, 1000, 100, kinds)
    pair = (Part("q_proj.lora_A", 4, 1000, 4), Part("q_proj.lora_B", 1000, 4, 4))
    drawn = draw_matrix(shape, pair)
    assert (drawn.rows, drawn.columns, drawn.rank) == (1000, 1000, 4)
    assert (drawn.full_count, drawn.factor_count) == (1_000_000, 8_000)
    beside_the_small = draw_matrix(shape, (Part("k_proj.lora_A", 4, 1000, 4), Part("k_proj.lora_B", 250, 4, 4)))
    assert (beside_the_small.name, beside_the_small.rank, beside_the_small.factor_count) == ("k_proj", 4, 5000)
    for parts in ((Part("q_proj", 1000, 1000, 4),), (Part("q_proj.ia3_l", 1000, 1, 4),), ()):
        whole = draw_matrix(shape, parts)
        assert (whole.full_count, whole.factor_count, whole.rank) == (1_000_000, None, None)
    assert draw_matrix(shape._replace(kinds=()), ()).rows == 1000


@pytest.mark.parametrize("layers", [3, 7])
@pytest.mark.parametrize("name", METHODS.members)
def test_what_trains_is_told_part_by_part_as_in_the_whole_model(name: str, layers: int, tmp_path: Path) -> None:
    """Two layers tell the parts of all, those whose sizes grow with the layers too."""
    config = {**EIGHT, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": layers, "vocab_size": 100}
    assert_told_as_of_the_whole(write_config(tmp_path, config), METHODS.read(name))


LATENT = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}
SPARSE = {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MIXED: dict[str, dict[str, Any]] = {
    "glm4_moe_lite": {**LATENT, **SPARSE, "first_k_dense_replace": 1},
    "deepseek_v3": {**LATENT, **SPARSE, "first_k_dense_replace": 2, "n_group": 1, "topk_group": 1},
    "glm4_moe": {**SPARSE, "first_k_dense_replace": 1, "head_dim": 16, "n_group": 1, "topk_group": 1},
    "ernie4_5_moe": {"moe_num_experts": 4, "moe_k": 2, "moe_intermediate_size": 16, "moe_num_shared_experts": 1},
    "qwen2_moe": {**EXPERTS, "shared_expert_intermediate_size": 24, "decoder_sparse_step": 2},
    "qwen3_moe": {**EXPERTS, "mlp_only_layers": [0, 3]},
    "qwen3_next": {**EXPERTS, "shared_expert_intermediate_size": 16, "linear_num_value_heads": 4},
    "lfm2": {"layer_types": ["conv", "full_attention", "conv", "conv", "conv", "full_attention"]},
    "gpt_oss": {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16},
    "gemma3_text": {"head_dim": 16, "sliding_window": 8, "tie_word_embeddings": True},
}


@pytest.mark.parametrize("method", ["full", "lora", "bitfit"])
@pytest.mark.parametrize("kind", MIXED)
def test_layers_that_are_not_all_alike_are_counted_as_they_are(kind: str, method: str, tmp_path: Path) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6, "vocab_size": 100}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4 if "kv_lora_rank" in MIXED[kind] else 2}
    config = {"model_type": kind, **sizes, **heads, **MIXED[kind]}
    assert_told_as_of_the_whole(write_config(tmp_path, config), METHODS.read(method))


def assert_told_as_of_the_whole(folder: Path, method: Method) -> None:
    """Compare a count with the same method attached to the whole model."""
    import torch

    with torch.device("meta"):
        model = method.attach(build_model(read_config_text(folder)))
    found, trained = count(folder, method), [one for one in model.parameters() if one.requires_grad]
    assert found.trainable == sum(one.numel() for one in trained) > 0
    assert found.total == sum(one.numel() for one in model.parameters())
    assert sum(part.times for part in found.parts if part.columns > 1) == sum(
        prod(one.shape[:-2]) for one in trained if one.dim() > 1 and one.shape[-1] > 1
    )


def test_a_wrong_target_is_told_before_anything_is_loaded(tiny_model: Path, tmp_path: Path) -> None:
    with raises(RecipeError, "wq") as told:
        estimate(tiny_model, tmp_path, method={"name": "lora", "targets": "wq"})
    assert told.value.field == "method.targets"


def test_the_device_is_found() -> None:
    device = find_device()
    assert 0 < device.free_bytes <= device.memory_bytes and device.cores >= 1 and device.name
    assert device.sentence.endswith(".")


def test_the_service_is_imported_without_a_heavy_library() -> None:
    code = "import studio.service, sys; print(*sorted(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert "studio" in loaded and "pydantic" in loaded
    assert not loaded & {"torch", "transformers", "peft", "bitsandbytes", "gradio", "trl", "datasets", "accelerate"}


def test_an_imported_task_is_used_for_the_size(workspace: Any, tiny_model: Path) -> None:
    from studio.launchers.inline import InlineLauncher
    from studio.service import Studio

    task_id = import_task(workspace)
    studio = Studio(workspace, InlineLauncher())
    lengths = studio.token_lengths(task_id, str(tiny_model))
    assert (lengths.counted, lengths.too_long, lengths.context) == (60, 0, 512)
    assert lengths.median <= lengths.p95 <= lengths.longest < 80 and 0 < lengths.mean < 80
    found = studio.estimate({"task_id": task_id, "model": str(tiny_model)})
    assert found.examples == 48 and found.sentence.startswith("tiny-llama learns Tiny sums (48 examples) by LoRA, rank")
