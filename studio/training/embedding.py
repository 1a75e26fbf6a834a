"""Training by where texts lie: the trainer that embeds its rows, and what answers by choosing while it trains.

What is chosen among is found again from the training part whenever somebody is asked, and kept with each checkpoint.
Knows no loss.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from studio.answering.embedding import choose, embed, place_whole
from studio.models.encoders import reads_whole
from studio.objectives.choices import Choices, Vectors, save_choices
from studio.objectives.embedding import Embedding, Known, cut_row
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.places import MOST, Places, place_texts, save_places
from studio.training.batch import look_at
from studio.training.headed import HeadedTrainer
from studio.training.pieces import cut_rows, read_in_pieces
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
        shown: Sequence[Known] = (),
    ) -> None:
        super().__init__(base, tokenizer, objective, narrow)
        self._objective, self._known = objective, known
        self._shown = list({tuple(one.row.input_ids): one for one in shown}.values())[:MOST]
        self._before = self._embed(self._shown) if self._shown else None

    @property
    def rows_at_once(self) -> int:
        """So many rows of a batch are read at once, 0 for all."""
        return self._objective.rows_at_once

    def find_choices(self) -> Choices:
        """Return what is chosen among, as the model is now."""
        can_go_back = hasattr(self.model, "disable_adapter")
        start = self._embed(self._known, at_start=True) if can_go_back else None
        return self._objective.find_choices(self._embed(self._known), [one.text for one in self._known], start)

    def find_places(self) -> Places | None:
        """Return where texts of the validation part lay before the first step, and where they lie now."""
        if self._before is None:
            return None
        rows = [one.row.input_ids[1:-1] for one in self._shown]
        texts = [str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip() for ids in rows]
        return place_texts(texts, [one.text for one in self._shown], self._before, self._embed(self._shown))

    def _embed(self, known: Sequence[Known], at_start: bool = False) -> Vectors:
        with self.reading() as model, model.disable_adapter() if at_start else nullcontext():
            return embed(model, [cut_row(one.row, self.tokenizer) for one in known])

    def answer(self, prompts: list[list[int]], most: int) -> list[str]:
        """Return the text that is chosen for each prompt."""
        if not prompts:
            return []
        choices = self.find_choices()
        with self.reading() as model:
            return choose(model, prompts, choices)


class EmbeddingTrainer(HeadedTrainer):
    """Trainer whose rows are read as one vector each, by no second head; its checkpoints say how they choose."""

    def __init__(self, *, chooser: Chooser, **arguments: Any) -> None:
        self.chooser = chooser
        super().__init__(**arguments)

    def make_head(self) -> None:
        """The model's own states are all that is needed."""

    def read(self, model: Any, inputs: dict[str, Any]) -> tuple[LogProbs, Batch]:
        """Return where the rows of a batch are put; no token is predicted."""
        rows, length = inputs["input_ids"].shape
        pieces = cut_rows(inputs, self.chooser.rows_at_once) if model.training else [inputs]
        vectors = read_in_pieces(lambda piece: self._place(model, piece), pieces)
        none = LogProbs(vectors.new_zeros(0), inputs["learnt"][:0], rows, length)
        return none, look_at(inputs)._replace(embeddings=vectors)

    def _place(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Where the rows of a batch are put (rows x width)."""
        if reads_whole(model):
            return place_whole(model, inputs["input_ids"], inputs["lengths"])
        states = self.open(model, inputs).states
        rows, length = inputs["input_ids"].shape
        owners = inputs["learnt"] // length
        sums = torch.zeros(rows, states.shape[1], device=states.device).index_add(0, owners, states.float())
        return sums / owners.bincount(minlength=rows)[:, None]

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or self.args.output_dir or "")
        save_choices(self.chooser.find_choices(), folder)
        if places := self.chooser.find_places():
            save_places(places, folder)
