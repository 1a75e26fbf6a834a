"""ModelRef: the name of a model: a base (the built-in one, a folder, a hub id), or one made here by a run or a merge.

Finds the folder of a base; where a model that was made here lies is for studio.checkpoints. Knows which folders can be
loaded safely: safetensors only, no code from the model's author. Reads config.json and file names; never loads weights,
never imports torch. Whether it is a causal language model is for studio.models.causality.
"""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from studio.errors import ModelError, first_line

BUILTIN = "builtin"
"""The base that comes with the studio."""
ENCODER = "encoder"
"""What comes with it to tell texts apart: the first layers of that base, taught which passages belong together."""
_ASSETS = Path(__file__).resolve().parents[2] / "assets"
BUILTIN_FOLDER, ENCODER_FOLDER = _ASSETS / "base", _ASSETS / "encoder"
_OWN = {BUILTIN: BUILTIN_FOLDER, ENCODER: ENCODER_FOLDER}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}")
_NAME = "[a-z0-9][a-z0-9_-]{0,79}"
_MADE = re.compile(rf"run:({_NAME})(?:@(0|[1-9][0-9]{{0,8}}))?|merge:({_NAME})")
_WEIGHTS = ("*.safetensors",)


class Made(NamedTuple):
    """The address of a model that was made here: `run:brave-otter@120`, or `merge:calm-heron`.

    Of a run without a step it is the best checkpoint, or else the last.
    """

    kind: Literal["run", "merge"]
    name: str
    step: int | None = None


class ModelRef(BaseModel, frozen=True):
    """Names a model: "builtin", "encoder", a folder, a hub id, or the address of one made here.

    `revision` is a branch, tag or commit of the hub.
    """

    ref: str
    revision: str | None = None

    @property
    def made(self) -> Made | None:
        """What was made here, None for a base model. Raises ModelError where such an address is no address."""
        if not self.ref.startswith(("run:", "merge:")):
            return None
        found = _MADE.fullmatch(self.ref)
        if not found or self.revision:
            raise ModelError(
                f"{self.ref[:80]!r} can't be the address of a model made here. Write run:brave-otter, or "
                "run:brave-otter@120 for the checkpoint of a step, without a revision.",
                field="model",
            )
        return Made("run" if found[1] else "merge", found[1] or found[3], int(found[2]) if found[2] else None)

    @property
    def is_own(self) -> bool:
        """Whether it comes with the studio."""
        return self.ref in _OWN

    @property
    def is_local(self) -> bool:
        """Whether nothing needs to be fetched to use it."""
        return self.is_own or bool(self.made) or _looks_like_path(self.ref)

    @property
    def public(self) -> "ModelRef":
        """The same for people elsewhere: a folder is named by its last part, never by where it lies here."""
        if self.is_own or self.made or not _looks_like_path(self.ref):
            return self
        return ModelRef(ref="./" + self.ref.replace("\\", "/").rstrip("/").rpartition("/")[2])

    def find_folder(self) -> Path | None:
        """Return the folder of a built-in or local base, None for a hub id. Raises ModelError in words."""
        if self.made:
            raise ModelError(
                f"{self.ref} was made here and is no base model. Choose the model it was made from.", field="model"
            )
        if self.is_own:
            return check_folder(_OWN[self.ref])
        if _looks_like_path(self.ref):
            return check_folder(_expand(self.ref))
        if not _HUB_ID.fullmatch(self.ref) or ".." in self.ref:
            raise ModelError(
                f"{self.ref[:80]!r} is neither a folder nor a hub id. A hub id looks like "
                "'HuggingFaceTB/SmolLM2-135M'; a folder starts with / or ./ or ~.",
                field="model",
            )
        if self.revision is not None and (not _REVISION.fullmatch(self.revision) or ".." in self.revision):
            raise ModelError(
                f"{self.revision[:80]!r} can't be a revision: it is a branch, a tag or a commit of the hub, such as "
                "main. Leave it empty for the newest.",
                field="revision",
            )
        return None


def is_known(model_type: str) -> bool:
    """Whether transformers has a model of this type itself, so that it needs no code of its author's."""
    found = find_spec("transformers")
    name = model_type.replace("-", "_")
    return bool(
        found and found.origin and name.isidentifier() and (Path(found.origin).parent / "models" / name).is_dir()
    )


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a folder. Raises ModelError when it isn't the config of a model of transformers."""
    path = folder / "config.json"
    if not path.is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"The folder {folder} holds an adapter, not a model. Choose the base it was trained on"
            f"{_name_base(folder)}, or merge the two into one model first.",
            field="model",
        )
    if not path.is_file() and any(folder.glob("*.gguf")):
        raise ModelError(
            f"The folder {folder} holds the model as GGUF, a form to answer with and not to train. Choose the model it "
            "was made from, as safetensors.",
            field="model",
        )
    if not path.is_file():
        raise ModelError(
            f"The folder {folder} has no config.json, so it does not hold a model. Choose the folder that "
            "save_pretrained wrote.",
            field="model",
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(
            f"{path} can't be read as JSON ({error}). Save the model again with save_pretrained.", field="model"
        ) from None
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError(
            f"{path} does not say a model_type, so it is not the config of a transformers model.", field="model"
        )
    if "auto_map" in config and not is_known(config["model_type"]):
        raise ModelError(
            "This model needs code written by its author (trust_remote_code), which the studio never runs. "
            "Choose a model that transformers knows by itself.",
            field="model",
        )
    return config


def _name_base(folder: Path) -> str:
    try:
        name = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({str(name)[:100]})" if name else ""


def check_folder(folder: Path) -> Path:
    """Return `folder` if a model can be loaded from it safely. Raises ModelError in words."""
    if not folder.is_dir():
        raise ModelError(
            f"There is no folder {folder}. Check the path, or give a hub id such as 'HuggingFaceTB/SmolLM2-135M'.",
            field="model",
        )
    read_config(folder)
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        if any(folder.glob("*.gguf")):
            raise ModelError(
                f"The folder {folder} holds the model as GGUF, a form to answer with and not to train. Choose the "
                "model it was made from, as safetensors.",
                field="model",
            )
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
            raise ModelError(
                f"The folder {folder} holds its weights only as pickle (.bin), a format that can run code "
                "when opened. Save the model as safetensors (save_pretrained does) and choose that.",
                field="model",
            )
        raise ModelError(
            f"The folder {folder} has no *.safetensors file, so there are no weights to tune.", field="model"
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json", "tokenizer.model")):
        raise ModelError(
            f"The folder {folder} has no tokenizer. Save it there too: tokenizer.save_pretrained(folder).",
            field="model",
        )
    return folder


def _looks_like_path(ref: str) -> bool:
    if ref.startswith(("/", "./", "../", "~", ".\\")) or re.match(r"[A-Za-z]:[\\/]", ref):
        return True
    try:
        return Path(ref).is_dir()
    except OSError:  # longer than any name
        return False


def _expand(ref: str) -> Path:
    try:
        folder = Path(ref).expanduser()
        folder.is_dir()
        return folder
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(f"{ref[:80]!r} can't be a folder: {first_line(error)}", field="model") from None
