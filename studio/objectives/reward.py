"""A reward model: a head on the model's last state says how good an answer is, one number, learnt from pairs.

The better answer of a pair should have the larger number (Bradley and Terry 1952; for language models Christiano et al.
2017, arXiv:1706.03741, Ouyang et al. 2022, arXiv:2203.02155). Only differences mean something; a small pull keeps the
mean of a pair near 0 (Eisenstein et al. 2023, arXiv:2312.09244). What it makes judges, and writes nothing.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Ability, Example, Need, Row
from studio.objectives.preferring import ACCURACY as PAIRS
from studio.objectives.preferring import Compared, Preferring
from studio.tasks.dialogue import Dialogue
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = Measure(name="margin", title="better answers' lead", unit="points", better="higher", chart="margin", digits=2)
ACCURACY = PAIRS.model_copy(update={"says": ""})
LONGER = Measure(
    name="longer_wins",
    title="in order by length alone",
    better="lower",
    chart="accuracy",
    says="How often the longer answer is the better one: a judge that is right no more often may only have learned to "
    "count. People agree with each other in 65 to 75 of 100 pairs, so more than that on real votes is suspicious.",
)


class Reward(Preferring):
    """Learn to judge answers."""

    name: ClassVar[str] = "reward"
    title: ClassVar[str] = "Reward model"
    position: ClassVar[int] = 25
    summary: ClassVar[str] = (
        "Shows the model a better and a worse answer, and trains it to give the better one the larger number; it then "
        "judges any answer, and PPO, GRPO and RLOO can learn from it."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"reward_head"})
    makes: ClassVar[Ability] = "judge"
    measures: ClassVar[tuple[Measure, ...]] = (ACCURACY, LONGER, MARGIN, LOSS)
    learning_rate_factor: ClassVar[float] = 0.5

    centre: float = Field(
        0.01,
        ge=0,
        le=10,
        title="Centre",
        description="How strongly the numbers of a pair are pulled to a mean of 0; the order of answers hangs on it "
        "hardly.",
        json_schema_extra={"advanced": True},
    )

    def count_head(self, width: int) -> int:
        """Return the weights of the head: one for each number of a state."""
        return width

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return both answers' rows, marked with how many tokens the answer has."""
        example = super().encode(task, instance, tokenizer, max_length)
        return example and tuple(
            row._replace(mark=float(sum(label != -100 for label in row.labels))) for row in example
        )

    def gather(self, examples: Sequence[Example], max_length: int) -> Sequence[Example]:
        """Return the examples with their rows as a judge reads them; one that has no room for the end is left out."""
        judged = (tuple(read_to_the_end(row) for row in example) for example in examples)
        return [example for example in judged if max(len(row.input_ids) for row in example) <= max_length]

    def encode_answer(self, task: Task, asked: Dialogue, answer: str, tokenizer: Any) -> list[int] | None:
        """Return the tokens that say how good an answer is, up to its end; None where it says nothing."""
        turn = {"role": "assistant", "content": answer.strip()}
        dialogue = asked._replace(turns=(*asked.turns, turn), counts=(*asked.counts, True))
        row = self.encode_dialogue(task, dialogue, tokenizer)
        return None if row is None else read_to_the_end(row).input_ids[:-1]

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return -log sigmoid of each pair's lead, and the pull to the centre (pairs)."""
        from torch.nn.functional import logsigmoid

        if batch.scores is None:
            raise ValueError("Rows have to be judged before their loss is known.")
        scores, lengths = Compared(*batch.split(batch.scores)), Compared(*batch.split(batch.marks))
        pull = self.centre * (scores.better + scores.worse) ** 2
        return pull - logsigmoid(scores.margin), {
            ACCURACY.name: (scores.margin > 0).float(),
            LONGER.name: (lengths.margin.sign() + 1) / 2,
            MARGIN.name: scores.margin,
        }


def read_to_the_end(row: Row) -> Row:
    """Return a row up to the end of its answer, and a place after it: what is read there is what the head judges."""
    last = max(place for place, label in enumerate(row.labels) if label != -100)
    end = row.input_ids[last]
    return row._replace(input_ids=[*row.input_ids[: last + 1], end], labels=[-100] * (last + 1) + [end])
