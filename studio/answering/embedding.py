"""Where a model puts texts: the mean of what its output head would read at each token of a text.

Each text is read unpadded, beside others that are as long. Imports torch inside its functions.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from studio.errors import ModelError
from studio.models.encoders import reads_whole
from studio.models.forward import call_model
from studio.objectives.choices import Choices, Vectors

AT_ONCE = 32
"""So many texts are read together."""


def embed(model: Any, texts: Sequence[list[int]]) -> Vectors:
    """Return where a model puts texts (texts x width), each given as tokens after one that begins it.

    Raises ModelError in words for a model whose head can't be opened.
    """
    import torch

    from studio.training.fast.head import open_head

    both_ways = reads_whole(model)
    alike: dict[int, list[int]] = defaultdict(list)
    for place, ids in enumerate(texts):
        alike[len(ids)].append(place)
    found: dict[int, Any] = {}
    try:
        with nullcontext() if both_ways else open_head(model), torch.no_grad():
            for length, places in alike.items():
                for start in range(0, len(places), AT_ONCE):
                    some = places[start : start + AT_ONCE]
                    ids = torch.tensor([texts[place] for place in some], device=model.device)
                    states = call_model(model, input_ids=ids, use_cache=False).logits
                    means = states[:, 0 if both_ways else -max(1, length - 1) :].float().mean(dim=1).cpu().numpy()
                    found |= dict(zip(some, means, strict=True))
    except ValueError as error:
        raise ModelError(
            f"Where this model puts texts can't be read, for {error}. Choose another model.", field="model"
        ) from error
    return np.stack([found[place] for place in range(len(texts))])


def choose(model: Any, texts: Sequence[list[int]], choices: Choices) -> list[str]:
    """Return what is chosen for each text; where the start has a say, of where it puts them as well."""
    vectors = embed(model, texts)
    if len(choices.middle) == 2 * vectors.shape[1]:
        with model.disable_adapter():
            vectors = np.concatenate([vectors, embed(model, texts)], axis=1)
    return choices.choose(vectors)


def place_whole(model: Any, ids: Any, lengths: Any) -> Any:
    """Return where an encoder puts texts (texts x width), filled up on the right to one length, with slopes."""
    import torch

    mask = torch.arange(ids.shape[1], device=ids.device)[None] < lengths.to(ids.device)[:, None]
    states = call_model(model, input_ids=ids, attention_mask=mask.long()).logits.float()
    return (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
