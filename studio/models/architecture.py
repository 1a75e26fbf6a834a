"""What transformers makes of a config.json: its config class, and the model without weights.

A config is read as from_pretrained reads it: keys that a kind has other names for, infinities that are written out,
values that are left out. Knows nothing of methods, precisions or memory. Imports transformers inside its functions.
"""

import copy
import json
import re
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import ModelError, first_line
from studio.models.bounds import check_bounds
from studio.models.encoders import find_class, is_encoder
from studio.models.libraries import import_libraries, quiet_libraries
from studio.models.reference import read_config

LOCK = threading.Lock()
"""Models are built on the meta device, and loaded, by one thread at a time: transformers and torch change themselves
meanwhile, and what is put back last may be what another thread had changed."""


class Sizes(NamedTuple):
    """Sizes of a model: `rows` are the tokens it can read, `context` is None where it has no limit."""

    parameters: int
    layers: int | None
    width: int
    vocabulary: int
    rows: int
    context: int | None


def read_config_text(folder: Path) -> str:
    """Return the config.json of a folder as the text that results are kept by. Raises ModelError in words."""
    return json.dumps(read_config(folder), sort_keys=True)


def parse_config(config: str) -> Any:
    """Return transformers' own config of the text of a config.json, the caller's to change. Raises ModelError."""
    return copy.deepcopy(_parse_config(config))


@lru_cache(maxsize=64)
def _parse_config(config: str) -> Any:
    check_bounds(json.loads(config))
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
    import_libraries()
    from transformers import AutoModelForCausalLM

    quiet_libraries()
    found = parse_config(config)
    if hasattr(found, "quantization_config"):
        del found.quantization_config
    try:
        encoder = find_class(type(found)) if is_encoder(found) else None
        model = AutoModelForCausalLM.from_config(found) if encoder is None else encoder(found)
    except Exception as error:  # the numbers in a config may be anything
        raise _refuse(found.model_type, error) from None
    return model.requires_grad_(False)


def describes_encoder(config: str) -> bool:
    """Whether the text of a config.json describes a model that reads whole texts, and writes none."""
    return is_encoder(_parse_config(config))


def _refuse(kind: str, error: Exception) -> ModelError:
    return ModelError(
        f"transformers can't build a causal language model of kind {kind[:60]!r} from this config.json: "
        f"{first_line(error)}",
        field="model",
    )


@lru_cache(maxsize=64)
def read_sizes(config: str) -> Sizes:
    """Return the sizes of the model that the text of a config.json describes. Raises ModelError in words."""
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        model = build_model(config)
    return Sizes(
        parameters=model.num_parameters(),
        layers=_count_layers(model),
        width=count_width(model),
        vocabulary=count_vocabulary(model),
        rows=count_rows(model),
        context=find_context(model),
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


def find_context(model: Any) -> int | None:
    """Return how many tokens a model can read and write in all, None where it sets no limit.

    That is what its config says, which a table of positions may cut: the first rows of some are for padding.
    """
    from torch.nn import Embedding

    text = model.config.get_text_config()
    said = next((value for name in _LENGTHS if isinstance(value := getattr(text, name, None), int) and value > 0), None)
    if said is None or not hasattr(text, "num_attention_heads"):  # what has no attention reads on and on
        return None
    words, longest = model.get_input_embeddings(), said
    for module in model.modules():
        if isinstance(module, Embedding) and module is not words and 0 <= module.num_embeddings - said <= _SPARE_ROWS:
            spare = getattr(module, "offset", 0 if module.padding_idx is None else module.padding_idx + 1)
            longest = min(longest, module.num_embeddings - int(spare))
    return longest


_LENGTHS = ("max_position_embeddings", "max_seq_len", "seq_length")
"""What configs call it: the first, or a name that their class knows the first by; and two whose classes know it not."""
_SPARE_ROWS = 8


def _count_layers(model: Any) -> int | None:
    from torch.nn import ModuleList

    said = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    if isinstance(said, int):
        return said
    return max((len(module) for module in model.modules() if isinstance(module, ModuleList)), default=None)


def find_text_names(model: Any) -> Callable[[str], bool]:
    """Return what says of the name of a module or parameter whether a text reaches it; it reaches no eye or ear."""
    config = model.config
    if config.get_text_config() is not config:
        part = model.get_decoder()
        name = next((name for name, module in model.named_modules() if module is part), "")
        return lambda one: one.startswith(f"{name}." if name else "")
    kinds = {type(inner) for key in config.sub_configs if (inner := getattr(config, key, None)) is not None}
    if not kinds:
        return lambda one: True
    own = [name for name, module in model.named_modules() if name and type(getattr(module, "config", None)) in kinds]
    return lambda one: not _SENSES.search(one) and not any(one == name or one.startswith(f"{name}.") for name in own)


_SENSES = re.compile(r"(^|[._])(vision|visual|image|img|video|audio|speech)([._]|$)")
"""What the parts between an eye or ear and the text are called, in models that have a config for each."""


def fill(model: Any) -> Any:
    """Give a model of the meta device random numbers, on the processor, and return it."""
    import torch

    model = model.to_empty(device="cpu")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        for value in (*model.parameters(), *model.buffers()):
            value.normal_(0, 0.02) if value.is_floating_point() else value.zero_()
        model.apply(model._init_weights)
    return model
