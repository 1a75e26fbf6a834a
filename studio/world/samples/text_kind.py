"""What kind of text is a sentence from? Six classes of the little world's documents, told from one sentence alone."""

import re
from collections.abc import Callable
from random import Random
from typing import Any

from studio.tasks.task import Example
from studio.world.documents import descriptions, dialogues, letters, stories, sums
from studio.world.language.voice import Voice
from studio.world.samples.kinds_sample import KindSample

_WRITERS: dict[str, Callable[[Voice], str]] = {
    "story": stories.write_story,
    "diary": letters.write_diary,
    "letter": letters.write_letter,
    "portrait": descriptions.write_person,
    "dialogue": dialogues.write_dialogue,
    "puzzle": sums.write_word_problem,
}
_SHORTEST = 16


def draw(rng: Random) -> dict[str, Any]:
    """A sentence that doesn't begin its document, and which kind of document it is from."""
    kind = rng.choice(tuple(_WRITERS))
    sentences: list[str] = []
    while not sentences:
        text = " ".join(_WRITERS[kind](Voice(rng)).split())
        sentences = [one for one in re.split(r"(?<=[.!?])\s+", text)[1:] if len(one) >= _SHORTEST]
    return {"input": rng.choice(sentences), "output": [kind]}


SAMPLE = KindSample(
    number=12,
    name="text_kind",
    kind="instruction",
    title="What kind of text is it from?",
    definition="Read one sentence and say what kind of text it is from. Answer with one word: story, diary, letter, "
    "portrait, dialogue or puzzle.",
    positive=(
        Example(input="I hope that you can visit us in the summer.", output="letter"),
        Example(input="How many apples does she have now?", output="puzzle"),
    ),
    categories=("Text Categorization",),
    domains=("Stories",),
    draw=draw,
)
