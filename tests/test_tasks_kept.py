"""Tasks that an older edition kept (commit 61f8498 wrote `tests/kept`) are still read, and still split as they were.

Runs of that time name a version and train on its parts, so neither may become another.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from studio.errors import WorkspaceError
from studio.tasks.kinds import KINDS
from studio.tasks.reading.task_file import read_task
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.tasks.v2 import read_v2
from studio.workspace import Workspace

FOLDER = Path(__file__).parent / "kept"
KEPT: dict[str, Any] = json.loads((FOLDER / "kept.json").read_text(encoding="utf-8"))
FILES = sorted(name for name, then in KEPT.items() if "kind" in then)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_every_kind_is_read(name: str) -> None:
    data, then = (FOLDER / f"{name}.json").read_bytes(), KEPT[name]
    task = read_v2(data, f"{name}.json", name)
    assert task.kind == then["kind"]
    assert all(type(instance) is KINDS.find(task.kind) for instance in task.instances)
    assert [instance.input for instance in task.instances] == then["inputs"]
    assert [list(instance.output) for instance in task.instances] == then["outputs"]
    assert task.version == then["version"]
    assert read_task(data, f"{name}.json").task.instances == task.instances


def test_what_a_chat_was_kept_with_is_known() -> None:
    chat = read_v2((FOLDER / "chat.json").read_bytes(), "chat.json", "chat").instances[-1]
    assert chat.tools == ({"type": "function", "function": {"name": "rain"}},)
    assert chat.messages[1].extra["tool_calls"][0]["function"]["name"] == "rain"
    data = (FOLDER / "chat.json").read_text(encoding="utf-8").replace('"weight": 1', '"weight": 0')
    assert [turn.counts for turn in read_v2(data.encode(), "c", "c").instances[-1].messages] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("rule_and_seed", KEPT["split"])
def test_instruction_data_is_split_as_before(rule_and_seed: str) -> None:
    rule, seed = rule_and_seed.split()
    task = read_v2((FOLDER / "split.json").read_bytes(), "split.json", "task9_split")
    split = split_task(task.model_copy(update={"split": rule}), int(seed))
    assert [[one.id for one in part] for part in split[1:]] == KEPT["split"][rule_and_seed]


def test_chats_of_one_question_are_split_as_before() -> None:
    split = split_task(read_v2((FOLDER / "single.json").read_bytes(), "single.json", "single"))
    assert [[one.id for one in part] for part in split[1:]] == KEPT["split of single"]


def test_a_workspace_with_edits_is_opened(workspace: Workspace) -> None:
    then = KEPT["edited"]
    shutil.copytree(FOLDER / "chat_edited", workspace.tasks / then["task_id"])
    store = TaskStore(workspace)
    task = store.load_task(then["task_id"])
    assert [[one.id, one.input, list(one.output)] for one in task.instances] == then["instances"]
    assert all(type(one) is KINDS.find("chat") for one in task.instances)
    names = [card.version for card in store.list_versions(then["task_id"])]
    assert task.version == names[0]
    for version in names:
        assert store.load_task(then["task_id"], version).version == version
    assert store.restore(then["task_id"], names[1]).instances == store.load_task(then["task_id"], names[1]).instances


@pytest.mark.parametrize(
    "damage",
    [lambda value: value.pop("Instances"), lambda value: value.update(Definition="text"),
     lambda value: value.update(Instances=[]), lambda value: value["Instances"][0].update(output="a text"),
     lambda value: value["Instances"][0].update(id=7), lambda value: value["Instances"][0].pop("id"),
     lambda value: value["Studio"].update(kind="song"), lambda value: value["Studio"].update(split="by hand"),
     lambda value: value["Instances"][0]["messages"][0].update(role="king"),
     lambda value: value["Instances"][0].update(messages="Hello")],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_its_name(damage: Any) -> None:
    value = json.loads((FOLDER / "chat.json").read_text(encoding="utf-8"))
    damage(value)
    with pytest.raises(WorkspaceError) as refused:
        read_v2(json.dumps(value).encode(), "0001-0123456789ab.json", "chat")
    assert "0001-0123456789ab.json" in str(refused.value)


def test_half_a_file_is_refused() -> None:
    with pytest.raises(WorkspaceError):
        read_v2((FOLDER / "chat.json").read_bytes()[:200], "half.json", "chat")
