"""Energy: what this computer drew meanwhile, off the counters that it has: Intel's RAPL and NVIDIA's NVML.

Knows counters alone. They count whole processors and whole cards, whoever made them work.
"""

import ctypes
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from studio.models.card import look_at_card

POWERCAP = Path("/sys/class/powercap")
"""Where Linux has the counters of processors; AMD's too, under Intel's name. Most let root alone read them."""
LEAST_SECONDS = 1.0
"""Two readings are so far apart at least."""
_NVML = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
_MICRO, _MILLI = 1e-6, 1e-3


class Counter(NamedTuple):
    """Counts joules of one part of the computer; after `most` of them it begins again at 0.

    `read` raises OSError or ValueError where it doesn't tell.
    """

    of: str
    read: Callable[[], float]
    most: float = 0.0


class Meter:
    """Adds up what counters told since it was made. To be asked more often than a counter begins again: minutes."""

    def __init__(self, counters: Sequence[Counter], clock: Callable[[], float] = time.monotonic) -> None:
        self._counters, self._clock = counters, clock
        self._last = [_try(counter) for counter in counters]
        self._joules = {counter.of: 0.0 for counter, first in zip(counters, self._last, strict=True) if first >= 0}
        self._read_at = clock()

    def read(self, at_once: bool = False) -> dict[str, float]:
        """Return the joules so far, by what drew them; nothing where nothing can be measured.

        Counters are looked at no more than once a second, or `at_once`.
        """
        if at_once or self._clock() - self._read_at >= LEAST_SECONDS:
            self._read_at = self._clock()
            for place, counter in enumerate(self._counters):
                self._add(place, counter)
        return dict(self._joules)

    def _add(self, place: int, counter: Counter) -> None:
        now, last = _try(counter), self._last[place]
        if now < 0 or last < 0:  # it doesn't tell: what it counts meanwhile is in the next reading
            return
        self._last[place] = now
        drawn = now - last + (counter.most if now < last else 0.0)
        self._joules[counter.of] += max(0.0, drawn)  # one that was set back by hand tells nothing of that time


def find_meter() -> Meter:
    """Return the meter of this computer, and of the card that this process sees."""
    card = look_at_card().card
    return Meter([*list_processors(), *list_cards(card.uuid if card else "")])


def list_processors(folder: Path = POWERCAP) -> list[Counter]:
    """Return the counters of whole processors and of their memory, those that may be read."""
    return [counter for zone in sorted(folder.glob("intel-rapl:*")) if (counter := _read_zone(zone))]


def list_cards(uuid: str, load: Callable[[str], Any] = ctypes.CDLL) -> list[Counter]:
    """Return the counter of a card, none where its driver has none: before Volta, and of a slice of a card (MIG)."""
    try:
        nvml = load(_NVML) if uuid else None
    except OSError:
        return []
    handle = ctypes.c_void_p()
    if nvml is None or nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle)):
        return []
    counter = Counter("graphics card", partial(_read_card, nvml, handle))
    return [counter] if _try(counter) >= 0 else []


def _read_card(nvml: Any, handle: ctypes.c_void_p) -> float:
    drawn = ctypes.c_ulonglong()
    if fault := nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(drawn)):
        raise OSError(f"NVML answers {fault}.")
    return drawn.value * _MILLI


def _read_zone(zone: Path) -> Counter | None:
    """The counter of a zone; its parts, such as the cores, are counted in it, and the platform counts everything."""
    try:
        name = (zone / "name").read_text().strip()
        most = int((zone / "max_energy_range_uj").read_text()) * _MICRO
    except (OSError, ValueError):
        return None
    of = "processor" if name.startswith("package") else "memory" if name == "dram" else ""
    counter = Counter(of, lambda: int((zone / "energy_uj").read_text()) * _MICRO, most)
    return counter if of and _try(counter) >= 0 else None


def _try(counter: Counter) -> float:
    """What a counter tells, -1 where it doesn't."""
    try:
        return counter.read()
    except (OSError, ValueError):
        return -1.0
