"""Layers that are alike in all that is in them: of each kind two are kept, and an echo stands for the others.

So what a method adds to eighty layers, and what they keep, is read off two, whatever is between them: a first layer
without experts, attention in every fourth. Names and numbers of layers stay what they are.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

KEPT = 2
"""The first of a kind may keep less than those after it, as nothing before it trains."""


def thin_layers(model: Any) -> dict[str, int]:
    """Replace layers that are like others before them, and return each kept layer's name -> how many it stands for."""
    times: dict[str, int] = {}
    for stack, layers in _list_stacks(model):
        kinds: dict[tuple[object, ...], list[str]] = {}
        for number, layer in list(layers.named_children()):
            alike = kinds.setdefault(_describe(layer), [])
            if len(alike) < KEPT:
                alike.append(number)
                times[f"{stack}.{number}"] = 1
            else:
                layers.set_submodule(number, _echo()(layer, layers.get_submodule(alike[-1])))
                times[f"{stack}.{alike[-1]}"] += 1
    return times


def find_words(model: Any) -> Any | None:
    """Return a model's table of words, where rows of it are looked up and nothing else: it is frozen, plain, and shared
    with nothing, such as the head. Else None.
    """
    from torch.nn import Embedding

    words = model.get_input_embeddings()
    if type(words) is not Embedding or words.max_norm is not None or words.weight.requires_grad:
        return None
    sharing = sum(value is words.weight for _, value in model.named_parameters(remove_duplicate=False))
    return words if sharing == 1 else None


def listen(model: Any, times: dict[str, int]) -> list[Any]:
    """Let the kept layers of a thinned model be heard by their echoes, and return the hooks that do."""

    def remember(layer: Any, _: Any, said: Any) -> None:
        layer.said = said

    return [model.get_submodule(name).register_forward_hook(remember) for name in times]


def find_times(name: str, times: dict[str, int]) -> int:
    """Return how many parameters or modules the one called `name` stands for."""
    parts = name.split(".")
    return next((times[whole] for end in range(len(parts)) if (whole := ".".join(parts[:end])) in times), 1)


def _list_stacks(model: Any) -> Iterator[tuple[str, Any]]:
    """The outermost lists of modules, but those whose layers share weights: what is shared is counted once."""
    from torch.nn import ModuleList

    found = ""
    for name, module in model.named_modules():
        if isinstance(module, ModuleList) and not (found and name.startswith(f"{found}.")):
            found = name
            if not all(any(layer.children()) for layer in module):  # matrices rather than layers
                continue
            held = Counter(id(value) for layer in module for value in {*layer.parameters()})
            if len(module) > KEPT and max(held.values(), default=1) == 1:
                yield name, module


def _describe(layer: Any) -> tuple[object, ...]:
    """All that is in a layer: classes by their names, tensors by their shapes."""
    modules = ((name, type(module)) for name, module in layer.named_modules())
    tensors = ((name, value.shape) for name, value in [*layer.named_parameters(), *layer.named_buffers()])
    return (*modules, *tensors)


@cache
def _echo() -> Any:
    from torch.nn import Module

    class Echo(Module):
        """Says what another layer said last, and shows what else could be read off the layer it stands for."""

        def __init__(self, layer: Any, other: Any) -> None:
            super().__init__()
            self.__dict__.update({name: value for name, value in vars(layer).items() if not name.startswith("_")})
            self.others = [other]  # in a list, so that it is no part of this one

        def forward(self, *_: Any, **__: Any) -> Any:
            return self.others[0].said

    return Echo
