"""The draft of an open page, for tests: read, changed and walked through the module that holds it (frame/draft.js)."""

from typing import Any

from playwright.sync_api import Page

STUDIO = """const { modules } = await import(document.querySelector('script[src*="/all.js"]').src);
const { studio } = modules["frame/draft.js"];"""


def read_draft(page: Page) -> dict[str, Any]:
    """Return the draft: {"step", "run", "checkpoint", "recipe"}."""
    return page.evaluate(f"async () => {{ {STUDIO} return studio.draft; }}")


def read_recipe(page: Page) -> dict[str, Any]:
    """Return the recipe of the draft."""
    return read_draft(page)["recipe"]


def set_draft(page: Page, patch: dict[str, Any]) -> None:
    """Change the draft as a click would."""
    _act(page, "studio.setDraft(given);", patch)


def go(page: Page, step: str) -> None:
    """Go to a step."""
    _act(page, "studio.go(given);", step)


def view(page: Page, name: str) -> None:
    """Look at a view of the Data step: choose, check, look."""
    page.locator(f"#data-views [data-view={name}]").click()


def _act(page: Page, act: str, given: Any) -> None:
    """Do something with the page's own module. The window holds the promise, or Chromium may collect it unkept."""
    page.evaluate(f"(given) => (window.acting = (async () => {{ {STUDIO} {act} }})())", given)
