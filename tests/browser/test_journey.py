"""The whole journey by hand: five steps from the built-in base to right answers, clicked as a person would.

Its pictures are those of the README: `make screenshots` runs it with STUDIO_SHOTS set.
"""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from test_journey_train import LONG

SECONDS = 180
"""How long a person may need from opening the page to a right answer (with two quiet cores)."""


def step(page: Page, name: str) -> Locator:
    return page.locator(f"#step-{name}")


def go_on(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Next: {name}").click()
    expect(page.locator("body")).to_have_attribute("data-step", name.lower())


@pytest.mark.slow
@pytest.mark.screenshots
@pytest.mark.timeout(900)
def test_from_opening_the_page_to_right_answers(
    page: Page, shot: Callable[..., None], console_errors: list[str]
) -> None:
    began = time.monotonic()
    page.goto("/")
    expect(step(page, "model").get_by_role("radio", name=re.compile("Little World"))).to_be_checked(timeout=LONG)
    expect(step(page, "model")).to_contain_text("GPU")
    expect(page.locator(".recipe")).to_contain_text("parameters", timeout=LONG)
    shot("model", full_page=True)
    go_on(page, "Data")
    step(page, "data").get_by_role("radio", name=re.compile("Make it a question")).click()
    expect(step(page, "data")).to_contain_text("Turn the statement into a question")
    expect(step(page, "data")).to_contain_text("800 train")
    expect(step(page, "data")).to_contain_text("tokens long", timeout=LONG)
    expect(page.locator(".recipe")).to_contain_text("parameters", timeout=LONG)
    shot("data", full_page=True)
    go_on(page, "Method")
    page.locator("#method-qlora").click()
    page.locator("#step-method [type=range]").first.fill("4")
    expect(step(page, "method")).to_contain_text("8,000")
    page.locator("#step-method [type=range]").first.fill("8")
    expect(step(page, "method")).to_contain_text("224,256", timeout=LONG)
    expect(step(page, "method")).not_to_contain_text("measuring", timeout=LONG)
    shot("method", full_page=True)
    go_on(page, "Train")
    start = page.locator("#plan [data-act=start]")
    expect(start).to_be_enabled(timeout=LONG)
    start.click()
    chart = page.locator(".live-chart")
    expect(chart).to_have_attribute("data-status", "finished", timeout=600_000)
    shot("train", full_page=True)
    page.locator(".desk [data-act=talk]").click()
    expect(page.locator(".ask")).to_have_attribute("data-state", "ready", timeout=LONG)
    right = 0
    for _ in range(3):
        page.locator(".ask [data-act=ask]").click()
        expect(page.locator(".pair")).to_have_attribute("data-state", re.compile("done|halted"), timeout=LONG)
        wanted = page.locator(".ask-wanted .ask-answer").inner_text()
        right += page.locator(".answer.tuned .answer-text").inner_text().strip() == wanted
        assert page.locator(".answer.base .answer-text").inner_text().strip() != wanted
        shot("compare", full_page=True)
        page.locator("[aria-label='Next prompt']").click()
    taken = time.monotonic() - began
    print(f"From opening the page to the third answer: {taken:.0f} s (aim: {SECONDS}).")
    assert right >= 2
    page.locator(".ask [data-act=ten]").click()
    table = page.locator("#ten [data-state=done]")
    expect(table).to_be_visible(timeout=LONG)
    base, tuned = (int(table.get_attribute(f"data-{side}") or 0) for side in ("base", "tuned"))
    assert tuned >= 5 and tuned >= base + 4, (
        f"of ten prompts of the test set the base got {base} right, the tuned one {tuned}"
    )
    assert console_errors == []
