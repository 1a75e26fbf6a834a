"""Judge: a reward model that was made here says how good answers are, one number each; only differences mean something.

Reads an answer to its end, as its training did. Knows no reward and no page. Imports torch inside its functions.
"""

import math
from collections.abc import Sequence
from typing import Any

from studio.answering.column import make_column
from studio.answering.columns import Columns
from studio.checkpoints.address import resolve
from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.errors import ModelError
from studio.models.device import DeviceFacts
from studio.models.forward import call_model
from studio.models.reference import ModelRef
from studio.objectives.reward import Reward
from studio.rewards import Said
from studio.workspace import Workspace

HEAD_FILE = "reward_head.safetensors"
"""Where a reward model's head is kept in its checkpoint: the weights that its last state is multiplied by."""
AT_ONCE = 32
"""So many answers are read together."""
NOTHING = float("nan")
"""What an answer is worth that has no room, or no end."""


class Judge:
    """A reward model that is loaded; `stack` ends in it. Raises ModelError in words for any other model."""

    def __init__(self, stack: Stack, columns: Columns) -> None:
        made = find_judge(stack)
        self.stack, self.made, self._columns = stack, made, columns
        self.objective = _find_objective(made)
        columns.arrange([make_column(stack, made.recipe)])
        self._weight = _load_head(made).to(columns.find_shared(0).base.device)

    @property
    def room(self) -> int:
        """How many tokens prompt and answer may have."""
        return self._columns.find_context(0)

    def count_bytes(self) -> int:
        """Return the bytes of its weights."""
        return self._columns.count_bytes()

    def judge(self, said: Sequence[Said]) -> list[float]:
        """Return how good each answer is; no number for one that doesn't fit. Raises ModelError if its weights hold
        none."""
        tokenizer = self._columns.find_tokenizer(0)
        rows = [self.objective.encode_answer(one.task, one.asked, one.answer, tokenizer) for one in said]
        fitting = [place for place, row in enumerate(rows) if row is not None and len(row) <= self.room]
        fitting.sort(key=lambda place: len(rows[place] or ()))
        scores = [NOTHING] * len(rows)
        with self._columns.enter(0) as model:
            for first in range(0, len(fitting), AT_ONCE):
                places = fitting[first : first + AT_ONCE]
                found = self._read(model, [rows[place] or [] for place in places])
                if not all(map(math.isfinite, found)):
                    raise ModelError(
                        f"{self.made.title} says NaN of an answer, which is no number: its weights are broken. "
                        "Choose an earlier checkpoint of it, or train it again at a lower learning rate.",
                        field="model",
                    )
                for place, score in zip(places, found, strict=True):
                    scores[place] = score
        return scores

    def _read(self, model: Any, rows: list[list[int]]) -> list[float]:
        """What the head makes of each row's last state. What fills a row up comes after its end, where nobody looks."""
        import torch

        from studio.training.fast.head import open_head

        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *row[-1:] * (longest - len(row))] for row in rows], device=model.device)
        try:
            with torch.no_grad(), open_head(model):
                states = call_model(model, input_ids=ids, use_cache=False).logits[:, -longest:]
        except ValueError as error:
            raise ModelError(f"{self.made.title} can't judge here: {error}. Train it on another base.") from error
        last = [len(row) - 1 for row in rows]
        return weigh(states[range(len(rows)), last], self._weight).tolist()


def weigh(states: Any, weight: Any) -> Any:
    """Return what a head of these weights (width) makes of states (n x width), in 32 bits (n)."""
    return (states.float() * weight).sum(dim=-1)


def load_judges(workspace: Workspace, addresses: Sequence[str], device: DeviceFacts) -> dict[str, Judge]:
    """Return the reward models of some addresses, each loaded once. Raises ModelError or NotFoundError in words."""
    found = {address: resolve(workspace, ModelRef(ref=address)) for address in dict.fromkeys(addresses)}
    return {address: Judge(stack, Columns(device)) for address, stack in found.items()}


def find_judge(stack: Stack) -> Checkpoint:
    """Return the reward model that a stack ends in. Raises ModelError in words."""
    if not stack.changes:
        raise ModelError(
            f"{stack.base.ref} is no reward model. Name a run of the objective reward, such as run:brave-otter.",
            field="model",
        )
    made = stack.changes[-1]
    made.check_can("judge")
    return made


def _find_objective(made: Checkpoint) -> Reward:
    found = made.recipe.objective
    assert isinstance(found, Reward)
    return found


def _load_head(made: Checkpoint) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(made.folder / HEAD_FILE)["weight"].float()
    except (OSError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"The head of {made.title} can't be read: {error}. Choose another checkpoint of it.", field="model"
        ) from error
