"""The page as it is built, without a browser: what is public, what is named, and what a visit opens with."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from telling import tells

from studio.errors import TaskError
from studio.ui.api import ENDPOINTS
from studio.ui.frame.first_visit import find_defaults
from studio.ui.frame.step import describe_page
from studio.ui.page import build_page, draw_header, draw_notices, make_launch, open_draft
from studio.ui.steps.model.welcome import show_welcome

MOST_COMPONENTS = 100


@pytest.fixture
def studio(workspace: Any) -> Any:
    """A studio on an empty workspace, whose scheduler sleeps."""
    from studio.service import Studio

    return Studio(workspace)


@pytest.fixture
def config(studio: Any) -> dict[str, Any]:
    """The page as the browser gets it."""
    return build_page(studio).get_config_file()


def test_only_the_named_endpoints_are_public(config: dict[str, Any]) -> None:
    public = {one["api_name"] for one in config["dependencies"] if one["api_visibility"] != "private"}
    assert public == set(ENDPOINTS)


def test_no_component_keeps_a_connection_open_or_a_state(config: dict[str, Any]) -> None:
    kinds = {one["type"] for one in config["components"]}
    assert "state" not in kinds
    events = {event for one in config["dependencies"] for _, event in one["targets"]}
    assert not events & {"stream", "unload"}


def test_the_page_stays_small(config: dict[str, Any]) -> None:
    shown = [one for one in config["components"] if one["type"] != "api"]
    assert len(shown) < MOST_COMPONENTS
    biggest = max(len(str(one["props"].get("value") or "")) for one in config["components"])
    assert biggest < 20_000  # big values are filled in when they are looked at, not in the first answer


def test_ids_are_unique(config: dict[str, Any]) -> None:
    ids = [one["props"]["elem_id"] for one in config["components"] if one["props"].get("elem_id")]
    assert len(ids) == len(set(ids))


def test_each_field_of_gradio_has_a_label(config: dict[str, Any]) -> None:
    fields = [one for one in config["components"] if one["type"] in ("textbox", "file", "slider", "dropdown", "number")]
    assert fields
    assert all(one["props"].get("label") for one in fields)


def test_every_signal_that_is_wired_is_one_that_the_browser_knows(config: dict[str, Any]) -> None:
    known = {signal["name"] for signal in describe_page()["signals"]}
    draft = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == "draft")
    wired = {event for one in config["dependencies"] for target, event in one["targets"] if target == draft}
    assert wired and wired <= known


def test_who_looks_a_model_up_is_told_that_the_hub_is_asked(config: dict[str, Any]) -> None:
    assert any("asking" in str(one.get("js")) for one in config["dependencies"]), "at once, by the browser alone"


def test_launching_phones_nobody() -> None:
    launch = make_launch()
    assert launch["run_history"] is False
    assert launch["ssr_mode"] is False
    assert launch["share"] is False
    assert launch["max_file_size"] == "50mb"
    foreign = re.findall(r"https?://[^\s\"')]+", launch["head"])
    assert set(foreign) <= {"http://www.w3.org/2000/svg"}, "the page must work without a network"
    assert not launch["theme"]._stylesheets


def test_the_first_visit_gets_a_whole_recipe(studio: Any) -> None:
    recipe = find_defaults(studio)
    assert recipe["task_id"] == "studio002_question"
    assert studio.read_recipe(recipe).method.name == "lora"
    assert open_draft(studio, {"search": "", "kept": None}).draft == {
        "step": "model",
        "run": None,
        "checkpoint": None,
        "recipe": recipe,
    }


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ('{"method": {"name": "lora", "rank": 9999}}', "rank must be"),
        ('{"method": {"name": "lorra"}}', "lorra"),
        ('{"method": ["lora"]}', "method"),
        ('{"task_id": "no_such_task"}', "no_such_task"),
        ('{"task_id": "../../etc"}', "etc"),
        ('{"task_id": {"a": 1}}', "task_id"),
        ('{"precision": "nf4", "method": "full"}', "Full"),
        ('{"training": {"preset": "eternal"}}', "preset"),
        ('{"training": [1]}', "training"),
        ('{"model": 7}', "model"),
    ],
)
def test_choices_of_a_link_that_cannot_be_are_replaced_in_words(studio: Any, recipe: str, said: str) -> None:
    opened = open_draft(studio, {"search": f"?step=method&recipe={recipe}"})
    assert opened.draft["step"] == "method"
    assert studio.read_recipe(opened.draft["recipe"])
    assert any(tells(notice, said) for notice in opened.notices), opened.notices


def test_good_choices_beside_a_bad_one_stay(studio: Any) -> None:
    recipe = '{"method": {"name": "lora", "rank": 0, "alpha": 32}, "task_id": "studio005_plural"}'
    opened = open_draft(studio, {"search": f"?recipe={recipe}"})
    assert opened.draft["recipe"]["method"] == {"name": "lora", "alpha": 32}
    assert opened.draft["recipe"]["task_id"] == "studio005_plural"


def test_a_link_to_a_run_that_is_gone_says_so(studio: Any) -> None:
    opened = open_draft(studio, {"search": "?run=20261120-071900-brave-otter"})
    assert opened.draft["run"] is None
    assert any("brave-otter" in notice for notice in opened.notices)


def test_a_studio_without_tasks_opens(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(studio), "list_tasks", lambda self: [])
    opened = open_draft(studio, {"search": "?step=data"})
    assert "task_id" not in opened.draft["recipe"]
    assert opened.notices == ()


def test_notices_are_text() -> None:
    drawn = draw_notices(("No '<img src=x onerror=alert(1)>'.",))
    assert "<img" not in drawn
    assert "&lt;img" in drawn
    assert draw_notices(()) == ""


def test_every_step_is_in_the_stepper() -> None:
    assert re.findall(r'data-go="(\w+)"', draw_header()) == ["model", "data", "method", "train", "compare"]


class _Fields(HTMLParser):
    """Collects the form fields of a piece of HTML, and what names them."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.named: set[str | None] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("input", "select", "textarea"):
            self.fields.append(given)
        if tag == "label":
            self.named.add(given.get("for"))


def find_forms(studio: Any) -> Iterator[str]:
    """Yield the HTML of every form that the Method step can show."""
    from studio.methods import METHODS
    from studio.ui.steps.method.page import draw_choices

    for name in METHODS.members:
        yield draw_choices(studio, {**find_defaults(studio), "method": {"name": name}})


def test_each_field_made_from_a_declaration_has_a_label(studio: Any) -> None:
    for html in find_forms(studio):
        fields = _Fields()
        fields.feed(html)
        assert fields.fields
        ids = [field["id"] for field in fields.fields]
        assert len(ids) == len(set(ids))
        for field in fields.fields:
            assert field.get("aria-label") or field["id"] in fields.named, field
            is_search = field.get("id") == "drawer-search"  # it looks for fields, and is none
            assert field.get("data-path") or is_search, "a field that writes nowhere"


def test_every_setting_of_a_method_has_its_field(studio: Any) -> None:
    from studio.methods import METHODS
    from studio.recipes.options import Training

    for html, cls in zip(find_forms(studio), METHODS.members.values(), strict=True):
        for name in cls.model_fields:
            assert f'data-field="method.{name}"' in html
            assert f'data-error-for="method.{name}"' in html
        for name in Training.model_fields:
            assert f'data-error-for="training.{name}"' in html


@pytest.mark.parametrize(
    "method", [None, "lora", {"name": "<script>"}, {"name": "lora", "rank": '"><img src=x>'}, 7, []]
)
def test_a_form_survives_any_recipe(studio: Any, method: Any) -> None:
    from studio.ui.steps.method.page import draw_choices

    html = draw_choices(studio, {"method": method, "training": "x", "precision": {}})
    assert 'data-field="method.rank"' in html
    assert "<script>" not in html
    assert "<img" not in html


@pytest.mark.long
def test_the_table_has_every_method_with_what_the_page_shows_once_it_is_chosen(studio: Any) -> None:
    from studio.methods import METHODS
    from studio.ui.frame.words import number, size
    from studio.ui.steps.method.table import draw_methods

    recipe = find_defaults(studio)
    html = draw_methods(studio, recipe)
    assert all(f'id="table-{name}"' in html for name in METHODS.members)
    for name in list(METHODS.members)[::6]:  # each costs a second
        estimate = studio.estimate({**recipe, "method": {"name": name}})
        row = html.split(f'id="table-{name}"')[1].split("</tr>")[0]
        assert number(estimate.trainable) in row and size(estimate.adapter_bytes) in row


def test_what_memory_a_row_of_the_table_tells_is_that_of_its_estimate(studio: Any) -> None:
    from studio.ui.frame.words import size
    from studio.ui.steps.method.table import draw_methods, weigh_method

    own = {"name": "lora", "rank": 64}
    recipe = {**find_defaults(studio), "method": own}
    for name, method in (("lora", own), ("bitfit", {"name": "bitfit"})):
        assert f'data-weighs="{name}"' in draw_methods(studio, recipe)
        estimate = studio.estimate({**recipe, "method": method})
        told = weigh_method(studio, {"recipe": recipe, "method": name})
        assert told["bytes"] == estimate.memory_bytes and told["html"].startswith(size(estimate.memory_bytes))


def test_the_table_says_why_a_method_can_not_train(studio: Any) -> None:
    from studio.methods.pairs import list_pairs
    from studio.ui.frame.words import escape
    from studio.ui.steps.method.table import draw_methods

    html = draw_methods(studio, {**find_defaults(studio), "precision": "nf4"})
    refused = [pair for pair in list_pairs() if pair.precision == "nf4" and pair.refusal]
    assert refused
    for pair in refused:
        row = html.split(f'id="table-{pair.method}"')[1].split("</tr>")[0]
        assert escape(pair.refusal) in row
        assert f'disabled aria-pressed="false" id="table-{pair.method}"' in html


def test_a_precision_that_a_method_can_not_train_on_is_off_with_its_reason(studio: Any) -> None:
    from studio.methods.pairs import list_pairs
    from studio.ui.frame.words import escape
    from studio.ui.steps.method.page import draw_precisions

    for pair in list_pairs():
        html = draw_precisions({"method": {"name": pair.method}})
        button = html.split(f'id="precision-{pair.precision}"')[1].split(">")[0]
        assert (" disabled" in button) == (pair.refusal is not None)
        assert pair.refusal is None or escape(pair.refusal) in html


def test_a_bug_becomes_an_apology_and_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    import gradio as gr

    from studio.ui.frame.handler import BROKEN, in_words

    @in_words
    def choose_task() -> None:
        raise ZeroDivisionError("secret detail")

    @in_words
    def choose_file() -> None:
        raise TaskError("Words.", field="file")

    with pytest.raises(gr.Error) as apology:
        choose_task()
    assert apology.value.message == BROKEN
    assert "secret detail" in caplog.text
    with pytest.raises(gr.Error) as words:
        choose_file()
    assert words.value.message == "Words."


def test_a_visitor_without_runs_is_greeted_and_one_with_runs_is_not(studio: Any) -> None:
    draft = {"run": None, "recipe": find_defaults(studio)}
    html = show_welcome(studio, draft)
    assert html.count("data-act=") == 1 and "about" not in html, "no time is said before it is known"
    assert show_welcome(studio, {**draft, "recipe": {"task_id": "gone"}}) == ""
    studio.list_runs = lambda: [object()]
    assert show_welcome(studio, draft) == ""
