"""Rules that are only visible in their examples: copy, reverse, first, last, upper case, sort, double.

Knows: a handful of mappings of word lists. Does not know: names for them; the text shows them and never tells.
"""

from __future__ import annotations

from collections.abc import Callable

from studio.world.language.grammar import plural
from studio.world.language.voice import Voice

Mapping = Callable[[list[str]], list[str]]
_MAPPINGS: tuple[Mapping, ...] = (
    lambda items: items,
    lambda items: items,
    lambda items: items,
    lambda items: items[::-1],
    lambda items: [item.upper() for item in items],
    lambda items: [item.capitalize() for item in items],
    lambda items: items[:1],
    lambda items: items[-1:],
    sorted,
    lambda items: items + items,
    lambda items: [plural(item) for item in items],
)
_SEPARATORS = (" -> ", ": ", " = ", " => ", " | ", "\n", "; ", " becomes ", " / ", " ... ")


def _word(voice: Voice) -> str:
    roll = voice.rng.random()
    if roll < 0.45:
        return voice.invented()
    if roll < 0.55:
        return voice.name()
    if roll < 0.65:
        return voice.choose(voice.lexicon.verbs).word
    return voice.noun()


def write_mapping(voice: Voice) -> str:
    """The same mapping applied to several short lists of words."""
    separator, mapping = voice.choose(_SEPARATORS), voice.choose(_MAPPINGS)
    size, glue = voice.between(1, 4), voice.choose((" ", " ", ", "))
    lines = []
    for _ in range(voice.between(3, 7)):
        items = [_word(voice) for _ in range(size)]
        lines.append(glue.join(items) + separator + glue.join(mapping(items)))
    return ("\n\n" if separator == "\n" else "\n").join(lines)


def write_repeated_sentence(voice: Voice) -> str:
    """Sentences that are copied word for word, sometimes with one word changed."""
    lines = []
    separator = voice.choose(("\n", " -> ", " = ", " | "))
    change = voice.chance(0.4)
    for _ in range(voice.between(1, 4)):
        clause = voice.clause(plain=True)
        sentence = clause.past()
        again = clause.with_subject(voice.name()).past() if change else sentence
        lines.append(f"{sentence}{separator}{again}")
    return ("\n\n" if separator == "\n" else "\n").join(lines)


def write_quote(voice: Voice) -> str:
    """A word or sentence that is said, read, written or called again exactly as it was."""
    first, second = voice.people(2)
    word = voice.choose(
        (voice.invented(), voice.invented(), voice.thing(), voice.animal(), str(voice.between(10, 999)))
    )
    name, clause = voice.name(), voice.clause("I")
    where = voice.choose(("wall", "door", "card", "board", "paper", "sign", "box"))
    said = voice.choose((clause.past, clause.future, clause.wish))()
    return voice.choose(
        (
            f'{first.name} said, "{said}" What did {first.name} say? "{said}"',
            f'The word on the {where} was "{word}". {first.name} read it aloud: "{word}". Then {second.name} read it '
            f"again: "
            f'"{word}".',
            f'The name of the {voice.animal()} was {name}. "Come here, {name}!" said {first.name}. {name} came at '
            f"once.",
            f'{first.name} has a secret word. The word is {word}. "What is the word?" asked {second.name}. "{word}," '
            f"said "
            f"{first.name}.",
            f'"{word}," said {first.name}. "{word}?" asked {second.name}. "Yes, {word}," said {first.name}.',
            f"{first.name} wrote {word} on the {where}. Now the {where} says {word}.",
            f"In our language we call it {word}. {first.name} had never heard of {word} before. {second.name} had two "
            f"of "
            f"them: two {plural(word)}."
            if word.isalpha()
            else f"The number on the {where} was {word}. {first.name} wrote it down: {word}.",
            f'Say it after me: "{said}" "{said}"',
        )
    )


def write_filled_gap(voice: Voice) -> str:
    """A sentence with a gap, and the sentence with the word put back."""
    lines = []
    for _ in range(voice.between(1, 3)):
        sentence = voice.clause(plain=True).past()
        parts = sentence[:-1].split(" ")
        index = voice.between(0, len(parts) - 1)
        gap = " ".join([*parts[:index], "___", *parts[index + 1 :]])
        lines.append(f"{gap}.\n{parts[index]}\n{sentence}")
    return "\n\n".join(lines)
