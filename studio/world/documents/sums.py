"""Numbers: sums in digits and words, small word problems, counting.

Knows: adding and taking away up to about a hundred. Does not know: more mathematics than that.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize, plural
from studio.world.language.voice import Voice


def write_sums(voice: Voice) -> str:
    """Sums of one form, in digits or in words."""
    lines = []
    in_words, numbers = voice.chance(0.3), voice.lexicon.numbers
    for _ in range(voice.between(2, 6)):
        first, second = voice.between(0, 12), voice.between(0, 8 if in_words else 20)
        plus = voice.chance(0.6)
        if not plus and second > first:
            first, second = second, first
        result = first + second if plus else first - second
        if in_words:
            lines.append(
                f"{capitalize(numbers[first])} {'plus' if plus else 'minus'} {numbers[second]} is {numbers[result]}."
            )
        else:
            lines.append(f"{first} {'+' if plus else '-'} {second} = {result}")
    return "\n".join(lines)


def write_word_problem(voice: Voice) -> str:
    """Somebody has some things and gets or loses some."""
    person, things = voice.person(), plural(voice.choose((voice.thing, voice.animal, voice.countable_food))())
    first, second = voice.between(2, 20), voice.between(1, 10)
    plus = voice.chance() or second > first
    verb = voice.choose(("found", "bought", "got")) if plus else voice.choose(("lost", "sold", "gave away"))
    result = first + second if plus else first - second
    left = things if result != 1 else "of them"
    end = voice.choose(
        (
            f"Now {person.he} has {result} {left}.",
            f"How many {things} does {person.he} have now? {result}.",
            f"How many are there now? {first} {'+' if plus else '-'} {second} = {result}.",
        )
    )
    return f"{person.name} had {first} {things}. {person.He} {verb} {second} {'more' if plus else 'of them'}. {end}"


def write_counting(voice: Voice) -> str:
    """Counting on in steps, in digits or words."""
    if voice.chance(0.3):
        start = voice.between(0, 8)
        return ", ".join(voice.lexicon.numbers[start : start + voice.between(5, 12)])
    start, step = voice.between(0, 80), voice.choose((1, 1, 2, 5, 10))
    return ", ".join(str(start + index * step) for index in range(voice.between(5, 12)))
