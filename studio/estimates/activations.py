"""What a training step keeps for the way back, read off the real model: a forward pass on torch's meta device.

Autograd tells each tensor that it saves; on the meta device they have sizes and no numbers, so the pass costs
milliseconds. Two shallow models tell what a layer keeps and what the rest does. Attention is counted as the fused
kernels have it, which keep no table of all pairs of tokens.
"""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from studio.estimates.counting import LOCK, build_model, cut_layers, find_shape_of, read_config_text
from studio.methods import METHODS, Method
from studio.models.libraries import import_libraries

_ROUNDED = ("rank", "size", "block_size")


class Kept(NamedTuple):
    """Bytes that are kept whatever is read (a method may make whole matrices anew), for each row, for each token."""

    always: float
    row: float
    token: float

    def count_bytes(self, rows: int, length: int) -> float:
        """Return the bytes of `rows` rows of `length` tokens."""
        return self.always + rows * (self.row + length * self.token)


class Activations(NamedTuple):
    """What each layer keeps for the way back, what all else keeps, and the bytes of one token between two layers."""

    layer: Kept
    rest: Kept
    entry: int

    def count_bytes(self, rows: int, length: int, layers: int, checkpointing: bool) -> int:
        """Return the bytes of a batch; with checkpointing, layers keep what they were given and one is whole."""
        whole = 1 if checkpointing else layers
        entries = (layers - whole) * rows * length * self.entry
        kept = self.rest.count_bytes(rows, length) + whole * self.layer.count_bytes(rows, length)
        return int(max(0.0, kept) + entries)


def find_activations(folder: Path, method: Method, number_bytes: int) -> Activations:
    """Return what the model of `folder` keeps with `method` attached, stored in numbers of 2 or 4 bytes.

    Ranks and widths are rounded up to a power of two, so that a slider asks for few of them.
    """
    rounded = {
        name: 1 << (getattr(method, name) - 1).bit_length() for name in _ROUNDED if name in type(method).model_fields
    }
    chosen = method.model_copy(update=rounded)
    return _find_activations(read_config_text(folder), json.dumps(chosen.model_dump()), number_bytes)


@lru_cache(maxsize=256)
def _find_activations(config: str, method: str, number_bytes: int) -> Activations:
    chosen = METHODS.read(json.loads(method))
    if not chosen.is_alike_in_all_layers:
        chosen = METHODS.read(chosen.name)
    one, two = (_measure(cut_layers(config, layers), chosen, number_bytes) for layers in (1, 2))
    layer = Kept(*(second - first for first, second in zip(one, two, strict=True)))
    rest = Kept(*(first - each for first, each in zip(one, layer, strict=True)))  # below 0: the first layer keeps less
    return Activations(layer, rest, find_shape_of(config).hidden * number_bytes)


def _measure(config: str, method: Method, number_bytes: int) -> Kept:
    """What a model of few layers keeps, from three batches."""
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        base = build_model(config).to(torch.float32 if number_bytes == 4 else torch.bfloat16)
        model = method.attach(base).eval()  # in training some methods draw lots, which needs real numbers
        small, long, wide = (_count_saved(model, rows, length) for rows, length in ((1, 4), (1, 8), (2, 4)))
    token = (long - small) / 4
    row = wide - small - 4 * token
    return Kept(small - row - 4 * token, row, token)


def _count_saved(model: Any, rows: int, length: int) -> int:
    """The bytes that autograd still holds after a forward pass, those of weights left out."""
    import torch

    notes: WeakSet[_Saved] = WeakSet()  # what is saved and given up again on the way leaves it

    def note(tensor: Any) -> _Saved:
        saved = _Saved(tensor)
        notes.add(saved)
        return saved

    own = {value.untyped_storage()._cdata for value in (*model.parameters(), *model.buffers())}
    ids = torch.zeros((rows, length), dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved.tensor):
        graph = model(input_ids=ids, logits_to_keep=1).logits
    storages = {saved.tensor.untyped_storage()._cdata: saved.tensor.untyped_storage() for saved in notes}
    found = sum(storage.nbytes() for key, storage in storages.items() if key not in own)
    del graph
    return found


class _Saved:
    """A tensor that autograd saved, for as long as it holds it."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
