"""The comparison on a graphics card, tried at a tiny size on the processor: both sides do the same work, and figures
come out of it. What they are on a card is not known here.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import keep
from bench.card import FULL, NAMES, TINY, TINY_SHAPE, compare, count_work, keep_task, list_cells, measure, write_recipe
from bench.figure import Figure
from bench.memory import make_model
from bench.readme import write_figures_table
from studio.models.device import find_device
from studio.service import Studio


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("STUDIO_ZOO"), reason="A minute: `make zoo` trains both.")
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux")
def test_both_sides_do_the_same_work(tmp_path: Path) -> None:
    found = compare(tmp_path, TINY, list_cells(TINY)[0], "bf16", find_device())  # it refuses sides that did not
    assert [figure.unit for figure in found] == ["tokens/s", "MB", "nats"]
    assert {figure.beside_name for figure in found} == {"bare TRL"}
    for figure in found:
        assert figure.value > 0 and figure.beside and find_device().name in figure.name
    assert found[2].ratio == pytest.approx(1, abs=0.02)  # the same rows, in another order


def test_the_rows_of_the_full_size_fill_whole_batches(workspace: object, tmp_path: Path) -> None:
    studio = Studio(workspace)  # type: ignore[arg-type]
    model = make_model(tmp_path / "model", TINY_SHAPE)
    for cell in list_cells(FULL):
        recipe = write_recipe(model, keep_task(studio, cell.lengths, cell.shared), "bf16", FULL, cell.checkpoints)
        work = count_work(studio, recipe)
        assert work["examples"] and work["examples"] % FULL.batch == 0
        mean = sum(cell.lengths) / len(cell.lengths)
        assert work["tokens"] / work["examples"] == pytest.approx(mean, rel=0.1)
        assert 0.2 < work["learnt"] / work["tokens"] < 0.3
        lengths = studio._measure_tasks(studio.read_recipe(recipe), [studio.load_task(recipe["task_id"])])
        assert lengths.shared >= cell.shared and (lengths.shared > 200) == recipe["training"]["gradient_checkpointing"]


def test_without_a_card_nothing_is_measured_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bench.card.find_device", lambda: find_device().model_copy(update={"kind": "cpu"}))
    assert measure() == []
    assert "needs an NVIDIA card" in capsys.readouterr().out


def test_a_case_without_figures_keeps_those_it_had() -> None:
    results: dict[str, Any] = {"figures": {}, "measured": {}}
    keep(results, "card", [], "nothing")
    assert results["figures"] == {"card": []}
    empty = write_figures_table(results)
    keep(
        results, "card", [Figure(f"training speed, {NAMES['nf4']}", 2.0, "tokens/s", 1.0, "bare TRL")], "a card, today"
    )
    assert "QLoRA on nf4 | 2 tokens/s | 1 (bare TRL) | 2.00 x" in write_figures_table(results)
    keep(results, "card", [], "nothing, tomorrow")
    assert len(results["figures"]["card"]) == 1 and json.dumps(results)
    said = write_figures_table(results).splitlines()
    assert said[0].strip() == "Measured on a card, today: card." and empty.splitlines() == said[1:-1]
