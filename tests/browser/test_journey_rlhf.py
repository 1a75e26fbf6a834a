"""RLHF on the page: a reward model from pairs, a look at what it says, and PPO that learns from it.

A tiny model is trained for a moment, so nothing is learnt to be proud of; that it is on the built-in base is the
notebook's to show.
"""

from pathlib import Path
from typing import Any

import pytest
from drafts import go
from playwright.sync_api import Page, expect
from test_journey_train import LONG, address, chart, open_studio

STYLE = "studio009_pirate_pairs"


def train(page: Page) -> None:
    """Start what is chosen and wait for its end."""
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    earlier = chart(page).get_attribute("data-run") or "none"
    start.click()
    expect(chart(page)).not_to_have_attribute("data-run", earlier, timeout=LONG)
    expect(chart(page)).to_have_attribute("data-status", "finished", timeout=LONG)


@pytest.mark.long
def test_a_reward_model_is_trained_tried_and_learnt_from(
    page: Page, app: Any, tiny_model: Path, console_errors: list[str]
) -> None:
    training = {"max_steps": 4, "batch_size": 4, "sample_every": 4, "measures_itself": False}
    recipe = {"model": str(tiny_model), "task_id": STYLE, "training": training}
    page.goto(address("method", recipe=recipe))
    page.locator("#aims").get_by_role("radio", name="Reward model").click()
    expect(page.locator("#aims-hint")).to_contain_text("judges")
    go(page, "train")
    train(page)
    studio = open_studio(app)
    judge = next(run.run_id for run in studio.list_runs() if run.recipe.get("objective", {}).get("name") == "reward")

    page.goto(address("compare", judge))
    form = page.locator(".judge")
    expect(form).to_have_attribute("data-state", "ready", timeout=LONG)
    expect(page.locator(".ask-body")).to_be_hidden()
    form.locator("[data-act=judge]").click()
    for score in form.locator(".judge-score").all()[1:]:
        expect(score).not_to_be_empty(timeout=LONG)

    page.locator("#next-tries").get_by_role("button", name="PPO").click()  # and Train: two clicks are a step of RLHF
    train(page)
    tuned = studio.list_runs()[0]
    assert tuned.recipe["objective"]["rewards"][0]["model"].startswith(f"run:{judge}@")
    go(page, "method")
    expect(page.locator("#aims").get_by_role("radio", name="says")).to_have_attribute("aria-checked", "true")
    go(page, "train")
    expect(page.locator(".samples .sample-answer").first).to_contain_text("reward")
    assert console_errors == []
