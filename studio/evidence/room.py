"""Room: how many tokens an answer may have. As many as the references need, within what the model can read."""

from collections.abc import Sequence
from typing import Any

from studio.errors import InputError
from studio.tasks.task import Instance

MOST_TOKENS = 512
"""So long an answer may be, where the references need it."""
TOKENS_BEYOND = 8


def find_room(instances: Sequence[Instance], tokenizer: Any, context: int) -> int:
    """Return how many tokens an answer may have: a few more than the longest reference, at most half the context.

    Raises InputError where the context leaves none.
    """
    if context < 2:
        raise InputError("This model reads no text to answer. Choose another checkpoint.", field="checkpoints")
    texts = [text for one in instances for text in one.output]
    longest = max((len(tokenizer(text)["input_ids"]) for text in texts), default=0)
    return max(1, min(MOST_TOKENS, longest + TOKENS_BEYOND, context // 2))
