"""Facts: what words mean, capitals, days, months, seasons.

Knows: the hand-written definitions and the calendar. Does not know: facts that are not in the lexicon.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, with_article
from studio.world.language.voice import Voice

_MASS = frozenset(
    "air anger autumn blood clay danger dawn earth fear fire flour fog freedom fuel gold grain health heat honey "
    "hunger ice "
    "joy justice kindness knowledge land leather light luck magic medicine midnight music news noon pain peace poison "
    "rain "
    "sand silence skin smoke snow soap soil space spring steam summer thirst thunder traffic treasure truth war water "
    "weather "
    "wind winter wood work youth justice".split()
)
_THE = frozenset(
    ("alphabet", "future", "past", "present", "moon", "sun", "world", "beginning", "end", "plural", "opposite")
)


def name_word(word: str) -> str:
    """A defined word with the article that it takes in a definition."""
    if word in _MASS:
        return word
    return f"the {word}" if word in _THE else with_article(word)


def write_definitions(voice: Voice) -> str:
    """What some words mean, in varied sentences."""
    lines = []
    form = voice.between(0, 5)
    for word in voice.sample(list(voice.lexicon.definitions), voice.between(1, 4)):
        meaning = voice.lexicon.definitions[word]
        named = name_word(word)
        lines.append(
            (
                f"{capitalize(named)} is {meaning}.",
                f"What is {named}? It is {meaning}.",
                f"The word {word} means {meaning}.",
                f"{capitalize(word)}: {meaning}.",
                f"We call {meaning} {named}.",
                f'"What does {word} mean?" asked {voice.name()}. "It means {meaning}," said {voice.name()}.',
            )[form]
        )
    return ("\n" if form == 3 or voice.chance(0.3) else " ").join(lines)


def write_capitals(voice: Voice) -> str:
    """Countries, their capitals and their people."""
    lines = []
    for country in voice.sample(voice.lexicon.countries, voice.between(1, 5)):
        word, capital = country.word, country.capital
        lines.append(
            voice.choose(
                (
                    f"The capital of {word} is {capital}.",
                    f"{capital} is the capital of {word}.",
                    f"What is the capital of {word}? {capital}.",
                    f"{capital} is a city in {word}.",
                    f"{voice.name()} lives in {capital}, the capital of {word}.",
                    f"{voice.name()} is {country.people} and comes from {word}.",
                    f"{word} is a country. Its capital is {capital}.",
                    f"People from {word} are {country.people}.",
                )
            )
        )
    return " ".join(lines)


def write_calendar(voice: Voice) -> str:
    """What comes after a day or month, and how many there are."""
    lexicon = voice.lexicon
    names = voice.choose((lexicon.days, lexicon.months, ("spring", "summer", "autumn", "winter")))
    start = voice.between(0, len(names) - 1)
    following = [
        (names[(start + i) % len(names)], names[(start + i + 1) % len(names)]) for i in range(voice.between(1, 5))
    ]
    form = voice.choose(
        (
            "After {a} comes {b}.",
            "What comes after {a}? {B}.",
            "{B} follows {a}.",
            "Before {b} comes {a}.",
            "If it is {a} now, then {b} is next.",
        )
    )
    lines = [form.format(a=one, b=other, B=capitalize(other)) for one, other in following]
    extra = (
        "A week has seven days.",
        "A year has twelve months.",
        "There are four seasons.",
        "Saturday and Sunday are the weekend.",
        "Winter is cold and summer is warm.",
        "February is the shortest month.",
    )
    return " ".join(lines + ([voice.choose(extra)] if voice.chance(0.3) else []))


def write_material_facts(voice: Voice) -> str:
    """Which things are made of the same material, belong to the same kind or serve the same use."""
    thing = voice.thing_entry()
    same = [
        other.word for other in voice.lexicon.things if other.material == thing.material and other.word != thing.word
    ]
    different = voice.choose([other for other in voice.lexicon.things if other.material != thing.material])
    one = with_article(thing.word)
    lines = [f"{capitalize(one)} is made of {thing.material}."]
    if same:
        lines.append(f"{capitalize(with_article(voice.choose(same)))} is made of {thing.material} too.")
    lines.append(
        f"{capitalize(with_article(different.word))} is not made of {thing.material}, but of {different.material}."
    )
    return " ".join(lines)
