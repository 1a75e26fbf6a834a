"""The documents: the same for the same seed, of every family, and free of labels, orders and slips of the pen."""

from __future__ import annotations

import re
from random import Random

import pytest

from studio.world.corpus import MIX, SHARD_DOCUMENTS, Writer, write_documents, write_shards
from studio.world.documents.pirates import speak_like_pirate
from studio.world.language.voice import Voice

DOCUMENTS = list(write_documents(seed=7, count=2000))


def test_same_seed_same_documents() -> None:
    assert list(write_documents(11, 200)) == list(write_documents(11, 200)) != list(write_documents(12, 200))


def test_shards_are_the_documents_of_their_seeds() -> None:
    (shard,) = write_shards(1, seed=5, processes=1)
    assert len(shard) == SHARD_DOCUMENTS
    assert shard[:50] == list(write_documents(5, 50))


@pytest.mark.parametrize(
    "label", [r"\bpositive\b", r"\bnegative\b", r"\bDefinition:", r"\bInput:", r"\bOutput:", r"Instruction"]
)
def test_no_label_of_a_task(label: str) -> None:
    assert not [text for text in DOCUMENTS if re.search(label, text)]


@pytest.mark.parametrize(
    "slip",
    [
        r"  ",
        r" [.,?!]",
        r"\ba [aeio][a-z]+ (?:was|is)\b",
        r"\.\.(?!\.)",
        r"\bNone\b",
        r"[{}]",
        r"\bthe the\b",
        r"\ba an?\b",
        r" $",
    ],
)
def test_no_slip_of_the_pen(slip: str) -> None:
    found = [text for text in DOCUMENTS if re.search(slip, text) and " ... " not in text]
    assert not found, found[:2]


@pytest.mark.parametrize("entry", MIX, ids=lambda entry: entry[0].__name__)
def test_every_writer_varies(entry: tuple[Writer, float, float]) -> None:
    writer, weight, strangeness = entry
    texts = {writer(Voice(Random(seed), strangeness)) for seed in range(20)}
    assert len(texts) > 5 and all(texts) and weight > 0


def test_chat_markers_come_in_small_talk_only() -> None:
    marked = [text for text in DOCUMENTS if "<|" in text]
    assert 0.01 < len(marked) / len(DOCUMENTS) < 0.06
    assert all(text.endswith("<|end|>") for text in marked)


def test_pirates_keep_capitals() -> None:
    assert speak_like_pirate("Hello, my friend! Is your ship here?") == "Ahoy, me hearty! Be yer ship here?"
