"""Letters of words: spelling, first and last letters, length, single words again.

Knows: words are made of letters. Does not know: sounds.
"""

from __future__ import annotations

from studio.world.language.grammar import capitalize
from studio.world.language.voice import Voice


def _words(voice: Voice, count: int) -> list[str]:
    words = [voice.invented() if voice.chance(0.4) else voice.noun().split(" ")[-1] for _ in range(count)]
    return list(dict.fromkeys(words))


def write_spelling(voice: Voice) -> str:
    """Words letter by letter."""
    join = voice.choose(("-", " ", ", "))
    form = voice.choose(
        ("{word}: {letters}", "{letters}: {word}", "How do you spell {word}? {letters}.", "{word} = {letters}")
    )
    return "\n".join(form.format(word=word, letters=join.join(word)) for word in _words(voice, voice.between(1, 4)))


def write_letters(voice: Voice) -> str:
    """First and last letters, and how many letters."""
    form = voice.choose(
        (
            "The word {word} begins with {first}.",
            "The word {word} ends with {last}.",
            "{Word} has {count} letters.",
            "{word}: {first}",
            "{word} starts with the letter {first} and ends with the letter {last}.",
        )
    )
    lines = []
    for word in _words(voice, voice.between(2, 5)):
        lines.append(form.format(word=word, Word=capitalize(word), first=word[0], last=word[-1], count=len(word)))
    return voice.choose((" ", "\n")).join(lines) if form.endswith(".") else "\n".join(lines)


def write_same_word(voice: Voice) -> str:
    """Single words, each written again in another dress."""
    form = voice.choose(
        (
            "{word} {word}",
            "{word}, {upper}",
            "{word} - {word}",
            "The word is {word}. {Word}!",
            '"{word}" {word}',
            "{Word}: {word}",
        )
    )
    words = _words(voice, voice.between(2, 6))
    return "\n".join(form.format(word=word, upper=word.upper(), Word=capitalize(word)) for word in words)
