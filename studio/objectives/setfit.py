"""SetFit: a few examples of each class, compared in pairs: those of one class move together, others apart.

Tunstall et al. 2022, arXiv:2209.11055. Pairs, loss and head are those of the library setfit: its sampler, its
supervised contrastive loss (Khosla et al. 2020, arXiv:2004.11362), a logistic regression on what comes out. Pairs have
a cap. Where the start can be asked at any time, it has a say: as much as it was right on examples left out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from studio.errors import TaskError
from studio.objectives.choices import Choices, Vectors, fit_beside, fit_classes
from studio.objectives.embedding import Embedding, Known, make_row
from studio.objectives.few import check_few, draw_few
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example, Row
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

SIDES = Measure(name="pairs", title="pairs on their right side", better="higher", chart="pairs")
"""The share of pairs that are more than half alike exactly where they are of one class."""
WARMTH = 0.1
"""Similarities are divided by it before they compete."""
SAME = Measure(name="same", title="similarity within a class", better="higher", chart="similarity")
OTHER = Measure(name="other", title="similarity between classes", better="lower", chart="similarity")


class SetFit(Embedding):
    """Learn to tell classes apart from a few examples of each."""

    name: ClassVar[str] = "setfit"
    title: ClassVar[str] = "Few labels (SetFit)"
    position: ClassVar[int] = 41
    summary: ClassVar[str] = (
        "Compares a few labelled examples in pairs, so that those of one class lie near each other, and then tells "
        "classes apart by where a text lies. Eight examples a class are enough to begin with."
    )
    measures: ClassVar[tuple[Measure, ...]] = (SIDES, SAME, OTHER, LOSS)
    learning_rate_factor: ClassVar[float] = 2.0  # the start has a say in what is chosen, so texts may move far

    shots: int = Field(
        8,
        ge=2,
        le=500,
        title="Examples a class",
        description="So many of each class are learnt from; more make it better, and the language model itself catches "
        "up from some hundreds on.",
    )
    most_pairs: int = Field(
        600,
        ge=2,
        le=20_000,
        title="Most pairs",
        description="All pairs grow with the square of the examples. So many are drawn at most.",
        json_schema_extra={"advanced": True},
    )
    draw: int = Field(
        0,
        ge=0,
        le=10**6,
        title="Draw",
        description="Another number takes other examples. With so few of them results vary: look at several draws.",
        json_schema_extra={"advanced": True},
    )

    @classmethod
    def learns_from(cls, kind: type[Instance]) -> bool:
        """Whether an instance is an input and its answer, which may be a label."""
        return "answer" in kind.forms

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words for a task that has no classes to tell apart."""
        super().check_task(task)
        classes = {one.output[0].strip() for one in task.instances if one.output}
        if len(classes) == 1:
            raise TaskError(
                f"All {len(task.instances):,} instances of {task.heading!r} have the same answer, {min(classes)!r}: "
                "there is nothing to tell apart. Add some of another class.",
                field="task_id",
            )
        if not task.labels:
            raise TaskError(
                f"The answers of {task.heading!r} are no labels: {len(classes):,} different ones for "
                f"{len(task.instances):,} instances. {self.title} needs at most 20 classes, and four instances of each "
                "or more. Choose another task, or instruction tuning.",
                field="task_id",
            )

    def check_train(self, task: Task, instances: Sequence[Instance]) -> None:
        """Raise TaskError in words where the training part has too few of a class."""
        check_few(task, instances, self.shots)

    def count_examples(self, task: Task, train: int) -> int:
        """Return how many pairs are made of the training part."""
        return self._count_pairs([min(self.shots, train // max(1, len(task.labels)))] * len(task.labels))

    def _count_pairs(self, sizes: Sequence[int]) -> int:
        """As many of one class, each text with itself among them, as of two; of the fewer, some come again."""
        same = sum(size * (size + 1) // 2 for size in sizes)
        other = (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2
        half = self.most_pairs // 2
        return 2 * max(min(same, half), min(other, half)) if same and other else 0

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the text of an instance twice, as it stands beside itself, marked with its class."""
        label = instance.output[0].strip() if instance.output else ""
        ids = self.encode_prompt(task, self.write_dialogue(task, instance).before_answer(), tokenizer)
        if label not in task.labels or not 1 < len(ids) < max_length:
            return None
        row = make_row(ids, tokenizer, float(task.labels.index(label)))
        return (row, row)

    def take(self, examples: Sequence[Example]) -> list[Example]:
        """Return so many examples of each class, drawn by `draw`."""
        return draw_few(examples, lambda example: example[0].mark, self.shots, self.draw)

    def gather(self, examples: Sequence[Example], max_length: int) -> list[Example]:
        """Return pairs of them, one of the same class and one of two in turn, as setfit's own sampler makes them."""
        from setfit.sampler import ContrastiveDataset

        rows = [row for row, _ in examples]
        marks = [row.mark for row in rows]
        pairs = ContrastiveDataset(list(range(len(rows))), marks, multilabel=False, max_pairs=self.most_pairs)
        if not pairs.pos_pairs or not pairs.neg_pairs:
            return []
        return [(rows[pair["sentence_1"]], rows[pair["sentence_2"]]) for pair in pairs]

    def list_known(self, task: Task, examples: Sequence[Example], wanted: Sequence[tuple[str, ...]]) -> list[Known]:
        """Return each text that is in a pair, with its class."""
        rows = {(tuple(row.input_ids), row.mark): row for example in examples for row in example}
        return [Known(row, task.labels[int(row.mark)]) for row in rows.values()]

    def find_group(self, task: Task, place: int, row: Row) -> str:
        """Return its class."""
        return task.labels[int(row.mark)]

    def find_choices(self, vectors: Vectors, texts: Sequence[str], start: Vectors | None = None) -> Choices:
        """Return a logistic regression over the classes, and beside it one on where the texts lay at the start."""
        return fit_classes(vectors, texts) if start is None else fit_beside(vectors, start, texts)

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return how surprising it is that what is nearest to a text is of its class, in nats (pairs).

        Of all texts of the batch; those that have no other of their class in it only keep away.
        """
        import torch
        from setfit.losses import SupConLoss
        from torch.nn.functional import cosine_similarity

        first, second = batch.find_embeddings()
        one, other = batch.split(batch.marks)
        alike, near = (one == other).float(), cosine_similarity(first, second).detach()
        texts, classes = torch.cat([first, second]), torch.cat([one, other])
        paired = (classes[:, None] == classes).sum(dim=1) > 1
        loss = texts.sum() * 0.0
        if paired.any():
            function = SupConLoss(lambda vectors: {"sentence_embedding": vectors}, WARMTH, base_temperature=WARMTH)
            loss = function([texts[paired]], classes[paired])
        return loss.expand(len(alike)), {
            SIDES.name: ((near > 0.5) == (alike > 0.5)).float(),
            SAME.name: near[alike > 0.5],
            OTHER.name: near[alike < 0.5],
        }
