"""Events are whole lines or not there: whatever a crash, a full disk or a hand left in the file."""

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import WorkspaceError
from studio.runs.event import PHASES, Evaluated, Event, EventWriter, Phase, Prepared, read_events


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The events file of a run."""
    return tmp_path / "events.jsonl"


def write(file: Path, *steps: int) -> None:
    """Append a metrics event for each step."""
    with EventWriter(file) as events:
        for step in steps:
            events.append("metrics", step=step, loss=1 / (step + 1))


def steps(file: Path, offset: int = 0) -> list[int]:
    """Return the steps of the whole events after an offset."""
    return [event.step for event in read_events(file, offset).events]


def test_what_was_written_is_read(file: Path) -> None:
    with EventWriter(file) as events:
        events.append("prepared", words="Café, 你好", nested={"list": [1, None, True]})
        events.append_phase(2)
    first, second = read_events(file).events
    assert isinstance(first, Prepared) and isinstance(second, Phase)
    assert first.model_extra == {"words": "Café, 你好", "nested": {"list": [1, None, True]}}
    assert abs(first.at - file.stat().st_mtime) < 5
    assert (second.text, second.part, second.parts) == (PHASES[1], 2, len(PHASES))


def test_what_an_event_does_not_hold_is_not_written(file: Path) -> None:
    with EventWriter(file) as events:
        for kind, values in (("metrics", {"step": -1}), ("metrics", {"measures": 3}), ("phase", {"text": 5})):
            with pytest.raises(ValueError):
                events.append(kind, **values)
    assert file.read_bytes() == b""


def test_what_an_older_studio_called_held_out_is_the_validation_part(file: Path) -> None:
    file.write_text(
        '{"event": "prepared", "at": 1, "examples": 9, "held_out": 3}\n'
        '{"event": "evaluated", "at": 1.5, "step": 4, "held_out_loss": 0.5}\n{"event": "new", "at": 2}\n'
    )
    prepared, old, new = read_events(file).events
    assert isinstance(prepared, Prepared) and (prepared.examples, prepared.validation) == (9, 3)
    assert isinstance(old, Evaluated) and (old.step, old.loss, old.measures) == (4, 0.5, {})
    assert type(new) is Event and new.event == "new"


def test_each_event_is_one_line_whatever_it_holds(file: Path) -> None:
    with EventWriter(file) as events:
        events.append("sampled", text="one\ntwo\r\nthree\u2028four\x00\x1b[0m")
    assert file.read_bytes().count(b"\n") == 1
    assert read_events(file).events[0].text == "one\ntwo\r\nthree\u2028four\x00\x1b[0m"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_becomes_null_at_any_depth(file: Path, value: float) -> None:
    with EventWriter(file) as events:
        events.append("metrics", loss=value, more=[{"loss": value}, (value,)])
    (event,) = read_events(file).events
    assert event.loss is None
    assert event.more == [{"loss": None}, [None]]
    assert b"NaN" not in file.read_bytes() and b"Infinity" not in file.read_bytes()


def test_half_a_letter_does_not_stop_an_event(file: Path) -> None:
    with EventWriter(file) as events:
        events.append("sampled", text="a\ud800b")
    assert read_events(file).events[0].text == "a?b"


def test_a_missing_file_has_no_events(file: Path) -> None:
    assert read_events(file, 7) == ([], 0)


def test_a_half_written_line_is_read_when_it_is_whole(file: Path) -> None:
    write(file, 1)
    whole = file.read_bytes()
    write(file, 2)
    added = file.read_bytes()[len(whole) :]
    for cut in range(len(added)):
        file.write_bytes(whole + added[:cut])
        page = read_events(file)
        assert [event.step for event in page.events] == [1]
        assert page.offset == len(whole)
    file.write_bytes(whole + added)
    assert steps(file, len(whole)) == [2]


@pytest.mark.parametrize(
    "litter",
    [
        b"",
        b"{",
        b"null",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"event": 5, "at": 1}',
        b'{"event": "metrics"}',
        b'{"event": "metrics", "at": "yesterday"}',
        b'{"event": "metrics", "at": NaN}',
        b"\xff\xfe\x00",
        b"\x00" * 4096,
        b"[" * 100_000,
    ],
)
def test_a_broken_line_spoils_no_other(file: Path, litter: bytes) -> None:
    write(file, 1)
    with open(file, "ab") as stream:
        stream.write(litter + b"\n")
    write(file, 2)
    assert steps(file) == [1, 2]


def test_a_line_longer_than_a_page_is_passed_over(file: Path) -> None:
    write(file, 1)
    with open(file, "ab") as stream:
        stream.write(b"x" * 5000 + b"\n")
    write(file, 2)
    found, offset = [], 0
    while (page := read_events(file, offset, most_bytes=200)).offset != offset:
        found += [event.step for event in page.events]
        offset = page.offset
    assert found == [1, 2]


@pytest.mark.parametrize("offset", [-1, -(10**30), 10**9, 10**30])
def test_an_offset_outside_the_file_begins_again(file: Path, offset: int) -> None:
    write(file, 1, 2)
    assert steps(file, offset) == [1, 2]


def test_an_offset_within_a_line_goes_on_with_the_next(file: Path) -> None:
    write(file, 1, 2)
    assert steps(file, 3) == [2]


def test_a_file_that_shrank_is_read_again(file: Path) -> None:
    write(file, 1, 2, 3)
    offset = read_events(file).offset
    file.unlink()
    write(file, 7)
    assert steps(file, offset) == [7]


def test_ten_thousand_events_come_whole_in_pages(file: Path) -> None:
    write(file, *range(10_000))
    found, offset, pages = [], 0, 0
    while (page := read_events(file, offset, most_bytes=10_000)).offset != offset:
        assert page.offset - offset <= 10_000
        found += [event.step for event in page.events]
        offset, pages = page.offset, pages + 1
    assert found == list(range(10_000)) == steps(file)
    assert pages > 20 and offset == file.stat().st_size


def test_two_readers_see_the_same_while_one_writes(file: Path) -> None:
    seen: dict[str, list[int]] = {"first": [], "second": []}
    written = threading.Event()

    def read(name: str) -> None:
        offset = 0
        while True:
            last = written.is_set()
            page = read_events(file, offset, most_bytes=4096)
            seen[name] += [event.step for event in page.events]
            if last and page.offset == offset:
                return
            offset = page.offset

    readers = [threading.Thread(target=read, args=[name]) for name in seen]
    for reader in readers:
        reader.start()
    write(file, *range(3000))
    written.set()
    for reader in readers:
        reader.join(timeout=120)
    assert seen["first"] == seen["second"] == list(range(3000))


def test_a_writer_closes_the_half_line_of_a_crash(file: Path) -> None:
    write(file, 1)
    with open(file, "ab") as stream:
        stream.write(b'{"event": "metrics", "at": 1, "st')
    write(file, 2, 3)
    assert steps(file) == [1, 2, 3]
    assert file.read_bytes().count(b"\n") == 4


FULL_DISK = """
import resource, sys
from pathlib import Path
from studio.errors import WorkspaceError
from studio.runs.event import EventWriter

file, room = Path(sys.argv[1]), int(sys.argv[2])
with EventWriter(file) as events:
    events.append("metrics", step=1)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + room, most))
    try:
        events.append("metrics", step=2)
        print("written")
    except WorkspaceError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    events.append("metrics", step=3)
"""


def test_a_disk_that_fills_up_in_a_line_is_said_and_spoils_no_later_one(file: Path) -> None:
    pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    command = [sys.executable, "-c", FULL_DISK, str(file), "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert tells(done.stdout, f"{file.parent} larger")
    assert steps(file) == [1, 3]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_said_in_words() -> None:
    with EventWriter(Path("/dev/full")) as events, raises(WorkspaceError, "/dev disk full"):
        events.append("started")


def test_a_folder_that_is_gone_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="No such file or directory"):
        EventWriter(tmp_path / "gone" / "events.jsonl")
    with pytest.raises(WorkspaceError, match=r"Is a directory"):
        read_events(tmp_path)


def test_only_json_is_written(file: Path) -> None:
    with EventWriter(file) as events:
        events.append("counted", trainable=2**40, large=2**70, share=0.1, ok=True, nothing=None)
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert (lines[0]["trainable"], lines[0]["large"]) == (2**40, 2**70)
