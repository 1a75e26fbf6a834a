"""Running text in windows: no word is lost or read twice, none sees another document, and bits are for each byte."""

import math
from pathlib import Path
from typing import Any

import pytest

from studio.objectives import OBJECTIVES
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.objective import Row
from studio.tasks.kinds.text import Text
from studio.tasks.task import Task

TEXTS = (
    "One two three.",
    "Grüße aus Vell!",
    "A somewhat longer document that has to be cut, since it is long. " * 3,
    " ",
)
TASK = Task(
    task_id="t",
    definition="",
    kind="text",
    instances=tuple(Text(id=f"t{n}", output=(text,)) for n, text in enumerate(TEXTS)),
)
OBJECTIVE = OBJECTIVES.read("pretrain")


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    """The tiny model's tokenizer, whose tokens are bytes."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def encode(tokenizer: Any, place: int, room: int) -> tuple[Row, ...]:
    """Return the windows of a document."""
    return OBJECTIVE.encode(TASK, TASK.instances[place], tokenizer, room) or ()


@pytest.mark.parametrize("room", [8, 40, 1000])
def test_every_word_is_learnt_once_and_ends(tokenizer: Any, room: int) -> None:
    for place in (0, 1, 2):
        rows = encode(tokenizer, place, room)
        assert all(len(row.input_ids) <= room and row.labels == [-100, *row.input_ids[1:]] for row in rows)
        learnt = [label for row in rows for label in row.labels if label != -100]
        assert tokenizer.decode(learnt) == TEXTS[place].strip("\n") + "</s>"
        for before, after in zip(rows, rows[1:], strict=False):
            assert after.input_ids[0] == before.input_ids[-1]
    whole = encode(tokenizer, 1, 1000)[0]
    assert whole.mark == len(TEXTS[1].encode()) and whole.input_ids[0] == tokenizer.bos_token_id


def test_an_empty_text_teaches_nothing(tokenizer: Any) -> None:
    assert OBJECTIVE.encode(TASK, TASK.instances[3], tokenizer, 100) is None


def test_windows_hold_all_rows_and_not_too_much(tokenizer: Any) -> None:
    examples = [encode(tokenizer, place, 40) for place in (0, 1, 2)]
    windows = OBJECTIVE.gather(examples, 40)
    assert sorted(row for window in windows for row in window) == sorted(row for each in examples for row in each)
    assert all(sum(len(row.input_ids) for row in window) <= 40 for window in windows)
    assert len(windows) < sum(map(len, examples))


def test_a_row_that_shares_a_line_reads_as_if_it_were_alone(tokenizer: Any, tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from studio.training.batch import Batcher, read_logprobs

    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    rows = [{"input_ids": row.input_ids, "labels": row.labels} for n in (0, 1, 2) for row in encode(tokenizer, n, 90)]
    packed, alone = Batcher(tokenizer.pad_token_id, padding="packed"), Batcher(tokenizer.pad_token_id, padding="alone")
    packed.line = 100
    batch = packed(rows)
    assert len(batch["input_ids"]) < len(rows) and batch["input_ids"].shape[1] <= 100
    with torch.no_grad():
        found, truth = (read_logprobs(model, each).tokens for each in (batch, alone(rows)))
    assert torch.allclose(found, truth, atol=1e-4) and len(found) == sum(len(row["labels"]) - 1 for row in rows)


def test_bits_are_counted_for_each_byte() -> None:
    import torch

    from studio.training.tally import Tally

    tally = Tally()
    for nats, size in (([1.0, 2.0], 10.0), ([5.0], 6.0)):
        logprobs = LogProbs(-torch.tensor(nats), torch.arange(len(nats)), 1, 9)
        losses, measures = OBJECTIVE.loss(logprobs, Batch(1, torch.tensor([size])))
        assert losses.tolist() == nats
        tally.add(measures)
    assert tally.take() == {"bits_per_byte": pytest.approx(8 / math.log(2) / 16, abs=1e-5)}


def test_what_was_not_measured_is_not_told() -> None:
    import torch

    from studio.training.tally import Tally

    tally = Tally()
    tally.add({"liked": torch.zeros(0), "all": torch.ones(3)})
    assert tally.take() == {"all": 1.0}


def test_a_question_is_a_text_that_goes_on(tokenizer: Any) -> None:
    asked = OBJECTIVE.write_question(TASK, "In Vell ", [{"role": "user", "content": "Before."}])
    assert OBJECTIVE.write_prompt(TASK, asked, tokenizer) == "Before.\nIn Vell "
    assert tokenizer.decode(OBJECTIVE.encode_prompt(TASK, asked, tokenizer)) == "<s>Before.\nIn Vell"
