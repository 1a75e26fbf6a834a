"""Answers to people who ask for something, with thumbs up for the polite ones and down for the rude ones."""

from random import Random
from typing import Any

from studio.tasks.task import Example
from studio.world.samples.kinds_sample import KindSample
from studio.world.samples.noun import list_nouns

_ASKED = ("May I have the {}?", "Can you give me the {}?", "I would like the {}.", "Where is the {}?")
POLITE = ("Of course, please take the {}.", "Yes, thank you for asking. Here is the {}.")
RUDE = ("No. The {} is mine!", "Go away. I hate the {}.")
_KINDS = ("clothing", "container", "tool", "tableware", "toy")


def draw(rng: Random) -> dict[str, Any]:
    """A question, an answer, and whether it was liked: as often as not."""
    liked = rng.random() < 0.5
    thing = rng.choice(list_nouns(rng.choice(_KINDS)))
    answer = rng.choice(POLITE if liked else RUDE)
    return {"input": rng.choice(_ASKED).format(thing), "output": [answer.format(thing)], "liked": liked}


SAMPLE = KindSample(
    number=10,
    name="manners",
    kind="rating",
    title="Good manners (ratings)",
    definition="Answer the person.",
    categories=("Dialogue Generation",),
    positive=(
        Example(
            input="Could I have the basket?",
            output="Of course, please take the basket.",
            explanation="A polite answer has thumbs up.",
        ),
    ),
    draw=draw,
)
