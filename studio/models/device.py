"""What this computer can train on, found without importing torch.

Knows CPUs, NVIDIA GPUs (through studio.models.card) and Apple GPUs; where torch is loaded anyhow, it is asked whether
the device works. Knows nothing of models.
"""

import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel

from studio.errors import DeviceError, first_line
from studio.models.card import WSL_SHARE, is_wsl, look_at_card

ROOM = 0.85
"""The share of the free memory that a run may take and still fit well."""

Fit = Literal["fits", "tight", "not enough now", "too big", "unknown"]
"""How well what needs memory goes into a device; too big is what would not fit if nothing else used it."""


class DeviceFacts(BaseModel, frozen=True):
    """The device that runs would use; memory in bytes."""

    kind: Literal["cpu", "cuda", "mps"]
    name: str
    memory_bytes: int
    free_bytes: int
    cores: int
    bf16: bool
    is_imagined: bool = False
    """Whether it is not here, and only planned for."""
    note: str = ""
    """Why a card that is here is not used, in words; "" where there is none or it is."""

    @property
    def half(self) -> Literal["bf16", "fp16"] | None:
        """The 16 bits in which it computes faster than in 32; NVIDIA cards before Ampere know fp16 alone.

        Of those the GTX 16 have no tensor cores, and are twenty times slower so.
        """
        if self.bf16:
            return "bf16"
        return "fp16" if self.kind == "cuda" and "GTX 16" not in self.name else None

    @property
    def unpacks(self) -> bool:
        """Whether weights of 16 bits are multiplied as 32 here (see studio.models.wide)."""
        return self.kind == "cpu" and self.half is None

    def judge(self, needed: int | None) -> Fit:
        """Say how well `needed` bytes (None: nobody knows) go into its memory."""
        if needed is None:
            return "unknown"
        if needed > self.memory_bytes:
            return "too big"
        if needed > self.free_bytes:
            return "not enough now"
        return "fits" if needed < ROOM * self.free_bytes else "tight"

    @property
    def usual_precision(self) -> Literal["fp32", "bf16"]:
        """How a base that is not quantised is best stored here: in bf16 on a card, unless that would be slow."""
        return "fp32" if self.kind == "cpu" or (self.kind == "cuda" and self.half is None) else "bf16"

    @property
    def sentence(self) -> str:
        """What was found, for a person."""
        size = f"{self.memory_bytes / 2**30:.0f} GB of memory"
        if self.kind == "cpu":
            cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
            why = self.note.rstrip(".") or "No GPU was found"
            return f"{why}, so training runs on the processor: {self.name}, {cores}, {size}."
        return f"Training runs on the graphics card: {self.name}, {size}."


def find_device() -> DeviceFacts:
    """Return the fastest device here, with the memory that is free now, on a card that was free a moment ago.

    STUDIO_DEVICE=cpu leaves a card alone.
    """
    if os.environ.get("STUDIO_DEVICE", "").strip().lower() == "cpu":
        return _processor("as STUDIO_DEVICE says")
    look = look_at_card()
    if look.card is None:
        return _processor(look.trouble)
    return DeviceFacts(
        kind="cuda",
        name=look.card.name,
        memory_bytes=look.card.memory_bytes,
        free_bytes=look.card.free_bytes,
        cores=count_cores(),
        bf16=look.card.has_bf16,
    )


def imagine_card(gigabytes: int) -> DeviceFacts:
    """Return a graphics card of today that is not here, empty, to plan for it."""
    memory = gigabytes * 10**9  # it has a little more, and shows a screen
    name = f"a graphics card with {gigabytes} GB"
    return DeviceFacts(
        kind="cuda",
        name=name,
        memory_bytes=memory,
        free_bytes=memory,
        cores=count_cores(),
        bf16=True,
        is_imagined=True,
    )


def try_device(device: DeviceFacts) -> DeviceFacts:
    """Return a device that was tried, with what torch says is free on it. Raises DeviceError in words.

    Loads torch, and begins to use the card.
    """
    import torch

    if device.kind == "cpu" and torch.cuda.is_available() and "STUDIO_DEVICE" not in os.environ:
        device = device.model_copy(update={"kind": "cuda", "name": torch.cuda.get_device_name(), "note": ""})
    if device.kind == "cpu":
        return device
    try:
        (torch.zeros(8, device=device.kind) + 1).sum().item()
        if device.kind == "mps":
            return device
        free, total = torch.cuda.mem_get_info()
        bf16 = torch.cuda.get_device_capability() >= (8, 0)
    except Exception as error:  # a driver has errors of its own kinds
        raise DeviceError(
            f"The graphics card {device.name} was found and can't be used: {first_line(error)} Look after its driver, "
            "or start the studio with STUDIO_DEVICE=cpu."
        ) from None
    free = int(WSL_SHARE * free) if is_wsl() else free
    if is_wsl():
        limit_memory(free)
    return device.model_copy(update={"memory_bytes": total, "free_bytes": free, "bf16": bf16})


def limit_memory(more_bytes: int) -> None:
    """Let this process take so many bytes of the card beyond those that it holds, and then fail rather than others."""
    import torch

    if torch.cuda.is_available():
        _, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(
            min(1.0, max(0.0, (torch.cuda.memory_reserved() + more_bytes) / total))
        )


def _processor(note: str = "") -> DeviceFacts:
    memory = psutil.virtual_memory()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64" and not note
    return DeviceFacts(
        kind="mps" if apple else "cpu",
        name=_processor_name(),
        memory_bytes=memory.total,
        free_bytes=memory.available,
        cores=count_cores(),
        bf16=multiplies_16_bits(),
        note=note,
    )


FULL = (
    "out of memory",
    "can't allocate memory",
    "cublas_status_alloc_failed",
    "cublas_status_not_initialized",  # its workspace found no room
    "cudnn_status_alloc_failed",
    "cudaerrormemoryallocation",
    "device not ready",  # so WSL's driver says it
)
"""What libraries say where a device's memory is full."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of any library, or one that it was raised from, means that the device's memory is full."""
    seen: BaseException | None = error
    while seen is not None:
        words = str(seen).lower()
        if isinstance(seen, MemoryError) or type(seen).__name__ == "OutOfMemoryError":
            return True
        if any(name in words for name in FULL):
            return True
        seen = seen.__cause__
    return False


def count_cores() -> int:
    """Return how many cores this process may use; OMP_NUM_THREADS lowers it, as everywhere."""
    usable = getattr(psutil.Process(), "cpu_affinity", None)
    cores = len(usable()) if usable else (psutil.cpu_count(logical=False) or 1)
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(wanted))) if wanted.isdecimal() else cores


@lru_cache
def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(errors="replace") if path.exists() else ""


def _processor_name() -> str:
    for line in _cpuinfo().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@lru_cache
def multiplies_16_bits() -> bool:
    """Whether the processor has products of 16-bit numbers; those without unpack each number again and again."""
    return any(flag in _cpuinfo() for flag in ("avx512_bf16", "amx_bf16", " bf16"))
