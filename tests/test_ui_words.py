"""What the page says in passing misleads nobody: no unmeasured time, no praise above a warning, no hidden sum."""

import re
from typing import Any

import pytest

from studio.methods import METHODS
from studio.models.catalogue import CATALOGUE
from studio.precisions import PRECISIONS
from studio.recipes.options import PRESETS
from studio.service import Studio
from studio.tasks.quality.finding import Finding
from studio.ui.frame.words import MANY_EPOCHS, epochs, total_number
from studio.ui.steps.data.quality import draw_verdict
from studio.ui.steps.method.page import draw_choices, draw_method_cards
from studio.ui.steps.model.page import HEAD, SIZES

TIME = re.compile(r"\b(a|an|one|two|few|\d+) (second|minute|hour)", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        *SIZES.values(),
        *(card.summary for card in CATALOGUE),
        *(f"{preset.title}. {preset.hint}" for preset in PRESETS.values()),
        *(f"{method.summary} {method.when}" for method in METHODS.members.values()),
        *(precision.summary for precision in PRECISIONS.members.values()),
    ],
)
def test_no_text_promises_a_time_that_is_estimated_elsewhere(text: str) -> None:
    assert not TIME.search(text)


@pytest.mark.parametrize(
    ("base", "total", "said"),
    [
        (5_480_192, 5_704_448, "5.5 M + 0.2 M"),
        (5_480_192, 5_480_192, "5.5 M"),
        (8_030_000_000, 8_033_000_000, "8.0 B"),
        (8_030_000_000, 8_200_000_000, "8.0 B + 170 M"),
    ],
)
def test_what_is_added_to_a_base_is_not_added_to_its_size_in_silence(base: int, total: int, said: str) -> None:
    assert total_number(base, total) == said


def test_how_often_an_example_is_seen_stands_beside_the_steps() -> None:
    assert "24 times" in epochs(24.4, 196) and "196 examples" in epochs(1, 196)
    assert "often" in epochs(MANY_EPOCHS + 1, 9) and "often" not in epochs(MANY_EPOCHS, 9)
    assert "once" in epochs(1.2, 9) and "40 %" in epochs(0.4, 9)


def test_an_estimate_counts_epochs_and_tells_the_base_from_what_is_added(workspace: Any) -> None:
    training = {"max_steps": 30, "batch_size": 4, "gradient_accumulation": 2}
    found = Studio(workspace).estimate({"task_id": "studio002_question", "training": training})
    assert found.epochs == pytest.approx(30 * 4 * 2 / found.examples)
    assert found.base + found.trainable == found.total


@pytest.mark.parametrize(("severities", "praises"), [((), True), (("remark",), False), (("remark", "warning"), False)])
def test_a_badge_praises_only_what_nothing_was_found_in(severities: tuple[Any, ...], praises: bool) -> None:
    findings = tuple(Finding(name="a", title="A", words="A.", severity=severity) for severity in severities)
    assert ("fits" in draw_verdict(findings)) is praises


def test_what_a_quantised_base_costs_is_said_where_it_is_chosen(workspace: Any) -> None:
    studio = Studio(workspace)
    recipe = {"task_id": "studio002_question", "method": {"name": "lora"}}
    whens = {
        name: draw_choices(studio, {**recipe, "precision": name}).split('id="method-when"')[1].split("<a ")[0]
        for name in ("fp32", "nf4")
    }
    assert METHODS.members["lora"].when in whens["fp32"]
    assert PRECISIONS.members["nf4"].summary in whens["nf4"] and "slower" in whens["nf4"]
    assert "quarter" in draw_method_cards(studio, recipe)
