"""Three words of one kind and one of another: which? The hard sample, which the usual training learns by two thirds.

What a word is, the base knows from its world; that it is asked for is all that can be learnt here. So methods, ranks
and learning rates come to different scores, where the other samples are learnt whole by nearly all of them. One word
in four is kept for the unseen ones.
"""

from functools import cache

from studio.tasks.task import Example
from studio.world.language.lexicon import load_lexicon
from studio.world.samples.sample import Draw, Sample, is_kept_apart

_KINDS = (
    "part of the body", "sport", "school subject", "language", "fruit", "vegetable", "dish", "baked food", "tool",
    "kitchen thing", "container", "piece of furniture", "machine", "vehicle", "piece of clothing", "thing to read",
    "mammal", "bird", "insect", "job", "drink", "color", "month",
)  # fmt: skip
_ANIMALS = {"mammal", "bird", "insect"}
"""Kinds of one kind, which aren't set against each other."""
_SAME = 3


@cache
def _list_words(kind: str, unseen: bool) -> tuple[str, ...]:
    words = load_lexicon().kinds[kind]
    return tuple(word for word in words if word.isalpha() and is_kept_apart(word.lower(), "odd") == unseen)


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """Four words and the one that is of another kind; none of them is of both kinds."""
    rng, kinds = draw.rng, load_lexicon().kinds
    while True:
        kind, other = rng.sample(_KINDS, 2)
        known, others = _list_words(kind, draw.unseen), _list_words(other, draw.unseen)
        if {kind, other} <= _ANIMALS or len(known) < _SAME or not others:
            continue
        same, odd = rng.sample(known, _SAME), rng.choice(others)
        if odd not in kinds[kind] and not set(same) & set(kinds[other]):
            words = [*same, odd]
            rng.shuffle(words)
            return ", ".join(words), (odd,)


SAMPLE = Sample(
    number=13,
    name="odd_one",
    title="Odd one out (hard)",
    definition="Three of the four words are of one kind. Write the word that is of another kind.",
    things_to_avoid="Do not say why, and do not write more than one word.",
    categories=("Word Semantics",),
    domains=("Commonsense",),
    positive=(
        Example(input="horse, mug, wolf, goat", output="mug",
                explanation="The others are animals, and a mug is a thing in a kitchen."),
        Example(input="red, blue, sofa, pink", output="sofa",
                explanation="The others are colors, and a sofa is a piece of furniture."),
    ),
    negative=(
        Example(input="apple, peach, bus, plum", output="apple",
                explanation="An apple is a fruit as a peach and a plum are. Right is: bus."),
        Example(input="teacher, baker, nurse, knee", output="The knee is no job.",
                explanation="The answer is one word: knee."),
    ),
    draw=draw,
    reach=(60, 80),
)  # fmt: skip
