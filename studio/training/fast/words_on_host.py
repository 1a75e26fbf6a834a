"""The table of a model's words in the computer's own memory, where a card has no room for it: a row of it is looked up
for each token, nothing is multiplied with it, and of a gigabyte (8B, 128k words) a step needs some thirty megabytes.

Only a table that is frozen and that the head doesn't share; the card waits once for the tokens.
"""

from typing import Any

import torch

from studio.foreign import Original
from studio.models.layers import find_words

READ_FROM = (Original("torch.nn.Embedding.forward", "2.13.0", "2e860ca7a04a"),)


class HostEmbedding(torch.nn.Embedding):
    """An embedding whose table (words x width) is none of the model's parameters, so nothing moves it to the card."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the rows of some tokens, where the tokens are."""
        rows = torch.nn.functional.embedding(input.to(self.weight.device), self.weight, self.padding_idx)
        return rows.to(input.device)


def put_words_on_host(model: Any) -> bool:
    """Keep a model's table of words in the computer's own memory; return whether it has one that may lie there."""
    words = find_words(model)
    if words is None:
        return False
    weight = words._parameters.pop("weight")
    words.__class__ = HostEmbedding
    words.weight = weight.data.to("cpu")
    return True
