"""What is read in bulk is what is read line by line, whatever stands in a file; and it is read as columns."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studio.runs.event import LARGEST, Event, EventWriter, parse_event
from studio.runs.steps import Steps, gather, read_in_bulk


@pytest.fixture(autouse=True, scope="module")
def few_are_read_as_columns() -> Iterator[None]:
    """Else a few lines would be read one by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.runs.steps._MANY", 1)
        yield


HEAD = '{"event": "metrics", '
ODD = (
    "null",
    "true",
    '"1"',
    "-1",
    "1.0",
    "1e400",
    "NaN",
    "-0.0",
    "[]",
    "{}",
    '{"a": 1}',
    '{"a": "b"}',
    str(LARGEST + 1),
)
values = st.one_of(
    st.sampled_from(ODD),
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
names = st.sampled_from(["step", "of", "loss", "measures", "learning_rate", "seconds_left", "joules", "note", "event"])


def write(pairs: Iterable[tuple[str, str]]) -> str:
    """A line of metrics that tells these."""
    return HEAD + ", ".join(f'"{name}": {value}' for name, value in [("at", "1.5"), *pairs]) + "}"


told = st.lists(st.tuples(names, values), max_size=4).map(write)
alike = st.lists(names, max_size=3, unique=True).flatmap(
    lambda named: st.lists(
        st.tuples(*[values] * len(named)).map(lambda row: write(zip(named, row, strict=True))), max_size=3
    )
)
lines = st.one_of(
    st.integers(0, 9).map(lambda step: f'{HEAD}"at": {step}.5, "step": {step}, "loss": 0.{step}}}'),
    told,
    st.sampled_from(["", "{", HEAD, HEAD + '"at": 1', '"step": 2}', HEAD + '"at": 1}, [1]', "\x00", "\ud800", "[1]"]),
    st.sampled_from(
        ['{"event": "saved", "at": 2, "step": 3}', '{"event": "new", "at": 2}', HEAD + '"event": "metrics"}']
    ),
)


def tell(blocks: Iterable[Event | Steps]) -> list[Any]:
    """What blocks say, step by step."""
    said: list[Any] = []
    for block in blocks:
        steps = isinstance(block, Steps)
        said += [(block.said, *step) for step in zip(*block[1:], strict=True)] if steps else [block]  # type: ignore[index]
    return said


@given(st.one_of(alike, st.lists(lines, max_size=8)))
@example([HEAD + '"at": 1, "step": 1, "measures": {"gain": 1}}', HEAD + '"at": 2, "step": null, "measures": {}}'])
@example([HEAD + '"at": 1, "loss": 1}', HEAD + '"at": null, "loss": 1}', HEAD + '"at": 1, "loss": NaN}'])
def test_in_bulk_is_line_by_line(given: list[str]) -> None:
    data = [line.encode("utf-8", "surrogatepass") for line in given]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "events.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in data) + HEAD.encode())
        page = read_in_bulk(file)
    assert tell(page.blocks) == tell(gather(event for line in data if (event := parse_event(line))))
    assert page.offset == sum(len(line) + 1 for line in data)


def test_steps_come_as_columns_and_what_happens_between_them_as_events(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    with EventWriter(file) as events:
        for step in range(1, 2001):
            if step in (1, 1001):
                events.append("started", resumed_from=step - 1)
            events.append(
                "metrics", step=step, of=2000, loss=float("nan") if step == 3 else 1 / step, measures={"a": 1}
            )
    blocks, offset = read_in_bulk(file)
    started, first, again, second = blocks
    assert isinstance(first, Steps) and isinstance(second, Steps) and offset == file.stat().st_size
    assert (started.event, again.event) == ("started", "started")  # type: ignore[union-attr]
    assert [*first.step, *second.step] == list(range(1, 2001))
    assert list(first.loss[:3]) == [1.0, 0.5, None]
    assert first.read_measure("a") == [1] * 1000 and first.read_measure("b") == [None] * 1000
    assert "learning_rate" not in first.said and json.dumps(list(first.learning_rate)[:1]) == "[null]"
