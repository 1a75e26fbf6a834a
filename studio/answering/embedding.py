"""Where a model puts texts: the mean of what its output head would read at each token of a text.

Each text is read unpadded, beside others that are as long. Imports torch inside its functions.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from studio.errors import ModelError
from studio.models.forward import call_model
from studio.objectives.choices import Vectors

AT_ONCE = 32
"""So many texts are read together."""


def embed(model: Any, texts: Sequence[list[int]]) -> Vectors:
    """Return where a model puts texts (texts x width), each given as tokens after one that begins it.

    Raises ModelError in words for a model whose head can't be opened.
    """
    import torch

    from studio.training.fast.head import open_head

    alike: dict[int, list[int]] = defaultdict(list)
    for place, ids in enumerate(texts):
        alike[len(ids)].append(place)
    found: dict[int, Any] = {}
    try:
        with open_head(model), torch.no_grad():
            for length, places in alike.items():
                for start in range(0, len(places), AT_ONCE):
                    some = places[start : start + AT_ONCE]
                    ids = torch.tensor([texts[place] for place in some], device=model.device)
                    states = call_model(model, input_ids=ids, use_cache=False).logits
                    means = states[:, -max(1, length - 1) :].float().mean(dim=1).cpu().numpy()
                    found |= dict(zip(some, means, strict=True))
    except ValueError as error:
        raise ModelError(
            f"Where this model puts texts can't be read, for {error}. Choose another model.", field="model"
        ) from error
    return np.stack([found[place] for place in range(len(texts))])
