"""Forms of single words: plurals, tenses, comparisons, opposites.

Knows: many ways to write a word beside its form. Does not know: which words are irregular (`grammar.py`).
Half of the words here are invented, so that a model learns the rules and not only the table.
"""

from __future__ import annotations

from collections.abc import Callable

from studio.world.language import words
from studio.world.language.grammar import (
    capitalize,
    comparative,
    ing,
    participle,
    past,
    plural,
    superlative,
    third_person,
)
from studio.world.language.lexicon import read_rows
from studio.world.language.voice import Voice

_SEPARATORS = (" - ", " -> ", ": ", " | ", " = ", ", ", " / ", " => ")
_COUNTABLE_KINDS = (
    "part of the body",
    "flower",
    "tree",
    "shape",
    "room",
    "part of a house",
    "piece of furniture",
    "vehicle",
)
_OF_THINGS = frozenset(
    "big large hot warm old hard heavy dark full wet clean open high deep wide thick cheap smooth straight tidy "
    "modern".split()
)
_LONG_ENDINGS = ("ity", "ness", "box", "tion", "er", "ist", "ship", "dish", "knife", "man", "berry", "day", "glass")


def _nouns(voice: Voice, count: int) -> list[str]:
    """Nouns with many irregular and invented ones."""
    irregular = [row[0] for row in read_rows("irregular_plurals")]
    found: list[str] = []
    for _ in range(count):
        roll = voice.rng.random()
        if roll < 0.2:
            found.append(voice.choose(irregular))
        elif roll < 0.45:
            found.append(words.invent_word(voice.rng))
        elif roll < 0.5:
            found.append(words.invent_word(voice.rng, 1) + voice.choose(_LONG_ENDINGS))
        elif roll < 0.6:
            found.append(
                voice.choose([w for kind in _COUNTABLE_KINDS for w in voice.lexicon.kinds[kind] if w != "hair"])
            )
        else:
            found.append(voice.choose(voice.lexicon.nouns))
    return [noun for noun in dict.fromkeys(found) if noun != "scissors" and plural(noun)]


def _verbs(voice: Voice, count: int) -> list[str]:
    """Verbs with many irregular and invented ones."""
    irregular = [row[0] for row in read_rows("irregular_verbs") if row[0] != "be"]
    regular = [verb.word for verb in voice.lexicon.verbs]
    found = []
    for _ in range(count):
        roll = voice.rng.random()
        pool = irregular if roll < 0.4 else regular
        found.append(words.invent_verb(voice.rng) if roll > 0.78 else voice.choose(pool))
    return list(dict.fromkeys(found))


def write_plurals(voice: Voice) -> str:
    """One and many of the same noun, in lists or short sentences."""
    nouns = _nouns(voice, voice.between(2, 7))
    form, separator = voice.between(0, 6), voice.choose(_SEPARATORS)
    if form <= 1:
        return "\n".join(f"{noun}{separator}{plural(noun)}" for noun in nouns)
    if form == 2:
        return "\n".join(f"{plural(noun)}{separator}{noun}" for noun in nouns)
    if form == 3:
        return " ".join(f"The plural of {noun} is {plural(noun)}." for noun in nouns)
    if form == 4:
        return "\n".join(
            f"one {noun}, {voice.choose(('two', 'three', 'many', 'ten'))} {plural(noun)}" for noun in nouns
        )
    if form == 5:
        return " ".join(f"One {noun}, {voice.number(2, 12)} {plural(noun)}." for noun in nouns)
    name = voice.name()
    return " ".join(
        voice.choose(
            (
                f"{name} has one {noun}, but I have {voice.number(2, 9)} {plural(noun)}.",
                f"First there was one {noun}. Then there were many {plural(noun)}.",
                f"We say one {noun} and two {plural(noun)}.",
                f"There is a {noun} here, and there are more {plural(noun)} over there."
                if noun[0] not in "aeiou"
                else f"I see one {noun}. You see {voice.number(2, 9)} {plural(noun)}.",
            )
        )
        for noun in nouns[:4]
    )


def write_verb_forms(voice: Voice) -> str:
    """Present, past and other forms of the same verb."""
    verbs = _verbs(voice, voice.between(2, 7))
    separator = voice.choose(_SEPARATORS)
    writers: tuple[Callable[[str], str], ...] = (
        lambda verb: f"{verb}{separator}{past(verb)}",
        lambda verb: f"{past(verb)}{separator}{verb}",
        lambda verb: f"{verb}{separator}{past(verb)}{separator}{participle(verb)}",
        lambda verb: f"{verb}{separator}{ing(verb)}",
        lambda verb: f"{third_person(verb)}{separator}{past(verb)}",
        lambda verb: f"he {third_person(verb)}{separator}he {past(verb)}",
        lambda verb: f"The past of {verb} is {past(verb)}.",
        lambda verb: f"Today I {verb}. Yesterday I {past(verb)}.",
        lambda verb: f"Now she {third_person(verb)}. Then she {past(verb)}.",
        lambda verb: f"Did you {verb}? Yes, I {past(verb)}.",
        lambda verb: f"They {past(verb)} again. They often {verb}.",
    )
    writer = voice.choose(writers)
    lines = [writer(verb) for verb in verbs]
    return (" " if lines[0].endswith(".") and voice.chance() else "\n").join(lines)


def write_comparisons(voice: Voice) -> str:
    """Big, bigger, biggest."""
    adjectives = [entry.word for entry in voice.lexicon.neutral + voice.lexicon.good if " " not in entry.word]
    people = {entry.word for entry in voice.lexicon.neutral + voice.lexicon.good if "person" in entry.fits}
    people -= {"little", "special", "foreign"}
    skipped = (
        "wooden",
        "plastic",
        "golden",
        "silver",
        "square",
        "empty",
        "special",
        "secret",
        "striped",
        "spotted",
        "nearby",
        "first-class",
        "local",
    )
    chosen = voice.sample([word for word in adjectives if word not in skipped], voice.between(2, 6))
    separator = voice.choose(_SEPARATORS)
    if voice.chance(0.6):
        return "\n".join(f"{word}{separator}{comparative(word)}{separator}{superlative(word)}" for word in chosen)
    lines = []
    for word in chosen:
        first, second, third = (person.name for person in voice.people(3))
        if voice.chance() and word in people:
            lines.append(
                f"{first} is {word}. {second} is {comparative(word)}. {third} is the {superlative(word)} of all."
            )
        else:
            lines.append(f"{capitalize(word)}, {comparative(word)}, {superlative(word)}.")
    return " ".join(lines)


def write_opposites(voice: Voice) -> str:
    """Words and their opposites, in one form for the whole list."""
    pairs = list(voice.lexicon.opposites)
    if voice.chance(0.3):
        pairs += list(voice.lexicon.unseen.opposites)
    lines = []
    form = voice.choose(
        (
            "The opposite of {a} is {b}.",
            "{A} is the opposite of {b}.",
            "Not {a}, but {b}.",
            "If it is not {a}, it is {b}.",
            "{A} and {b} are opposites.",
            "{a} - {b}",
            "{a} and {b}",
            "{a} -> {b}",
            "{a} | {b}",
            "{a}: {b}",
            "{a}, {b}",
            "{a} or {b}?",
            'The teacher says "{a}" and the class says "{b}".',
            "I say {a}, you say {b}.",
        )
    )
    for pair in voice.sample(pairs, voice.between(2, 7)):
        if "it is" in form and pair.part_of_speech != "adjective":
            continue
        one, other = (pair.one, pair.other) if voice.chance() else (pair.other, pair.one)
        lines.append(form.format(a=one, b=other, A=capitalize(one)))
    if not lines:
        return "The opposite of hot is cold."
    return ("\n" if not form.endswith(".") or voice.chance(0.3) else " ").join(lines)


def write_opposite_story(voice: Voice) -> str:
    """Two people or things that are different in everything, in prose."""
    adjectives = [
        pair for pair in voice.lexicon.opposites if pair.one in _OF_THINGS and pair.part_of_speech == "adjective"
    ]
    first, second = voice.people(2)
    one, two, three = voice.sample(adjectives, 3)
    thing = voice.thing()
    return voice.choose(
        (
            f"{first.name} and {second.name} are very different. The room of {first.name} is {one.one}, but the room "
            f"of "
            f"{second.name} is {one.other}. The {thing} of {first.name} is {two.one}, and the {thing} of {second.name} "
            f"is {two.other}.",
            f'"Is the {thing} {one.one}?" asked {first.name}. "No, it is {one.other}," said {second.name}. "Is it '
            f'{two.other}?" "No, the opposite: it is {two.one}."',
            f"In the land of opposites, everything that is {one.one} here is {one.other} there. What is {two.one} for "
            f"us "
            f"is {two.other} for them, and a {three.one} {thing} is a {three.other} {thing}.".replace("a a", "an a"),
            f"It was not {one.one}, it was {one.other}. It was not {two.one}, it was {two.other}. {first.name} changed "
            f"{first.his} mind: the {thing} was {three.one} and not {three.other}.",
        )
    )
