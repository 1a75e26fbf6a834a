"""Greedy answers of a loaded model to many prompts: together and from a cache where that was tried on them.

The truth is each prompt alone, read anew for each token. Rows that are padded on the left, and a cache, are used only
where the shortest and the longest of the prompts get the truth's logits from them, for the first tokens of an answer.
Imports torch inside its functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from studio.errors import first_line
from studio.models.device import is_out_of_memory
from studio.models.forward import call_model

ROUNDING = {"float32": 1e-3}
MORE_ROUNDING = 0.05
"""How far rounding, in 32 bits and in fewer, may move logits, relative to them."""


STEPS = 12
"""So many tokens of an answer are checked."""


class Way(NamedTuple):
    """How answers are written: many rows at once, padded on the left; from a cache; by `generate` at all."""

    together: bool
    cached: bool
    generates: bool = True


WAYS = (Way(True, True), Way(False, True), Way(True, False), Way(False, False), Way(False, False, False))


def find_rounding(model: Any) -> float:
    """Return how far rounding may move the logits of a model."""
    return ROUNDING.get(str(model.dtype).removeprefix("torch."), MORE_ROUNDING)


def find_habits(model: Any, length: int, most: int) -> Any:
    """Return what a model's authors do to its logits while it writes greedily, such as a penalty for what was said.

    Called with all tokens so far (1 x tokens) and the logits (1 x vocabulary); `length` tokens are the prompt.
    """
    import copy

    config = copy.deepcopy(model.generation_config)
    config.do_sample, config.num_beams, config.max_length = False, 1, length + most
    config.eos_token_id = None  # ends are the caller's
    return model._get_logits_processor(config, input_ids_seq_length=length, device=model.device, model_kwargs={})


class Writer:
    """Writes the likeliest token, again and again, as a model's authors let it; `ends` end an answer."""

    def __init__(self, model: Any, pad_id: int, ends: set[int] | frozenset[int]) -> None:
        self.model, self.pad_id, self.ends = model, pad_id, sorted(ends)
        has_habits = bool(find_habits(model, 1, 1))  # which would take the padding of a row for what was said
        self.way, self.why = WAYS[1 if has_habits else 0], dict[Way, str]()  # why a way isn't used
        self._tried = 0

    def write(self, prompts: list[list[int]], most: int, batch: int = 32) -> list[list[int]]:
        """Return at most `most` tokens for each prompt, without the one that ends an answer."""
        self.try_on(prompts, min(most, STEPS))
        count = batch if self.way.together else 1
        return [
            answer
            for start in range(0, len(prompts), count)
            for answer in self._write(self.way, prompts[start : start + count], most)
        ]

    def try_on(self, prompts: list[list[int]], steps: int = STEPS) -> None:
        """Choose the way for these prompts, unless longer ones were tried."""
        ends = sorted(prompts, key=len)[:: max(1, len(prompts) - 1)][:2]
        if not ends or len(ends[-1]) <= self._tried:
            return
        self._tried = len(ends[-1])
        for way in WAYS[WAYS.index(self.way) : -1]:
            try:
                self.why[way] = self._try(way, ends, steps)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                self.why[way] = first_line(error)
            if not self.why[way]:
                self.way = way
                return
        self.way = WAYS[-1]

    def _try(self, way: Way, prompts: list[list[int]], steps: int) -> str:
        """What is wrong with the first tokens written so, nothing if the text read as a whole has their logits."""
        import torch

        for asked in [prompts] if way.together else [[prompt] for prompt in prompts]:
            with _listen(self.model) as heard:
                written = self._generate(way, asked, steps)
            for row, prompt in enumerate(asked):
                told = self._cut(written[row])  # an ended row goes on with padding
                with torch.no_grad():
                    ids = torch.tensor([[*prompt, *told]], device=self.model.device)
                    truth = call_model(self.model, input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 :].float()
                found = torch.stack([step[row] for step in heard[: len(truth)]])
                truth = truth[: len(found)]
                distance = (found - truth).norm(dim=-1) / (truth - truth.mean(dim=-1, keepdim=True)).norm(dim=-1)
                if not float(distance.max()) <= find_rounding(self.model):
                    return f"moves the logits by {100 * float(distance.max()):.2g} %"
        return ""

    def _cut(self, written: list[int]) -> list[int]:
        """What was written before an end."""
        return written[: next((place for place, token in enumerate(written) if token in self.ends), len(written))]

    def _write(self, way: Way, prompts: list[list[int]], most: int) -> list[list[int]]:
        written = self._generate(way, prompts, most) if way.generates else [self._write_plainly(prompts[0], most)]
        return [self._cut(row) for row in written]

    def _generate(self, way: Way, prompts: list[list[int]], most: int) -> list[list[int]]:
        import torch

        longest = max(map(len, prompts))
        padded = [[self.pad_id] * (longest - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        with torch.no_grad():
            written = self.model.generate(
                input_ids=torch.tensor(padded, device=self.model.device),
                attention_mask=torch.tensor(mask, device=self.model.device),
                max_new_tokens=most,
                do_sample=False,
                use_cache=way.cached,
                eos_token_id=self.ends,
                pad_token_id=self.pad_id,
            )
        found: list[list[int]] = written[:, longest:].tolist()
        return found

    def _write_plainly(self, prompt: list[int], most: int) -> list[int]:
        """Read everything anew for each token."""
        import torch

        written: list[int] = []
        while len(written) < most and not (written and written[-1] in self.ends):
            with torch.no_grad():
                ids = torch.tensor([prompt + written], device=self.model.device)
                written.append(int(call_model(self.model, input_ids=ids, use_cache=False).logits[0, -1].argmax()))
        return written


@contextmanager
def _listen(model: Any) -> Iterator[list[Any]]:
    """Hear the logits after the last token of each row, step after step."""
    base, heard = getattr(model, "get_base_model", lambda: model)(), list[Any]()
    hook = base.register_forward_hook(lambda _, given, out: heard.append(out.logits[:, -1].float()))
    try:
        yield heard
    finally:
        hook.remove()
