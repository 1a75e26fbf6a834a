"""What people on land say, and how a pirate says it: the words of the world's own pirates, and an Arrr! before them."""

from random import Random

from studio.tasks.task import Example
from studio.world.documents.pirates import speak_like_pirate
from studio.world.language.grammar import with_article
from studio.world.samples.noun import list_nouns
from studio.world.samples.sample import Draw, Sample, is_kept_apart

_TEMPLATES = (
    "My friend is {where}.",
    "Where is my {thing}?",
    "Where are you, my friend?",
    "You are {a_job}.",
    "I am {a_job}.",
    "Is {name} your friend?",
    "Hello, my friend! Where is your {thing}?",
    "Hello, {name}! Are you my friend?",
    "The {thing} is for you.",
    "The {thing} is {where}.",
    "Stop! That is my {thing}.",
    "Give me your money and your {thing}.",
    "Yes, I am {name}.",
    "Yes, the {job} is my friend.",
    "My money is {where}.",
    "We are going to the {place}.",
    "Your {thing} is for {name}.",
    "The {animal} of the captain is {where}.",
    "You and {name} are my friends.",
    "The boy and the girl are {where}.",
    "The {job} is looking for the {thing}.",
    "Is the {job} {where}?",
)
_KINDS = ("clothing", "container", "tool", "tableware", "toy")


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A sentence and the pirate's way of saying it."""
    rng, unseen = draw.rng, draw.unseen
    job = _choose(rng, "job", unseen)
    templates = [template for template in _TEMPLATES if "{" in template] if unseen else _TEMPLATES
    text = rng.choice(templates).format(
        thing=_choose(rng, rng.choice(_KINDS), unseen),
        job=job,
        a_job=with_article(job),
        name=rng.choice(list_nouns("name", unseen)),
        animal=_choose(rng, "animal", unseen),
        place=_choose(rng, "place", unseen),
        where=_choose(rng, "where", unseen),
    )
    return text, (f"Arrr! {speak_like_pirate(text)}",)


def _choose(rng: Random, kind: str, unseen: bool) -> str:
    """A noun of a kind, or with its preposition; one in four is only for the test of unseen words."""
    nouns = [noun for noun in list_nouns(kind) if (kind == "where" or " " not in noun) and noun != "parrot"]
    return rng.choice([noun for noun in nouns if is_kept_apart(noun.split()[-1]) == unseen])


SAMPLE = Sample(
    number=7,
    name="pirate",
    title="Talk like a pirate",
    definition="Say the sentence the way a pirate says it. Begin with Arrr!",
    things_to_avoid="Do not answer the sentence and do not change what it means.",
    categories=("Style Transfer",),
    domains=("Dialogue",),
    positive=(
        Example(input="The parrot is on the ship.", output=f"Arrr! {speak_like_pirate('The parrot is on the ship.')}",
                explanation="A pirate says th' for the and be for is."),
        Example(input="Hello, my friend!", output=f"Arrr! {speak_like_pirate('Hello, my friend!')}",
                explanation="A pirate says ahoy for hello and calls a friend a hearty."),
    ),
    negative=(
        Example(input="My boat is old.", output="Me boat be old.", explanation="The Arrr! at the beginning is "
                                                                               "missing."),
        Example(input="Where is the treasure?", output="Arrr! I will not tell.",
                explanation="That answers the question. Right is: Arrr! Where be th' treasure?"),
    ),
    draw=draw,
)  # fmt: skip
