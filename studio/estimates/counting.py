"""Exact parameter counts: the method is really attached to the real architecture, on torch's meta device.

There is no second formula to disagree with. Shapes come from config.json; no weights are read and no memory is taken.
Where all layers are of one size (checked on the whole base), attaching to one and to two of them tells what each adds;
otherwise the method is attached to the whole model. Results are kept for the session, by config and method.
"""

import json
import re
import threading
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from studio.errors import ModelError, first_line
from studio.methods import METHODS, Method
from studio.models.libraries import import_libraries
from studio.models.reference import read_config

LOCK = threading.Lock()
"""Models are built on the meta device by one thread at a time."""


class Part(NamedTuple):
    """A kind of tensor that trains, as a picture shows it: rows x columns, and how many there are.

    `name` is where it stands, without the number of its layer: `self_attn.q_proj.lora_A`, `prompt_encoder.embedding`.
    """

    name: str
    rows: int
    columns: int
    times: int


class Count(NamedTuple):
    """Numbers of parameters.

    `linear` are the weights of the base's linear layers, which quantisation would store small; `buffers` numbers that
    the method keeps beside them and never trains; `parts` what trains, kind by kind.
    """

    trainable: int
    total: int
    base: int
    linear: int
    buffers: int
    parts: tuple[Part, ...]


def count_saved(method: Method, counted: Count) -> int:
    """Return how many numbers the file of a finished adapter holds, or that of a whole model."""
    if method.saves_whole_model:
        return counted.base
    sizes: Counter[str] = Counter()
    for part in counted.parts:
        sizes[part.name] += part.rows * part.columns * part.times
    return method.count_saved(sizes, counted.buffers)


class _Attached(NamedTuple):
    """A model that a method was attached to: all parameters, what else it keeps, and what trains."""

    total: int
    buffers: int
    parts: tuple[Part, ...]


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
    uniform: bool


def count(folder: Path, method: Method) -> Count:
    """Return the exact counts of `method` on the model whose config.json is in `folder`.

    Raises ModelError, RecipeError.
    """
    return _count(read_config_text(folder), json.dumps(method.model_dump()))


def find_shape(folder: Path) -> Shape:
    """Return the architecture of the model whose config.json is in `folder`. Raises ModelError in words."""
    return find_shape_of(read_config_text(folder))


def read_config_text(folder: Path) -> str:
    """Return the config.json of a folder as the text that results are kept by."""
    return json.dumps(read_config(folder), sort_keys=True)


@lru_cache(maxsize=512)
def _count(config: str, method: str) -> Count:
    shape = find_shape_of(config)
    if shape.uniform and METHODS.read(json.loads(method)).is_alike_in_all_layers:
        one, two = (_attach(cut_layers(config, layers), method) for layers in (1, 2))
        found = _extend(one, two, shape.layers)
    else:
        found = _attach(config, method)
    trainable = sum(part.rows * part.columns * part.times for part in found.parts)
    return Count(trainable, found.total, shape.base, shape.linear, found.buffers, found.parts)


def _attach(config: str, method: str) -> _Attached:
    """What a model has that `method` was really attached to."""
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        base = build_model(config)
        own = {id(value) for value in base.buffers()}
        model = METHODS.read(json.loads(method)).attach(base)
    kinds: Counter[tuple[str, int, int]] = Counter()
    for name, value in model.named_parameters():
        if value.requires_grad:
            rows, columns = (*value.shape, 1, 1)[:2] if value.dim() < 2 else value.shape[-2:]
            kinds[_name_place(name), rows, columns] += value.numel() // max(1, rows * columns)
    added = {id(value): value.numel() for value in model.buffers() if id(value) not in own}
    total = sum(value.numel() for value in model.parameters())
    return _Attached(total, sum(added.values()), tuple(Part(*kind, times) for kind, times in kinds.items()))


def _name_place(name: str) -> str:
    """A parameter's name without what tells one layer, one adapter or peft's wrapping from another."""
    in_a_layer = not name.startswith("prompt_encoder.")  # the numbers in there are those of a small network
    place = re.split(r"\.\d+\.", name, maxsplit=1)[-1] if in_a_layer else name
    return ".".join(part for part in place.split(".") if part not in _WRAPPING)


_WRAPPING = {"base_model", "base_layer", "model", "default", "weight"}


def _extend(one: _Attached, two: _Attached, layers: int) -> _Attached:
    """What a model of `layers` alike layers has, from what those of one and two have."""

    def extend(first: int, second: int) -> int:
        return first + (layers - 1) * (second - first)

    parts = tuple(
        Part(first.name, *(extend(*sizes) for sizes in zip(first[1:], second[1:], strict=True)))
        for first, second in _match(one.parts, two.parts)
    )
    return _Attached(extend(one.total, two.total), extend(one.buffers, two.buffers), parts)


def _match(one: tuple[Part, ...], two: tuple[Part, ...]) -> list[tuple[Part, Part]]:
    """The parts of two models that are the same: of one name and size, or of one name if the size differs."""
    left = list(two)
    pairs: list[tuple[Part, Part]] = []
    for exact in (True, False):
        for part in one:
            if any(part is first for first, _ in pairs):
                continue
            kin = [other for other in left if other[: 3 if exact else 1] == part[: 3 if exact else 1]]
            if kin:
                left.remove(kin[0])
                pairs.append((part, kin[0]))
    return pairs


def cut_layers(config: str, layers: int) -> str:
    """The config of the same model with only its first layers."""
    values = json.loads(config)
    text = values.get("text_config", values)
    text["n_layer" if "n_layer" in text else "num_hidden_layers"] = layers
    for name, value in text.items():
        if isinstance(value, list) and len(value) > layers and name.endswith("layer_types"):
            text[name] = value[:layers]
    return json.dumps(values, sort_keys=True)


def _is_uniform(config: str, base: int, layers: int) -> bool:
    """Whether the model is its ends and `layers` layers of one size, so that two small ones tell the size of all."""
    if layers < 3:
        return False
    try:
        one, two = (_count_base(cut_layers(config, few)) for few in (1, 2))
    except ModelError:
        return False
    return one + (layers - 1) * (two - one) == base


def _count_base(config: str) -> int:
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        return int(build_model(config).num_parameters())


@lru_cache(maxsize=64)
def find_shape_of(config: str) -> Shape:
    """Return the architecture that the text of a config.json describes."""
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        model = build_model(config)
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
    base = model.num_parameters()
    return Shape(
        base,
        linear,
        text.num_hidden_layers,
        text.hidden_size,
        getattr(text, "num_attention_heads", 1),
        text.vocab_size,
        tuple(LinearShape(*key, times) for key, times in kinds.items()),
        _is_uniform(config, base, text.num_hidden_layers),
    )


def build_model(config: str) -> Any:
    """Return the frozen model of a config, on the device that is torch's own at the moment. Raises ModelError."""
    import_libraries()
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.models.loading import quiet_libraries

    quiet_libraries()
    values = json.loads(config)
    values.pop("quantization_config", None)
    try:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**values))
    except Exception as error:  # the numbers in a config may be anything
        raise ModelError(
            f"transformers can't build a causal language model of kind {values['model_type'][:60]!r} from this "
            f"config.json: {first_line(error)}",
            field="model",
        ) from None
    return model.requires_grad_(False)
