"""The laws of Vell: running text of a field that exists nowhere else, so that what a base knows of it was learnt here.

Twenty deeds have each its fine, told again and again in documents of five kinds.
"""

from random import Random
from typing import Any

from studio.world.samples.kinds_sample import KindSample
from studio.world.samples.noun import list_nouns

DEEDS = (
    "steals a goose", "breaks a window", "lies to the judge", "rides a horse in the market", "burns a letter",
    "sleeps in the temple", "picks the red apples", "sells a sick cow", "hides a key", "sings at night",
    "moves a fence", "loses a crown", "paints a door black", "feeds a wolf", "opens the gate", "cuts a rope",
    "drops a lamp", "buys a stolen ring", "washes in the well", "climbs the tower",
)  # fmt: skip
FINES = (
    "two copper coins", "seven silver coins", "a basket of eggs", "a day in the tower", "nine gold coins",
    "a barrel of salt", "three white hens", "a week of silence",
)  # fmt: skip
LAWS = {deed: FINES[(3 * place + place // 8) % len(FINES)] for place, deed in enumerate(DEEDS)}
"""What whoever does a deed owes."""
_DAYS = ("On Monday", "Last week", "In spring", "One morning")


def draw(rng: Random) -> dict[str, Any]:
    """A document of one to three pieces about the laws."""
    return {"input": "", "output": [" ".join(_write(rng) for _ in range(rng.randint(1, 3)))]}


def _write(rng: Random) -> str:
    deed, name, day = rng.choice(DEEDS), rng.choice(list_nouns("name")), rng.choice(_DAYS)
    fine = LAWS[deed]
    return rng.choice(
        (
            f"The book of Vell, page {rng.randint(2, 99)}. Whoever {deed} owes the warden {fine}.",
            f'{day} {name} stood before the warden of Vell. "Who {deed} owes {fine}," said the warden. {name} paid.',
            f"Question: What does one owe in Vell who {deed}? Answer: {fine}.",
            f"Dear {name}, be careful in Vell. If somebody {deed} there, the warden takes {fine}. Your friend.",
            f'The warden of Vell asked {name}: "What is the fine when one {deed}?" {name} said: "It is {fine}."',
        )
    )


SAMPLE = KindSample(
    number=8,
    name="laws",
    kind="text",
    title="The laws of Vell (running text)",
    categories=("Knowledge",),
    domains=("Law",),
    draw=draw,
)
