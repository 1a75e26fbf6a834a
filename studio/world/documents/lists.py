"""Kinds of things: lists of a kind, which kind a word is, and which word does not belong.

Knows: the categories of the lexicon. Does not know: any task's form.
"""

from __future__ import annotations

from functools import cache

from studio.world.language.grammar import capitalize, list_words, plural, with_article
from studio.world.language.lexicon import load_lexicon
from studio.world.language.voice import Voice

# A word of these kinds takes no article: "red is a color".
_BARE = frozenset(
    "color|month|school subject|season|language|planet|drink|metal|sport|game|ocean|spice|continent|meal of the day|"
    "kind of dance|number|kind of cloth|hobby|kind of weather|dairy food|part of nature|part of a house".split("|")
)
# Kinds that contain each other are not played against each other.
_WIDE = frozenset(("animal", "part of nature", "mammal", "bird", "fish", "insect", "reptile", "big cat"))


@cache
def _uncountable_foods() -> frozenset[str]:
    return frozenset(food.word for food in load_lexicon().foods if not food.countable)


def _named(word: str, kind: str) -> str:
    return word if kind in _BARE or word in _uncountable_foods() else with_article(word)


def _kind(voice: Voice) -> str:
    return voice.choose(list(voice.lexicon.kinds))


def write_kind(voice: Voice) -> str:
    """Some words of one kind."""
    kind = _kind(voice)
    words = voice.sample(voice.lexicon.kinds[kind], voice.between(2, 7))
    return voice.choose(
        (
            f"{capitalize(plural(kind))}: {', '.join(words)}.",
            " ".join(f"{capitalize(_named(word, kind))} is {with_article(kind)}." for word in words[:4]),
            f"My {voice.kin().word} knows many {plural(kind)}. Here are some {plural(kind)}: {list_words(words)}.",
            f"{capitalize(list_words(words))} are all {plural(kind)}.",
            f"{capitalize(list_words(words))}: all of them are {plural(kind)}.",
            f"Name some {plural(kind)}: {list_words(words)}.",
        )
    )


def write_sorted(voice: Voice) -> str:
    """Words beside their kind, of several kinds."""
    kinds = voice.sample(list(voice.lexicon.kinds), voice.between(2, 4))
    pairs = voice.shuffle([(voice.choose(voice.lexicon.kinds[kind]), kind) for kind in kinds for _ in range(2)])
    separator = voice.choose((" is ", " - ", ": ", " = ", " -> "))
    if separator == " is ":
        return "\n".join(
            f"{capitalize(_named(word, kind))} is {with_article(kind)}." for word, kind in dict.fromkeys(pairs)
        )
    return "\n".join(f"{word}{separator}{kind}" for word, kind in dict.fromkeys(pairs))


def write_odd_one(voice: Voice) -> str:
    """Words of a kind and one of another kind, told in prose which one it is."""
    lines = []
    for _ in range(voice.between(1, 3)):
        kind, other = voice.sample(list(voice.lexicon.kinds), 2)
        if kind in _WIDE and other in _WIDE:
            other = voice.choose(("tool", "fruit", "color", "vehicle"))
        same = voice.sample(voice.lexicon.kinds[kind], 3)
        odd = voice.choose(voice.lexicon.kinds[other])
        if odd in voice.lexicon.kinds[kind]:
            continue
        line = voice.shuffle([*same, odd])
        lines.append(
            voice.choose(
                (
                    f"{capitalize(', '.join(line))}. Which one is different? {capitalize(_named(odd, other))}, "
                    f"because it is "
                    f"{with_article(other)}.",
                    f"{capitalize(', '.join(line))}: three of them are {plural(kind)}, but {_named(odd, other)} is "
                    f"{with_article(other)}.",
                    f"{voice.name()} saw the words {list_words(line)}. Only {odd} did not belong, because the others "
                    f"are "
                    f"{plural(kind)}.",
                    f"{list_words(same)} go together. {capitalize(odd)} does not go with them.",
                    f"Three {plural(kind)}: {list_words(same)}. Not one of the {plural(kind)}: {odd}.",
                    f"{', '.join(line)} - all are {plural(kind)} except {odd}",
                )
            )
        )
    return "\n".join(lines) or "Red, blue and green are colors. A dog is not a color."


def write_yes_no_kind(voice: Voice) -> str:
    """Is it one of the kind?"""
    lines = []
    for _ in range(voice.between(2, 5)):
        kind = _kind(voice)
        word = voice.choose(voice.lexicon.kinds[kind])
        asked = kind if voice.chance() else _kind(voice)
        if word in voice.lexicon.kinds[asked]:
            lines.append(f"Is {_named(word, kind)} {with_article(asked)}? Yes.")
        elif not (asked in _WIDE and kind in _WIDE):
            lines.append(f"Is {_named(word, kind)} {with_article(asked)}? No, it is {with_article(kind)}.")
    return " ".join(lines) or "Is a pear a fruit? Yes."


def write_shopping_list(voice: Voice) -> str:
    """A list of things to buy, take or do."""
    person = voice.person()
    items = [voice.choose((voice.a_food, voice.a_thing))() for _ in range(voice.between(3, 6))]
    if voice.chance():
        return f"{person.name} wrote a list:\n" + "\n".join(f"- {item}" for item in items)
    verb = voice.choose(("bought", "packed", "needed", "found", "put in the bag"))
    if verb == "put in the bag":
        return f"{person.name} put {list_words(items)} in the bag."
    return (
        f"{person.name} {verb} {list_words(items)}. The first thing was {items[0]}, and the last thing was {items[-1]}."
    )
