"""Invented words: pronounceable, not English, inflected by the regular rules.

Knows: how a syllable is built and which endings would make the regular rules ambiguous.
Does not know: the lexicon, except through the caller who wants to avoid its words.
A model that reads many of these learns to copy and inflect words that it has never seen.
"""

from __future__ import annotations

import re
from random import Random

_ONSETS = (
    "b c d f g h j k l m n p r s t v w z b d f g k l m n p r s t bl br ch cl cr dr fl fr gl gr kl kr pl pr qu sc sh "
    "sk sl sm sn sp st str sw th tr tw wh"
).split()
_VOWELS = ("a e i o u " * 5 + "ai ea ee oa oo ou").split()
_CODAS = "b d g k l m n p r s t ck ft lk ll lt mp nd ng nk nt rd rk rm rn rt sk ss st th sh".split()
_INNER_CODAS = "l m n r s n l r k p".split()
_ENDINGS = "a o i er le et en el in on ard ock ick um ap y ix".split()
_NAME_ENDINGS = "a a a o i e an en in on ah ia el is us ar".split()


# Parts of words that must not come about by chance.
_RUDE = re.compile(
    "fuck|fuk|shit|cunt|cock|dick|nig|fag|slut|slag|whor|hook|tits|pus|ass|crap|piss|poop|nazi|rap[ei]|porn|sex|anal|tard|gook|"
    "coon|kike|spic|paki|homo|dyke|turd|fart|bitch|wank|twat|prick|penis|vagin|boob|jew|negr|kill|hell|damn|butt|bum|hoe|heil"
)


def _is_fit(word: str) -> bool:
    return not _RUDE.search(word) and not re.search(r"(.)\1\1", word)


def _join_syllables(rng: Random, syllables: int | None = None) -> str:
    count = syllables or rng.choice((1, 2, 2, 2, 3))
    word = ""
    for index in range(count):
        last = index == count - 1
        if last and index > 0 and rng.random() < 0.5:
            return word + (rng.choice(_ONSETS[:31]) if word[-1] in "aeiou" else "") + rng.choice(_ENDINGS)
        coda = rng.choice(_CODAS) if last else rng.choice(_INNER_CODAS) if rng.random() < 0.35 else ""
        word += rng.choice(_ONSETS) + rng.choice(_VOWELS) + coda
    return word


def invent_word(rng: Random, syllables: int | None = None) -> str:
    """A lower-case word of one to three syllables, such as `blicket`, `tren` or `mafodo`."""
    while not _is_fit(word := _join_syllables(rng, syllables)):
        pass
    return word


def invent_verb(rng: Random) -> str:
    """An invented verb: short, and ending so that its past form has one regular spelling."""
    while True:
        word = invent_word(rng, rng.choice((1, 1, 2)))
        if len(word) > 2 and word[-1] not in "aiou" and not word.endswith(("ee", "le", "y")):
            return word


def invent_name(rng: Random) -> str:
    """An invented first name with a capital: `Tavia`, `Oldren`, `Mosh`."""
    while True:
        stem = invent_word(rng, rng.choice((1, 1, 2)))
        if rng.random() < 0.75:
            stem = (stem.rstrip("aeiou") or stem) + rng.choice(_NAME_ENDINGS)
        if _is_fit(stem):
            return stem.capitalize()
