"""The only writer of tokens: greedy or drawn, for one prompt or many, side by side or in a batch.

`write_rows` writes a few texts at once, a token each at a time, as somebody watches; `Writer` answers many prompts as
fast as it can. The truth is each prompt alone, read again for each token; padding on the left and a cache are used only
where the shortest and the longest of the prompts get the truth's logits from them. Imports torch inside its functions.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from studio.answering.way import WAYS, Way, find_rounding, find_way, tell_distance
from studio.errors import ModelError
from studio.models.forward import call_model

ANSWER_TOKENS = 64
"""So long an answer may be, where nobody says otherwise: some fifty words of English.

The longest answer in the samples has 21 tokens, in ordinary tasks of Natural Instructions 46; only those that ask for
stories want more. A model that hasn't learnt where to end stops here, and keeps nobody waiting.
"""
STEPS = 12
"""So many tokens of an answer are checked."""


def find_habits(model: Any, length: int, most: int) -> Any:
    """Return what a model's authors do to its logits while it writes greedily, such as a penalty for what was said.

    Called with all tokens so far (1 x tokens) and the logits (1 x vocabulary); `length` tokens are the prompt. None of
    a model that writes nothing.
    """
    if not model.can_generate():
        return None
    config = copy.copy(model.generation_config)  # its own values are set alone
    config.do_sample, config.num_beams, config.max_length = False, 1, length + most
    config.eos_token_id = None  # ends are the caller's
    return model._get_logits_processor(config, input_ids_seq_length=length, device=model.device, model_kwargs={})


class Text:
    """A prompt and what is written after it, token by token, until one of `ends` is written.

    `habits` come from `find_habits`; at temperature 0 the likeliest token is next, above it one is drawn with the
    dice of `seed`.
    """

    def __init__(
        self, prompt: list[int], ends: frozenset[int], habits: Any = None, temperature: float = 0, seed: int = 0
    ) -> None:
        self.prompt, self.written, self.ended = prompt, list[int](), False
        self._ends, self._habits, self._temperature, self._seed = ends, habits, temperature, seed
        self._dice: Any = None
        self.all = list(prompt)  # and an end

    def add(self, logits: Any) -> int:
        """Choose the next token by the logits (vocabulary), write it down, and return it. Raises ModelError for NaN."""
        import torch

        if bool(logits.isnan().any()):
            raise ModelError(
                "This model's weights hold NaN, which is no number, so it can't answer. Choose an earlier checkpoint.",
                field="step",
            )
        if self._habits:
            logits = self._habits(torch.tensor([self.all], device=logits.device), logits[None])[0]
        if self._temperature <= 0:
            token = int(logits.argmax())
        else:
            self._dice = self._dice or torch.Generator(device=logits.device).manual_seed(self._seed)
            shares = torch.softmax(logits / self._temperature, dim=-1)
            token = int(torch.multinomial(shares, 1, generator=self._dice))
        self.all.append(token)
        self.ended = self.ended or token in self._ends
        if not self.ended:
            self.written.append(token)
        return token

    def write_out(self, tokens: list[int]) -> None:
        """Let these be all that is written."""
        self.written, self.all, self.ended = tokens, [*self.prompt, *tokens], True


class Group(NamedTuple):
    """Texts of one prompt that are read together: `read` takes new ids (texts x tokens), a mask, and the last cache.

    It returns the logits after the last token (texts x vocabulary) and the next cache.
    """

    read: Callable[[Any, Any, Any], tuple[Any, Any]]
    texts: Sequence[Text]
    device: Any


def write_rows(groups: Sequence[Group], most: int) -> Iterator[None]:
    """Write one token more in every text that hasn't ended, at most `most` times; yields after each round."""
    import torch

    new = [[text.prompt for text in group.texts] for group in groups]
    caches: list[Any] = [None] * len(groups)
    for _ in range(most):
        for place, group in enumerate(groups):
            if all(text.ended for text in group.texts):
                continue
            ids = torch.tensor(new[place], device=group.device)
            logits, caches[place] = group.read(ids, None, caches[place])
            new[place] = [[text.add(row)] for text, row in zip(group.texts, logits, strict=True)]
        yield
        if all(text.ended for group in groups for text in group.texts):
            return


class Writer:
    """Writes the likeliest token, again and again, as a model's authors let it; `ends` end an answer."""

    def __init__(self, model: Any, pad_id: int, ends: set[int] | frozenset[int]) -> None:
        self.model, self.pad_id, self.ends = model, pad_id, frozenset(ends)
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

    def draw(self, prompts: list[list[int]], most: int, batch: int = 64) -> list[list[int]]:
        """Return at most `most` tokens for each prompt, drawn as likely as the model finds them, an end included."""
        import torch

        self.try_on(prompts, min(most, STEPS))
        if self.way == WAYS[-1]:
            seeds = torch.randint(2**31, (len(prompts),)).tolist()
            return [self._write_plainly(one, most, 1.0, seed) for one, seed in zip(prompts, seeds, strict=True)]
        count = batch if self.way.together else 1
        drawn = [
            row
            for start in range(0, len(prompts), count)
            for row in self._generate(self.way, prompts[start : start + count], most, draws=True)
        ]
        return [row[: len(self._cut(row)) + 1] for row in drawn]

    def try_on(self, prompts: list[list[int]], steps: int = STEPS) -> None:
        """Choose the way for these prompts, unless longer ones were tried."""
        ends = sorted(prompts, key=len)[:: max(1, len(prompts) - 1)][:2]
        if not ends or len(ends[-1]) <= self._tried:
            return
        self._tried = len(ends[-1])
        ways = WAYS[WAYS.index(self.way) :]
        self.way = find_way(ways, lambda way: self._find_fault(way, ends, steps), self.why)

    def _find_fault(self, way: Way, prompts: list[list[int]], steps: int) -> str:
        """What is wrong with the first tokens written so, nothing if the text read as a whole has their logits."""
        import torch

        for asked in [prompts] if way.together else [[prompt] for prompt in prompts]:
            with _listen(self.model) as heard:
                written = self._generate(way, asked, steps)
            for row, prompt in enumerate(asked):
                told = self._cut(written[row])  # an ended row goes on with padding
                truth = self._read(torch.tensor([[*prompt, *told]], device=self.model.device))[0, len(prompt) - 1 :]
                found = torch.stack([step[row] for step in heard[: len(truth)]])
                truth = truth[: len(found)].float()
                distance = (found - truth).norm(dim=-1) / (truth - truth.mean(dim=-1, keepdim=True)).norm(dim=-1)
                if fault := tell_distance(float(distance.max()), find_rounding(self.model)):
                    return fault
        return ""

    def _cut(self, written: list[int]) -> list[int]:
        """What was written before an end."""
        return written[: next((place for place, token in enumerate(written) if token in self.ends), len(written))]

    def _write(self, way: Way, prompts: list[list[int]], most: int) -> list[list[int]]:
        if way == WAYS[-1]:
            return [self._write_plainly(prompt, most) for prompt in prompts]
        return [self._cut(row) for row in self._generate(way, prompts, most)]

    def _generate(self, way: Way, prompts: list[list[int]], most: int, draws: bool = False) -> list[list[int]]:
        import torch

        longest = max(map(len, prompts))
        padded = [[self.pad_id] * (longest - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        with torch.no_grad(), _unwrapped(self.model):
            written = self.model.generate(
                input_ids=torch.tensor(padded, device=self.model.device),
                attention_mask=torch.tensor(mask, device=self.model.device),
                max_new_tokens=most,
                **(
                    {"do_sample": True, "top_k": 0, "temperature": 1.0, "top_p": 1.0} if draws else {"do_sample": False}
                ),
                use_cache=way.cached,
                eos_token_id=sorted(self.ends),
                pad_token_id=self.pad_id,
            )
        found: list[list[int]] = written[:, longest:].tolist()
        return found

    def _write_plainly(self, prompt: list[int], most: int, temperature: float = 0, seed: int = 0) -> list[int]:
        """Read everything again for each token; what is drawn has its end, too."""
        import torch

        def read(ids: Any, _: Any, before: Any) -> tuple[Any, Any]:
            ids = ids if before is None else torch.cat([before, ids], dim=1)
            return self._read(ids)[:, -1], ids

        habits = None if temperature else find_habits(self.model, len(prompt), most)
        text = Text(prompt, self.ends, habits, temperature, seed)
        for _ in write_rows([Group(read, [text], self.model.device)], most):
            pass
        return text.all[len(prompt) :] if temperature else text.written

    def _read(self, ids: Any) -> Any:
        """The logits of a text read as a whole, 1 x tokens x vocabulary."""
        import torch

        with torch.no_grad(), _unwrapped(self.model):
            return call_model(self.model, input_ids=ids, use_cache=False).logits


@contextmanager
def _unwrapped(model: Any) -> Iterator[None]:
    """Leave out what accelerate puts around a model that trains in 16 bits: `generate` goes past that of an adapter."""
    wrapped = vars(model).pop("forward", None) if "_original_forward" in vars(model) else None
    try:
        yield
    finally:
        if wrapped is not None:
            vars(model)["forward"] = wrapped


@contextmanager
def _listen(model: Any) -> Iterator[list[Any]]:
    """Hear the logits after the last token of each row, step after step."""
    base, heard = getattr(model, "get_base_model", lambda: model)(), list[Any]()
    hook = base.register_forward_hook(lambda _, given, out: heard.append(out.logits[:, -1].float()))
    try:
        yield heard
    finally:
        hook.remove()
