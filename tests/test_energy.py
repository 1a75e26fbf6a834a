"""Energy off counters that are files and functions here: what is added up, what is passed over, and how it is told."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import tells

from studio.models.energy import Counter, Meter, list_cards, list_processors
from studio.reports.told import tell_energy
from studio.runs.event import EventWriter, Saved, read_events
from studio.runs.run import Run
from studio.runs.status import RunStatus, Watch


@pytest.fixture
def powercap(tmp_path: Path) -> Callable[..., Path]:
    """Make a zone as Linux shows it, in microjoules; it begins again at 100 J."""

    def write(zone: str, name: str, energy: str = "0", most: str = "100000000") -> Path:
        folder = tmp_path / zone
        folder.mkdir(exist_ok=True)
        for file, text in {"name": name, "energy_uj": energy, "max_energy_range_uj": most}.items():
            (folder / file).write_text(f"{text}\n")
        return folder

    return write


def test_processors_are_added_up_also_where_a_counter_begins_again(powercap: Any, tmp_path: Path) -> None:
    powercap("intel-rapl:0", "package-0", "90000000")
    powercap("intel-rapl:1", "package-1", "5000000")
    powercap("intel-rapl:0:0", "core")
    powercap("intel-rapl:0:1", "dram", "1000000")
    powercap("intel-rapl:2", "psys")
    powercap("intel-rapl-mmio:0", "package-0")
    meter = Meter(list_processors(tmp_path))
    assert meter.read(True) == {"processor": 0, "memory": 0}, "no part is counted twice"
    powercap("intel-rapl:0", "package-0", "10000000")  # over its 100 J: 20 more
    powercap("intel-rapl:1", "package-1", "8000000")
    powercap("intel-rapl:0:1", "dram", "1500000")
    assert meter.read(True) == pytest.approx({"processor": 23, "memory": 0.5})
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("?")
    powercap("intel-rapl:0", "package-0", "12000000")
    assert meter.read(True) == pytest.approx({"processor": 25, "memory": 0.5}), "one that is silent stops no other"
    powercap("intel-rapl:1", "package-1", "9000000")
    assert meter.read(True)["processor"] == pytest.approx(26), "and what it counted meanwhile comes later"


def test_what_may_not_be_read_is_no_counter(powercap: Any, tmp_path: Path) -> None:
    powercap("intel-rapl:0", "package-0", "no number")
    powercap("intel-rapl:1", "package-1", most="")
    (tmp_path / "intel-rapl:2").mkdir()
    assert list_processors(tmp_path) == [] == list_processors(tmp_path / "nowhere")
    assert Meter([]).read(True) == {}


def test_counters_are_looked_at_once_a_second() -> None:
    counted, now = iter([0.0, 7.0, 3.0, 9.0]), [0.0]
    meter = Meter([Counter("graphics card", lambda: next(counted))], clock=lambda: now[0])
    assert meter.read() == {"graphics card": 0}
    now[0] = 1.5
    assert meter.read() == meter.read() == {"graphics card": 7}
    assert meter.read(True) == {"graphics card": 7}, "one that was set back tells nothing of that time"
    assert meter.read(True) == {"graphics card": 13}


def make_nvml(energy: list[int], fault: int = 0, known: str = "GPU-1") -> Any:
    """NVML with one card that drew so many millijoules, each time it is asked."""

    def tell(handle: Any, into: Any) -> int:
        ctypes.cast(into, ctypes.POINTER(ctypes.c_ulonglong))[0] = energy.pop(0) if energy else 0
        return fault

    return SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetHandleByUUID=lambda uuid, handle: 0 if uuid == known.encode() else 6,
        nvmlDeviceGetTotalEnergyConsumption=tell,
    )


def test_a_card_is_read_by_its_driver() -> None:
    (counter,) = list_cards("GPU-1", lambda name: make_nvml([500, 1000, 4500]))
    meter = Meter([counter])
    assert meter.read(True) == {"graphics card": pytest.approx(3.5)}
    assert list_cards("GPU-2", lambda name: make_nvml([1])) == [], "another card's is none"
    assert list_cards("GPU-1", lambda name: make_nvml([1], fault=3)) == [], "an old card has no counter"
    assert list_cards("") == []

    def refuse(name: str) -> Any:
        raise OSError(name)

    assert list_cards("GPU-1", refuse) == []


def test_events_tell_what_was_drawn_and_a_status_adds_up_the_attempts(tmp_path: Path) -> None:
    run = Run(tmp_path / "20261120-071903-brave-otter")
    run.folder.mkdir()
    (run.folder / "recipe.json").write_text("{}")
    with EventWriter(run.events_file) as events:
        events.append("saved", step=1)
        assert Watch(run).look().joules is None, "an older studio looked at nothing"
        for drawn in (1800.0, 5400.0):
            events.draw = lambda anew, drawn=drawn: {"processor": drawn}  # type: ignore[misc]
            events.append("started", attempt=1)
            events.append("metrics", step=2, of=4, loss=1.0)
            events.append("saved", step=2)
        events.append("finished", step=4)
    assert [event.joules for event in read_events(run.events_file).events if isinstance(event, Saved)] == [
        None, {"processor": 1800}, {"processor": 5400}
    ]  # fmt: skip
    status = Watch(run).look()
    assert status.joules == {"processor": 7200} and status.watt_hours == 2
    assert tells(tell_energy(status), ("2 Wh", "processor 2"))
    assert "measurable" in tell_energy(status.model_copy(update={"joules": {}}))
    assert tell_energy(RunStatus(run_id="a", name="a", status="lost", created_at=0)) == "was not measured"
