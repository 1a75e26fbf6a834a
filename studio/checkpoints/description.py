"""What is known of a stack without loading it: the facts of its base, under the name of what was made on it."""

from studio.checkpoints.checkpoint import Stack
from studio.models.facts import ModelFacts, describe_model


def describe_stack(stack: Stack) -> ModelFacts:
    """Return the facts of a stack; architecture, tokenizer and sizes are its base's. Raises ModelError in words."""
    facts = describe_model(stack.base)
    if not stack.changes:
        return facts
    return facts.model_copy(update={"ref": stack.address.ref, "title": stack.changes[-1].title})
