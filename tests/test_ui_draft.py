"""A link is a draft: what is written into an address comes back, and whatever else is in one does no harm."""

import json
from urllib.parse import quote

import pytest

from studio.ui.frame.draft import (
    MOST_CHARACTERS,
    change_draft,
    leave_out,
    new_draft,
    read_address,
    read_draft,
    write_query,
)

DRAFT = {
    "step": "method",
    "run": "20261120-071900-brave-otter",
    "checkpoint": 120,
    "recipe": {
        "model": "HuggingFaceTB/SmolLM2-135M",
        "task_id": "studio002_question",
        "method": {"name": "lora", "rank": 16, "targets": "q_proj, v_proj"},
        "precision": "nf4",
        "training": {"preset": "careful", "max_steps": 77, "learning_rate": 0.0005},
    },
}


def test_a_draft_comes_back_from_its_link() -> None:
    opened = read_address("?" + write_query(DRAFT))
    assert opened.draft == DRAFT
    assert opened.notices == ()


def test_names_of_any_language_come_back() -> None:
    draft = {**DRAFT, "recipe": {"task_id": "x", "model": "/home/Zoë/モデル & more/#1+2"}}
    assert read_address(write_query(draft)).draft == draft


def test_a_card_that_is_planned_for_comes_back_and_no_other() -> None:
    draft = {**DRAFT, "card": 24}
    assert read_address(write_query(draft)).draft == read_draft(draft) == draft
    assert "card" not in read_draft({**DRAFT, "card": 7}) and "card" not in read_address("?card=x").draft


def test_a_first_visit_opens_at_the_first_step() -> None:
    assert read_address("") == (new_draft(), ())
    assert read_address("?__theme=dark&view=api").draft == new_draft()


def test_what_the_browser_kept_counts_only_when_the_address_says_nothing() -> None:
    kept = json.dumps(DRAFT)
    assert read_address("", kept).draft == DRAFT
    assert read_address("?__theme=dark", kept).draft == DRAFT
    assert read_address("?step=data", kept).draft == {**new_draft(), "step": "data"}


def test_a_link_to_a_run_opens_its_training() -> None:
    assert read_address("?run=20261120-071900-brave-otter").draft["step"] == "train"


@pytest.mark.parametrize("written", ["", "-1", "1.5", "x", "\u0663", "9" * 5_000, "4&checkpoint=y"])
def test_what_is_no_step_is_no_checkpoint(written: str) -> None:
    assert read_address(f"?run=20261120-071900-brave-otter&checkpoint={written}").draft["checkpoint"] is None


def test_a_checkpoint_without_a_run_is_none() -> None:
    assert read_address("?checkpoint=4&step=compare").draft["checkpoint"] is None
    assert read_draft({"run": None, "checkpoint": 4})["checkpoint"] is None
    assert read_draft({"run": "20261120-071900-brave-otter", "checkpoint": True})["checkpoint"] is None


@pytest.mark.parametrize(
    "search",
    [
        "?step=<script>alert(1)</script>",
        "?step=model&step=__proto__",
        "?run=../../etc/passwd",
        "?run=" + "a" * 5000,
        "?run=%00",
        "?recipe={",
        "?recipe=" + quote('{"model": "builtin"'),
        "?recipe=" + quote("[1, 2]"),
        "?recipe=" + quote('"lora"'),
        "?recipe=" + quote("[" * 4000),
        "?recipe=" + quote('{"model": NaN}'),
        "?recipe=" + quote(json.dumps({"model": "x" * MOST_CHARACTERS})),
    ],
)
def test_a_broken_link_opens_a_usable_page_and_says_what_was_left_out(search: str) -> None:
    opened = read_address(search)
    assert opened.draft["step"] in ("model", "train")
    assert opened.draft["run"] is None
    assert isinstance(opened.draft["recipe"], dict)
    assert opened.notices and all(notice.endswith(".") and "<" not in notice for notice in opened.notices)


@pytest.mark.parametrize(
    "search", [None, 7, [], {}, "?" + "&" * 100, "?%", "?recipe=%ff%fe", "?" + "a=1&" * 99, "\x00"]
)
def test_any_address_is_survived(search: object) -> None:
    assert read_address(search).draft["step"] == "model"


@pytest.mark.parametrize("kept", ["", "null", "{", "[]", '{"step": 5, "run": {}, "recipe": []}', 7, None, "[" * 9000])
def test_any_kept_draft_is_survived(kept: object) -> None:
    opened = read_address("", kept)
    assert opened.draft["step"] == "model"
    assert opened.draft["recipe"] == {}
    assert opened.notices == ()  # the person did not write it, so they are not told off


@pytest.mark.parametrize("value", [None, "x", [], {}, {"step": []}, {"recipe": {"__class__": 1, "surprise": 2}}])
def test_whatever_a_page_sends_becomes_a_draft(value: object) -> None:
    draft = read_draft(value)
    assert draft["step"] == "model"
    assert draft["recipe"] == {}


def test_only_the_parts_of_a_recipe_are_taken() -> None:
    assert read_draft({"recipe": {"model": "builtin", "onload": "alert(1)"}})["recipe"] == {"model": "builtin"}


def test_leaving_out_what_an_error_names() -> None:
    recipe = {"task_id": "x", "method": {"name": "lora", "rank": 9999}, "precision": "nf4"}
    smaller = leave_out(recipe, "method.rank")
    assert smaller == {**recipe, "method": {"name": "lora"}}
    assert recipe["method"] == {"name": "lora", "rank": 9999}  # the one given stays as it is
    assert leave_out(recipe, "method.name") == {"task_id": "x", "precision": "nf4"}
    assert leave_out(recipe, "precision") == {"task_id": "x", "method": {"name": "lora", "rank": 9999}}
    assert leave_out(recipe, "training.max_steps") is None
    assert leave_out(recipe, None) is None


def test_equal_changes_are_two_changes() -> None:
    one, other = change_draft(run="a"), change_draft(run="a")
    assert one != other
    assert {**one, "at": 0} == {**other, "at": 0} == {"at": 0, "whole": False, "run": "a"}
