"""Training by where texts lie: the trainer that embeds its rows, and what answers by choosing while it trains.

What is chosen among is found again from the training part whenever somebody is asked, and kept with each checkpoint.
Knows no loss.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from studio.answering.embedding import embed
from studio.objectives.choices import Choices, save_choices
from studio.objectives.embedding import Embedding, Known
from studio.objectives.logprobs import Batch, LogProbs
from studio.training.batch import look_at
from studio.training.headed import HeadedTrainer
from studio.training.sampling import Answerer


class Chooser(Answerer):
    """Answers prompts with what is nearest of all that is known; before the first step, as the frozen model has it."""

    def __init__(
        self,
        base: Any,
        tokenizer: Any,
        objective: Embedding,
        known: Sequence[Known],
        narrow: torch.dtype | None = None,
    ) -> None:
        super().__init__(base, tokenizer, objective, narrow)
        self._objective, self._known = objective, known

    def find_choices(self) -> Choices:
        """Return what is chosen among, as the model is now."""
        with self.reading() as model:
            vectors = embed(model, [one.row.input_ids[:-1] for one in self._known])
        return self._objective.find_choices(vectors, [one.text for one in self._known])

    def answer(self, prompts: list[list[int]], most: int) -> list[str]:
        """Return the text that is chosen for each prompt."""
        if not prompts:
            return []
        choices = self.find_choices()
        with self.reading() as model:
            return choices.choose(embed(model, prompts))


class EmbeddingTrainer(HeadedTrainer):
    """Trainer whose rows are read as one vector each, by no second head; its checkpoints say how they choose."""

    def __init__(self, *, chooser: Chooser, **arguments: Any) -> None:
        self.chooser = chooser
        super().__init__(**arguments)

    def make_head(self) -> None:
        """The model's own states are all that is needed."""

    def read(self, model: Any, inputs: dict[str, Any]) -> tuple[LogProbs, Batch]:
        """Return where the rows of a batch are put; no token is predicted."""
        states = self.open(model, inputs).states
        rows, length = inputs["input_ids"].shape
        owners = inputs["learnt"] // length
        sums = torch.zeros(rows, states.shape[1], device=states.device).index_add(0, owners, states.float())
        vectors = sums / owners.bincount(minlength=rows)[:, None]
        return LogProbs(sums.new_zeros(0), owners[:0], rows, length), look_at(inputs)._replace(embeddings=vectors)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        save_choices(self.chooser.find_choices(), Path(output_dir or self.args.output_dir or ""))
