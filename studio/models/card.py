"""What a graphics card says of itself, asked of NVIDIA's driver through nvidia-smi, and what torch can use of it.

Says in words why a card that is there can't be used. Imports no torch: its version file says what it was built for.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import psutil

FRESH_SECONDS = 2.0
"""For so long an answer of nvidia-smi is believed: it takes a tenth of a second, and a slider asks at each move."""
PATIENCE_SECONDS = 20
"""A driver that wakes up for the first question takes some seconds."""
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
"""Of the driver, by the CUDA that torch was built with."""
LEAST_CAPABILITY = {11: 3.7, 12: 5.0, 13: 7.5}
WSL_SHARE = 0.9
"""Of what is free: beyond that, the driver of WSL lends the computer's own memory, up to 100 times as slow."""
_ASKED = ("name", "uuid", "memory.total", "memory.free", "compute_cap", "driver_version", "mig.mode.current")


class Card(NamedTuple):
    """A card of NVIDIA's; bytes of memory are 0 where the driver doesn't know them, as `capability` and `uuid`."""

    name: str
    uuid: str = ""
    memory_bytes: int = 0
    free_bytes: int = 0
    capability: float = 0.0
    driver: str = ""
    is_parted: bool = False

    @property
    def has_bf16(self) -> bool:
        """Whether it computes in bf16: since Ampere."""
        return self.capability >= 8.0


class Look(NamedTuple):
    """The card that this process would use, None for none; `trouble` says in words why one that is there can't be."""

    card: Card | None
    trouble: str = ""


def look_at_card() -> Look:
    """Return the card that this process sees first, as it was a moment ago."""
    built = find_build()
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if seen in ("", "-1") or not shutil.which("nvidia-smi"):
        return Look(None, _tell_other(built))
    card, trouble = _ask(seen, int(time.monotonic() / FRESH_SECONDS))
    if card is None:
        return Look(None, trouble)
    if "cuda" not in built:
        kind = next(iter(built), "the processor alone").replace("hip", "AMD's cards (ROCm)").replace("xpu", "Intel's")
        return Look(None, f"The graphics card {card.name} is not used: the torch that is installed is for {kind}.")
    return _check(card, built["cuda"])


@lru_cache
def find_build() -> dict[str, str]:
    """Return what the installed torch is built for, cuda, hip or xpu, each with its version; nothing: processors."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return {}
    file = Path(found.origin).with_name("version.py")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return dict(re.findall(r"^(cuda|hip|xpu)\b[^=\n]*= ['\"]([^'\"]+)['\"]", text, re.MULTILINE))


def choose_card(environment: MutableMapping[str, str]) -> None:
    """Let this process and its children see one card: the one that was named first, else the one with most room.

    To be called before torch is imported. A batch is one whole, and transformers would part it among all cards.
    """
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        environment["CUDA_VISIBLE_DEVICES"] = named.split(",")[0].strip()
    elif shutil.which("nvidia-smi"):
        cards = [card for card in map(_read_line, _run(f"--query-gpu={','.join(_ASKED)}", "--format=csv,noheader")[0])]
        known = [card for card in cards if card is not None and card.uuid]
        if known:
            environment["CUDA_VISIBLE_DEVICES"] = max(known, key=lambda card: card.free_bytes).uuid


def is_wsl() -> bool:
    """Whether this is Linux inside Windows."""
    return "microsoft" in platform.release().lower()


def _check(card: Card, cuda: str) -> Look:
    """Say why torch's CUDA can't use a card, if it can't."""
    major = int(cuda.split(".")[0])
    driver, oldest = card.driver.split(".")[0], OLDEST_DRIVER.get(major, 0)
    if driver.isdecimal() and int(driver) < oldest:
        return Look(
            None,
            f"The graphics card {card.name} is not used: its driver {card.driver} is too old for torch, whose CUDA "
            f"{cuda} needs {oldest} or later. Update the driver.",
        )
    if card.capability and card.capability < LEAST_CAPABILITY.get(major, 0):
        return Look(
            None,
            f"The graphics card {card.name} is not used: it is older (compute capability {card.capability}) than what "
            f"torch's CUDA {cuda} computes on ({LEAST_CAPABILITY[major]}). Install a torch built with an older CUDA.",
        )
    if not card.memory_bytes:  # it shares the computer's own
        memory = psutil.virtual_memory()
        card = card._replace(memory_bytes=memory.total, free_bytes=memory.available)
    if is_wsl():
        card = card._replace(free_bytes=int(WSL_SHARE * card.free_bytes))
    return Look(card)


def _tell_other(built: dict[str, str]) -> str:
    """What to say of torch for other makers' cards, which the studio doesn't train on."""
    maker = {"hip": "AMD's cards (ROCm)", "xpu": "Intel's cards (XPU)"}
    names = [maker[kind] for kind in maker if kind in built]
    return f"The torch that is installed is for {names[0]}, on which the studio doesn't train yet." if names else ""


@lru_cache(maxsize=1)
def _ask(seen: str, moment: int) -> tuple[Card | None, str]:
    """The card by its number, UUID or slice, asked again at each `moment`; or why it doesn't answer."""
    which = [] if seen.startswith("MIG-") else [f"--id={seen}"]  # nvidia-smi can't be asked for a slice
    lines, why = _run(f"--query-gpu={','.join(_ASKED)}", "--format=csv,noheader", *which)
    card = _read_line(lines[0]) if lines else None
    if card is None and why == "refused":  # an old one doesn't know all the words
        lines, _ = _run("--query-gpu=name,driver_version", "--format=csv,noheader", *which)
        parts = [part.strip() for part in lines[0].split(",")] if lines else []
        card = Card(parts[0], driver=parts[1]) if len(parts) == 2 else None
        why = "" if card else "there is no such card"
    if card is None:
        return None, f"A graphics card may be here, but its driver's nvidia-smi doesn't tell ({why or 'no answer'})."
    return _find_slice(card, seen) if card.is_parted or seen.startswith("MIG-") else (card, "")


def _read_line(line: str) -> Card | None:
    """A card of a line of nvidia-smi's; what it doesn't know is written as [N/A]."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(_ASKED) or not parts[0]:
        return None
    name, uuid, total, free, capability, driver, parted = parts
    return Card(
        name, uuid, _read_size(total), _read_size(free), _read_number(capability), driver, parted.lower() == "enabled"
    )


def _find_slice(card: Card, seen: str) -> tuple[Card | None, str]:
    """The slice of a parted card (MIG) that is seen, with its own memory: nvidia-smi's list names its size."""
    slices = re.findall(r"MIG (\d+g\.(\d+)gb\S*).*?UUID: (MIG-[^)\s]+)", "\n".join(_run("-L")[0]))
    found = next((one for one in slices if one[2] == seen), slices[0] if slices and seen[:4] != "MIG-" else None)
    if found is None:
        return None, f"The graphics card {card.name} is parted into slices (MIG), and none of them is {seen}."
    size = int(found[1]) * 2**30
    return card._replace(name=f"{card.name} ({found[0]})", uuid=found[2], memory_bytes=size, free_bytes=size), ""


def _read_size(text: str) -> int:
    """Bytes of "15360 MiB"."""
    return int(_read_number(text.split(" ")[0]) * 2**20)


def _read_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _run(*words: str) -> tuple[list[str], str]:
    """The lines that nvidia-smi answers, or why there are none."""
    try:
        done = subprocess.run(
            ["nvidia-smi", *words], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
        )
    except subprocess.TimeoutExpired:
        return [], f"it didn't answer within {PATIENCE_SECONDS} seconds"
    except subprocess.CalledProcessError:
        return [], "refused"
    except OSError as error:
        return [], str(error)
    return [line for line in done.stdout.splitlines() if line.strip()], ""
