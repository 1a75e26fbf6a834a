"""What can be known of a base model without loading it: from its config, its tokenizer and the headers of its files.

The configs of what comes with the studio are its own writing, and are read as they are, so that the page opens without
torch; all others are read as transformers reads them.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from studio.errors import ModelError, first_line
from studio.models.architecture import Sizes
from studio.models.checking import check_model
from studio.models.hub import fetch_config_folder, fetch_size
from studio.models.reference import ENCODER, ModelRef, read_config
from studio.models.stored import read_stored
from studio.models.weights_file import list_weights, read_header


class ModelFacts(BaseModel, frozen=True):
    """Facts of one base model; sizes in bytes, context in tokens; `stored` says how, if in codes already."""

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
    stored: str | None = None

    @property
    def needed_bytes(self) -> int | None:
        """About what a run on it needs at least: its weights in bf16, and half as much again."""
        return None if self.parameters is None else guess_needed(self.parameters)


def guess_needed(parameters: int, four_bits: bool = False) -> int:
    """Return about the bytes that a run on so many parameters needs at least, before anything else is known.

    In 4 bits a weight takes 0.55 bytes with its scales; the rest is the head and what training adds.
    """
    return parameters + 2**29 if four_bits else 3 * parameters


def describe_model(ref: ModelRef) -> ModelFacts:
    """Return the facts of a base model, fetching only its config where it is on the hub.

    Raises ModelError in words for what can't be tuned.
    """
    folder = find_config_folder(ref)
    config, size = read_config(folder), _find_size(ref, folder)
    sizes = _read_own(config, folder) if ref.is_own else check_model(folder)
    stored = read_stored(config)
    return ModelFacts(
        ref=ref.ref,
        title=_title(ref, folder),
        family=config["model_type"],
        parameters=sizes.parameters,
        layers=sizes.layers,
        size_bytes=size,
        hidden_size=sizes.width,
        vocabulary=sizes.vocabulary,
        context=sizes.context,
        licence=_licence(folder),
        has_chat_template=has_chat_template(folder),
        stored=stored.words if stored else None,
    )


def _read_own(config: dict[str, Any], folder: Path) -> Sizes:
    rows = config["vocab_size"]
    return Sizes(
        parameters=count_in_headers(folder)[0],
        layers=config["num_hidden_layers"],
        width=config["hidden_size"],
        vocabulary=rows,
        rows=rows,
        context=config["max_position_embeddings"],
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
    """Return (parameters, bytes) summed over the headers of a folder's weights. Raises ModelError on a broken file."""
    numbers = size = 0
    for path in list_weights(folder):
        try:
            header = read_header(path)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{path} is not a whole safetensors file ({first_line(error)}). Copy or download it again.",
                field="model",
            ) from None
        numbers, size = numbers + header.numbers, size + header.size_bytes
    return numbers, size


def _find_size(ref: ModelRef, folder: Path) -> int | None:
    if any(folder.glob("*.safetensors")):
        return count_in_headers(folder)[1]
    found = fetch_size(ref.ref, ref.revision)
    return found[1] if found else None


def _title(ref: ModelRef, folder: Path) -> str:
    if ref.is_own:
        name = "Little Encoder" if ref.ref == ENCODER else "Little World"
        return f"{name} {count_in_headers(folder)[0] / 1e6:.0f}M"
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
