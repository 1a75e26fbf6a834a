"""What every kind of data keeps to, the cases taken from the registry."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kind_cases import instances
from pydantic import BaseModel

from studio.errors import InputError, TaskError
from studio.tasks.edit import AddInstance, DeleteInstance, SetInstance, apply_edit, read_edit
from studio.tasks.gist import list_gists
from studio.tasks.instance import Instance
from studio.tasks.kinds import KINDS, AnyInstance
from studio.tasks.library.writing import list_formats, write_task
from studio.tasks.quality.repairs import TEXT_REPAIRS, apply_repair
from studio.tasks.reading.task_file import read_task
from studio.tasks.similarity import find_groups
from studio.tasks.split import SPLIT_RULES, split_task
from studio.tasks.task import Origin, Task, write_v2
from studio.tasks.v2 import read_v2

QUIET = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
every_kind = pytest.mark.parametrize("kind", KINDS.members.values(), ids=lambda kind: kind.name)


def make_task(kind: type[Instance], some: Sequence[Instance], **more: Any) -> Task:
    kept = tuple(one.model_copy(update={"id": f"i{n}"}) for n, one in enumerate(some))
    return Task(task_id="task1_x", definition="Do.", instances=kept, kind=kind.name, origin=Origin(format="x"), **more)


@every_kind
def test_it_says_what_it_is(kind: type[Instance]) -> None:
    assert kind.title and kind.words and kind.forms and kind.__doc__
    assert set(kind.keys) <= set(kind.model_fields)


@every_kind
@QUIET
@given(data=st.data())
def test_what_is_written_is_read_equal(kind: type[Instance], data: st.DataObject) -> None:
    task = make_task(kind, data.draw(st.lists(instances(kind), min_size=1, max_size=3)))
    text = write_v2(task)
    assert read_v2(text.encode(), "x.json", "task1_x") == task
    assert read_task(text.encode(), "task1_x.json").task == task


@every_kind
@QUIET
@given(data=st.data())
def test_an_edit_keeps_it_whole(kind: type[Instance], data: st.DataObject) -> None:
    one, other, third = (data.draw(instances(kind)) for _ in range(3))
    task = make_task(kind, [one, other])
    edit = SetInstance(id="i1", instance=third, before=task.instances[1])
    again = read_edit(json.loads(edit.model_dump_json()))
    assert again == edit
    done = apply_edit(task, again)
    assert done.instances[1] == third.model_copy(update={"id": "i1"}) and type(done.instances[1]) is kind
    assert apply_edit(done, SetInstance(id="i1", instance=task.instances[1])) == task
    added = AddInstance(instance=third.model_copy(update={"id": "new"}))
    more = apply_edit(task, read_edit(json.loads(added.model_dump_json())))
    assert more.instances[2] == added.instance
    assert apply_edit(more, DeleteInstance(id="new")) == task


@every_kind
@QUIET
@given(data=st.data())
def test_every_text_is_listed_and_can_be_changed(kind: type[Instance], data: st.DataObject) -> None:
    one = data.draw(instances(kind))
    seen: list[str] = []
    assert one.map_texts(lambda text, place: seen.append(text) or text) is one  # type: ignore[func-returns-value]
    assert sorted(one.list_texts()) == sorted(seen)
    changed = one.map_texts(lambda text, place: f"<{text}>")
    assert sorted(changed.list_texts()) == sorted(f"<{text}>" for text in seen)
    assert changed.map_texts(lambda text, place: text[1:-1]) == one
    assert {*one.learnt} <= {*one.list_texts()}
    answers: list[str] = []
    one.map_answers(lambda text, place: answers.append(text) or text)  # type: ignore[func-returns-value]
    assert {*one.learnt} <= {*answers} <= {*seen}


@every_kind
@QUIET
@given(data=st.data(), name=st.sampled_from(sorted(TEXT_REPAIRS)))
def test_a_repair_changes_texts_and_nothing_else(kind: type[Instance], data: st.DataObject, name: str) -> None:
    task = make_task(kind, [data.draw(instances(kind))])
    before, after = task.instances[0], apply_repair(task, name).instances[0]
    assert len(after.list_texts()) == len(before.list_texts())
    assert (after.tools, after.extra, after.liked) == (before.tools, before.extra, before.liked)
    assert [turn.counts for turn in after.messages] == [turn.counts for turn in before.messages]
    assert [set(turn.extra) for turn in after.messages] == [set(turn.extra) for turn in before.messages]


def find_refused(task: Task) -> str:
    """The field beside which the split of a task is refused, "" where there is enough for three parts."""
    keys = list({one.key: one for one in task.instances}.values())
    near = find_groups(list_gists(keys)) if task.split == "stratified" else []
    if len(keys) - sum(len(group) - 1 for group in near) < 3:
        return "Instances"
    first = {one.key for one in task.instances[: len(task.instances) // 2]}
    return "split" if task.split == "official" and len(keys) - len(first) < 2 else ""


@pytest.mark.soon(3)
@every_kind
@QUIET
@given(data=st.data(), rule=st.sampled_from(SPLIT_RULES))
def test_equal_keys_are_in_one_part(kind: type[Instance], data: st.DataObject, rule: Any) -> None:
    some = data.draw(st.lists(instances(kind), min_size=4, max_size=8))
    task = make_task(kind, [*some, *some[:2]], split=rule)
    if field := find_refused(task):
        with pytest.raises(TaskError) as refused:
            split_task(task)
        assert refused.value.field == field
        return
    split = split_task(task)
    keys = [{one.key for one in part} for part in split]
    assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]
    assert sorted(one.id for part in split for one in part) == sorted(one.id for one in task.instances)


@every_kind
@QUIET
@given(data=st.data())
def test_it_is_said_in_turns(kind: type[Instance], data: st.DataObject) -> None:
    task = make_task(kind, [data.draw(instances(kind))])
    dialogue = task.instances[0].write_dialogue(task)
    assert len(dialogue.turns) == len(dialogue.counts)
    assert all(
        turn["role"] == "assistant" for turn, counts in zip(dialogue.turns, dialogue.counts, strict=True) if counts
    )
    assert len(dialogue.before_answer().turns) < len(dialogue.turns)
    assert dialogue.tools == task.instances[0].tools


@every_kind
def test_an_input_and_an_answer_make_one(kind: type[Instance]) -> None:
    one = kind.make("a", "What?", ("That.",), {"topic": "x"})
    assert (one.id, one.output, one.extra) == ("a", ("That.",), {"topic": "x"})
    assert one.input in ("What?", "")
    try:
        one.check_whole()
    except InputError as error:  # it lacks what only this kind has
        assert error.field in kind.keys


class Kept(BaseModel):
    instance: AnyInstance


@every_kind
@QUIET
@given(data=st.data())
def test_it_is_kept_as_a_field(kind: type[Instance], data: st.DataObject) -> None:
    kept = Kept(instance=data.draw(instances(kind)))
    assert Kept.model_validate_json(kept.model_dump_json()) == kept


def is_learnt(one: Instance) -> bool:
    """Whether reading takes it as it is: every turn says something, and the last answer counts."""
    said = all(turn.content.strip() or turn.role == "tool" or "tool_calls" in turn.extra for turn in one.messages)
    return said and one.messages[-1].counts


def list_forms_of_messages(kind: type[Instance]) -> list[str]:
    """Return the formats of conversations that instances of a kind are written in."""
    if "messages" not in kind.model_fields:
        return []
    return [name for name in ("openai", "kto") if name in list_formats(make_task(kind, [kind.make("a", "b", ("c",))]))]


IN_MESSAGES = [kind for kind in KINDS.members.values() if list_forms_of_messages(kind)]


@pytest.mark.parametrize("kind", IN_MESSAGES, ids=lambda kind: kind.name)
@QUIET
@given(data=st.data())
def test_conversations_come_back_from_rows_of_messages(kind: type[Instance], data: st.DataObject) -> None:
    some = data.draw(
        st.lists(instances(kind).filter(lambda one: bool(one.messages) and is_learnt(one)), min_size=1, max_size=2)
    )
    task = make_task(kind, some).model_copy(update={"definition": ""})
    for form in list_forms_of_messages(kind):
        name, text = write_task(task, form)
        back = read_task(text.encode(), name).task
        assert back.kind == kind.name
        for one, again in zip(task.instances, back.instances, strict=True):
            assert (again.tools, again.liked, again.output) == (one.tools, one.liked, one.output)
            assert [(turn.role, turn.content, turn.counts) for turn in again.messages] == [
                (turn.role, turn.content, turn.counts) for turn in one.messages
            ]
            assert [turn.extra.get("tool_calls") for turn in again.messages] == [
                turn.extra.get("tool_calls") for turn in one.messages
            ]
