"""Encoders: models that read a whole text at once and say where it lies, such as BERT. They write nothing.

Known by the class that was saved and by transformers' own list of models that fill gaps. Such a model is loaded without
a head, and made to answer as one that writes does: its states stand where scores of words would. So whoever attaches,
counts or trains needs to know nothing of it. Where a text lies is the mean of the states of its tokens, which a folder
of sentence-transformers must say as well (modules.json). Imports transformers inside its functions.
"""

import inspect
import json
from functools import wraps
from pathlib import Path
from typing import Any

from studio.errors import ModelError, first_line

_HARMLESS = ("Transformer", "Pooling", "Normalize")
"""What a folder of sentence-transformers may consist of: directions alone are compared, so lengths don't matter."""


def is_encoder(config: Any) -> bool:
    """Whether transformers' config is that of an encoder, saved with its head for gaps or without one."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING, MODEL_MAPPING

    names, kind = getattr(config, "architectures", None) or [], type(config)
    if config.is_encoder_decoder or getattr(config, "is_decoder", False) or kind not in MODEL_FOR_MASKED_LM_MAPPING:
        return False
    own = [one.__name__ for one in _list_classes(MODEL_FOR_MASKED_LM_MAPPING, kind)]
    own += [one.__name__ for one in _list_classes(MODEL_MAPPING, kind)]
    return isinstance(names, list) and bool(names) and names[0] in own


def _list_classes(mapping: Any, kind: Any) -> tuple[Any, ...]:
    """transformers' classes of a kind of config, by one of its lists."""
    found = mapping[kind] if kind in mapping else ()
    return found if isinstance(found, tuple) else (found,)


_CLASSES: dict[Any, Any] = {}


def find_class(kind: Any) -> Any:
    """Return the class of encoders of a kind of config, the same each time: what was saved is read back by it."""
    if kind not in _CLASSES:
        _CLASSES[kind] = _make_class(kind)
    return _CLASSES[kind]


def _make_class(kind: Any) -> Any:
    from transformers import MODEL_MAPPING
    from transformers.modeling_outputs import CausalLMOutput

    own: Any = _list_classes(MODEL_MAPPING, kind)[0]
    options = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(own.__init__).parameters else {}

    class Encoder(own):
        reads_whole = True

        def __init__(self, config: Any) -> None:
            super().__init__(config, **options)

        @wraps(own.forward)
        def forward(self, *given: Any, **named: Any) -> Any:
            return CausalLMOutput(logits=super().forward(*given, **named).last_hidden_state)

        def prepare_inputs_for_generation(self, *given: Any, **named: Any) -> Any:
            """Refuse: peft looks for it, and nobody may call it."""
            raise NotImplementedError(f"{own.__name__} writes nothing.")

    Encoder.__name__ = Encoder.__qualname__ = own.__name__  # which is what a saved config says
    return Encoder


def reads_whole(model: Any) -> bool:
    """Whether a model, with or without an adapter, is an encoder."""
    return bool(getattr(getattr(model, "get_base_model", lambda: model)(), "reads_whole", False))


def check_pooling(folder: Path) -> None:
    """Raise ModelError in words where a folder of sentence-transformers puts texts elsewhere than their mean state."""
    modules = _read(folder / "modules.json")
    names = [str(module.get("type", "")).rpartition(".")[2] for module in modules if isinstance(module, dict)]
    odd = next((name for name in names if name not in _HARMLESS), "")
    for module in modules:
        if isinstance(module, dict) and str(module.get("type", "")).endswith(".Pooling"):
            pooling = _read(folder / str(module.get("path", "")) / "config.json")
            wanted = dict(pooling) if isinstance(pooling, dict) else {}
            means = wanted.get("pooling_mode_mean_tokens", wanted.get("pooling_mode") in (None, "mean"))
            others = [key for key, value in wanted.items() if key.startswith("pooling_mode_") and value is True]
            if not means or others not in ([], ["pooling_mode_mean_tokens"]):
                odd = ", ".join(key.removeprefix("pooling_mode_") for key in others) or str(wanted.get("pooling_mode"))
    if odd:
        raise ModelError(
            f"This encoder puts a text where {odd[:60]!r} says (modules.json), and the studio takes the mean of its "
            "tokens' states. Choose one that is made for the mean, as all-MiniLM-L6-v2 and all-mpnet-base-v2 are.",
            field="model",
        )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path.name} of this model can't be read as JSON ({first_line(error)}). Download it again.", field="model"
        ) from error
