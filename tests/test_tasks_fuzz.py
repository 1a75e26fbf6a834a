"""Whatever bytes are handed in, the answer is a task or an error in words, never a crash."""

import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.errors import TaskError
from studio.tasks.mapping import Mapping
from studio.tasks.quality.fixes import apply_fix
from studio.tasks.quality.repairs import offer_repairs
from studio.tasks.quality.report import check_task
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task
from studio.tasks.task import write_v2

names = st.sampled_from(["a.json", "b.jsonl", "c.csv", "d.txt", "task1_x", "e.zip", "f.xlsx", "g.parquet"])
KEYS = """Definition Instances Categories Examples input output id instruction messages conversations role content from
value chosen rejected prompt completion label text system history Studio kind format mapping split question answer
tool_calls user assistant human gpt Positive\u00a0Examples preferred_output non_preferred_output""".split()
keys = st.sampled_from([key.replace("\u00a0", " ") for key in KEYS])
odd = st.sampled_from(["\ud800", "\x00", "\u202e", " ", "\ufeff", "{{x}}", "a@b.example", "=1+1"])
leaves = odd | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | keys
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys | odd, inner, max_size=5), max_leaves=25
)
quiet = settings(
    max_examples=int(os.environ.get("STUDIO_FUZZ", "60")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def try_reading(data: bytes, name: str) -> None:
    try:
        reading = read_task(data, name)
    except MappingNeeded as asked:
        guess = asked.preview.guess.mapping or Mapping(output=asked.preview.columns[:1])
        assert str(asked).startswith(name)
        try:
            reading = read_task(data, name, guess, leave_out=True)
        except TaskError:
            return
    except TaskError as error:
        assert str(error).startswith(name), str(error)
        assert len(str(error)) < 2000
        return
    again = read_task(write_v2(reading.task).encode(), f"{reading.task.task_id}.json").task
    assert again == reading.task.model_copy(update={"task_id": again.task_id})
    report = check_task(reading.task)
    offer_repairs(reading.task)
    for finding in report.findings:
        if finding.fix and len(finding.numbers) < len(reading.task.instances):
            apply_fix(reading.task, finding)


@quiet
@given(data=st.binary(max_size=200), name=names)
def test_any_bytes(data: bytes, name: str) -> None:
    try_reading(data, name)


@quiet
@given(text=st.text(st.sampled_from("ab\"',;\t|\n\r\\{}[]:=1 é"), max_size=80), name=names)
def test_any_text(text: str, name: str) -> None:
    try_reading(text.encode(), name)


@quiet
@given(value=values | st.lists(st.dictionaries(keys, values, min_size=1, max_size=4), max_size=4), name=names)
def test_any_json(value: Any, name: str) -> None:
    try_reading(json.dumps(value).encode(), name)


@quiet
@given(rows=st.lists(st.dictionaries(keys, values, min_size=1, max_size=4), min_size=2, max_size=4), name=names)
def test_any_json_lines(rows: list[Any], name: str) -> None:
    try_reading("\n".join(map(json.dumps, rows)).encode(), name)


@quiet
@given(
    start=st.sampled_from([b"PK\x03\x04", b"PAR1", b"PK\x03\x04xl/", b"\xff\xfe", b"\xef\xbb\xbf{"]), rest=st.binary()
)
def test_any_beginning_of_a_known_kind(start: bytes, rest: bytes) -> None:
    try_reading(start + rest, "a.json")
