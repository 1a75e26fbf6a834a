"""A step is one folder: put beside the others, it is in the stepper, has an address, draws, and gets its signal."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import studio.ui.steps
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.ui.frame.bundle import BUNDLE
from studio.ui.frame.draft import read_address
from studio.ui.frame.scripts import read_files, write_address
from studio.ui.frame.step import STEPS, Steps, describe_page
from studio.ui.page import build_page, draw_header, make_launch
from studio.workspace import Workspace

PAGE = '''
"""The Toy step: what the model is called, said aloud."""

from typing import Any

from studio.service import Studio
from studio.ui.frame.draft import read_draft
from studio.ui.frame.handler import LATEST
from studio.ui.frame.step import Signal, Step
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel


class ToyStep(Step):
    """Between Method and Train."""

    name = "toy"
    title = "Toy box"
    position = 35
    signals = (Signal("toy_shown", ("recipe.model",), step="toy", waits="toy-name"),)

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        Panel('<h1 class="question" tabindex="-1">What is it called?</h1>')
        name = Panel("…", script="steps/toy/toy.js", elem_id="toy-name")
        draft.toy_shown(show_name, [draft], [name], **LATEST)


def show_name(value: dict[str, Any]) -> str:
    return f"<b>{read_draft(value)['recipe'].get('model')}</b>"
'''
SCRIPT = """import { mount as mountPanel } from "../../widgets/panel.js";

export function mount(parts) {
  mountPanel(parts);
  parts.element.dataset.toy = "here";
}
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """The studio's own steps, with one folder more beside them."""
    toy = tmp_path / "more" / "toy"
    toy.mkdir(parents=True)
    (toy / "__init__.py").write_text('"""A toy."""\n')
    (toy / "page.py").write_text(PAGE)
    (toy / "toy.js").write_text(SCRIPT)
    (toy / "toy.css").write_text("#toy-name { color: teal; }\n")
    monkeypatch.setattr(studio.ui.steps, "__path__", [*studio.ui.steps.__path__, str(toy.parent)])
    importlib.invalidate_caches()
    forget()
    yield STEPS
    forget()
    for name in ("studio.ui.steps.toy.page", "studio.ui.steps.toy"):
        sys.modules.pop(name, None)


def forget() -> None:
    """Let the steps and their files be found again."""
    for name in ("members", "main"):
        STEPS.__dict__.pop(name, None)
    read_files.cache_clear()


@pytest.fixture
def config(steps: Steps, workspace: Workspace) -> dict[str, Any]:
    """The page as the browser gets it."""
    return build_page(Studio(workspace, InlineLauncher())).get_config_file()


def test_it_stands_in_the_stepper_between_its_neighbours(steps: Steps) -> None:
    assert [step.name for step in steps.main] == ["model", "data", "method", "toy", "train", "compare"]
    assert '<button type="button" data-go="toy"><span>Toy box</span></button>' in draw_header()
    told = [one for one in describe_page()["steps"] if not one["of"]]  # the ways back and on are read off it
    place = told.index({"name": "toy", "title": "Toy box", "of": ""})
    assert [told[place - 1]["name"], told[place + 1]["name"]] == ["method", "train"]


def test_it_has_an_address(steps: Steps) -> None:
    assert read_address("?step=toy") == ({**read_address("").draft, "step": "toy"}, ())


def test_it_is_drawn_and_gets_its_signal(config: dict[str, Any]) -> None:
    by_elem = {one["props"].get("elem_id"): one for one in config["components"]}
    assert {"step-toy", "toy-name"} <= set(by_elem)
    [wired] = [
        one for one in config["dependencies"] if [by_elem["draft"]["id"], "toy_shown"] in map(list, one["targets"])
    ]
    assert wired["outputs"] == [by_elem["toy-name"]["id"]]
    assert 'modules["steps/toy/toy.js"]' in by_elem["toy-name"]["props"]["js_on_load"]
    assert "'toy_shown'" in by_elem["draft"]["props"]["js_on_load"]


def test_its_looks_and_its_script_are_served(steps: Steps) -> None:
    head = make_launch()["head"]
    assert "#toy-name { color: teal; }" in head and 'body[data-step="toy"] #step-toy' in head
    assert write_address(BUNDLE) in head and b'modules["steps/toy/toy.js"] =' in read_files().texts[BUNDLE]
    assert read_files().texts["steps/toy/toy.js"].decode() == SCRIPT
