"""The parts of the Data step without a browser: forms, reports and tokens are drawn as text, acts answer in words."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from telling import raises, tells
from test_tasks_desk import ROLES, write_csv, write_zip
from test_ui_steps import EVIL, assert_harmless, write_task
from tiny import import_task

from studio.errors import InputError
from studio.service import Studio
from studio.tasks.mapping import ROLES as ALL_ROLES
from studio.tasks.quality.doubts import judge
from studio.ui.steps.data import arrival, by_hand, doubts, prompt_view, quality, shelf
from studio.ui.steps.data.columns_form import list_role_words
from studio.ui.steps.data.page import find_edition, import_file
from studio.ui.steps.data.rows import read_rows
from studio.ui.widgets.server_act import bind_act
from studio.workspace import Workspace

SAMPLE = {"task_id": "studio002_question"}
ACTS: list[Callable[..., dict[str, Any]]] = [
    *(arrival.choose_columns, arrival.choose_reading, arrival.try_columns, arrival.look_again, arrival.fetch_from),
    *(quality.check_task, quality.preview_fix, quality.fix_task, quality.choose_split),
    *(
        by_hand.make_task,
        doubts.list_doubts,
        doubts.relabel,
        shelf.list_tasks,
        shelf.peek_task,
        shelf.take_task,
        shelf.delete_collection,
        prompt_view.see_tokens,
    ),
]


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """One studio for all who ask it for what can't be: it stays as it is."""
    return Studio(Workspace(tmp_path_factory.mktemp("untouched")))


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        "x",
        {},
        {"recipe": 7, "file": 7, "collection": 7, "task_id": 7},
        {"recipe": {}, "file": "../..", "roles": {}, "collection": "../..", "task_id": "..", "place": 0, "finding": ""},
        {"recipe": {"task_id": EVIL}, "file": EVIL, "roles": {EVIL: EVIL}, "collection": EVIL, "task_id": EVIL},
        {
            "recipe": SAMPLE,
            "place": -1,
            "finding": EVIL,
            "rule": EVIL,
            "ref": EVIL,
            "split": "",
            "config": "",
            "most": "",
        },
        {"recipe": SAMPLE, "place": 10**9, "repair": EVIL, "ref": "a/b", "split": "", "config": "", "most": "x"},
        {"recipe": SAMPLE, "place": True, "repair": 7, "ref": "a/b", "split": "", "config": "", "most": "-1"},
    ],
)
def test_anyone_may_ask_anything(untouched: Studio, act: Callable[..., dict[str, Any]], asked: Any) -> None:
    answer = bind_act(untouched, act)(asked)
    if act is quality.check_task and asked and isinstance(asked, dict) and asked.get("recipe") == SAMPLE:
        assert answer["html"]
    else:
        assert answer["error"] and "broke in the studio" not in answer["error"]
        assert len(answer["error"]) < 600
    assert not list(untouched.workspace.tasks.iterdir())


def test_every_role_has_its_words() -> None:
    assert set(list_role_words()) == set(ALL_ROLES)


def test_a_file_with_odd_columns_becomes_a_form_and_then_a_task(studio: Studio, tmp_path: Path) -> None:
    patch, html = import_file(studio, str(write_csv(tmp_path / "sums.csv")))
    assert "recipe" not in patch
    for column in ("Kommentar", "v1", "v2"):
        assert f'data-column="{column}"' in html
    assert "What is 0 + 1?" in html and "Import 40 rows" in html
    file_id = html.split('data-file="')[1].split('"')[0]
    wrong = arrival.choose_columns(studio, {"file": file_id, "roles": {"input": ["v1"]}})
    twice = arrival.choose_columns(studio, {"file": file_id, "roles": {"messages": ["v1", "v2"]}})
    assert twice["field"] == "mapping.messages" and twice["error"].startswith("“A whole chat” takes one column")
    assert wrong["field"] == "mapping.output" and tells(wrong["error"], "output")
    done = arrival.choose_columns(studio, {"file": file_id, "roles": ROLES})
    assert done["task_id"] == "sums" and "40 examples" in done["html"]


def test_faulty_rows_are_offered_to_be_left_out(studio: Studio, tmp_path: Path) -> None:
    _, html = import_file(studio, str(write_csv(tmp_path / "sums.csv", columns=["id", "input", "output"], hole=3)))
    assert 'id="rows-choice"' in html and "1 of 40 rows" in html and "import 39" in html
    file_id = html.split('data-file="')[1].split('"')[0]
    roles = {"input": ["input"], "output": ["output"]}
    done = arrival.choose_columns(studio, {"file": file_id, "roles": roles, "leave_out": True})
    assert "39 examples" in done["html"] and "repaired while reading" in done["html"]
    assert 'data-go="label"' in done["html"], "what lacks only its answer is kept to be labelled"
    assert [item.input for item in studio.labels.list_items(done["task_id"]) if item.waiting] == ["What is 3 + 1?"]


def test_hostile_columns_and_cells_are_text(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "evil.json"
    rows = [{EVIL: EVIL, f"b {EVIL}": "=cmd|' /C calc'!A0", "c": {"d": [EVIL]}} for _ in range(9)]
    path.write_text(json.dumps(rows))
    _, html = import_file(studio, str(path))
    assert "columns-form" in html
    assert_harmless(html)
    file_id = html.split('data-file="')[1].split('"')[0]
    answer = arrival.choose_columns(studio, {"file": file_id, "roles": {"input": [EVIL], "output": [f"b {EVIL}"]}})
    assert_harmless(answer["html"])
    recipe = {"task_id": answer["task_id"]}
    assert_harmless(quality.check_task(studio, {"recipe": recipe})["html"])


def test_a_cell_of_a_megabyte_is_cut_where_it_is_shown(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text(
        json.dumps([{"a": "x" * (1_000_000 if n == 3 else 199_000), "b": f"{n}", "c": "z"} for n in range(5)])
    )
    _, html = import_file(studio, str(path))
    assert "columns-form" in html and len(html) < 20_000
    file_id = html.split('data-file="')[1].split('"')[0]
    asked = {"file": file_id, "roles": {"input": ["a"], "output": ["b"]}}
    assert "1,000,000 characters" in arrival.choose_columns(studio, asked)["html"]
    recipe = {"task_id": arrival.choose_columns(studio, {**asked, "leave_out": True})["task_id"]}
    assert len(quality.check_task(studio, {"recipe": recipe})["html"]) < 40_000
    seen = prompt_view.see_tokens(studio, {"recipe": recipe, "place": 1})
    assert seen["total"] > 10_000 and not seen["fits"] and len(json.dumps(seen)) < 200_000


def test_an_archive_is_announced_and_can_be_searched(studio: Studio, tmp_path: Path) -> None:
    patch, html = import_file(studio, str(write_zip(tmp_path / "many.zip", 23)))
    assert "recipe" not in patch and 'data-collection="many"' in html and "23 tasks" in html
    assert shelf.list_collections(studio, {})["collections"][0]["tasks"] == 23
    first = shelf.list_tasks(studio, {"collection": "many"})
    assert (len(first["tasks"]), first["pages"], first["refused_total"]) == (shelf.PAGE, 3, 1)
    assert shelf.list_tasks(studio, {"collection": "many", "page": 99})["page"] == 2
    found = shelf.list_tasks(studio, {"collection": "many", "search": "SUMS 017"})
    assert [one["task_id"] for one in found["tasks"]] == ["task017_sums"]
    assert shelf.peek_task(studio, {"collection": "many", "task_id": "task017_sums"})["rows"][0]["input"] == "0 + 0"
    assert shelf.take_task(studio, {"collection": "many", "task_id": "task017_sums"})["task_id"] == "task017_sums"
    delete = bind_act(studio, shelf.delete_collection)
    assert delete({"collection": "many"}) == {"done": True}
    again = delete({"collection": "many"})
    assert again["gone"] and tells(again["error"], "many")
    assert shelf.list_collections(studio, {}) == {"collections": []}


def test_the_report_says_what_was_found_and_what_a_fix_would_change(studio: Studio) -> None:
    rows = [{"input": f" in {n} ", "output": ["yes" if n % 7 else "no"]} for n in range(60)]
    recipe = {"task_id": import_task(studio.workspace, "task9_dirty", Instances=rows + rows[:3])}
    html = quality.check_task(studio, {"recipe": recipe})["html"]
    assert tells(html, "3 61 50") and 'data-finding="duplicates"' in html
    assert "Instances[" not in html
    shown = quality.preview_fix(studio, {"recipe": recipe, "finding": "duplicates"})["html"]
    assert "left out" in shown and "data-apply" in shown
    assert (
        "·in·" not in shown and "·in 0·" in quality.preview_fix(studio, {"recipe": recipe, "repair": "blanks"})["html"]
    )
    found = read_rows(studio, {"task_id": "task9_dirty", "finding": "duplicates", "recipe": recipe})
    assert found["about"] == "1 to 3 of 3" and 'data-see="60"' in found["html"]
    done = quality.fix_task(studio, {"recipe": recipe, "finding": "duplicates"})
    assert done["task_id"] == "task9_dirty" and "60 examples" in done["said"]


def test_a_fix_of_a_sample_says_that_it_made_a_copy(studio: Studio) -> None:
    name = {"recipe": SAMPLE, "finding": "leak across the split"}
    shown = quality.preview_fix(studio, name)["html"]
    assert shown and "stratified" not in shown
    done = quality.fix_task(studio, name)
    assert done["task_id"] == "studio002_question_yours" and tells(done["said"], "sample")


def test_a_clean_task_says_so(studio: Studio) -> None:
    html = quality.check_task(studio, {"recipe": {"task_id": "studio004_story"}})["html"]
    assert "pill fits" in html and 'role="img"' in html


def test_a_large_task_is_checked_when_asked(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "UNASKED", 100)
    assert "data-check-all" in quality.check_task(studio, {"recipe": SAMPLE})["html"]
    assert "data-check-all" not in quality.check_task(studio, {"recipe": SAMPLE, "all": True})["html"]


def test_the_rules_of_splitting_are_shown_with_their_sizes(studio: Studio) -> None:
    html = quality.draw_splits(studio, SAMPLE)
    assert html.count("data-rule=") == 3 and html.count('aria-pressed="true"') == 1
    done = quality.choose_split(studio, {"recipe": SAMPLE, "rule": "official"})
    html = quality.draw_splits(studio, {"task_id": done["task_id"]})
    assert 'data-rule="official" aria-pressed="true"' in html


def test_tokens_come_with_what_can_be_chosen(studio: Studio, tiny_model: Path) -> None:
    seen = prompt_view.see_tokens(studio, {"recipe": SAMPLE, "place": 0})
    assert seen["fits"] and 0 < seen["learnt"] < seen["total"] == len(seen["pieces"])
    assert seen["choices"]["objective"]["template"] == "plain" and seen["choices"]["has_chat"] is True
    tried = {**SAMPLE, "objective": {"name": "sft", "template": "tk_instruct", "positive_examples": 1}}
    assert prompt_view.see_tokens(studio, {"recipe": tried, "place": 0})["total"] > seen["total"]
    chat = {**SAMPLE, "model": str(tiny_model), "objective": {"name": "sft", "template": "chat"}}
    refused = prompt_view.see_tokens(studio, {"recipe": chat, "place": 0})
    assert "no chat template" in refused["error"] and refused["choices"]["objective"]["template"] == "chat"
    assert refused["choices"]["has_chat"] is False


def test_another_version_is_another_value(studio: Studio, tmp_path: Path) -> None:
    import_file(studio, str(write_task(tmp_path, 30)))
    recipe = {"task_id": "task900_made_up", "task_version": None}
    first = find_edition(studio, recipe)
    import_file(studio, str(write_task(tmp_path, 31)))
    second = find_edition(studio, recipe)
    assert first["task_id"] == second["task_id"] and first["version"] != second["version"]
    assert find_edition(studio, {}) == {} == find_edition(studio, {"task_id": "none"})


def test_an_encoding_is_asked_for_and_can_be_changed(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_bytes("question,answer\nWas ist naïv <b>?,nicht klug\nWer?,er\n".encode("cp1252"))
    _, html = arrival.import_file(studio, str(path))
    assert html.count("data-read-as=") == 3 and "na\u00efv" in html and "<b>" not in html
    file_id = re.search(r'class="ways" data-file="(\w+)"', html)[1]
    done = arrival.choose_reading(studio, {"file": file_id, "encoding": "cp1252"})
    assert done["task_id"] == "small" and 'data-read-as="cp1252" aria-pressed="true"' in done["html"]
    with pytest.raises(InputError) as wrong:
        arrival.choose_reading(studio, {"file": file_id, "encoding": "klingon"})
    assert wrong.value.field == "encoding"


def test_the_form_names_what_is_not_used_and_shows_how_rows_are_read(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "qa.json"
    rows = [{"question": f"How old is {n}?", "story": f"He was born {n} years ago.", "answer": f"{n}", "note": EVIL}
            for n in range(4)]  # fmt: skip
    path.write_text(json.dumps(rows))
    _, html = import_file(studio, str(path))
    assert_harmless(html)
    assert "Not used: note" in re.sub("<[^>]+>", "", html)
    assert html.index('data-column="story"') < html.index('data-column="question"'), "in the order they are joined in"
    file_id = html.split('data-file="')[1].split('"')[0]
    tried = arrival.try_columns(studio, {"file": file_id, "roles": {"input": ["note"], "output": ["answer"]}})
    assert_harmless(tried["html"])
    assert "story" in tried["html"]
    wrong = arrival.try_columns(studio, {"file": file_id, "roles": {"input": ["note"]}})
    assert wrong["field"] == "mapping.output"


def test_a_task_is_typed_by_hand_and_what_has_no_answer_waits(studio: Studio) -> None:
    rows = [["a b", "A B"], ["c", "C"], [" d ", "D"], ["e", ""], ["", "ignored"]]
    made = by_hand.make_task(studio, {"title": "To capitals", "definition": "Write capitals.", "rows": rows})
    task = studio.load_task(made["task_id"])
    assert [instance.input for instance in task.instances] == ["a b", "c", "d"]
    assert task.heading == "To capitals" and task.definition == "Write capitals."
    with raises(InputError, "3", field="rows"):
        by_hand.read_rows([["a", "A"], ["a", "A"], ["b", ""]])
    with raises(InputError, field="definition"):
        by_hand.make_task(studio, {"title": "", "definition": " ", "rows": rows})


def test_labels_that_only_a_model_can_tell_are_doubted_by_what_it_reads() -> None:
    dice = np.random.default_rng(0)
    texts = [str(number) for number in dice.integers(10**8, 10**9, 60)]
    labels = ["even" if place % 2 else "odd" for place in range(60)]
    seen = np.array([[place % 2, 1 - place % 2] for place in range(60)], np.float32)
    labels[8] = "even"
    assert [doubt.place for doubt in judge(texts, labels, seen).found] == [8]
    assert judge(texts, labels).found == (), "nothing of the letters tells them"


@pytest.mark.parametrize(("task_id", "least"), [("studio001_sentiment", 13), ("studio011_subject", 18)])
def test_of_twenty_labels_that_are_turned_most_stand_first(studio: Studio, task_id: str, least: int) -> None:
    task, dice = studio.load_task(task_id), random.Random(0)
    labels = [instance.output[0] for instance in task.instances]
    turned = sorted(dice.sample(range(len(labels)), 20))
    names = sorted(set(labels))
    for place in turned:
        labels[place] = dice.choice([name for name in names if name != labels[place]])
    found = [doubt.place for doubt in judge([instance.input for instance in task.instances], labels).found]
    assert len(set(found[:20]) & set(turned)) >= least, "by letters alone; where the base reads them, 15 to 19"
    assert len(set(found) & set(turned)) >= 18 and len(found) <= 60


def test_a_wrong_label_is_doubted_and_relabelled_by_a_click(studio: Studio) -> None:
    said = {"bill": ["the bill is wrong", "I paid twice"], "parcel": ["where is my parcel", "it never arrived"]}
    rows = [[f"{text}, order {n}", label] for n in range(12) for label, some in said.items() for text in some]
    rows[7][1] = "bill" if rows[7][1] == "parcel" else "parcel"
    task_id = by_hand.make_task(studio, {"title": "Mail", "definition": "Sort it.", "rows": rows})["task_id"]
    html = doubts.list_doubts(studio, {"task_id": task_id})["html"]
    assert html.count("data-relabel") == 1 and rows[7][0] in html
    unread = doubts.list_doubts(studio, {"task_id": task_id, "model": "somebody/elsewhere"})["html"]
    assert "letters alone" in unread and "letters alone" not in html, "what a model that is not here can't read"
    wrong = next(one for one in studio.load_task(task_id).instances if one.input == rows[7][0])
    asked = {"task_id": task_id, "id": wrong.id, "before": rows[7][1], "label": "bill"}
    doubts.relabel(studio, {**asked, "label": "parcel" if rows[7][1] == "bill" else "bill"})
    assert "data-relabel" not in doubts.list_doubts(studio, {"task_id": task_id})["html"]
    with raises(InputError):
        doubts.relabel(studio, asked)
