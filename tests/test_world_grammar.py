"""Forms of words and clauses, regular and irregular, and the invented words they also work for."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.world.language.grammar import (
    Clause,
    comparative,
    ing,
    list_words,
    participle,
    past,
    plural,
    superlative,
    third_person,
    with_article,
)
from studio.world.language.lexicon import read_rows
from studio.world.language.words import invent_name, invent_verb, invent_word

IRREGULAR_NOUNS = {row[0] for row in read_rows("irregular_plurals")}
IRREGULAR_VERBS = {row[0] for row in read_rows("irregular_verbs")}


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dog", "dogs"),
        ("box", "boxes"),
        ("bus", "buses"),
        ("brush", "brushes"),
        ("city", "cities"),
        ("key", "keys"),
        ("wolf", "wolves"),
        ("roof", "roofs"),
        ("mouse", "mice"),
        ("sheep", "sheep"),
        ("potato", "potatoes"),
        ("piano", "pianos"),
        ("stomach", "stomachs"),
        ("police officer", "police officers"),
        ("piece of clothing", "pieces of clothing"),
        ("fireman", "firemen"),
        ("pocketknife", "pocketknives"),
        ("blicket", "blickets"),
        ("toothbrush", "toothbrushes"),
    ],
)
def test_plural(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(
    ("verb", "past_form", "ing_form", "third"),
    [
        ("walk", "walked", "walking", "walks"),
        ("stop", "stopped", "stopping", "stops"),
        ("open", "opened", "opening", "opens"),
        ("cry", "cried", "crying", "cries"),
        ("play", "played", "playing", "plays"),
        ("bake", "baked", "baking", "bakes"),
        ("free", "freed", "freeing", "frees"),
        ("fix", "fixed", "fixing", "fixes"),
        ("rain", "rained", "raining", "rains"),
        ("panic", "panicked", "panicking", "panics"),
        ("tie", "tied", "tying", "ties"),
        ("go", "went", "going", "goes"),
        ("begin", "began", "beginning", "begins"),
        ("teach", "taught", "teaching", "teaches"),
        ("pick up", "picked up", "picking up", "picks up"),
        ("lie down", "lay down", "lying down", "lies down"),
        ("plim", "plimmed", "plimming", "plims"),
    ],
)
def test_verb_forms(verb: str, past_form: str, ing_form: str, third: str) -> None:
    assert (past(verb), ing(verb), third_person(verb)) == (past_form, ing_form, third)


def test_participle_differs_from_past_where_english_does() -> None:
    assert [participle(verb) for verb in ("write", "swim", "walk", "wake up")] == [
        "written",
        "swum",
        "walked",
        "woken up",
    ]


@pytest.mark.parametrize(
    "phrase",
    [
        "an apple",
        "a unit",
        "an umbrella",
        "an hour",
        "a uniform",
        "an unhappy man",
        "a used car",
        "a euro",
        "a pair of scissors",
    ],
)
def test_article_goes_by_sound(phrase: str) -> None:
    noun = phrase.partition(" ")[2].removeprefix("pair of ")
    assert with_article(noun) == phrase


@pytest.mark.parametrize(
    ("adjective", "more", "most"),
    [
        ("big", "bigger", "biggest"),
        ("happy", "happier", "happiest"),
        ("nice", "nicer", "nicest"),
        ("good", "better", "best"),
        ("useful", "more useful", "most useful"),
        ("long", "longer", "longest"),
    ],
)
def test_comparison(adjective: str, more: str, most: str) -> None:
    assert (comparative(adjective), superlative(adjective)) == (more, most)


def test_clause_has_every_form() -> None:
    clause = Clause("the baker", "take", "a loaf")
    assert clause.present() == "The baker takes a loaf."
    assert clause.past() == "The baker took a loaf."
    assert clause.future() == "The baker will take a loaf."
    assert clause.progressive() == "The baker is taking a loaf."
    assert clause.past_progressive() == "The baker was taking a loaf."
    assert clause.perfect() == "The baker has taken a loaf."
    assert clause.going_to() == "The baker is going to take a loaf."
    assert clause.modal("can") == "The baker can take a loaf."
    assert clause.wish() == "The baker wants to take a loaf."
    assert clause.negative_present() == "The baker does not take a loaf."
    assert clause.negative_past() == "The baker did not take a loaf."
    assert clause.negative_future() == "The baker will not take a loaf."
    assert clause.question_present() == "Does the baker take a loaf?"
    assert clause.question_past() == "Did the baker take a loaf?"
    assert clause.question_future() == "Will the baker take a loaf?"
    assert clause.command() == "Take a loaf!"


def test_clause_agrees_with_its_subject() -> None:
    assert Clause("I", "swim").progressive() == "I am swimming."
    assert Clause("we", "swim").past_progressive() == "We were swimming."
    assert Clause("Tom and Mia", "swim", many=True).present() == "Tom and Mia swim."
    assert Clause("she", "swim").with_subject("they").question_present() == "Do they swim?"


def test_list_words() -> None:
    assert [list_words(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@given(st.integers(min_value=0, max_value=10_000))
def test_invented_words_inflect(seed: int) -> None:
    rng = Random(seed)
    noun, verb, name = invent_word(rng), invent_verb(rng), invent_name(rng)
    assert noun.isalpha() and noun.islower() and name.istitle()
    # Chance may also hit upon a real word: then its real forms count.
    assert plural(noun) != noun or noun in IRREGULAR_NOUNS
    assert past(verb).endswith("ed") or verb in IRREGULAR_VERBS
    assert ing(verb).endswith("ing")
    assert (noun, verb, name) == (lambda again: (invent_word(again), invent_verb(again), invent_name(again)))(
        Random(seed)
    )


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_any_word_inflects_without_error(word: str) -> None:
    assert plural(word) and past(word) and ing(word) and third_person(word) and with_article(word).endswith(word)
