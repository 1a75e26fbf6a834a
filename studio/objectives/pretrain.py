"""Continued pre-training: predict every word of running text, such as that of a field the base has never read.

It gives knowledge of the text, and no behaviour: what comes out of it goes on writing, and follows no instruction. An
example is a window full of documents, of which none reads another; a document that is longer than the window goes on in
the next, which begins with the last token of the one before. (Gururangan et al. 2020, arXiv:2004.10964.)
"""

import math
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from studio.objectives.logprobs import Batch, LogProbs, Ratio
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example, Objective, Row
from studio.tasks.dialogue import Dialogue
from studio.tasks.instance import Form
from studio.tasks.prompt import Turn
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

BITS = Measure(name="bits_per_byte", title="bits per byte", better="lower", chart="bits")
_MOST_WORDS = 12
"""Of a document, so many words at most are what a sample answer goes on from."""


class Pretrain(Objective):
    """Learn to go on with running text."""

    name: ClassVar[str] = "pretrain"
    title: ClassVar[str] = "Continued pre-training"
    position: ClassVar[int] = 2
    form: ClassVar[Form] = "text"
    summary: ClassVar[str] = (
        "Reads running text and learns to predict every next word of it. It learns what the text says and how it says "
        "it, not how to follow instructions."
    )
    measures: ClassVar[tuple[Measure, ...]] = (BITS, LOSS)
    chooses: ClassVar[str] = BITS.name
    averages_over: ClassVar[Literal["tokens", "examples"]] = "tokens"
    packs: ClassVar[bool] = True
    learning_rate_factor: ClassVar[float] = 0.75

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the windows of one document, each marked with its bytes; None where it holds no word."""
        text = instance.output[0].strip("\n")
        if not text.strip():
            return None
        ids = [*_begin(tokenizer), *tokenizer(text, add_special_tokens=False)["input_ids"], *_end(tokenizer)]
        step = max(1, max_length - 1)
        starts = range(0, max(1, len(ids) - 1), step)
        return tuple(_cut(tokenizer, ids[start : start + max_length]) for start in starts)

    def gather(self, examples: Sequence[Example], max_length: int) -> list[Example]:
        """Return windows of at most `max_length` tokens with as many of the rows as fit, the longest rows first."""
        rows = sorted((row for example in examples for row in example), key=lambda row: -len(row.input_ids))
        emptiest: list[tuple[int, int]] = []  # tokens so far, place in `windows`
        windows: list[list[Row]] = []
        for row in rows:
            size = len(row.input_ids)
            if not emptiest or emptiest[0][0] + size > max_length:
                heappush(emptiest, (size, len(windows)))
                windows.append([row])
            else:
                tokens, place = heappop(emptiest)
                windows[place].append(row)
                heappush(emptiest, (tokens + size, place))
        return [tuple(window) for window in windows]

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor | Ratio]]":
        """Return the cross-entropy of each token, in nats (learnt)."""
        losses = -logprobs.tokens
        return losses, {BITS.name: Ratio(losses / math.log(2), batch.marks)}

    def write_dialogue(self, task: Task, instance: Instance) -> Dialogue:
        """Return a document as its beginning, and how it goes on."""
        text = instance.output[0]
        words = text.split(" ")
        count = min(_MOST_WORDS, len(words) // 2)
        beginning = " ".join(words[:count])
        turns = ({"role": "user", "content": beginning}, {"role": "assistant", "content": text[len(beginning) :]})
        return Dialogue(turns, (False, True), input=beginning)

    def write_question(
        self, task: Task, prompt: str, messages: Sequence[Turn] = (), tools: Sequence[Turn] = ()
    ) -> Dialogue:
        """Return what a person writes as a text that the model goes on with, earlier turns before it."""
        said = [*(str(turn.get("content") or "") for turn in messages), prompt]
        text = "\n".join(one for one in said if one)
        return Dialogue(({"role": "user", "content": text},), (False,), input=text)

    def write_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> str:
        """Return the text as it is: nothing is put around it."""
        return "".join(str(turn["content"]) for turn in dialogue.turns)

    def encode_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> list[int]:
        """Return the beginning of a document that the model goes on with."""
        text = self.write_prompt(task, dialogue, tokenizer)
        return [*_begin(tokenizer), *tokenizer(text.rstrip(" "), add_special_tokens=False)["input_ids"]]


def _begin(tokenizer: Any) -> list[int]:
    """What stands before a document, so that its first word is predicted too; where nothing begins a text, its end."""
    return [tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id]


def _end(tokenizer: Any) -> list[int]:
    return [tokenizer.eos_token_id]


def _cut(tokenizer: Any, ids: list[int]) -> Row:
    """A window of a document; its first token is only read."""
    text = tokenizer.decode(ids[1:], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Row(ids, [-100, *ids[1:]], float(len(text.encode())))
