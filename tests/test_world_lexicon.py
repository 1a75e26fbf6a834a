"""The word files: well formed, without duplicates, large enough, and the unseen words kept apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from studio.world.language.lexicon import Words, count_words, load_lexicon

LEXICON = load_lexicon()
OPEN_CLASSES = ("girls", "boys", "jobs", "places", "animals", "foods", "drinks", "things", "verbs", "good", "bad")


def _words(entries: Iterable[Any]) -> list[str]:
    return [entry if isinstance(entry, str) else entry.word for entry in entries]


@pytest.mark.parametrize("name", OPEN_CLASSES)
def test_no_word_twice_in_a_class(name: str) -> None:
    words = _words(getattr(LEXICON, name)) + _words(getattr(LEXICON.unseen, name))
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("girls", 100),
        ("boys", 100),
        ("places", 100),
        ("animals", 90),
        ("things", 190),
        ("verbs", 250),
        ("good", 80),
        ("bad", 80),
    ],
)
def test_classes_are_large(name: str, least: int) -> None:
    assert len(getattr(LEXICON, name)) >= least


def test_unseen_words_are_enough_and_apart() -> None:
    unseen = LEXICON.unseen
    assert len(unseen.nouns) >= 60 and len(unseen.verbs) >= 40
    assert len(unseen.girls + unseen.boys) >= 40 and len(unseen.good) == len(unseen.bad) == 30
    assert not set(unseen.nouns) & set(LEXICON.nouns)
    assert isinstance(LEXICON, Words)


def test_lexicon_has_two_thousand_words() -> None:
    assert count_words() >= 2000


def test_opposites_name_two_words() -> None:
    for pair in LEXICON.opposites + LEXICON.unseen.opposites:
        assert pair.one != pair.other and pair.part_of_speech


def test_places_and_kinds() -> None:
    assert {place.preposition for place in LEXICON.places} <= {"in", "on", "at"}
    assert all(len(words) > 3 for words in LEXICON.kinds.values())
    assert "apple" in LEXICON.kinds["fruit"] and "hammer" in LEXICON.kinds["tool"]


def test_the_world_is_imported_without_torch() -> None:
    code = "import sys, studio.world.language.voice, studio.world.corpus; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "False"
    )
