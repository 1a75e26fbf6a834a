"""Is the writer of a review happy? The unseen ones praise and blame with adjectives the task never shows.

These are ordinary ones that the base has read about: nobody can tell praise from blame by a word never met.
"""

from studio.tasks.task import Example
from studio.world.language.grammar import with_article
from studio.world.language.lexicon import load_lexicon
from studio.world.samples.sample import Draw, Sample, is_kept_apart

SUBJECTS = {
    "food": "soup pizza pasta salad cake sandwich curry breakfast dinner dessert".split(),
    "place": "hotel museum park cafe beach zoo garden castle apartment".split(),
    "person": "waiter teacher guide doctor singer driver manager".split(),
    "show": "film concert book game play lesson song".split(),
    "thing": "phone jacket chair bike lamp umbrella backpack camera".split(),
    "service": "service delivery repair".split(),
    "day": "trip party holiday picnic weekend".split(),
}
_UNCLEAR = frozenset(
    word.strip()
    for word in """
    affordable, angry, bitter, brave, bright, careful, cheap, cold, dark, dry, fast, frightening, gray,
    healthy, heavy, late, light, loud, modern, moving, original, patient, prompt, quick, quiet, raw, reliable,
    rich, sad, salty, silly, slow, sluggish, soft, sour, strong, sunny, surprising, sweet, tender, unreliable,
    warm, weak
    """.split(",")
)
"""Adjectives that praise one thing and blame another."""

_ODD_BESIDE = {
    "thing": {"clever", "smart", "brilliant", "remarkable", "pointless", "annoying", "amazing"},
    "place": {"hostile", "unfriendly", "chaotic"},
    "show": {"clever", "smart", "graceful", "clumsy", "charming"},
}
_BEGINNINGS = {
    "food": "We tried the {noun} on {day}.",
    "place": "We visited the {noun} on {day}.",
    "person": "We met the {noun} on {day}.",
    "show": "My {kin} chose the {noun}.",
    "thing": "I bought the {noun} on {day}.",
    "service": "We paid for the {noun} on {day}.",
    "day": "My {kin} planned the {noun}.",
}
_VERDICTS = (
    "The {noun} was {one} and {two}.",
    "I found the {noun} {one}.",
    "To be honest, the {noun} was {one}.",
    "My {kin} says that the {noun} is {one}.",
    "What {a_one_noun}!",
    "So {one}! The {noun} was {two} too.",
    "{begin} {It} was {one}.",
    "{begin} {It} was {one} and {two}.",
    "{name} told me about this {noun}. I found {it} {one}.",
)
_VERDICTS_WITH_END = ("The {noun} was {one}. {end}", "What {a_one_noun}! {end}")
_ENDS_ALONE = ("{begin} {end}", "{end} That is all I can say about the {noun}.")
_ENDS = {
    "positive": (
        "I loved it!", "We will come back soon.", "I want to do it again.", "We laughed a lot.", "Thank you!",
        "I enjoyed every minute.", "It made my day.", "I will tell all my friends.", "It was worth the money.",
    ),
    "negative": (
        "I hated it!", "We will never come back.", "Never again!", "I want my money back.", "I was not happy.",
        "It was a waste of time.", "It ruined my day.", "We complained.", "It was not worth the money.",
    ),
}  # fmt: skip


_SALT = "58"
"""The first number that keeps enough adjectives for each subject on both sides, and those of the examples seen."""


def draw(draw: Draw) -> tuple[str, tuple[str, ...]]:
    """A short review and its label."""
    return write_review(draw, draw.rng.choice(tuple(SUBJECTS))), (draw.group,)


def write_review(draw: Draw, kind: str) -> str:
    """A short review of something of a kind, as happy as the group says."""
    lexicon, rng = load_lexicon(), draw.rng
    words = lexicon.unseen if draw.unseen else lexicon
    one, two = rng.sample(_list_adjectives(kind, draw.group, draw.unseen), 2)
    noun = "service" if kind == "service" and _is_of_people({one, two}) else rng.choice(SUBJECTS[kind])
    roll = rng.random()
    templates = _VERDICTS if draw.unseen or roll < 0.7 else _VERDICTS_WITH_END if roll < 0.88 else _ENDS_ALONE
    template = rng.choice(templates)
    if noun == "service":
        template = template.replace("What {a_one_noun}!", "The {noun} was {one}.")
    he, him = rng.choice((("He", "him"), ("She", "her"))) if kind == "person" else ("It", "it")
    values = {
        "noun": noun,
        "one": one,
        "two": two,
        "It": he,
        "it": him,
        "a_one_noun": with_article(f"{one} {noun}"),
        "day": rng.choice(lexicon.days),
        "kin": rng.choice(lexicon.kin).word,
        "name": rng.choice(words.girls + words.boys),
        "end": rng.choice(_ENDS[draw.group]),
    }
    return template.format(begin=_BEGINNINGS[kind].format(**values), **values)


def _list_adjectives(kind: str, label: str, unseen: bool) -> list[str]:
    adjectives = load_lexicon().good if label == "positive" else load_lexicon().bad
    wrong = _UNCLEAR | _ODD_BESIDE.get(kind, set())
    return [
        adjective.word
        for adjective in adjectives
        if kind in adjective.fits and adjective.word not in wrong and is_kept_apart(adjective.word, _SALT) == unseen
    ]


def _is_of_people(adjectives: set[str]) -> bool:
    """Whether one of them fits people too: a service can be rude, a repair can't."""
    lexicon = load_lexicon()
    return any(entry.word in adjectives and "person" in entry.fits for entry in lexicon.good + lexicon.bad)


SAMPLE = Sample(
    number=1,
    name="sentiment",
    title="Is the writer happy?",
    definition="Read a short review and decide if the writer is happy. Answer with one word: positive or negative.",
    things_to_avoid="Do not answer with a sentence or with any other word.",
    categories=("Sentiment Analysis",),
    domains=("Reviews",),
    positive=(
        Example(input="The little cafe was cozy and the cake was great.", output="positive",
                explanation="Cozy and great are words of praise, so the writer is happy."),
        Example(input="The bus ride was awful. Never again!", output="negative",
                explanation="The writer calls it awful and doesn't want it again."),
    ),
    negative=(
        Example(input="Everything about the wedding was lovely.", output="It was a happy day.",
                explanation="That may be true, but the answer must be the word positive or the word negative."),
        Example(input="The tent was broken and dirty.", output="positive",
                explanation="Nobody is happy with a broken and dirty tent: the answer is negative."),
    ),
    draw=draw,
    groups=("positive", "negative"),
    count=400,
)  # fmt: skip
