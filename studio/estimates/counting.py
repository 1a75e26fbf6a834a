"""Exact parameter counts: the method is really attached to the real architecture, on torch's meta device.

There is no second formula to disagree with. Shapes come from config.json; no weights are read and no memory is taken.
Of layers that are alike in all that is in them, the method is attached to two, and told for all (see
studio.models.layers). Of pairs of thin matrices, whose sizes are straight lines through the rank, two ranks are
attached, and the others told (a test attaches those, too). Results are kept for the session, by config and method.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from studio.methods import METHODS, Method
from studio.methods.targets import list_left_out, list_linear
from studio.models.architecture import LOCK, build_model, count_vocabulary, count_width, read_config_text
from studio.models.layers import find_times, find_words, thin_layers
from studio.models.libraries import import_libraries
from studio.models.stored import read_stored
from studio.precisions.reach import list_reached

RANKS = (2, 3)
"""Of these the counts of other ranks are told."""
SAVED_BYTES = 4
"""Of a number in the file of what was trained: it has 32 bits."""


class Part(NamedTuple):
    """A kind of tensor that trains, as a picture shows it: rows x columns, and how many there are.

    `name` is where it is, without the number of its layer: `self_attn.q_proj.lora_A`, `prompt_encoder.embedding`.
    """

    name: str
    rows: int
    columns: int
    times: int


class Count(NamedTuple):
    """Numbers of parameters.

    `linear` are the weights of the base's linear layers, which quantisation would store small; `buffers` numbers that
    the method keeps beside them and never trains; `parts` what trains, kind by kind; `words` the weights of a table of
    words that are only looked up, 0 where something else is done with them.
    """

    trainable: int
    total: int
    base: int
    linear: int
    buffers: int
    parts: tuple[Part, ...]
    words: int = 0


def count_saved(method: Method, counted: Count) -> int:
    """Return how many numbers the file of a finished adapter holds, or that of a whole model."""
    if method.saves_whole_model:
        return counted.base
    sizes: Counter[str] = Counter()
    for part in counted.parts:
        sizes[part.name] += part.rows * part.columns * part.times
    return method.count_saved(sizes, counted.buffers)


class LinearShape(NamedTuple):
    """One kind of linear layer of a model: rows (outputs) x columns (inputs), and how many there are."""

    name: str
    rows: int
    columns: int
    times: int


class Shape(NamedTuple):
    """A model's architecture as far as estimates need it; `linear` are the weights that quantisation stores small.

    `classes` are those of its linear layers, `left_out` the endings of those that all-linear leaves out.
    """

    base: int
    linear: int
    hidden: int
    vocabulary: int
    kinds: tuple[LinearShape, ...]
    classes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class Thinned(NamedTuple):
    """A model on the meta device, and how many layers each of its layers stands for (none: itself alone)."""

    model: Any
    times: dict[str, int]


def count(folder: Path, method: Method) -> Count:
    """Return the exact counts of `method` on the model whose config.json is in `folder`.

    Raises ModelError, RecipeError.
    """
    config, dumped = read_config_text(folder), method.model_dump()
    if two := _count_two(config, method):
        return _extend(*two, (dumped["rank"] - RANKS[0]) / (RANKS[1] - RANKS[0]))
    return _count(config, json.dumps(dumped))


class PerRank(NamedTuple):
    """How many more parameters train with each further rank, and how many bytes the finished file grows by."""

    trainable: int
    saved_bytes: int


def count_per_rank(folder: Path, method: Method) -> PerRank | None:
    """Return what each further rank adds; None where that is no straight line."""
    two = _count_two(read_config_text(folder), method)
    if two is None:
        return None
    low, high = ((counted.trainable, SAVED_BYTES * count_saved(method, counted)) for counted in two)
    return PerRank(*((more - less) // (RANKS[1] - RANKS[0]) for less, more in zip(low, high, strict=True)))


def _count_two(config: str, method: Method) -> tuple[Count, Count] | None:
    """The counts of two ranks, of which all others can be told; None for a method that doesn't grow by its rank."""
    if not method.grows_by_rank:
        return None
    low, high = (_count(config, json.dumps({**method.model_dump(), "rank": rank})) for rank in RANKS)
    return (low, high) if [part.name for part in low.parts] == [part.name for part in high.parts] else None


def find_shape(folder: Path) -> Shape:
    """Return the architecture of the model whose config.json is in `folder`. Raises ModelError in words."""
    return find_shape_of(read_config_text(folder))


@lru_cache(maxsize=512)
def _count(config: str, method: str) -> Count:
    shape, chosen = find_shape_of(config), METHODS.read(json.loads(method))
    thinned = build_thinned(config, chosen)
    own = {id(value) for value in thinned.model.buffers()}
    with on_meta():
        model = chosen.attach(thinned.model)
    wrapped = find_wrapping(model)
    total = buffers = 0
    kinds: Counter[tuple[str, int, int]] = Counter()
    for name, value in model.named_parameters():
        times = find_times(name.removeprefix(wrapped), thinned.times)
        total += times * value.numel()
        if value.requires_grad:
            rows, columns = (*value.shape, 1, 1)[:2] if value.dim() < 2 else value.shape[-2:]
            kinds[_name_place(name), rows, columns] += times * (value.numel() // max(1, rows * columns))
    for name, value in model.named_buffers():
        if id(value) not in own:
            buffers += find_times(name.removeprefix(wrapped), thinned.times) * value.numel()
    parts = tuple(Part(*kind, times) for kind, times in kinds.items())
    trainable = sum(part.rows * part.columns * part.times for part in parts)
    words = find_words(model)
    looked_up = 0 if words is None else words.weight.numel()
    return Count(trainable, total, shape.base, shape.linear, buffers, parts, looked_up)


def _extend(low: Count, high: Count, by: float) -> Count:
    """The counts of another rank, `by` times as far from the lower one as the higher is."""

    def at(one: int, other: int) -> int:
        return round(one + by * (other - one))

    parts = tuple(
        Part(one.name, at(one.rows, other.rows), at(one.columns, other.columns), one.times)
        for one, other in zip(low.parts, high.parts, strict=True)
    )
    trainable, total, buffers = (
        at(low.trainable, high.trainable),
        at(low.total, high.total),
        at(low.buffers, high.buffers),
    )
    return Count(trainable, total, low.base, low.linear, buffers, parts, low.words)


@contextmanager
def on_meta() -> Iterator[None]:
    """Make what is made on torch's meta device, in one thread at a time."""
    import torch

    with LOCK, torch.device("meta"):
        yield


def build_thinned(config: str, method: Method) -> Thinned:
    """Return the frozen model of a config without what is alike, the caller's to change; whole if `method` needs it."""
    kept = _build_thinned(config, method.is_alike_in_all_layers)
    with on_meta():
        return copy.deepcopy(kept)


@lru_cache(maxsize=8)
def _build_thinned(config: str, is_alike: bool) -> Thinned:
    import_libraries()
    with on_meta():
        model = build_model(config)
        return Thinned(model, thin_layers(model) if is_alike else {})


def find_wrapping(model: Any) -> str:
    """Return what a method has put before the names of a model's parts."""
    from transformers import PreTrainedModel

    return next((f"{name}." if name else "" for name, one in model.named_modules() if isinstance(one, PreTrainedModel)))


def _name_place(name: str) -> str:
    """A parameter's name without what tells one layer, one adapter or peft's wrapping from another."""
    in_a_layer = not name.startswith("prompt_encoder.")  # the numbers in there are those of a small network
    place = re.split(r"\.\d+\.", name, maxsplit=1)[-1] if in_a_layer else name
    return ".".join(part for part in place.split(".") if part not in _WRAPPING)


_WRAPPING = {"base_model", "base_layer", "model", "default", "weight"}


@lru_cache(maxsize=64)
def find_shape_of(config: str) -> Shape:
    """Return the architecture that the text of a config.json describes."""
    import_libraries()
    from torch.nn import Linear

    with on_meta():
        model = build_model(config)
    modules, base, stored = dict(model.named_modules()), model.num_parameters(), read_stored(json.loads(config))
    reached = list_reached(model, stored.skipped if stored else ())
    linear = sum(value.numel() for value in {modules[name].weight for name in reached})
    times = thin_layers(model)
    kinds: Counter[tuple[str, int, int]] = Counter()
    for name in list_linear(model):
        weight = modules[name].weight
        rows, columns = weight.shape if isinstance(modules[name], Linear) else reversed(weight.shape)
        kinds[".".join(name.split(".")[-2:]), int(rows), int(columns)] += find_times(name, times)
    return Shape(
        base,
        linear,
        count_width(model),
        count_vocabulary(model),
        tuple(LinearShape(*key, number) for key, number in kinds.items()),
        tuple(sorted({type(modules[name]).__name__ for name in list_linear(model)})),
        tuple(list_left_out(model)),
    )
