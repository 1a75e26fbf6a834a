"""Times come from measurements of this device: first of a layer of the model's width, then of the runs themselves."""

import json
import subprocess
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import tells

from studio.errors import DeviceError
from studio.estimates import timing
from studio.estimates.time import Speed, StepKind, estimate_seconds, load_speed, measure_run, save_speed
from studio.models.device import DeviceFacts, find_device

EIGHT = StepKind(8_030_000_000, 6_979_321_856, 32, 4096, "nf4", "bf16", True)
SMALL = StepKind(2_000_000, 1_600_000, 4, 192, "fp32")
CARD = DeviceFacts(kind="cuda", name="a card", memory_bytes=1, free_bytes=1, cores=1, bf16=True)


def test_a_run_predicts_the_next_one_like_it() -> None:
    moments = [10.0 + 0.25 * step for step in range(41)]
    speed = measure_run(began=4.0, step_moments=moments, parameters=1_000_000, tokens_a_step=800.0)
    assert speed.start_seconds == 6.0
    assert estimate_seconds(speed, 1_000_000, 800.0, steps=40) == pytest.approx(6.0 + 40 * 0.25)
    assert estimate_seconds(speed, 2_000_000, 800.0, steps=40) == pytest.approx(6.0 + 80 * 0.25)


def test_a_speed_is_kept_for_this_device_this_size_and_this_precision(tmp_path: Path) -> None:
    device = find_device()
    assert load_speed(tmp_path, device, EIGHT) is None
    save_speed(tmp_path, device, EIGHT, Speed(1e9, 5.0))
    save_speed(tmp_path, device, SMALL, Speed(1e8, 4.0))
    assert (load_speed(tmp_path, device, EIGHT), load_speed(tmp_path, device, SMALL)) == ((1e9, 5.0), (1e8, 4.0))
    others = ({"width": 2048}, {"parameters": 1}, {"precision": "bf16"}, {"half": None}, {"twice": False})
    assert not any(load_speed(tmp_path, device, EIGHT._replace(**changes)) for changes in others)
    another = device.model_copy(update={"name": "another"})
    assert load_speed(tmp_path, another, EIGHT) is None
    save_speed(tmp_path, another, EIGHT, Speed(2e9, 5.0))
    assert load_speed(tmp_path, device, EIGHT) is None, "one device's at a time"


def test_one_run_that_shared_the_computer_changes_no_estimate(tmp_path: Path) -> None:
    device = find_device()
    save_speed(tmp_path, device, SMALL, Speed(3e9, 6.0), of_run=False)
    for flops in (1e9, 1.1e9, 0.2e9, 1.05e9):
        save_speed(tmp_path, device, SMALL, Speed(flops, 4.0))
        speed = load_speed(tmp_path, device, SMALL)
        assert speed and 1e9 <= speed.flops <= 1.1e9 and speed.start_seconds == 4.0, (
            "a layer's speed is none of a run's"
        )
    for _ in range(3):
        save_speed(tmp_path, device, SMALL, Speed(5e9, 2.0))
    assert load_speed(tmp_path, device, SMALL) == (5e9, 2.0), "another machine is soon known"


def test_a_run_tells_the_speed_of_its_own_objective_and_a_layer_that_of_all_before(tmp_path: Path) -> None:
    device, (pairs, texts) = find_device(), (SMALL._replace(objective=name) for name in ("dpo", "pretrain"))
    save_speed(tmp_path, device, pairs, Speed(3e9, 6.0), of_run=False)
    assert load_speed(tmp_path, device, texts) == load_speed(tmp_path, device, pairs) == (3e9, 6.0)
    save_speed(tmp_path, device, pairs, Speed(2e9, 5.0))
    assert load_speed(tmp_path, device, texts) == (3e9, 6.0) and load_speed(tmp_path, device, pairs) == (2e9, 5.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"device": 3}', '{"device": "NAME", "flops": 1e9}', "\xff"])
def test_a_damaged_measurement_is_none_and_so_is_an_old_one(tmp_path: Path, text: str) -> None:
    device = find_device()
    (tmp_path / "speed.json").write_bytes(text.replace("NAME", device.name).encode("latin-1"))
    assert load_speed(tmp_path, device, SMALL) is None
    save_speed(tmp_path, device, SMALL, Speed(1e9, 5.0))
    assert load_speed(tmp_path, device, SMALL) == (1e9, 5.0)


@pytest.mark.parametrize("kind", [EIGHT, SMALL, StepKind(1_236_000_000, 973_078_528, 16, 2048, "bf16", "bf16")])
def test_what_is_timed_has_the_width_and_the_weights_of_the_models_own_layers(kind: StepKind) -> None:
    shape = timing.shape_layers(kind)
    width, heads, shared = (shape[name] for name in ("hidden_size", "num_attention_heads", "num_key_value_heads"))
    each = 2 * width * shape["head_dim"] * (heads + shared) + 3 * width * shape["intermediate_size"]
    assert width == kind.width and heads % shared == 0
    assert each == pytest.approx(kind.linear / kind.layers, rel=0.05)
    assert shape["num_hidden_layers"] == (1 if kind.width > 1000 else kind.layers)


def test_of_a_layer_that_is_too_large_a_part_is_timed() -> None:
    shape = timing.shape_layers(StepKind(405_000_000_000, 401_000_000_000, 126, 16384, "nf4", "bf16"))
    attention = 2 * 8192 * 128 * (shape["num_attention_heads"] + shape["num_key_value_heads"])
    assert attention + 3 * 8192 * shape["intermediate_size"] == pytest.approx(timing.MOST_WEIGHTS, rel=0.05)


@pytest.mark.soon(1)
@pytest.mark.parametrize("kind", [SMALL, SMALL._replace(precision="nf4", half="bf16", twice=True)])
def test_it_is_timed_as_a_run_would_compute_it(kind: StepKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    seen: list[Any] = []
    own = timing._lap

    def look(model: Any, ids: Any, *given: Any) -> float:
        own(model, ids, *given)
        seen.append((model, ids))
        return 0.5

    monkeypatch.setattr(timing, "_lap", look)
    device = find_device()
    speed = timing.measure_speed(tmp_path, device, kind)
    model, ids = seen[0]
    names = {type(module).__name__ for module in model.modules()}
    assert ("Linear4bit" in names) == (kind.precision == "nf4")
    assert model.get_base_model().is_gradient_checkpointing == kind.twice
    assert model.get_base_model().config.hidden_size == kind.width
    parameters = model.get_base_model().num_parameters()
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    assert speed.flops == pytest.approx(6 * (parameters - trained) * ids.numel() / 0.5, rel=0.01)
    assert load_speed(tmp_path, device, kind) == speed
    assert ids.device == torch.device("cpu")


class Step:
    """A model whose step is nothing."""

    def __call__(self, **given: Any) -> Any:
        import torch

        return SimpleNamespace(loss=torch.ones(1, requires_grad=True).sum())

    def zero_grad(self, **given: Any) -> None:
        pass


@pytest.mark.parametrize(("threads", "seconds"), [(1, 0.5), (4, 9.0)])
def test_where_one_thread_takes_a_step_others_make_it_no_slower(
    threads: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"perf_counter": iter((0.0, 9.0)), "thread_time": iter((0.0, 0.5))}
    clocks = {name: partial(next, moments) for name, moments in told.items()}
    monkeypatch.setattr(timing, "time", SimpleNamespace(**clocks))
    monkeypatch.setattr("torch.get_num_threads", lambda: threads)
    assert timing._lap(Step(), None, find_device(), SMALL) == seconds


def test_on_a_card_it_is_timed_in_a_process_that_gives_all_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(words: list[str], **_: Any) -> None:
        cache, device, kind = json.loads(words[-1])
        assert (words[1:3], kind) == (["-m", "studio.estimates.timing"], list(EIGHT))
        save_speed(Path(cache), DeviceFacts(**device), StepKind(*kind), Speed(1e14, 6.0))

    monkeypatch.setattr(subprocess, "run", run)
    assert timing.measure_speed(tmp_path, CARD, EIGHT) == (1e14, 6.0)

    def break_down(*_: Any, **__: Any) -> None:
        raise subprocess.CalledProcessError(1, "timing", stderr="Traceback\nOutOfMemoryError: CUDA out of memory.\n")

    monkeypatch.setattr(subprocess, "run", break_down)
    with pytest.raises(DeviceError) as caught:
        timing.measure_speed(tmp_path, CARD, EIGHT)
    assert tells(caught.value, ("a card", "out of memory"))


def test_a_card_is_filled_and_a_processor_is_done_in_seconds() -> None:
    assert timing.size_batch(CARD, 218_000_000) == (2, 1024)
    rows, length = timing.size_batch(find_device(), 218_000_000)
    assert 6 * 218e6 * rows * length <= 2 * timing.MOST_OPERATIONS and rows >= 2
    assert timing.size_batch(find_device(), 1_000_000) == (16, 32)
