"""Exact parameter counts: the method is really attached to the real architecture, on torch's meta device.

There is no second formula to disagree with. Shapes come from config.json; no weights are read and no memory is taken.
Results are kept for the session, by config and method.
"""

import json
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import ModelError
from studio.methods import METHODS, Method
from studio.models.reference import read_config

_LOCK = threading.Lock()


class Count(NamedTuple):
    """Numbers of parameters.

    `linear` are the weights of the base's linear layers, which quantisation would store small.
    """

    trainable: int
    total: int
    base: int
    linear: int


class LinearShape(NamedTuple):
    """One kind of linear layer of a model: rows (outputs) x columns (inputs), and how many there are."""

    name: str
    rows: int
    columns: int
    times: int


class Shape(NamedTuple):
    """A model's architecture as far as estimates need it."""

    base: int
    linear: int
    layers: int
    hidden: int
    heads: int
    vocabulary: int
    kinds: tuple[LinearShape, ...]


def count(folder: Path, method: Method) -> Count:
    """Return the exact counts of `method` on the model whose config.json is in `folder`.

    Raises ModelError, RecipeError.
    """
    return _count(_config_text(folder), json.dumps(method.model_dump()))


def find_shape(folder: Path) -> Shape:
    """Return the architecture of the model whose config.json is in `folder`. Raises ModelError in words."""
    return _find_shape(_config_text(folder))


def _config_text(folder: Path) -> str:
    return json.dumps(read_config(folder), sort_keys=True)


@lru_cache(maxsize=512)
def _count(config: str, method: str) -> Count:
    import torch

    shape = _find_shape(config)
    with _LOCK, torch.device("meta"):
        model = METHODS.read(json.loads(method)).attach(_build(config))
        every = list(model.parameters())
    trainable = sum(p.numel() for p in every if p.requires_grad)
    return Count(trainable, sum(p.numel() for p in every), shape.base, shape.linear)


@lru_cache(maxsize=64)
def _find_shape(config: str) -> Shape:
    import torch

    with _LOCK, torch.device("meta"):
        model = _build(config)
    from studio.methods.targets import list_linear

    modules = dict(model.named_modules())
    kinds: dict[tuple[str, int, int], int] = {}
    for name in list_linear(model):
        weight = modules[name].weight
        rows, columns = weight.shape if isinstance(modules[name], torch.nn.Linear) else reversed(weight.shape)
        key = (".".join(name.split(".")[-2:]), int(rows), int(columns))
        kinds[key] = kinds.get(key, 0) + 1
    text = model.config.get_text_config()
    linear = sum(rows * columns * times for (_, rows, columns), times in kinds.items())
    return Shape(
        model.num_parameters(),
        linear,
        text.num_hidden_layers,
        text.hidden_size,
        getattr(text, "num_attention_heads", 1),
        text.vocab_size,
        tuple(LinearShape(*key, times) for key, times in kinds.items()),
    )


def _build(config: str) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.models.loading import quiet_libraries

    quiet_libraries()
    values = json.loads(config)
    values.pop("quantization_config", None)
    try:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**values))
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ModelError(
            f"transformers can't build a causal language model of kind {values['model_type'][:60]!r} from this "
            f"config.json: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
            field="model",
        ) from None
    return model.requires_grad_(False)
