"""The built-in encoder as it lies in assets/encoder, and what it is made of."""

import json
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from studio.models.catalogue import CATALOGUE
from studio.models.facts import describe_model
from studio.models.reference import ENCODER, ENCODER_FOLDER, ModelRef
from studio.world.documents.reviews import write_review

MOST_BYTES = 12 * 2**20


def test_passages_of_one_document_share_no_sentence() -> None:
    from studio.world.encoder import cut, list_writers, write_batches

    document = "One sentence is here. Another one is there. The third one ends it."
    for seed in range(20):
        pair = cut(document, Random(seed))
        assert pair is not None and pair.text in document and pair.other in document
        assert document.index(pair.text) + len(pair.text) < document.index(pair.other)
    assert cut("One alone is here.", Random(0)) is None
    first, second = islice(write_batches(7, 6), 2)
    assert len(first) == len(second) == 6 and [first, second] == list(islice(write_batches(7, 6), 2))
    assert write_review in [writer for writer, _ in list_writers()]


def test_the_encoder_is_there_small_and_better_than_it_began() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from studio.world.encoder import HELD_OUT_SEED, measure, write_batches

    told = json.loads((ENCODER_FOLDER / "made.json").read_text(encoding="utf-8"))
    facts, card = describe_model(ModelRef(ref=ENCODER)), next(card for card in CATALOGUE if card.ref == ENCODER)
    assert (facts.layers, facts.licence, facts.title) == (told["layers"], "apache-2.0", card.title)
    assert sum(path.stat().st_size for path in Path(ENCODER_FOLDER).iterdir()) < MOST_BYTES
    model = AutoModelForCausalLM.from_pretrained(ENCODER_FOLDER, dtype=torch.float32)
    asked = next(write_batches(HELD_OUT_SEED, 256))
    found = measure(model, AutoTokenizer.from_pretrained(ENCODER_FOLDER), asked)
    assert found.first == pytest.approx(told["after"]["first"], abs=0.03) and found.first > 2 * told["before"]["first"]
