"""What transformers makes of a config.json: its config class, and the model without weights.

A config is read as from_pretrained reads it: keys that a kind has other names for, infinities that are written out,
values that are left out. Knows nothing of methods, precisions or memory. Imports transformers inside its functions.
"""

import copy
import json
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.errors import ModelError, first_line
from studio.models.libraries import import_libraries
from studio.models.reference import read_config


def read_config_text(folder: Path) -> str:
    """Return the config.json of a folder as the text that results are kept by. Raises ModelError in words."""
    return json.dumps(read_config(folder), sort_keys=True)


def parse_config(config: str) -> Any:
    """Return transformers' own config of the text of a config.json, the caller's to change. Raises ModelError."""
    return copy.deepcopy(_parse_config(config))


@lru_cache(maxsize=64)
def _parse_config(config: str) -> Any:
    import_libraries()
    from transformers import AutoConfig

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(config, encoding="utf-8")
        try:
            found = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:  # the numbers in a config may be anything
            raise _refuse(json.loads(config)["model_type"], error) from None
    found.name_or_path = ""
    return found


def build_model(config: str) -> Any:
    """Return the frozen model of a config, on the device that is torch's own at the moment. Raises ModelError."""
    from transformers import AutoModelForCausalLM

    from studio.models.loading import quiet_libraries

    quiet_libraries()
    found = parse_config(config)
    if hasattr(found, "quantization_config"):
        del found.quantization_config
    try:
        model = AutoModelForCausalLM.from_config(found)
    except Exception as error:  # the numbers in a config may be anything
        raise _refuse(found.model_type, error) from None
    return model.requires_grad_(False)


def _refuse(kind: str, error: Exception) -> ModelError:
    return ModelError(
        f"transformers can't build a causal language model of kind {kind[:60]!r} from this config.json: "
        f"{first_line(error)}",
        field="model",
    )


def count_width(model: Any) -> int:
    """Return how many numbers stand for a token between two layers of a model."""
    width = getattr(model.config.get_text_config(), "hidden_size", None)
    return int(model.get_input_embeddings().weight.shape[-1] if width is None else width)


def count_vocabulary(model: Any) -> int:
    """Return how many tokens a model weighs at each place."""
    head = model.get_output_embeddings()
    return int(model.config.get_text_config().vocab_size if head is None else head.weight.shape[0])


def count_rows(model: Any) -> int:
    """Return how many different tokens a model can read."""
    return int(model.get_input_embeddings().weight.shape[0])
