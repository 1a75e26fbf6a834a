"""What this computer can train on, found without importing torch.

Knows CPUs, NVIDIA GPUs (through nvidia-smi) and Apple GPUs. Knows nothing of models.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import time
from functools import lru_cache
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel


class DeviceFacts(BaseModel, frozen=True):
    """The device that runs would use; memory in bytes."""

    kind: Literal["cpu", "cuda", "mps"]
    name: str
    memory_bytes: int
    free_bytes: int
    cores: int
    bf16: bool

    @property
    def half(self) -> Literal["bf16", "fp16"] | None:
        """The 16 bits in which it computes faster than in 32; NVIDIA cards before Ampere know fp16 alone."""
        return "bf16" if self.bf16 else "fp16" if self.kind == "cuda" else None

    @property
    def usual_precision(self) -> Literal["fp32", "bf16"]:
        """How a base that is not quantised is best stored here: in bf16 on a card, unless that would be slow."""
        return "fp32" if self.kind == "cpu" or self.half == "fp16" else "bf16"

    @property
    def sentence(self) -> str:
        """What was found, for a person."""
        size = f"{self.memory_bytes / 2**30:.0f} GB of memory"
        if self.kind == "cpu":
            cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
            return f"No GPU was found, so training runs on the processor: {self.name}, {cores}, {size}."
        return f"Training runs on the graphics card: {self.name}, {size}."


FRESH_SECONDS = 2.0
"""For so long an answer of nvidia-smi is believed: it takes a tenth of a second, and a slider asks at each move."""


def find_device() -> DeviceFacts:
    """Return the fastest device here, with the memory that is free now, on a card that was free a moment ago."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    return (_nvidia(seen, int(time.monotonic() / FRESH_SECONDS)) if _torch_has_cuda() else None) or _processor()


@lru_cache
def _torch_has_cuda() -> bool:
    """Whether the torch that is installed can use an NVIDIA card: many computers have one, and a torch without CUDA."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    file = Path(found.origin).with_name("version.py")
    return not file.exists() or not re.search(r"^cuda\b.*= None", file.read_text(encoding="utf-8"), re.MULTILINE)


@lru_cache(maxsize=1)
def _nvidia(seen: str, moment: int) -> DeviceFacts | None:
    """The card that this process sees first, asked again at each `moment`."""
    if not shutil.which("nvidia-smi") or seen in ("", "-1"):
        return None
    asked = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
    if not seen.startswith("MIG-"):  # a slice of a card, which nvidia-smi can't be asked for
        asked.append(f"--id={seen}")
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
        name, total, free, capability = [part.strip() for part in answer[0].split(",")]
        return DeviceFacts(
            kind="cuda",
            name=name,
            memory_bytes=int(total) * 2**20,
            free_bytes=int(free) * 2**20,
            cores=count_cores(),
            bf16=float(capability) >= 8.0,
        )
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return None


def _processor() -> DeviceFacts:
    memory = psutil.virtual_memory()
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return DeviceFacts(
        kind="mps" if apple else "cpu",
        name=_processor_name(),
        memory_bytes=memory.total,
        free_bytes=memory.available,
        cores=count_cores(),
        bf16=_processor_has_bf16(),
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of any library means that the device's memory is full."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


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


def _processor_has_bf16() -> bool:
    return any(flag in _cpuinfo() for flag in ("avx512_bf16", "amx_bf16", " bf16"))
