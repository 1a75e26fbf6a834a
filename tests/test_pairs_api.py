"""Every pair of method and precision that the page offers trains from start to end, as another program asks for it.

Through the page's own endpoints, on the built-in base. `make pairs` trains all of them; the suite few, each of
another method and precision: the contracts train every pair without the page, and what is tested here is the way there.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.methods.pairs import MethodPair, list_pairs
from studio.precisions import PRECISIONS
from tests.test_ui_api import Served, serve

pytestmark = pytest.mark.slow

OFFERED = [pair for pair in list_pairs() if pair.refusal is None]
APART = 3
"""How far the methods of two precisions lie apart in their family."""
REFUSED = [pair for pair in list_pairs() if pair.refusal is not None]


def choose_pairs() -> list[MethodPair]:
    """Return every pair that is offered where STUDIO_ALL_PAIRS asks for them, else one of each precision."""
    if os.environ.get("STUDIO_ALL_PAIRS"):
        return OFFERED
    own = [[pair for pair in OFFERED if pair.precision == precision] for precision in PRECISIONS.members]
    return [pairs[APART * place % len(pairs)] for place, pairs in enumerate(own)]


def name_pair(pair: MethodPair) -> str:
    """Return what pytest calls a pair."""
    return f"{pair.method}-{pair.precision}"


def write_pair(pair: MethodPair) -> dict[str, Any]:
    """Return the recipe of a pair with its usual settings, on the built-in base, that takes a second."""
    return {
        "task_id": "studio002_question",
        "method": pair.method,
        "precision": pair.precision,
        "training": {"max_steps": 3, "batch_size": 2, "evaluate_every": 0, "save_every": 0, "sample_every": 0},
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Served]:
    """The page, served for the tests of this file."""
    with serve(tmp_path_factory.mktemp("pairs") / "home", tiny_model) as served:
        yield served


@pytest.mark.soon(1)
@pytest.mark.parametrize("pair", choose_pairs(), ids=name_pair)
def test_a_pair_that_is_offered_trains_from_start_to_end(pair: MethodPair, served: Served) -> None:
    recipe = write_pair(pair)
    expected = served.ask("estimate", recipe=recipe)
    status = served.finish(served.ask("start_run", recipe=recipe)["run_id"])
    assert status["status"] == "finished", status["error"]
    assert (status["step"], status["of"]) == (3, 3)
    assert math.isfinite(status["loss"]) and 0 < status["loss"] < 20
    assert (status["trainable"], status["total"]) == (expected["trainable"], expected["total"])
    assert status["trainable"] > 0 and status["checkpoints"]


@pytest.mark.parametrize("pair", REFUSED, ids=name_pair)
def test_a_pair_that_can_not_train_is_refused_in_the_words_of_the_page(pair: MethodPair, served: Served) -> None:
    before = {status.run_id for status in served.studio.list_runs()}
    for endpoint in ("estimate", "start_run"):
        assert pair.refusal in served.refusal(endpoint, recipe=write_pair(pair))
    assert {status.run_id for status in served.studio.list_runs()} == before


def test_every_precision_comes_up_with_a_method_of_its_own() -> None:
    chosen = choose_pairs()
    assert len({pair.method for pair in chosen}) >= len(PRECISIONS.members)
    assert {pair.precision for pair in chosen} == {pair.precision for pair in OFFERED}
