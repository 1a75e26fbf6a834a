"""What a training step keeps for the way back, read off the real model: a forward pass on torch's meta device.

Autograd tells each tensor that it saves; on the meta device they have sizes and no numbers, so the pass costs
milliseconds. Of layers that are alike two are passed through. It is computed as the run will compute it: fused
attention keeps no table of all pairs of tokens, and plain attention does; mixed precision keeps a copy of each frozen
weight in 16 bits, and of each input.
"""

import json
from collections import Counter
from functools import lru_cache
from inspect import signature
from itertools import count
from math import prod
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakSet

from studio.errors import StudioError, first_line
from studio.estimates.counting import Thinned, build_thinned, find_shape_of, find_wrapping, on_meta
from studio.foreign import Original
from studio.methods import METHODS, Method
from studio.models.architecture import count_rows, fill, read_config_text
from studio.models.layers import listen

READ_FROM = (Original("transformers.integrations.moe._grouped_mm_fallback", "5.23.0", "74f2c3c8956e"),)

_MEASURED = {"rank": (4, 8), "size": (4, 8), "tokens": (4, 8, 16)}
"""Settings that slide, and where they are measured: what is kept grows evenly with a rank or a size; tokens that are
before the text are also looked at by one another, so with their square."""


MOST_REAL_BYTES = 2**30
"""A model that can't be passed through without numbers is given some, if what is left of it takes no more."""


class Computing(NamedTuple):
    """How a run computes: bytes of a stored number, whether in mixed precision, whether attention is plain, whether
    plain attention is one operation, as over rows with a common beginning, which keeps its weights once, and whether
    LoRA's layers are, of which those that read the same keep it once (see studio.training.fast.fused_lora).
    """

    number_bytes: int
    mixed: bool = False
    plain_attention: bool = False
    one_operation: bool = False
    fused: bool = False


class Kept(NamedTuple):
    """Bytes that are kept whatever is read (copies of weights), for each row, each token, each pair of tokens."""

    always: float
    row: float
    token: float
    pair: float = 0.0

    def count_bytes(self, rows: float, length: int) -> float:
        """Return the bytes of `rows` rows of `length` tokens."""
        return self.always + rows * (self.row + length * self.token + length * length * self.pair)


class Spared(NamedTuple):
    """How checkpointing spares memory: all layers but the last `whole` keep only what they were given; where a card has
    no room, the table of words lies in the computer's own memory, `words`, and what layers were given, `on_host`.
    """

    whole: int = 0
    on_host: bool = False
    words: bool = False


PLAINLY = Spared()
"""Whatever goes into a layer stays on the card."""


class Activations(NamedTuple):
    """What layers keep for the way back, kind by kind with how many there are, what all else keeps, and the bytes of
    one token between two layers.
    """

    layers: tuple[tuple[Kept, int], ...]
    rest: Kept
    entry: int

    @property
    def number(self) -> int:
        """How many layers there are."""
        return sum(times for _, times in self.layers)

    def count_bytes(
        self, rows: float, length: int, checkpointing: bool, logits: int = 0, spared: Spared = PLAINLY
    ) -> int:
        """Return the bytes of a batch beside those of its logits.

        With checkpointing, layers keep what they were given, but for the last ones that are kept whole; and one is
        computed again once what those kept and the logits are gone.
        """
        rest = self.rest.count_bytes(rows, length)
        each = [(kept.count_bytes(rows, length), times) for kept, times in self.layers]
        if checkpointing:
            number, largest = self.number, max((size for size, _ in each), default=0)
            kept = sum(size * times for size, times in each) * spared.whole / max(1, number)
            given = max(0, number - 1 - spared.whole)
            entries = (min(1, given) if spared.on_host else given) * rows * length * self.entry
            return int(max(0.0, rest + max(0.0, largest - logits, kept) + entries))
        return int(max(0.0, rest + sum(size * times for size, times in each)))

    def count_copies(self, checkpointing: bool) -> int:
        """Return the bytes of those that don't hang on the batch: copies of weights."""
        each = [(kept.always, times) for kept, times in self.layers]
        if checkpointing:
            return int(max(0.0, self.rest.always + max((size for size, _ in each), default=0)))
        return int(max(0.0, self.rest.always + sum(size * times for size, times in each)))


class NotMeasured(StudioError):
    """What a model keeps can't be read off it; the words say why."""


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

    def mix(parts: list[Kept]) -> Kept:
        return Kept(*(sum(map(mul, shares, values)) for values in zip(*parts, strict=True)))

    kinds = zip(*(one.layers for one in found), strict=True)
    layers = tuple((mix([kept for kept, _ in same]), same[0][1]) for same in kinds)
    return Activations(layers, mix([one.rest for one in found]), found[0].entry)


def _round_blocks(method: Method) -> dict[str, int]:
    size = getattr(method, "block_size", None)
    return {} if size is None else {"block_size": 1 << (size - 1).bit_length()}


def _weigh(value: int, places: tuple[int, ...]) -> list[float]:
    """Return how much what was measured at each place counts at `value` (Lagrange's polynomials)."""
    return [prod((value - other) / (place - other) for other in places if other != place) for place in places]


@lru_cache(maxsize=256)
def _find_activations(config: str, method: str, computing: Computing) -> Activations:
    chosen = METHODS.read(json.loads(method))
    try:
        layers, rest = _try_on_meta(build_thinned(config, chosen), chosen, computing)
    except StudioError:
        raise
    except Exception as error:  # a model may ask for numbers, which there are none of
        thinned = build_thinned(config, chosen)
        if sum(value.nbytes for value in thinned.model.parameters()) > MOST_REAL_BYTES:
            raise NotMeasured(f"{type(error).__name__}: {first_line(error)}") from None
        try:
            layers, rest = _try_with_numbers(thinned, chosen, computing)
        except Exception as error:
            raise NotMeasured(f"{type(error).__name__}: {first_line(error)}") from None
    return Activations(layers, rest, find_shape_of(config).hidden * computing.number_bytes)


def _try_on_meta(thinned: Thinned, method: Method, computing: Computing) -> tuple[tuple[tuple[Kept, int], ...], Kept]:
    with on_meta():
        base = _prepare(thinned.model, computing)
        model = method.attach(base).eval()  # in training some methods draw lots, which needs real numbers
        with compute_as(computing):
            return _measure(Thinned(model, thinned.times))


def _try_with_numbers(
    thinned: Thinned, method: Method, computing: Computing
) -> tuple[tuple[tuple[Kept, int], ...], Kept]:
    """The same with numbers drawn at random, for models whose way hangs on them; `thinned` is small."""
    import torch

    base = fill(_prepare(thinned.model, computing))
    model = method.attach(base).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=computing.mixed):
        return _measure(Thinned(model, thinned.times))


def _prepare(base: Any, computing: Computing) -> Any:
    import torch

    vars(base.config)["pad_token_id"] = None  # some models look for padding among what they read
    if computing.plain_attention:
        base.set_attn_implementation("eager")
    return base.to(torch.float32 if computing.number_bytes == 4 else torch.bfloat16)


def _measure(thinned: Thinned) -> tuple[tuple[tuple[Kept, int], ...], Kept]:
    """What each layer keeps, with how many it stands for, and what the rest does: from four batches."""
    batches = [_count_saved(thinned, *size) for size in ((1, 4), (1, 8), (1, 12), (2, 4))]
    layers = tuple((_fit(*(batch[name] for batch in batches)), times) for name, times in thinned.times.items())
    return layers, _fit(*(batch[""] for batch in batches))


def _fit(small: int, long: int, longer: int, wide: int) -> Kept:
    """The bytes of batches of 1 x 4, 1 x 8, 1 x 12 and 2 x 4 tokens, taken apart."""
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
    narrow |= {torch.Tensor.addmm, torch.Tensor.baddbmm, functional.scaled_dot_product_attention}

    class OneWay(torch.autograd.Function):
        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            raise NotImplementedError

    class Fused(OneWay):
        @staticmethod
        def forward(context: Any, query: Any, key: Any, value: Any) -> Any:
            out = query.new_empty((*query.shape[:-1], value.shape[-1]))
            context.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
            return out

    def cast(value: Any) -> Any:
        if not (isinstance(value, torch.Tensor) and value.is_floating_point()):
            return value
        known = getattr(value, "in_half", None) if computing.fused else None
        known = value.to(torch.bfloat16) if known is None else known
        if computing.fused:
            value.in_half = known
        return known

    class Weights(OneWay):
        @staticmethod
        def forward(context: Any, scores: Any) -> Any:
            return cast(torch.empty_like(scores)) if computing.mixed else torch.empty_like(scores)

    class Computed(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if computing.mixed and function in narrow:
                args, kwargs = tuple(map(cast, args)), {key: cast(value) for key, value in (kwargs or {}).items()}
            if function in (torch.all, torch.Tensor.all) and len(args) == 1 and not kwargs:
                return True  # whether all is read and nothing is padding
            if function is torch._grouped_mm:  # where there are no numbers, torch's own knows only bf16
                return torch.ops.transformers.grouped_mm_fallback(*args, (kwargs or {})["offs"])
            if function is functional.scaled_dot_product_attention:
                return Fused.apply(*args[:3])
            if computing.one_operation and function is functional.softmax:
                return Weights.apply(args[0])
            made = function(*args, **(kwargs or {}))
            if computing.fused and function is torch.Tensor.to and made.dtype.itemsize > args[0].dtype.itemsize == 2:
                made.in_half = args[0]  # what was widened for LoRA is multiplied as it was
            return made

    return Computed()


def _count_saved(thinned: Thinned, rows: int, length: int) -> Counter[str]:
    """The bytes that autograd still holds after a forward pass, by the layer that saved them first, "" outside of all.

    Those of weights are left out.
    """
    import torch

    model, times = thinned
    base = model.get_submodule(find_wrapping(model).rstrip("."))
    notes: WeakSet[_Saved] = WeakSet()  # what is saved and given up again on the way leaves it
    inside = [""]

    def note(tensor: Any) -> _Saved:
        saved = _Saved(tensor, inside[-1])
        notes.add(saved)
        return saved

    def enter(name: str) -> Any:
        return lambda layer, given: inside.append(name)

    def leave(layer: Any, given: Any, said: Any) -> None:
        inside.pop()

    layers = [(name, base.get_submodule(name)) for name in times]
    hooks = [layer.register_forward_pre_hook(enter(name)) for name, layer in layers]
    hooks += [layer.register_forward_hook(leave) for _, layer in layers] + listen(base, times)
    own = {value.untyped_storage()._cdata for value in (*model.parameters(), *model.buffers())}
    ids = torch.randint(0, count_rows(base), (rows, length), device=base.device)
    last = {"logits_to_keep": 1} if "logits_to_keep" in signature(base.forward).parameters else {}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved.tensor):
        graph = model(input_ids=ids, **last).logits
    found: Counter[str] = Counter({"": 0, **dict.fromkeys(times, 0)})
    for saved in sorted(notes, key=lambda saved: saved.number):
        storage = saved.tensor.untyped_storage()
        if storage._cdata not in own:
            own.add(storage._cdata)
            found[saved.layer] += storage.nbytes()
    for hook in hooks:
        hook.remove()
    for _, layer in layers:
        layer.said = None
    del graph
    return found


class _Saved:
    """A tensor that autograd saved, for as long as it holds it, in its turn and the layer it was in."""

    made = count()

    def __init__(self, tensor: Any, layer: str) -> None:
        self.tensor = tensor
        self.layer = layer
        self.number = next(self.made)
