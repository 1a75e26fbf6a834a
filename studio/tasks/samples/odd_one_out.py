"""Four words, three of one kind: which one is of another?

The reserved words are kept apart by a hash of their letters: the base read about them, the task never shows them.
"""

from functools import cache

from studio.tasks.samples.sample import Draw, Sample, is_kept_apart
from studio.tasks.task import Example
from studio.world.lexicon import load_lexicon

_FAMILIES = {
    "food": ("fruit", "vegetable", "drink", "baked food"),
    "life": ("mammal", "bird", "insect", "animal"),
    "people": ("job", "family member"),
    "body": ("part of the body",),
    "thing": (
        "tool",
        "vehicle",
        "piece of furniture",
        "piece of clothing",
        "instrument",
        "toy",
        "kitchen thing",
        "machine",
    ),
    "nature": ("tree", "flower", "kind of weather", "part of nature"),
    "idea": ("color", "number", "month", "sport", "language", "school subject"),
}
"""Kinds of one family are never played against each other: a pear among carrots is a matter of taste."""

_TWO_MEANINGS = frozenset(
    word.strip()
    for word in """
    April, art, August, back, bass, bat, beet, beige, block, bow, bowl, boxing, brush, bun, calf, cap, cart,
    chest, chicken, china, coach, conductor, cook, crane, cricket, crow, cup, daisy, date, drill, driver,
    duck, elm, fan, fig, fish, fisher, fly, glass, gold, golden, grass, guard, hail, hair, hare, iris, June,
    king, kitchen thing, kiwi, ladybug, lead, light, lily, lime, March, march, match, May, may, mole, monk,
    mop, mouse, mug, music, nail, nut, olive, orange, painting, palm, pan, pea, peach, pepper, pilot, plum,
    poppy, pot, queen, reading, ring, robin, robot, roll, rose, rowing, ruler, running, saw, seal, silver,
    skin, sole, spelling, spinning top, square, star, suit, swallow, swing, tie, tongue, top, toy car, turkey,
    turquoise, violet, watch, willow, writing, yo-yo
    """.split(",")
)


@cache
def list_members(kind: str, unseen: bool) -> tuple[str, ...]:
    """The words of a kind that are reserved (about one in four), or all others."""
    words = [word for word in load_lexicon().kinds[kind] if word not in _TWO_MEANINGS and " " not in word]
    return tuple(word for word in words if is_kept_apart(word) == unseen)


@cache
def _list_kinds(family: str, unseen: bool, least: int) -> tuple[str, ...]:
    return tuple(kind for kind in _FAMILIES[family] if len(list_members(kind, unseen)) >= least)


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """Four words and the one that is of another family; the group says at which place it stands."""
    rng, place = draw.rng, int(draw.group)
    family = rng.choice([name for name in _FAMILIES if _list_kinds(name, draw.unseen, 4)])
    other = rng.choice([name for name in _FAMILIES if name != family and _list_kinds(name, draw.unseen, 1)])
    three = rng.sample(list_members(rng.choice(_list_kinds(family, draw.unseen, 4)), draw.unseen), 3)
    odd = rng.choice(list_members(rng.choice(_list_kinds(other, draw.unseen, 1)), draw.unseen))
    return ", ".join([*three[:place], odd, *three[place:]]), (odd,)


SAMPLE = Sample(
    number=7,
    name="odd_one_out",
    title="The odd one out",
    definition="Three of the four words belong together. Answer with the one that does not.",
    things_to_avoid="Do not explain, and do not answer with more than one word.",
    categories=("Word Semantics",),
    domains=("Commonsense -> Concepts and Relations",),
    positive=(
        Example(input="tiger, rabbit, tulip, zebra", output="tulip",
                explanation="A tulip is a flower; the other three are animals."),
        Example(input="sofa, bench, wardrobe, tennis", output="tennis",
                explanation="Tennis is a sport; the others are furniture."),
    ),
    negative=(
        Example(input="copper, baker, dentist, tailor", output="dentist",
                explanation="Baker, dentist and tailor are jobs. Copper is a metal, so it is the odd one."),
        Example(input="ankle, elbow, trumpet, shoulder", output="ankle, elbow, shoulder",
                explanation="Those are the three that belong together. The answer is the fourth: trumpet."),
    ),
    draw=draw,
    groups=("0", "1", "2", "3"),
)  # fmt: skip
