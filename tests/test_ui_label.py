"""The labelling page without a browser: its acts, asked well and badly, and what a stranger gets."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import tells
from tiny import import_task, make_run

from studio.answering.desk import Answers
from studio.service import Studio
from studio.tasks.edit import SetOutput
from studio.ui.frame.draft import read_address, read_draft
from studio.ui.steps.label.label_bench import LabelBench, make_acts
from studio.visitor import HEADER
from studio.workspace import Workspace

ACTS = [
    "open_bench", "read_items", "give_label", "undo_label", "look_together", "settle_label", "share_labels",
    "use_labels", "list_helpers", "suggest_label", "paste_inputs", "upload_inputs", "add_instance", "edit_task",
    "list_rows", "change_rows", "list_versions", "compare_versions", "restore_version",
]  # fmt: skip
HOSTILE = '<img src=x onerror="alert(1)">\u202e'


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """One studio for all who ask it for what can't be: it stays as it is."""
    return Studio(Workspace(tmp_path_factory.mktemp("untouched")))


@pytest.fixture
def task(workspace: Any) -> str:
    return import_task(workspace, count=20)


def act(studio: Studio, name: str, **asked: Any) -> dict[str, Any]:
    return {one.__name__: one for one in make_acts(studio)}[name]({"person": "me", **asked})


def test_the_acts_are_these(studio: Studio) -> None:
    assert [one.__name__ for one in make_acts(studio)] == ACTS
    bench = LabelBench(studio)
    assert [one.__name__ for one in bench.server_fns] == ACTS


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize(
    "asked",
    [None, [], "x", 7, {}, {"task": 3}, {"task": "../../etc", "person": "me"}, {"task": "no_such_task", "person": "me"},
     {"task": "\ud800", "person": "\ud800"}, {"task": "no_such_task", "person": "x" * 999, "ids": [{}], "edits": [7]}],
)  # fmt: skip
def test_bad_questions_are_answered_in_words(untouched: Studio, name: str, asked: Any, caplog: Any) -> None:
    answer = {one.__name__: one for one in make_acts(untouched)}[name](asked)
    if name != "list_helpers":
        assert answer["error"].endswith(".") and len(answer["error"]) < 400
    assert "Traceback" not in caplog.text
    assert list(untouched.workspace.tasks.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("give_label", {"id": "sum-1", "output": 7}),
        ("give_label", {"id": "sum-1", "output": "x", "person": ""}),
        ("give_label", {"id": "", "output": "x"}),
        ("give_label", {"id": "sum-1", "output": "a\x00b"}),
        ("undo_label", {"id": "sum-1", "at": "now"}),
        ("settle_label", {"id": "sum-1", "output": " "}),
        ("share_labels", {"overlap": 7}),
        ("share_labels", {"overlap": "half"}),
        ("edit_task", {"edits": []}),
        ("edit_task", {"edits": [{"op": "explode"}]}),
        ("edit_task", {"edits": [{"op": "set_text", "field": "definition", "text": " "}]}),
        ("edit_task", {"edits": [{"op": "set_text", "field": "task_id", "text": "x"}]}),
        ("change_rows", {"ids": [], "output": "x"}),
        ("change_rows", {"ids": ["sum-1"], "output": None}),
        ("change_rows", {"ids": ["sum-1"], "output": "  "}),
        ("add_instance", {"input": "x", "outputs": [7]}),
        ("paste_inputs", {"text": "  "}),
        ("paste_inputs", {"text": "a\x00b"}),
        ("upload_inputs", {}),
        ("upload_inputs", {"file": {"path": "/etc/passwd"}}),
        ("upload_inputs", {"file": {"path": "a\x00b", "orig_name": 7}}),
        ("compare_versions", {"before": "x", "after": "y"}),
        ("restore_version", {"version": "x"}),
        ("suggest_label", {"run": "no-run", "input": "x"}),
    ],
)
def test_what_can_not_be_is_refused_in_words(
    studio: Studio, task: str, name: str, asked: dict[str, Any], caplog: Any
) -> None:
    version = studio.load_task(task).version
    answer = act(studio, name, task=task, **asked)
    assert answer["error"].endswith((".", '".')), answer
    assert "broke" not in answer["error"]
    assert studio.load_task(task).version == version
    assert studio.labels.read_labels(task) == {}


def test_labelling_from_the_first_look_to_a_version(studio: Studio, task: str) -> None:
    sheet = act(studio, "open_bench", task=task)
    assert (sheet["words"], sheet["labels"], sheet["number"]) == ("0 of 20", [], 1)
    item = act(studio, "read_items", task=task, ids=sheet["ids"][:2])["items"][0]
    given = act(studio, "give_label", task=task, id=item["id"], output=" ten ", seconds=3, before=None)
    assert given["label"][0] == " ten " and given["done"] == 1
    again = act(studio, "give_label", task=task, id=item["id"], output="nine", before=None)
    assert "another window" in again["conflict"] and again["there"] == given["label"]
    together = act(studio, "look_together", task=task)
    assert (together["changes"], together["people"][0]["name"]) == (1, "me")
    made = act(studio, "use_labels", task=task)
    assert made["number"] == 2 and studio.load_task(task).instances[0].output == ("ten",)
    undone = act(studio, "undo_label", task=task, id=item["id"], at=given["label"][1])
    assert undone["label"] is None and undone["done"] == 0


def test_another_windows_labels_are_learnt(studio: Studio, task: str) -> None:
    one = act(studio, "give_label", task=task, id="sum-1", output="x", since=0)
    assert set(one["fresh"]) == {"sum-1"}
    two = act(studio, "give_label", task=task, id="sum-2", output="x", since=one["label"][1])
    assert set(two["fresh"]) == {"sum-2"}


def test_a_clash_shows_what_stands_there(studio: Studio, task: str) -> None:
    def write(text: str, before: str) -> dict[str, Any]:
        edit = {"op": "set_text", "field": "definition", "text": text, "before": before}
        return act(studio, "edit_task", task=task, edits=[edit])

    assert write("Theirs.", "Add the numbers.")["number"] == 2
    (clash,) = write("Mine.", "Add the numbers.")["clashes"]
    assert (clash["number"], clash["current"]) == (0, "Theirs.")
    assert write("Mine.", clash["current"])["number"] == 3


def test_an_edit_of_a_sample_that_clashes_with_its_copy(studio: Studio) -> None:
    sample = "studio001_sentiment"
    definition = studio.load_task(sample).definition
    edit = {"op": "set_text", "field": "definition", "text": "Mine.", "before": definition}
    made = act(studio, "edit_task", task=sample, edits=[edit])
    assert made["task"] == f"{sample}_yours"
    assert act(studio, "edit_task", task=sample, edits=[edit])["clashes"][0]["current"] == "Mine."


def test_versions_in_words(studio: Studio, task: str) -> None:
    first = studio.load_task(task).version
    act(studio, "change_rows", task=task, ids=["sum-1", "sum-2"], output="same")
    newest, oldest = act(studio, "list_versions", task=task)["versions"]
    assert (newest["number"], newest["by"], oldest["version"]) == (2, "me", first)
    found = act(studio, "compare_versions", task=task, before=first, after=newest["version"])
    assert found["words"] == "instances: 2 changed" and found["fields"] == []
    part = {"name": "output", "before": "2", "after": "same"}
    assert found["instances"][0] == {"kind": "changed", "id": "sum-1", "parts": [part]}
    act(studio, "change_rows", task=task, ids=["sum-1"], delete=True)
    gone = act(studio, "compare_versions", task=task, before=first, after=studio.load_task(task).version)
    assert "1 deleted" in gone["words"]
    assert act(studio, "restore_version", task=task, version=first)["number"] == 4
    assert studio.load_task(task).version == first


def test_pasting_asks_for_columns(studio: Studio, task: str) -> None:
    text = "question,answer\n7 + 7,14\n8 + 8,16\n"
    assert act(studio, "paste_inputs", task=task, text=text)["columns"] == ("question", "answer")
    assert act(studio, "paste_inputs", task=task, text=text, column="question")["waiting"] == 2
    assert act(studio, "paste_inputs", task=task, text=text, column="")["waiting"] == 3, "plain lines"
    whole = act(studio, "paste_inputs", task=task, text="one\n\ntwo", whole=True)
    assert whole["waiting"] == 1 and studio.labels.list_items(task)[5].input == "one\n\ntwo"
    waiting = [row["id"] for row in act(studio, "list_rows", task=task, show="waiting")["rows"]]
    assert act(studio, "change_rows", task=task, ids=waiting, output="x")["error"]
    act(studio, "change_rows", task=task, ids=waiting, delete=True)
    assert act(studio, "open_bench", task=task)["counts"]["waiting"] == 0


def test_a_file_of_inputs_asks_for_columns(
    studio: Studio, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    folder = tmp_path / "uploads" / "abc"
    folder.mkdir(parents=True)

    def upload(name: str, content: str, **asked: Any) -> dict[str, Any]:
        (folder / "blob").write_text(content)
        file = {"path": str(folder / "blob"), "orig_name": name}
        return act(studio, "upload_inputs", task=task, file=file, **asked)

    table = "question,answer\n7 + 7,14\n8 + 8,\n"
    asked = upload("sums.csv", table)
    assert asked == {"columns": ("question", "answer"), "rows": 2, "words": "", "is_text": True, "longest": "question"}
    made = upload("sums.csv", table, column="question", answers="answer")
    assert (made["whole"], made["waiting"]) == (1, 1)
    assert studio.load_task(task).version == made["version"]
    assert upload("sums.txt", "9 + 9\n10 + 10\n")["waiting"] == 2
    assert upload("sums.txt", "9 + 9\n")["waiting"] == 0, "it is here already"
    assert upload("sums.json", '[{"a": "1", "b": "2"}]')["is_text"] is False
    for name, content, words in [
        ("empty.txt", "", "empty.txt empty"),
        ("blank.csv", " \n\n", "blank.csv empty"),
        ("task.json", '{"Definition": ["x"], "Instances": []}', "task.json task"),
        ("broken.json", "{", "end"),
    ]:
        assert tells(upload(name, content)["error"], words)
    assert act(studio, "open_bench", task=task)["counts"]["waiting"] == 3


def test_hostile_text_comes_back_as_it_is(studio: Studio, task: str) -> None:
    """The scripts show it as text only; tests/browser/test_journey_label.py looks that it is inert."""
    act(studio, "add_instance", task=task, input=HOSTILE, outputs=[HOSTILE])
    row = act(studio, "list_rows", task=task, search="onerror")["rows"][0]
    assert (row["input"], row["outputs"]) == (HOSTILE, [HOSTILE])


def test_a_run_suggests(studio: Studio, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(studio.workspace).run_id
    asked: dict[str, Any] = {}

    def ask(run_id: str, prompt: str, **options: Any) -> Answers:
        asked.update(run=run_id, prompt=prompt, **options)
        return Answers(base=" no ", tuned=" yes\n", prompt=prompt, step=1, seconds=0.1, done=True)

    monkeypatch.setattr(studio, "ask", ask)
    assert act(studio, "suggest_label", run=run, input="1 + 1") == {"base": "no", "tuned": "yes"}
    assert asked["run"] == run and asked["temperature"] == 0.0
    assert act(studio, "list_helpers", task=task) == {"runs": []}, "a run without a checkpoint can't suggest"


def test_only_what_learnt_the_task_suggests_labels(studio: Studio, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = studio.load_task("studio001_sentiment").instances[0]
    mine = studio.labels.edit("studio001_sentiment", [SetOutput(id=first.id, output=("mixed",))]).task_id
    of = ["studio002_question", task, "gone", "studio001_sentiment"]
    runs = [SimpleNamespace(run_id=one, name=one, sentence="", can_answer=True, recipe={"task_id": one}) for one in of]
    monkeypatch.setattr(studio, "list_runs", lambda: runs)
    assert [run["run"] for run in act(studio, "list_helpers", task=task)["runs"]] == [task]
    assert [run["run"] for run in act(studio, "list_helpers", task=mine)["runs"]] == ["studio001_sentiment"], "a copy"


def test_the_page_has_an_address() -> None:
    opened = read_address("?step=label&task=studio001_sentiment").draft
    assert (opened["step"], opened["recipe"]) == ("label", {"task_id": "studio001_sentiment"})
    assert read_address('?step=label&task=a&recipe={"task_id": "b"}').draft["recipe"] == {"task_id": "b"}
    assert read_draft({"step": "label"})["step"] == "label"
    assert read_address("?step=labels").notices


def test_strangers_see_no_task_of_others(workspace: Any) -> None:
    studio = Studio(workspace, shared=True)
    hers = studio.seen_by("anna" * 8).labels.edit("studio001_sentiment", []).task_id
    for name in ("open_bench", "read_items", "look_together", "use_labels", "list_rows", "list_versions"):
        ask = {one.__name__: one for one in make_acts(studio)}[name]
        answer = ask({"task": hers, "person": "Ben", "ids": ["x"]}, SimpleNamespace(headers={HEADER: "ben_" * 8}))
        assert answer["error"] and answer["gone"] is True
