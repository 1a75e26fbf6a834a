"""Reading together, from a cache, or padded: only where a trial on the very text found what plain reading gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import import_task, train_quickly

from studio.answering.decoding import Writer, find_habits
from studio.answering.pair import BASE, TUNED, Pair
from studio.answering.way import WAYS
from studio.models.device import find_device
from studio.runs.run import Run
from studio.workspace import Workspace

PROMPT = [1, *range(40, 60)]
SMALL: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "bart": {"d_model": 32, "decoder_layers": 2, "decoder_ffn_dim": 64, "decoder_attention_heads": 4},
    "rwkv": {"hidden_size": 32, "num_hidden_layers": 2, "context_length": 128},
}


def make(kind: str) -> Any:
    """A tiny model whose weights say something."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, vocab_size=260, **SMALL[kind])).eval()
        for value in model.parameters():
            value.data.normal_(0, 0.2)
    model.generation_config.forced_eos_token_id = None
    return model


def write_by_hand(model: Any, prompt: list[int], most: int) -> list[int]:
    """The likeliest tokens, everything read again for each."""
    import torch

    written: list[int] = []
    for _ in range(most):
        with torch.no_grad():
            written.append(int(model(input_ids=torch.tensor([prompt + written])).logits[0, -1].argmax()))
    return written


@pytest.mark.parametrize(("kind", "together"), [("llama", True), ("bloom", True), ("bart", False), ("rwkv", False)])
def test_many_answers_are_those_of_each_prompt_alone(kind: str, together: bool) -> None:
    model, prompts = make(kind), [PROMPT, PROMPT[:5], [*PROMPT, *range(80, 110)]]
    writer = Writer(model, 0, frozenset())
    written = writer.write(prompts, 6)
    assert written == [write_by_hand(model, prompt, 6) for prompt in prompts]
    assert writer.way.together == together, writer.why
    assert all(bool(why) == (way != writer.way) for way, why in writer.why.items())


def test_an_end_ends_an_answer() -> None:
    model = make("llama")
    free = write_by_hand(model, PROMPT, 6)
    place = free.index(free[3])
    assert Writer(model, 0, {free[3]}).write([PROMPT], 6) == [free[:place]]


def test_what_authors_do_to_the_logits_is_done_to_each_answer() -> None:
    import torch

    model = make("llama")
    free = write_by_hand(model, PROMPT, 8)
    assert not find_habits(model, 3, 3)
    model.generation_config.repetition_penalty = 5.0
    assert len(find_habits(model, 3, 3)) == 1
    wanted = model.generate(torch.tensor([PROMPT]), max_new_tokens=8, do_sample=False, pad_token_id=0)[0, len(PROMPT) :]
    written = Writer(model, 0, frozenset()).write([PROMPT[:4], PROMPT], 8)
    assert written[1] == wanted.tolist() != free


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """A run of LoRA whose answers differ from the base's."""
    workspace = Workspace(tmp_path_factory.mktemp("writing"))
    import_task(workspace)
    return train_quickly(workspace, tiny_model)


def make_pair(run: Run) -> Pair:
    """Base and tuned of a run."""
    pair = Pair(run.load_recipe(), find_device())
    pair.use(run, run.load_recipe(), None)
    return pair


def write(pair: Pair) -> tuple[list[int], list[int]]:
    """What both sides write."""
    *_, written = pair.write(PROMPT, 8, 0, 0, frozenset())
    return [*written[BASE]], [*written[TUNED]]


def test_both_sides_are_read_together_and_from_a_cache_where_that_is_right(run: Run) -> None:
    pair = make_pair(run)
    written = write(pair)
    assert pair._sides.way == (True, True)
    assert written[BASE] != written[TUNED]
    pair._sides.way = pair._sides.ways[-1]
    assert write(pair) == written


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "takes tokens for rows": lambda read, x: read(x.flatten(0, 1)).view(*x.shape[:2], -1),  # as layers of experts do
    "says something else": lambda read, x: 1.01 * read(x),
}


@pytest.mark.soon(1)
@pytest.mark.parametrize("wrong", WRONG)
def test_layers_that_read_rows_in_another_way_are_found_out(
    run: Run, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.answering import rows

    right, plainly = write(make_pair(run)), rows._Parted.__call__

    def read(layer: Any, x: Any, *more: Any) -> Any:
        if layer.switch.adapters is None:
            return plainly(layer, x, *more)
        return WRONG[wrong](lambda asked: plainly(layer, asked, *more), x)

    monkeypatch.setattr(rows._Parted, "__call__", read)
    pair = make_pair(run)
    assert write(pair) == right
    why = pair._sides.why[pair._sides.ways[0]]
    assert pair._sides.way == (False, True) and ("%" in why) == (wrong == "says something else") and why


def test_a_cache_that_forgets_is_found_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import DynamicCache

    right = write(make_pair(run))
    monkeypatch.setattr(DynamicCache, "update", lambda cache, keys, values, *_, **__: (keys, values))
    pair = make_pair(run)
    assert write(pair) == right
    assert not pair._sides.way.cached
    assert pair.answer_many([PROMPT], 8, tuned=True) == [
        pair.tokenizer.decode(right[TUNED], skip_special_tokens=True).strip()
    ]


def test_a_longer_text_is_tried_anew(run: Run) -> None:
    import torch

    pair = make_pair(run)
    write(pair)
    tried = pair._sides._tried
    assert tried == len(PROMPT) + 8
    pair._sides.try_on(torch.tensor([PROMPT]))
    assert pair._sides._tried == tried
    pair._sides.try_on(torch.tensor([PROMPT * 3]))
    assert pair._sides._tried == 3 * len(PROMPT)


def test_what_a_training_computes_in_16_bits_is_written_as_fast(tiny_model: Path) -> None:
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    AcceleratorState._reset_state()  # which a training that came before has chosen for this process
    wrapped = Accelerator(mixed_precision="bf16", cpu=True).prepare_model(model)
    AcceleratorState._reset_state()
    assert "forward" in vars(wrapped), "accelerate no longer exchanges a model's forward"
    writer = Writer(wrapped, 0, {1})
    assert len(writer.draw([[5, 6, 7], [8, 9, 10, 11]], 6)) == 2
    assert writer.way == WAYS[0], writer.why
    assert "forward" in vars(wrapped)
