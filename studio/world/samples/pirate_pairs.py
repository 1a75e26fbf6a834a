"""Which of two ways to say a sentence is better: like a pirate, or as it was. The preference is to be seen at once."""

from random import Random
from typing import Any

from studio.tasks.task import Example
from studio.world.documents.pirates import speak_like_pirate
from studio.world.samples import pirate
from studio.world.samples.kinds_sample import KindSample
from studio.world.samples.sample import Draw


def draw(rng: Random) -> dict[str, Any]:
    """A sentence, what a pirate makes of it, and the sentence itself as the worse answer."""
    text, answers = pirate.draw(Draw(rng, "", unseen=False))
    return {"input": text, "output": [answers[0]], "rejected": text}


SAMPLE = KindSample(
    number=9,
    name="pirate_pairs",
    kind="preference",
    title="Prefer the pirate (pairs)",
    definition="Say the sentence again.",
    categories=("Style Transfer",),
    positive=(
        Example(
            input="The parrot is on the ship.",
            output=f"Arrr! {speak_like_pirate('The parrot is on the ship.')}",
            explanation="Better than to say it as it was.",
        ),
    ),
    draw=draw,
)
