"""What is a short review about? Seven classes of such reviews as the first sample has."""

from random import Random
from typing import Any

from studio.tasks.task import Example
from studio.world.samples.kinds_sample import KindSample
from studio.world.samples.sample import Draw
from studio.world.samples.sentiment import SUBJECTS, write_review

_NAMES = {"show": "entertainment", "day": "event"}


def draw(rng: Random) -> dict[str, Any]:
    """A review, and what it is about."""
    kind = rng.choice(tuple(SUBJECTS))
    mood = rng.choice(("positive", "negative"))
    return {"input": write_review(Draw(rng, mood, unseen=False), kind), "output": [_NAMES.get(kind, kind)]}


SAMPLE = KindSample(
    number=11,
    name="subject",
    kind="instruction",
    title="What is the review about?",
    definition="Read a short review and say what it is about. Answer with one word: food, place, person, "
    "entertainment, thing, service or event.",
    positive=(
        Example(input="The little cafe was cozy and the cake was great.", output="place"),
        Example(input="The bus ride was awful. Never again!", output="service"),
    ),
    categories=("Text Categorization",),
    domains=("Reviews",),
    draw=draw,
)
