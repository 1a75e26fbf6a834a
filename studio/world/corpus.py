"""The corpus: which documents there are and how many of each, made in parallel and the same for the same seed.

Knows: the table of writers with their weights and shares of invented words, and how to split the work by seeds.
Does not know: what a document says. `tokenizer.py` turns the corpus into tokens and writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from multiprocessing import get_context
from random import Random

from studio.world.documents import (
    chat,
    descriptions,
    dialogues,
    facts,
    feelings,
    lessons,
    letters,
    lists,
    morphology,
    patterns,
    pirates,
    questions,
    reviews,
    rewriting,
    spelling,
    stories,
    sums,
)
from studio.world.language.voice import Voice

Writer = Callable[[Voice], str]
SHARD_DOCUMENTS = 4000
VALIDATION_SEED = 999_983

# (writer, weight, share of names, nouns and verbs that are invented)
MIX: tuple[tuple[Writer, float, float], ...] = (
    (stories.write_story, 5.0, 0.05),
    (stories.write_fable, 1.0, 0.0),
    (stories.write_day, 2.0, 0.1),
    (stories.write_sentences, 4.0, 0.18),
    (stories.write_because, 1.5, 0.1),
    (questions.write_one_person, 6.0, 0.22),
    (questions.write_one_event, 4.0, 0.22),
    (questions.write_where_is_who, 3.0, 0.22),
    (questions.write_two_people, 3.0, 0.22),
    (questions.write_yes_or_no, 2.0, 0.2),
    (questions.write_compare, 1.0, 0.2),
    (questions.write_how_many, 1.0, 0.2),
    (questions.write_told_again, 2.0, 0.22),
    (rewriting.write_pairs_of_forms, 9.0, 0.25),
    (rewriting.write_three_tenses, 2.0, 0.22),
    (rewriting.write_same_tense, 2.0, 0.22),
    (rewriting.write_asked, 2.5, 0.22),
    (rewriting.write_other_person, 1.5, 0.2),
    (rewriting.write_correction, 1.5, 0.2),
    (rewriting.write_reported, 1.5, 0.2),
    (morphology.write_plurals, 4.5, 0.2),
    (morphology.write_verb_forms, 4.0, 0.2),
    (morphology.write_comparisons, 0.7, 0.1),
    (morphology.write_opposites, 3.5, 0.0),
    (morphology.write_opposite_story, 1.0, 0.05),
    (reviews.write_review, 8.0, 0.05),
    (reviews.write_two_opinions, 1.5, 0.05),
    (reviews.write_praise_words, 1.0, 0.0),
    (feelings.write_feelings, 2.0, 0.08),
    (dialogues.write_dialogue, 2.0, 0.08),
    (dialogues.write_shop_talk, 0.7, 0.1),
    (descriptions.write_animal, 2.0, 0.0),
    (descriptions.write_thing, 2.0, 0.05),
    (descriptions.write_job, 1.2, 0.05),
    (descriptions.write_person, 1.2, 0.08),
    (descriptions.write_place, 1.0, 0.08),
    (descriptions.write_riddle, 0.7, 0.0),
    (facts.write_definitions, 2.5, 0.05),
    (facts.write_capitals, 1.0, 0.1),
    (facts.write_calendar, 0.7, 0.0),
    (facts.write_material_facts, 0.7, 0.0),
    (sums.write_sums, 0.7, 0.0),
    (sums.write_word_problem, 0.8, 0.1),
    (sums.write_counting, 0.4, 0.0),
    (lists.write_kind, 2.0, 0.0),
    (lists.write_sorted, 1.0, 0.0),
    (lists.write_odd_one, 2.5, 0.05),
    (lists.write_yes_no_kind, 0.8, 0.0),
    (lists.write_shopping_list, 0.8, 0.15),
    (patterns.write_mapping, 3.5, 0.3),
    (patterns.write_repeated_sentence, 2.0, 0.3),
    (patterns.write_quote, 3.0, 0.3),
    (patterns.write_filled_gap, 1.5, 0.25),
    (letters.write_letter, 1.2, 0.08),
    (letters.write_diary, 1.0, 0.08),
    (letters.write_weather, 0.4, 0.0),
    (letters.write_recipe, 0.6, 0.0),
    (letters.write_note, 0.8, 0.12),
    (letters.write_news, 0.8, 0.1),
    (pirates.write_pirate_talk, 1.6, 0.1),
    (pirates.write_pirate_words, 0.4, 0.0),
    (pirates.write_pirate_story, 0.7, 0.08),
    (spelling.write_spelling, 1.2, 0.1),
    (spelling.write_letters, 0.6, 0.1),
    (spelling.write_same_word, 1.5, 0.1),
    (chat.write_small_talk, 3.0, 0.1),
    (lessons.write_language_lesson, 2.2, 0.15),
    (lessons.write_reading_lesson, 1.2, 0.15),
    (lessons.write_review_lesson, 0.8, 0.0),
    (lessons.write_game, 1.2, 0.15),
    (lessons.write_explanation, 2.0, 0.05),
    (lessons.write_school_day, 1.5, 0.12),
)


def write_documents(seed: int, count: int) -> Iterator[str]:
    """That many documents; the same for the same seed on every machine."""
    rng = Random(seed)
    voice = Voice(rng)
    bounds = list(accumulate(weight for _, weight, _ in MIX))
    for _ in range(count):
        writer, _, voice.strangeness = rng.choices(MIX, cum_weights=bounds)[0]
        yield writer(voice).strip()


def _write_shard(seed: int) -> list[str]:
    return list(write_documents(seed, SHARD_DOCUMENTS))


def write_shards(count: int, seed: int = 0, processes: int = 2) -> Iterator[list[str]]:
    """Shards of documents in the order of their seeds, whatever the number of processes."""
    seeds = range(seed, seed + count)
    if processes < 2:
        yield from map(_write_shard, seeds)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_write_shard, seeds)
