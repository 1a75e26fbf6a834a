"""What can be known of a base model from its config and file headers alone: no weights, no torch."""

import json
import re
import struct
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from studio.errors import ModelError
from studio.models.device import DeviceFacts
from studio.models.hub import fetch_config_folder, fetch_size
from studio.models.reference import BUILTIN, ModelRef, read_config

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "F8_E4M3": 1}


class ModelFacts(BaseModel, frozen=True):
    """Facts of one base model; sizes in bytes, context in tokens."""

    ref: str
    title: str
    family: str
    parameters: int | None
    layers: int | None
    hidden_size: int | None
    vocabulary: int | None
    context: int | None
    size_bytes: int | None
    licence: str | None
    has_chat_template: bool

    def fits(self, device: DeviceFacts) -> Literal["fits", "tight", "too big", "unknown"]:
        """Whether its weights in bf16, and half as much again, fit the memory that is free."""
        if self.parameters is None:
            return "unknown"
        need = self.parameters * 3
        return "fits" if need < 0.7 * device.free_bytes else "tight" if need < device.free_bytes else "too big"


def describe_model(ref: ModelRef) -> ModelFacts:
    """Return the facts of a base model, fetching only its config where it is on the hub. Raises ModelError in words."""
    folder = find_config_folder(ref)
    config = read_config(folder)
    text = config.get("text_config", config)
    parameters, size = _weights(ref, folder)
    return ModelFacts(
        ref=ref.ref,
        title=_title(ref, folder),
        family=config["model_type"],
        parameters=parameters,
        layers=_number(text, "num_hidden_layers", "n_layer"),
        size_bytes=size,
        hidden_size=_number(text, "hidden_size", "n_embd"),
        vocabulary=_number(text, "vocab_size"),
        context=_number(text, "max_position_embeddings", "n_positions"),
        licence=_licence(folder),
        has_chat_template=has_chat_template(folder),
    )


def find_config_folder(ref: ModelRef) -> Path:
    """Return a folder holding at least config.json and the tokenizer. Raises ModelError in words."""
    return ref.find_folder() or fetch_config_folder(ref.ref, ref.revision)


def has_chat_template(folder: Path) -> bool:
    """Whether the tokenizer of a folder declares a chat template."""
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        return bool(json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template"))
    except (OSError, ValueError, AttributeError):
        return False


def count_in_headers(folder: Path) -> tuple[int, int]:
    """Return (parameters, bytes) summed over the safetensors headers of a folder.

    Raises ModelError on a broken file.
    """
    numbers = size = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with open(path, "rb") as file:
                (length,) = struct.unpack("<Q", file.read(8))
                if length > 100_000_000:
                    raise ValueError("its header is too long")
                header = json.loads(file.read(length))
            for name, tensor in header.items():
                if name != "__metadata__":
                    count = 1
                    for side in tensor["shape"]:
                        count *= side
                    numbers += count
                    size += count * _BYTES.get(tensor["dtype"], 2)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise ModelError(
                f"{path} is not a whole safetensors file ({error}). Copy or download it again.", field="model"
            ) from None
    return numbers, size


def _weights(ref: ModelRef, folder: Path) -> tuple[int | None, int | None]:
    if any(folder.glob("*.safetensors")):
        return count_in_headers(folder)
    return fetch_size(ref.ref, ref.revision) or (None, None)


def _number(config: dict[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def _title(ref: ModelRef, folder: Path) -> str:
    if ref.ref == BUILTIN:
        return f"Little World {count_in_headers(folder)[0] / 1e6:.0f}M"
    return folder.name if ref.is_local else ref.ref.split("/")[-1]


def _licence(folder: Path) -> str | None:
    card = folder / "README.md"
    if card.is_file():
        found = re.search(
            r"^licen[sc]e:\s*['\"]?([\w.-]+)", card.read_text(encoding="utf-8", errors="replace")[:4000], re.M
        )
        if found:
            return found.group(1)
    return None
