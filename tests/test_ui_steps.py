"""What the first three steps say of a model, a task and a recipe; foreign text stays text."""

import json
import re
import time
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import raises, tells
from tiny import find_free_port

from studio.errors import ModelError
from studio.models.device import imagine_card
from studio.models.hub import Hit, search_models
from studio.recipes.recipe import read_recipe
from studio.recipes.smaller import Change
from studio.tasks.store import TaskCard
from studio.ui.steps.data.page import draw_cards, draw_lengths, draw_task, find_prompted, find_scores, import_file
from studio.ui.steps.data.rows import PAGE, make_acts, read_rows, write_file
from studio.ui.steps.method.cards import draw_cards as draw_other_cards
from studio.ui.steps.method.weighing import draw_change, weigh_recipe
from studio.ui.steps.model.page import _draw_listed, draw_facts, look_up
from studio.ui.widgets.panel import fresh

MODELS = ("HuggingFaceTB/SmolLM2-135M", "Qwen/Qwen3-4B", "Qwen/Qwen3-8B")
EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\"' \u202eabc ${alert(3)} {{x}}"


@pytest.fixture
def studio(workspace: Any) -> Any:
    """A studio on an empty workspace, whose scheduler sleeps."""
    from studio.service import Studio

    return Studio(workspace)


def write_task(folder: Path, count: int = 130, text: str = "", name: str = "task900_made_up.json") -> Path:
    """Write a task file with `count` instances, `text` in every place that holds text."""
    example = {"input": f"in {text}", "output": f"out {text}", "explanation": f"why {text}"}
    task = {
        "Title": f"Made up {text}",
        "Definition": [f"Do it. {text}"],
        "Things to Avoid": f"Not that. {text}",
        "Source": [f"here {text}"],
        "Categories": [f"Question Answering {text}"],
        "Positive Examples": [example] * 4,
        "Negative Examples": [example],
        "Surprise": "a key of nobody's",
        "Instances": [
            {"id": f"i{place}", "input": f"number {place} {text}", "output": [f"word {place} {text}", "other"]}
            for place in range(count)
        ],
    }
    path = folder / name
    path.write_text(json.dumps(task, ensure_ascii=False), encoding="utf-8")
    return path


def assert_harmless(html: str) -> None:
    """Check that nothing of EVIL is markup."""
    assert "<script" not in html
    assert "<img" not in html
    assert re.search(r"&lt;script&gt;|&lt;/td&gt;", html)


def test_a_hostile_task_is_shown_as_text(studio: Any, tmp_path: Path) -> None:
    patch, report = import_file(studio, str(write_task(tmp_path, 30, EVIL, name="task901_evil.json")))
    task_id = patch["recipe"]["task_id"]
    assert_harmless(draw_task(studio, {"task_id": task_id}))
    assert_harmless(read_rows(studio, {"task_id": task_id})["html"])
    cards = draw_cards(
        studio, lambda task, version: next(iter(studio.load_task(task, version).positive_examples), None)
    )
    assert_harmless(cards)
    assert "<script" not in report


def test_a_name_of_ten_thousand_letters_is_cut(studio: Any, tmp_path: Path) -> None:
    patch, _ = import_file(studio, str(write_task(tmp_path, 30, "long " * 2000)))
    assert len(draw_cards(studio, lambda task, version: None)) < 20_000
    assert "…" in draw_task(studio, {"task_id": patch["recipe"]["task_id"]})


def test_foreign_text_has_its_own_direction(studio: Any, tmp_path: Path) -> None:
    patch, _ = import_file(studio, str(write_task(tmp_path, 30, "שלום")))
    assert '<bdi dir="auto">number 0 שלום</bdi>' in read_rows(studio, {"task_id": patch["recipe"]["task_id"]})["html"]


def test_importing_chooses_the_task_and_tells_what_is_odd(studio: Any, tmp_path: Path) -> None:
    patch, report = import_file(studio, str(write_task(tmp_path, 10)))
    assert patch["recipe"] == {"task_id": "task900_made_up", "task_version": None}
    assert "10 examples" in report
    assert 'id="task-warnings"' in report


@pytest.mark.parametrize("content", [b"", b"{", b"\x89PNG\r\n", b"[]", b'{"Instances": []}', b"<!DOCTYPE html>"])
def test_a_wrong_file_changes_nothing_and_says_why(studio: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "<b>wrong.json"
    path.write_bytes(content)
    patch, report = import_file(studio, str(path))
    assert "recipe" not in patch
    assert 'id="task-refused"' in report
    assert "<b>" not in report
    assert not [card for card in studio.list_tasks() if card.source == "yours"]


@pytest.mark.parametrize(
    ("scores", "found"),
    [
        (None, None),
        ({}, None),
        ({"base": {"test": 2.5}, "tuned": {"test": 97.5}}, (2.5, 97.5)),
        ({"base": {"test": 0}, "tuned": {"test": 100}, "task_version": "of another edition"}, None),
        ({"base": 0, "tuned": 1}, None),
        ({"base": {"test": "0"}, "tuned": {"test": None}}, None),
    ],
)
def test_scores_are_shown_only_for_what_was_measured(scores: Any, found: Any) -> None:
    card = TaskCard(task_id="x", title="X", instances=3, source="sample", version="abc", scores=scores)
    assert find_scores(card) == found


def test_what_the_base_does_with_examples_in_its_prompt_stands_beside_its_score(studio: Any) -> None:
    """An untuned model may be told instead of taught, and 0 % without examples doesn't say what that comes to."""
    cards = [card for card in studio.list_tasks() if card.source == "sample" and find_scores(card)]
    assert len(cards) == 8
    for card in cards:
        examples, percent = find_prompted(card) or (0, 0)
        assert examples == 2 and f"{percent:.0f} %" in draw_cards(studio, lambda *_: None)
    assert any((find_prompted(card) or (0, 0))[1] > 0 for card in cards)
    bare = cards[0].model_copy(update={"scores": {**(cards[0].scores or {}), "prompted": "many"}})
    assert find_prompted(bare) is None


def test_no_file_is_no_question(studio: Any) -> None:
    patch, report = import_file(studio, None)
    assert "recipe" not in patch
    assert report == ""


def test_the_table_turns_its_pages(studio: Any, tmp_path: Path) -> None:
    import_file(studio, str(write_task(tmp_path)))
    first = read_rows(studio, {"task_id": "task900_made_up", "page": 0})
    assert first["html"].count("<tr>") == PAGE
    assert (first["pages"], first["about"]) == (3, "1 to 50 of 130")
    last = read_rows(studio, {"task_id": "task900_made_up", "page": 99})
    assert (last["page"], last["about"]) == (2, "101 to 130 of 130")
    found = read_rows(studio, {"task_id": "task900_made_up", "search": "WORD 12"})
    assert found["about"] == "1 to 11 of 11"
    nothing = read_rows(studio, {"task_id": "task900_made_up", "search": "<script>"})
    assert nothing["html"].count("<tr>") == 1
    assert "<script" not in nothing["html"]


def test_a_task_can_be_taken_along_as_a_file_that_comes_back_equal(studio: Any, tmp_path: Path) -> None:
    import_file(studio, str(write_task(tmp_path)))
    forms = read_rows(studio, {"task_id": "task900_made_up"})["formats"]
    assert {"v2", "alpaca", "openai", "csv"} <= forms.keys() and "kto" not in forms
    task = studio.load_task("task900_made_up")
    for form in forms:
        found = write_file(studio, {"task_id": "task900_made_up", "format": form})
        assert found["name"].startswith("task900_made_up.") and len(found["text"]) > 1000
    taken = tmp_path / "again.json"
    taken.write_text(write_file(studio, {"task_id": "task900_made_up", "format": "v2"})["text"], encoding="utf-8")
    assert studio.import_task(taken, "again.json").task.version == task.version
    assert "no place for" in make_acts(studio)[1]({"task_id": "task900_made_up", "format": "kto"})["error"]


@pytest.mark.parametrize(
    "asked", [None, [], {}, {"task_id": 7}, {"task_id": "../x"}, {"task_id": "none"}, {"page": "x", "task_id": None}]
)
def test_anyone_may_ask_the_table_anything(studio: Any, asked: Any) -> None:
    assert all(act(asked)["error"] for act in make_acts(studio))


def test_a_page_number_that_is_none_is_the_first(studio: Any) -> None:
    for page in ("2", -5, True, None, 1.5):
        assert read_rows(studio, {"task_id": "studio002_question", "page": page})["page"] == 0


def test_the_facts_of_a_model_are_said_in_plain_words(studio: Any, tiny_model: Path) -> None:
    html = draw_facts(studio, str(tiny_model))
    assert "260" in html
    assert "512 tokens" in html
    assert "fits" in html


def test_only_what_this_computer_could_never_hold_is_too_big(studio: Any) -> None:
    device, card = studio.device(), next(card for card in studio.list_models() if card.ref == "Qwen/Qwen3-0.6B")
    needed = 3 * card.parameters
    for free, memory, warned in ((2, 4, 0), (0.5, 2, 1), (0.5, 0.9, 1)):
        found = device.model_copy(update={"free_bytes": int(free * needed), "memory_bytes": int(memory * needed)})
        html = _draw_listed(card, found)
        assert html.count("pill warn") == warned and ("too big" in html) is (memory < 1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "name"),
        (None, "name"),
        ("/no/such/folder", "folder"),
        ("not a model!", "folder hub"),
        ("someone/some-model", "hub"),
        ("<script>alert(1)</script>", "folder hub"),
    ],
)
def test_a_model_that_cannot_be_found_is_said_beside_its_field(studio: Any, name: Any, said: str) -> None:
    patch, answer = look_up(studio, name)
    assert "recipe" not in patch
    assert tells(answer, said)
    assert 'role="alert"' in answer
    assert "<script" not in answer


def test_a_word_is_searched_for_on_the_hub_and_each_model_found_can_be_chosen(studio: Any) -> None:
    studio.search_models = lambda text: [Hit(f"me/{text}<b>", 1_200_000, True)]
    patch, answer = look_up(studio, "tiny")
    assert "recipe" not in patch and 'role="alert"' not in answer and "<b>" not in answer
    (chosen,) = re.findall('data-set="([^"]*)"', answer)
    assert json.loads(unescape(chosen))["recipe"]["model"] == "me/tiny<b>" and "1.2 M" in answer


def test_a_hub_that_is_out_of_reach_is_soon_said(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked by huggingface_hub's own list, it was tried again and again for 24 seconds, and then broke."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{find_free_port()}")
    began = time.monotonic()
    with raises(ModelError, "reached"):
        search_models("tiny")
    assert time.monotonic() - began < 10


def test_what_the_hub_found_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"id": "me/tiny", "downloads": 7, "gated": "auto"}, {"id": "me/other", "gated": False}]
    asked: dict[str, Any] = {}

    def get(url: str, params: dict[str, Any], **options: Any) -> Any:
        asked.update(url=url, **params)
        return SimpleNamespace(json=lambda: found, raise_for_status=lambda: None, headers={}, status_code=200)

    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: SimpleNamespace(get=get))
    assert search_models("tiny", 5) == [Hit("me/tiny", 7, True), Hit("me/other", 0, False)]
    assert asked["search"] == "tiny" and asked["limit"] == 5 and asked["url"].endswith("/api/models")


def test_a_folder_with_a_pickle_only_is_refused(studio: Any, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((tiny_model / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"not opened")
    _, answer = look_up(studio, str(tmp_path))
    assert "pickle" in answer


def test_a_model_that_was_looked_up_is_chosen(studio: Any, tiny_model: Path) -> None:
    patch, answer = look_up(studio, f"  {tiny_model} ")
    assert patch["recipe"] == {"model": str(tiny_model), "revision": None}
    assert "chosen" in answer


def test_a_model_that_went_away_offers_the_built_in_one(studio: Any) -> None:
    html = draw_facts(studio, "/no/such/folder")
    assert "folder" in html
    assert "builtin" in html


def draft_of(tiny_model: Path, **choices: Any) -> dict[str, Any]:
    """A draft on the tiny model."""
    recipe = {
        "model": str(tiny_model),
        "task_id": "studio002_question",
        "method": {"name": "lora", "rank": 4},
        **choices,
    }
    return {"step": "method", "run": None, "recipe": recipe}


def test_a_recipe_is_weighed_exactly(studio: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.ui.steps.method.weighing.measure_once", lambda *given: False)
    exact = studio.estimate(draft_of(tiny_model)["recipe"])
    weighed = weigh_recipe(studio, draft_of(tiny_model))
    assert f">{exact.trainable:,}<" in weighed.numbers
    assert f">{exact.trainable:,}</strong>" in weighed.bar
    assert "data-ranks" in weighed.numbers, "of which the browser tells other ranks"
    assert "LoRA, rank 4" in weighed.bar
    assert weighed.picture == {
        "name": exact.matrix.name,
        "rows": exact.matrix.rows,
        "columns": exact.matrix.columns,
        "rank": 4,
        "kind": "pair",
        "follows": True,
        "parts": [[part.name.rsplit(".", 1)[-1], part.rows, part.columns] for part in exact.matrix.parts],
        "touches": read_recipe(draft_of(tiny_model)["recipe"]).method.touches,
        "alpha": 16,
        "scaled_by": "rank",
        "bits": 16,
    }
    full = weigh_recipe(studio, draft_of(tiny_model, method={"name": "full"}))
    assert full.picture and full.picture["kind"] == "whole" and "data-ranks" not in full.numbers
    prompt = weigh_recipe(studio, draft_of(tiny_model, method={"name": "prompt", "tokens": 4}))
    assert prompt.picture and prompt.picture["kind"] == "parts" and not prompt.picture["follows"]
    assert prompt.picture["parts"][0][1] == 4
    assert "a whole model" in full.numbers


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"method": {"name": "lora", "rank": 0}}, "method.rank"),
        ({"method": {"name": "lora", "rank": "many"}}, "method.rank"),
        ({"method": {"name": "lora", "targets": "nonsense"}}, "method.targets"),
        ({"method": {"name": "full"}, "precision": "nf4"}, "precision"),
        ({"training": {"max_steps": -3}}, "training.max_steps"),
        ({"training": {"learning_rate": "<script>"}}, "training.learning_rate"),
        ({"task_id": None}, "task_id"),
    ],
)
def test_an_impossible_choice_is_said_at_its_field(
    studio: Any, tiny_model: Path, choices: dict[str, Any], field: str
) -> None:
    weighed = weigh_recipe(studio, draft_of(tiny_model, **choices))
    assert weighed.picture is None  # the picture stays as it was
    assert f"&quot;{field}&quot;" in weighed.numbers
    assert "<script" not in weighed.numbers + weighed.bar
    assert "Traceback" not in weighed.numbers


def test_equal_answers_are_two_answers() -> None:
    assert fresh("the same") != fresh("the same")


def test_lengths_are_told_in_tokens_of_the_model(studio: Any, tiny_model: Path) -> None:
    html = draw_lengths(studio, {"task_id": "studio002_question", "model": str(tiny_model)})
    assert "median" in html
    assert "512" in html
    assert tells(draw_lengths(studio, {"task_id": "studio002_question", "model": "/no"}), "/no")


def test_lengths_are_held_against_what_a_row_of_the_recipe_may_have(studio: Any) -> None:
    recipe: dict[str, Any] = {"task_id": "studio002_question"}
    assert judges(draw_lengths(studio, recipe)) == ("fits", "512")
    assert judges(draw_lengths(studio, {**recipe, "training": {"max_length": 20}})) == ("warn", "20")
    wide = {**recipe, "training": {"max_length": 9_999}, "method": {"name": "prefix", "tokens": 24}}
    assert judges(draw_lengths(studio, wide)) == ("fits", "1,000")
    silent = draw_lengths(studio, {**recipe, "training": {"max_length": "x"}})
    assert judges(silent) == ("fits", "512"), "as if it said nothing"


def judges(html: str) -> tuple[str, str]:
    """Return how the lengths are judged, and against how many tokens."""
    found = re.search(r'class="pill (\w+)">[^<]*</span>\D*([\d,]+)', html)
    assert found
    return found[1], found[2]


def test_what_is_too_big_has_a_button_that_makes_it_fit(studio: Any) -> None:
    task_id = next(card.task_id for card in studio.list_tasks())
    estimate = studio.estimate({"task_id": task_id})
    assert draw_change(estimate) == ""
    change = Change(words="Take batches of 2.", patch={"training": {"batch_size": 2}}, needed_bytes=10**9)
    html = draw_change(estimate.model_copy(update={"fits": "tight", "change": change}))
    assert "Take batches of 2. Then it needs 1.0 GB" in html
    assert json.loads(unescape(re.search('data-set="([^"]*)"', html)[1])) == {"recipe": change.patch}  # type: ignore[index]
    assert "smaller model" in draw_change(estimate.model_copy(update={"fits": "too big", "change": None}))


def test_a_recipe_is_planned_for_cards_that_are_not_here(studio: Any) -> None:
    html = draw_other_cards(studio, {"task_id": "studio002_question"})
    assert re.findall(r'data-card="(\d+)"><span class="pill fits">(\w+)<', html) == [
        (size, "fits") for size in ("8", "12", "24", "80")
    ]
    assert "error-line" in draw_other_cards(studio, {"task_id": "gone"})


def test_badges_and_numbers_follow_the_card_that_is_planned_for(studio: Any) -> None:
    card = {card.ref: card for card in studio.list_models()}
    fits = {
        size: [
            re.findall('pill (?:fits|warn)">([^<]+)', _draw_listed(card[ref], imagine_card(size)))[-1] for ref in MODELS
        ]
        for size in (8, 12, 24, 80)
    }
    assert fits[80] == ["fits"] * 3 and fits[12] == ["fits", "fits in 4 bits", "fits in 4 bits"]
    assert fits[8] == ["fits", "fits in 4 bits", "too big"]
    assert ">chat<" in _draw_listed(card[MODELS[2]], studio.device())
    assert ">base<" in _draw_listed(card["builtin"], studio.device())
    weighed = weigh_recipe(studio, {"card": 24, "recipe": {"task_id": "studio002_question", "precision": "fp32"}})
    assert "24 GB" in weighed.bar and 'id="planned"' in weighed.numbers and "data-again" not in weighed.numbers
