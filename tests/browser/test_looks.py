"""Every step, on a desktop in both themes and on a phone: accessible by axe-core's rules, and nothing sticks out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import axe_playwright_python
import pytest
from drafts import go, view
from playwright.sync_api import Page, expect
from test_journey_train import LONG

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = "({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
COLOURS = "({runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}})"
"""What differs in the dark."""
STICKING_OUT = """(step) => [...document.querySelectorAll(`#step-${step} .card *`)].filter((one) => {
  const box = one.getBoundingClientRect(), card = one.closest(".card").getBoundingClientRect();
  for (let place = one.parentElement; !place.matches(".card"); place = place.parentElement)
    if (getComputedStyle(place).overflowX !== "visible") return false;
  return one.checkVisibility() && box.width > 1 && box.right > card.right + 1;
}).map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 60)}`)"""
SMALL = """(step) => {
  const small = (one) => parseFloat(getComputedStyle(one).fontSize) < 20;
  const told = (one) => [...one.childNodes].some((it) => it.nodeType === Node.TEXT_NODE && it.textContent.trim());
  const parts = document.querySelectorAll(`:is(#step-${step}, .topline, .stepper, #foot) *`);
  return [...parts].filter((one) => !one.closest("svg, .progress-text") && one.checkVisibility() &&
    one.getBoundingClientRect().width > 2 && (told(one) || one.matches("input, textarea")) && small(one))
    .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 60)}`);
}"""
"""What can't be read from the last row."""
SIGN_IN = """async () => {
  const { modules } = await import(document.querySelector('script[src*="/all.js"]').src);
  const words = { title: "Adapter", summary: "What was trained.", purpose: "for peft", code: "import peft" };
  const told = { forms: [{ form: "adapter", choices: [], size: 1e6, refusal: "", ...words }], task: "x" };
  const box = document.getElementById("take-away");
  [box.hidden, box.open] = [false, true];
  const rows = modules["steps/compare/away_forms.js"].drawForms({}, "run:x", { ...told, sign_in: "login" });
  box.querySelector(".away-forms").replaceChildren(...rows);
}"""
"""Draws how a model is taken away where visitors can sign in, as on a Space that allows it: none can be had here."""
STEPS = ("model", "data", "label", "method", "train", "runs", "merge", "compare")


def settle(page: Page, step: str) -> None:
    """Wait until the step is shown and its own words are there."""
    expect(page.locator("body")).to_have_attribute("data-step", step, timeout=LONG)
    expect(page.locator(f"#step-{step} h1").first).to_be_visible(timeout=LONG)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    if step != "compare":
        expect(page.locator(f"#step-{step} button:visible").first).to_be_visible(timeout=LONG)


def go_through(page: Page) -> Iterator[str]:
    """Go to each step, and yield its name once it has settled."""
    for step in STEPS:
        go(page, step)
        settle(page, step)
        yield step
        for shown in ("check", "look") if step == "data" else ():
            view(page, shown)
            yield step


@pytest.mark.soon(1)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(open_page: Callable[..., Page], app_url: str, dark: bool) -> None:
    page = open_page(f"{app_url}/?step=model", dark=dark)
    settle(page, "model")
    page.add_script_tag(path=AXE)
    for step in go_through(page):
        if step == "compare":
            page.evaluate(SIGN_IN)
            expect(page.locator(".away-push a")).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found = page.evaluate(
            f"async () => (await axe.run(document, {COLOURS if dark else RULES})).violations"
            ".map(v => [v.id, v.nodes.length, v.nodes[0].target.join(' ')])"
        )
        assert found == [], step
        if step not in ("label", "runs", "merge"):
            expect(page.locator("#foot .recipe").first).to_be_in_viewport()
    assert page.evaluate("document.querySelector('#runs .sidebar-content').inert"), "what is closed takes no focus"
    page.set_viewport_size({"width": 640, "height": 800})  # a desktop at 200 %
    tall = "[...document.querySelectorAll('.stepper span')].filter((one) => one.offsetHeight > 30).length"
    assert page.evaluate(tall) == 0, "a step's name breaks"


@pytest.mark.parametrize("width", [390, 1024], ids=["phone", "projector"])
def test_nothing_sticks_out(open_page: Callable[..., Page], app_url: str, width: int) -> None:
    """Of the window, nor of its card with everything unfolded: QLoRA's long list of what takes memory once did.

    Where the projector is on, all of it is large.
    """
    recipe = quote(json.dumps({"task_id": "studio002_question", "precision": "nf4"}))
    page = open_page(f"{app_url}/?step=model&recipe={recipe}", width=width, height=844)
    settle(page, "model")
    if width == 1024:
        page.locator("[data-projector]").click()
    for step in go_through(page):
        if step == "method":
            expect(page.locator("#memory-parts")).to_be_visible(timeout=LONG)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, step
        assert page.evaluate(STICKING_OUT, step) == [], step
        assert width != 1024 or page.evaluate(SMALL, step) == [], step
