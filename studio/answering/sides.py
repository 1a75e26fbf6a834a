"""Reading on several sides of one copy of the weights, in the fastest way that was tried on this very text.

Together: each row of a batch is a side, with its adapter or none. Cached: what was read is kept, and only what is new
is read. The truth is each side alone, reading everything again; it is what is left where a trial finds something else
(layers that take tokens for rows, states that can't be read on from). Imports torch inside its functions.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from studio.answering.way import WAYS, Way, find_way, tell_distance
from studio.models.forward import call_model

CACHES = ("past_key_values", "cache_params", "state")
"""What architectures call that which they read on from."""
STEPS = 8
"""So many tokens of a trial are read one by one after the others."""


class Sides:
    """So many sides that read the same text.

    `enter` gives the model of a side (or of None: of a row for each) in the state it must be in.
    """

    def __init__(
        self,
        enter: Callable[[int | None], AbstractContextManager[Any]],
        count: int,
        can_be_together: bool,
        rounding: float,
    ) -> None:
        self.enter, self.count, self.rounding = enter, count, rounding
        self.ways = [way for way in WAYS if can_be_together or not way.together]
        self.way = self.ways[0]
        self.why: dict[Way, str] = {}  # why a way isn't used
        self._tried = 0

    def read(self, ids: Any, mask: Any = None, cache: Any = None) -> tuple[Any, Any]:
        """Return the logits after the last token of ids (sides x new tokens), sides x vocabulary, and the next cache.

        `mask` is sides x all tokens so far, None where none is padding.
        """
        values, cache = self._read(self.way, ids, mask, cache)
        return values[:, -1], cache

    def try_on(self, ids: Any) -> None:
        """Choose the way for texts as long as `ids` (1 x tokens), unless one as long was tried."""
        if ids.shape[1] <= max(self._tried, STEPS) or len(self.ways) == 1:
            return
        self._tried = ids.shape[1]
        every = ids.repeat(self.count, 1)
        truth = self._read_steps(self.ways[-1], every)
        spread = (truth - truth.mean(dim=-1, keepdim=True)).norm()

        def find_fault(way: Way) -> str:
            return tell_distance(float((self._read_steps(way, every) - truth).norm() / spread), self.rounding)

        self.way = find_way(self.ways[self.ways.index(self.way) :], find_fault, self.why)

    def _read_steps(self, way: Way, ids: Any) -> Any:
        """The logits after all tokens but a few, and after each of these, steps x sides x vocabulary."""
        import torch

        if not way.cached:
            return self._read(way, ids, None, None, STEPS + 1)[0].transpose(0, 1)
        found, cache = [], None
        for part in ids.split([ids.shape[1] - STEPS, *([1] * STEPS)], dim=1):
            values, cache = self._read(way, part, None, cache)
            found.append(values)
        return torch.cat(found, dim=1).transpose(0, 1)

    def _read(self, way: Way, ids: Any, mask: Any, cache: Any, last: int = 1) -> tuple[Any, Any]:
        """The logits after the last few tokens (sides x tokens x vocabulary), and what to go on from."""
        import torch

        if not way.cached:
            ids = ids if cache is None else torch.cat([cache, ids], dim=1)
        rows = [None] if way.together else range(self.count)
        caches = cache if way.cached and cache is not None else [{}] * len(rows)
        values, kept = [], []
        with torch.inference_mode():
            for row, before in zip(rows, caches, strict=True):
                only = slice(None) if row is None else slice(row, row + 1)
                with self.enter(row) as model:
                    out = call_model(
                        model,
                        input_ids=ids[only],
                        attention_mask=None if mask is None else mask[only],
                        **before,
                        use_cache=way.cached,
                        logits_to_keep=last,
                    )
                values.append(out.logits[:, -last:])
                kept.append({name: out[name] for name in CACHES if out.get(name) is not None})
        return torch.cat(values).float(), kept if way.cached else ids
