"""What a training step keeps for the way back, read off the real model: a forward pass on torch's meta device.

Autograd tells each tensor that it saves; on the meta device they have sizes and no numbers, so the pass costs
milliseconds. Two shallow models tell what a layer keeps and what the rest does. It is computed as the run will compute
it: fused attention keeps no table of all pairs of tokens, and plain attention does; mixed precision keeps a copy of
each frozen weight in 16 bits, and of each input.
"""

import json
from functools import lru_cache
from math import prod
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from studio.estimates.counting import LOCK, build_model, cut_layers, find_shape_of, read_config_text
from studio.methods import METHODS, Method
from studio.models.libraries import import_libraries

_MEASURED = {"rank": (4, 8), "size": (4, 8), "tokens": (4, 8, 16)}
"""Settings that slide, and where they are measured: what is kept grows evenly with a rank or a size; tokens that stand
before the text are also looked at by one another, so with their square."""


class Computing(NamedTuple):
    """How a run computes: bytes of a stored number, whether in mixed precision, whether attention is plain, and whether
    plain attention is one operation, as over rows with a common beginning, which keeps its weights once.
    """

    number_bytes: int
    mixed: bool = False
    plain_attention: bool = False
    one_operation: bool = False


class Kept(NamedTuple):
    """Bytes that are kept whatever is read (copies of weights), for each row, each token, each pair of tokens."""

    always: float
    row: float
    token: float
    pair: float = 0.0

    def count_bytes(self, rows: float, length: int) -> float:
        """Return the bytes of `rows` rows of `length` tokens."""
        return self.always + rows * (self.row + length * self.token + length * length * self.pair)


class Activations(NamedTuple):
    """What each layer keeps for the way back, what all else keeps, and the bytes of one token between two layers."""

    layer: Kept
    rest: Kept
    entry: int

    def count_bytes(self, rows: float, length: int, layers: int, checkpointing: bool, logits: int = 0) -> int:
        """Return the bytes of a batch beside those of its logits.

        With checkpointing, layers keep what they were given, and one is whole, once the logits are gone.
        """
        layer, rest = self.layer.count_bytes(rows, length), self.rest.count_bytes(rows, length)
        if checkpointing:
            return int(max(0.0, rest + max(0.0, layer - logits) + (layers - 1) * rows * length * self.entry))
        return int(max(0.0, rest + layers * layer))

    def count_copies(self, layers: int, checkpointing: bool) -> int:
        """Return the bytes of those that don't hang on the batch: copies of weights."""
        return int(max(0.0, self.rest.always + (1 if checkpointing else layers) * self.layer.always))


def find_activations(folder: Path, method: Method, computing: Computing) -> Activations:
    """Return what the model of `folder` keeps with `method` attached.

    What slides is measured at a few values and told for the others by the line or the parabola through them, so that a
    slider waits for nothing; block sizes are rounded up to a power of two.
    """
    config = read_config_text(folder)

    def measure(**sizes: int) -> Activations:
        return _find_activations(config, json.dumps(method.model_copy(update=sizes).model_dump()), computing)

    slider = next((name for name in _MEASURED if name in type(method).model_fields), None)
    if slider is None:
        return measure(**_round_blocks(method))
    found = [measure(**{slider: value}) for value in _MEASURED[slider]]
    shares = _weigh(getattr(method, slider), _MEASURED[slider])
    layer, rest = (
        Kept(*(sum(map(mul, shares, values)) for values in zip(*parts, strict=True)))
        for parts in ([one.layer for one in found], [one.rest for one in found])
    )
    return Activations(layer, rest, found[0].entry)


def _round_blocks(method: Method) -> dict[str, int]:
    size = getattr(method, "block_size", None)
    return {} if size is None else {"block_size": 1 << (size - 1).bit_length()}


def _weigh(value: int, places: tuple[int, ...]) -> list[float]:
    """Return how much what was measured at each place counts at `value` (Lagrange's polynomials)."""
    return [prod((value - other) / (place - other) for other in places if other != place) for place in places]


@lru_cache(maxsize=256)
def _find_activations(config: str, method: str, computing: Computing) -> Activations:
    chosen = METHODS.read(json.loads(method))
    if not chosen.is_alike_in_all_layers:
        chosen = METHODS.read(chosen.name)
    one, two = (_measure(cut_layers(config, layers), chosen, computing) for layers in (1, 2))
    layer = Kept(*(second - first for first, second in zip(one, two, strict=True)))
    rest = Kept(*(first - each for first, each in zip(one, layer, strict=True)))  # below 0: the first layer keeps less
    return Activations(layer, rest, find_shape_of(config).hidden * computing.number_bytes)


def _measure(config: str, method: Method, computing: Computing) -> Kept:
    """What a model of few layers keeps, from four batches."""
    import_libraries()
    import torch

    with LOCK, torch.device("meta"):
        base = build_model(config).to(torch.float32 if computing.number_bytes == 4 else torch.bfloat16)
        base.set_attn_implementation("eager" if computing.plain_attention else "sdpa")
        model = method.attach(base).eval()  # in training some methods draw lots, which needs real numbers
        with compute_as(computing):
            small, long, longer, wide = (_count_saved(model, *size) for size in ((1, 4), (1, 8), (1, 12), (2, 4)))
    pair = (longer - 2 * long + small) / 32
    token = (long - small) / 4 - 12 * pair
    row = wide - small - 4 * token - 16 * pair
    return Kept(small - row - 4 * token - 16 * pair, row, token, pair)


def compute_as(computing: Computing) -> Any:
    """Return a context in which a model on the meta device computes as a run does.

    In mixed precision it multiplies in bf16 (torch's own autocast knows no meta device), and fused attention keeps what
    the kernels keep (on the meta device, torch has none for bf16).
    """
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    narrow = {torch.matmul, torch.bmm, torch.mm, torch.addmm, torch.baddbmm, torch.einsum, torch.Tensor.matmul}
    narrow |= {torch.Tensor.__matmul__, torch.Tensor.bmm, torch.Tensor.mm, functional.linear, functional.conv1d}
    narrow.add(functional.scaled_dot_product_attention)

    class Fused(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, query: Any, key: Any, value: Any) -> Any:
            out = torch.empty_like(query)
            context.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
            return out

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            raise NotImplementedError

    def cast(value: Any) -> Any:
        wide = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.to(torch.bfloat16) if wide else value

    class Weights(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, scores: Any) -> Any:
            return cast(torch.empty_like(scores)) if computing.mixed else torch.empty_like(scores)

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            raise NotImplementedError

    class Computed(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if computing.mixed and function in narrow:
                args, kwargs = tuple(map(cast, args)), {key: cast(value) for key, value in (kwargs or {}).items()}
            if function is functional.scaled_dot_product_attention:
                return Fused.apply(*args[:3])
            if computing.one_operation and function is functional.softmax:
                return Weights.apply(args[0])
            return function(*args, **(kwargs or {}))

    return Computed()


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
