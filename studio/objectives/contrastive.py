"""Contrastive embeddings: what belongs to a text comes nearest to it, and what belongs to the others stays away.

The loss is sentence-transformers' own (multiple negatives, Henderson et al. 2017, arXiv:1705.00652): the answers of the
other examples in a batch are the wrong ones, so large batches teach more. Pairs are a question and its answer, or two
sentences that follow each other in running text; or each text with itself, told apart by dropout alone (SimCSE, Gao et
al. 2021, arXiv:2104.08821).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple
from zlib import crc32

from pydantic import Field

from studio.errors import TaskError
from studio.objectives.choices import Choices, Vectors, index_texts
from studio.objectives.embedding import Embedding, Known, encode_text, make_row
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example, Row
from studio.tasks.dialogue import Dialogue, write_dialogue
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

RECIPROCAL = Measure(name="mrr", title="mean reciprocal rank", better="higher", chart="rank")
"""Of the right one among all of a batch: 1 where it is first, a half where it is second.

On the validation part it is that among all its pairs.
"""
FIRST = Measure(name="recall_1", title="found first", better="higher", chart="rank")
FIVE = Measure(name="recall_5", title="among the first five", better="higher", chart="rank")
NEAR = Measure(name="near", title="similarity of pairs", better="higher", chart="similarity")
FAR = Measure(name="far", title="similarity to others", better="lower", chart="similarity")
MOST_KNOWN = 2000
"""So many texts at most are chosen among afterwards."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


class Pair(NamedTuple):
    """A text, and what belongs to it."""

    text: str
    other: str


class Contrastive(Embedding):
    """Learn which texts belong together."""

    name: ClassVar[str] = "contrastive"
    title: ClassVar[str] = "Contrastive embeddings"
    position: ClassVar[int] = 40
    summary: ClassVar[str] = (
        "Moves a question and its answer, or sentences that follow each other, near one another and away from the "
        "rest, so that what belongs to a text can be found by being nearest to it."
    )
    measures: ClassVar[tuple[Measure, ...]] = (RECIPROCAL, FIRST, FIVE, NEAR, FAR, LOSS)
    learning_rate_factor: ClassVar[float] = 0.5  # at four times as much, running text falls together into one point

    views: Literal["beside", "itself"] = Field(
        "beside",
        title="Pairs",
        description="beside: a question and its answer, or two sentences that follow each other. itself: a text twice, "
        "which needs dropout in the method (SimCSE).",
    )
    sharpness: float = Field(
        20.0,
        gt=0,
        le=1000,
        title="Sharpness",
        description="Similarities are multiplied by it before they compete; more looks at the nearest ones alone.",
        json_schema_extra={"advanced": True},
    )
    at_once: int = Field(
        0,
        ge=0,
        le=1024,
        title="Pairs in memory at once",
        description="0 is all of a batch. Fewer need less memory for the same gradients, and a third more time, so "
        "batches may be as large as one likes (cached, Gao et al. 2021).",
        json_schema_extra={"advanced": True},
    )

    @property
    def rows_at_once(self) -> int:
        """So many rows are read at once, 0 for all."""
        return 2 * self.at_once

    @classmethod
    def learns_from(cls, kind: type[Instance]) -> bool:
        """Whether an instance is a question with an answer, or running text."""
        return super().learns_from(kind) or "text" in kind.forms

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words for a task whose answers are labels, or whose texts are single sentences."""
        super().check_task(task)
        if self.views == "itself":
            return
        if task.labels:
            raise TaskError(
                f"The answers of {task.heading!r} are {len(task.labels)} labels, so most other answers of a batch "
                "would be right as well. Choose SetFit, which tells classes apart, or pairs of a text with itself.",
                field="task_id",
            )
        if not any(find_pair(task, one) for one in task.instances):
            raise TaskError(
                f"No text of {task.heading!r} has two sentences, so there are no pairs. Choose another task, or pairs "
                "of a text with itself.",
                field="task_id",
            )

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the rows of a text and of what belongs to it; None where one is empty or doesn't fit."""
        pair = find_pair(task, instance)
        if pair is None:
            return None
        texts = (pair.text, pair.other if self.views == "beside" else pair.text)
        rows = [encode_text(text, tokenizer) for text in texts]
        if any(not 1 < len(ids) < max_length for ids in rows):
            return None
        return tuple(make_row(ids, tokenizer) for ids in rows)

    def write_dialogue(self, task: Task, instance: Instance) -> Dialogue:
        """Return an instance as turns; of running text, two sentences that follow each other."""
        if instance.input or instance.messages:
            return write_dialogue(task, instance)
        text, other = find_pair(task, instance) or Pair(instance.output[0], "")
        turns = ({"role": "user", "content": text}, {"role": "assistant", "content": other})
        return Dialogue(turns, (False, True), input=text)

    def list_known(self, task: Task, examples: Sequence[Example], wanted: Sequence[tuple[str, ...]]) -> list[Known]:
        """Return the answers, or second sentences, each once."""
        texts = [_split(right[0]).other if _is_text(task) else right[0] for right in wanted[: len(examples)]]
        known = {text: Known(example[-1], text) for example, text in zip(examples, texts, strict=True)}
        return list(known.values())[:MOST_KNOWN]

    def find_group(self, task: Task, place: int, row: Row) -> str:
        """Return the number of its pair."""
        return str(place)

    def find_choices(self, vectors: Vectors, texts: Sequence[str], start: Vectors | None = None) -> Choices:
        """Return the nearest as the one to choose."""
        return index_texts(vectors, texts)

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return how surprising it is that each text's own is the nearest of the batch's, in nats (pairs)."""
        import torch
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        texts, others = batch.find_embeddings()
        function = MultipleNegativesRankingLoss(torch.nn.Identity(), scale=self.sharpness)
        nothing = torch.zeros(0, device=texts.device)
        loss = function.compute_loss_from_embeddings([texts, others], nothing)
        with torch.no_grad():
            near = torch.nn.functional.cosine_similarity(texts[:, None], others[None], dim=-1)
            own = near.diagonal()
            place = (near > own[:, None]).sum(dim=1) + 1
            apart = near[~torch.eye(len(near), dtype=torch.bool, device=near.device)]
        return loss.expand(len(texts)), {
            RECIPROCAL.name: 1 / place,
            FIRST.name: (place == 1).float(),
            FIVE.name: (place <= 5).float(),
            NEAR.name: own,
            FAR.name: apart,
        }


def find_pair(task: Task, instance: Instance) -> Pair | None:
    """Return an instance's question and answer, or two sentences of its text; None where there aren't two."""
    if _is_text(task):
        pair = _split(instance.output[0])
    else:
        dialogue = write_dialogue(task, instance).before_answer()
        said = [str(turn.get("content") or "") for turn in dialogue.turns if turn["role"] != "system"]
        pair = Pair(dialogue.input if dialogue.input is not None else "\n".join(said), "".join(instance.output[:1]))
    return pair if pair.text.strip() and pair.other.strip() else None


def _is_text(task: Task) -> bool:
    first = task.instances[0]
    return not first.input and not first.messages


def _split(text: str) -> Pair:
    """Two sentences of a text that follow each other, always the same two."""
    sentences = [one for one in _SENTENCE.split(text.strip()) if one.strip()]
    if len(sentences) < 2:
        return Pair(text, "")
    place = crc32(text.encode()) % (len(sentences) - 1)
    return Pair(sentences[place], sentences[place + 1])
