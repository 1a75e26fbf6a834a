"""Times come from measurements of this device: the first of a small decoder, the next ones of the runs themselves."""

from pathlib import Path

import pytest

from studio.estimates.time import Speed, estimate_seconds, load_speed, measure_run, save_speed
from studio.models.device import find_device


def test_a_run_predicts_the_next_one_like_it() -> None:
    moments = [10.0 + 0.25 * step for step in range(41)]
    speed = measure_run(began=4.0, step_moments=moments, parameters=1_000_000, tokens_a_step=800.0)
    assert speed.start_seconds == 6.0
    assert estimate_seconds(speed, 1_000_000, 800.0, steps=40) == pytest.approx(6.0 + 40 * 0.25)
    assert estimate_seconds(speed, 2_000_000, 800.0, steps=40) == pytest.approx(6.0 + 80 * 0.25)


def test_a_speed_is_kept_for_this_device_alone(tmp_path: Path) -> None:
    device = find_device()
    assert load_speed(tmp_path, device) is None
    save_speed(tmp_path, device, Speed(1e9, 5.0))
    assert load_speed(tmp_path, device) == Speed(1e9, 5.0)
    assert load_speed(tmp_path, device.model_copy(update={"name": "another"})) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"device": 3}', '{"flops": "x"}'])
def test_a_damaged_measurement_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "speed.json").write_text(text)
    assert load_speed(tmp_path, find_device()) is None
