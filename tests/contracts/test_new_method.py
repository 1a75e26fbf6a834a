"""A method is one file: put into its folder, it is in the form, the table, the counts and the contract, and works."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import test_methods as contract
from tiny import import_task, kinds, train, write_recipe

import studio.methods
from studio.methods import METHODS

FILE = '''
"""MiSS: one thin matrix a layer, shared by the pieces of what it reads (Kang and Yin 2024, arXiv:2409.15371)."""

from typing import Any, ClassVar

from studio.methods.attaching import attach_config, check_right_way_round
from studio.methods.fields import Rank, Targets
from studio.methods.method import Method
from studio.methods.targets import find_targets


class Miss(Method):
    """Matrix shard sharing: what a layer reads is cut into pieces and added up, and one thin matrix reads the sum."""

    name: ClassVar[str] = "miss"
    title: ClassVar[str] = "MiSS"
    position: ClassVar[int] = 50
    summary: ClassVar[str] = "Adds up pieces of what a layer reads, and trains one thin matrix on the sum."
    when: ClassVar[str] = "When half the numbers of LoRA are enough."
    touches: ClassVar[str] = "One new thin matrix beside each chosen linear layer; the model itself is frozen."
    paper: ClassVar[str] = "https://arxiv.org/abs/2409.15371"
    learning_rate_small: ClassVar[float] = 2e-3
    learning_rate_large: ClassVar[float] = 2e-4

    rank: Rank = 4
    targets: Targets = "all-linear"

    def attach(self, model: Any) -> Any:
        """Return a PeftModel whose thin matrices train."""
        from peft import MissConfig

        check_right_way_round(model, self.title)
        config = MissConfig(r=self.rank, target_modules=find_targets(model, self.targets), task_type="CAUSAL_LM")
        return attach_config(model, config, self.title)
'''


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The studio's own methods, with one file more in their folder."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "miss.py").write_text(FILE)
    monkeypatch.setattr(studio.methods, "__path__", [*studio.methods.__path__, str(tmp_path / "more")])
    importlib.invalidate_caches()
    METHODS.__dict__.pop("members", None)
    yield METHODS
    METHODS.__dict__.pop("members", None)
    sys.modules.pop("studio.methods.miss", None)


def test_a_new_file_is_on_the_page_and_counted(family: Any, workspace: Any, tiny_model: Path) -> None:
    from studio.service import Studio
    from studio.ui.steps.method.page import draw_choices, draw_method_cards
    from studio.ui.steps.method.table import draw_methods
    from studio.ui.steps.method.weighing import weigh_recipe

    family.__dict__["members"] = {name: family.members[name] for name in ("lora", "full", "miss")}  # fewer to weigh
    house, task_id = Studio(workspace), import_task(workspace)
    lora = write_recipe(tiny_model, task_id)
    recipe = {**lora, "method": {"name": "miss", "rank": 5}}
    trainable = 2 * 5 * sum(rows for rows in (32, 16, 16, 32, 64, 64, 32))  # two layers, rank x what each puts out
    estimate = house.estimate(recipe)
    assert estimate.trainable == trainable
    assert estimate.total - trainable == (other := house.estimate(lora)).total - other.trainable
    assert "by MiSS" in estimate.sentence and min(estimate.memory.values()) > 0
    form = draw_choices(house, recipe)
    assert 'data-path="method.rank"' in form and 'data-error-for="method.targets"' in form
    assert family.find("miss").when in form and family.find("miss").paper in form
    assert 'id="method-miss"' in draw_method_cards(house, recipe)
    assert f">{trainable:,}</strong>" in weigh_recipe(house, {"step": "method", "recipe": recipe}).bar
    table = draw_methods(house, lora)
    assert f"Compare all {len(family.members)} methods" in table
    assert f'data-trainable="{trainable * 4 // 5}"' in table.partition('id="table-miss"')[0].rpartition("<tr ")[2]


def test_a_new_file_keeps_the_contract(family: Any, model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    tuned = contract.tune(family.read("miss"), model_folder("llama"))
    kept = []
    for name, promise in inspect.getmembers(contract, inspect.isfunction):
        wanted = list(inspect.signature(promise).parameters)
        if name.startswith("test_") and wanted[:1] == ["tuned"] and promise.holds(tuned.method, "llama"):
            (tmp_path / name).mkdir()
            promise(tuned, *([tmp_path / name] if wanted[1:] else []))
            kept.append(name)
    assert len(kept) >= 9
    contract.test_it_says_what_it_is_and_when_to_choose_it("miss")


def test_a_new_file_trains_from_start_to_end(family: Any, workspace: Any, tiny_model: Path) -> None:
    run = train(workspace, write_recipe(tiny_model, import_task(workspace), method="miss"))
    assert kinds(run)[-1] == "finished"
