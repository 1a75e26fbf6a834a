"""Whether a model writes from left to right: decided by transformers' own class for its config, and by a trial.

In the trial the last token of a text is exchanged; in a causal language model no score before it may change, and in
training it has to read texts of different lengths. Kinds that were made to read a whole text (BERT and its relatives)
are loaded by the same class names, so no name tells it.
"""

import json
from functools import lru_cache
from typing import Any

from studio.errors import ModelError, first_line
from studio.foreign import Original
from studio.models.architecture import LOCK, build_model, count_rows, describes_encoder, fill, parse_config
from studio.models.layers import listen, thin_layers

READ_FROM = (Original("transformers.models.auto.auto_factory._get_model_class", "5.23.0", "15c6b6615b6d"),)

LENGTH = 24
MOST_BYTES = 2**28
"""A model is tried on the page with two layers of random numbers if those take no more."""
MOST_DOUBTFUL_BYTES = 2**30
"""The same for a config that says it is no decoder; some say so that are."""
NOISE = 1e-4
"""Of the largest score: so much may a score change by the order in which numbers are added."""


@lru_cache(maxsize=64)
def check_causal(config: str) -> None:
    """Raise ModelError in words where the text of a config.json describes no causal language model, and no encoder."""
    check_class(config)
    if not describes_encoder(config) and (error := _try_small(config)) is not None:
        raise error


def refuse_looking_ahead(config: Any) -> ModelError:
    """Return the error about a model in which a token sees those after it."""
    return ModelError(
        f"In this model (kind {config.model_type!r}) each token sees those that come after it, so it would learn from "
        "what it will not have when it answers. Choose a causal language model, one that writes from left to right.",
        field="model",
    )


def is_doubtful(model: Any) -> bool:
    """Whether a model's config says that it is no decoder, or its class's name isn't that of one; some are."""
    said = getattr(model.config.get_text_config(), "is_decoder", None)
    return said is False or not type(model).__name__.endswith("ForCausalLM")


def looks_ahead(model: Any) -> bool:
    """Whether a later token changes what a model says of earlier ones."""
    import torch

    text = torch.arange(1, LENGTH + 1, device=model.device)[None] % max(2, count_rows(model))
    other = text.clone()
    other[0, -1] = (text[0, -1] + 1) % max(2, count_rows(model))
    with torch.no_grad():
        before, after = (model(input_ids=ids, use_cache=False).logits[0, :-1].float() for ids in (text, other))
    return bool((before - after).abs().max() > NOISE * before.abs().max())


def check_class(text: str) -> None:
    """Raise ModelError in words where transformers has no causal language model for the text of a config.json.

    Or where what was saved is another kind of model. An encoder is one of its own.
    """
    if describes_encoder(text):
        return
    import transformers
    from transformers import AutoModelForCausalLM

    config, named = parse_config(text), json.loads(text).get("architectures") or []
    names = [str(name)[:80] for name in (named if isinstance(named, list) else [named])]
    mapping = AutoModelForCausalLM._model_mapping
    takes = mapping[type(config)] if type(config) in mapping else ()
    own = {cls.__name__ for cls in (takes if isinstance(takes, tuple | list) else (takes,))}
    said = f"This is a {', '.join(names) or config.model_type}"
    if own and getattr(config.get_text_config(), "num_hidden_layers", None) is None:
        raise ModelError(
            f"{said}, which doesn't say how many layers it has, so transformers can't write with it (its cache of what "
            "was read needs that number). Choose another model.",
            field="model",
        )
    if own & set(names):
        return
    if config.is_encoder_decoder:
        raise ModelError(
            f"{said}, which reads a whole text with one half and answers with the other. The studio tunes causal "
            "language models, which go on writing the text they were given. Choose one of those.",
            field="model",
        )
    if not own:
        raise ModelError(
            f"{said}, and transformers has no causal language model (one that goes on writing the text it was given) "
            f"of kind {config.model_type!r}. Choose another model.",
            field="model",
        )
    for name in names:
        known = getattr(transformers, name, None)
        if name.endswith(("CausalLM", "LMHeadModel")) or (known is not None and known.can_generate()):
            return
        if name.endswith("Model") and getattr(config.get_text_config(), "tie_word_embeddings", False):
            return  # its head is the table of its words
    if names:
        raise ModelError(
            f"{said}, not a causal language model: it has no head that gives each token a score as the "
            "next one. Choose the language model it was made from, or another.",
            field="model",
        )


def _try_small(config: str) -> ModelError | None:
    """What a copy of two layers of each kind, with random numbers, does wrong; None where it can't be tried."""
    import torch

    with LOCK, torch.device("meta"):
        model = build_model(config)
        times = thin_layers(model)
    most = MOST_DOUBTFUL_BYTES if is_doubtful(model) else MOST_BYTES
    if sum(value.nbytes for value in model.parameters()) > most:
        return None
    listen(model, times)
    try:
        ahead = looks_ahead(fill(model).eval())
    except Exception:  # a trial that breaks tells nothing; the run's own first steps do
        return None
    return refuse_looking_ahead(model.config) if ahead else _try_to_read(model.train())


def _try_to_read(model: Any) -> ModelError | None:
    """Why a model that answers can't be trained on texts of any length; None if it can."""
    import torch

    try:
        for length in (LENGTH - 1, LENGTH):
            model(input_ids=torch.arange(1, length + 1, device=model.device)[None] % max(2, count_rows(model)))
    except Exception as error:
        return ModelError(
            f"In training this model (kind {model.config.model_type!r}) can't read a text of {length} tokens, though "
            f"it can answer one: {first_line(error)} Choose another model.",
            field="model",
        )
    return None
