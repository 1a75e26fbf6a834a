"""A few validation prompts that are answered at times while a model trains, beside what the base answered."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Any

import torch

from studio.answering.decoding import ANSWER_TOKENS, Writer
from studio.models.loading import list_end_tokens
from studio.objectives.objective import Objective, encode_asked
from studio.rewards import Said
from studio.tasks.prompt import trim
from studio.tasks.task import Instance, Task

MOST = 3
"""How many prompts are asked."""


class Answerer:
    """Answers prompts with a model while it trains, in the state in which it answers as ever.

    `narrow` are the 16 bits of a base beside which what trains has 32. What is attached later becomes its `model`.
    """

    def __init__(self, base: Any, tokenizer: Any, objective: Objective, narrow: torch.dtype | None = None) -> None:
        self.tokenizer, self.model, self._narrow = tokenizer, base, narrow
        self.ends = frozenset(objective.list_ends(tokenizer) | list_end_tokens(base))
        self._writer = Writer(base, tokenizer.pad_token_id, self.ends)

    def answer(self, prompts: list[list[int]], most: int) -> list[str]:
        """Return the greedy answers to some prompts."""
        with self.reading():
            return self._spell(self._find_writer().write(prompts, most))

    def draw(self, prompts: list[list[int]], most: int, seed: int = 0) -> list[str]:
        """Return answers to some prompts, drawn as likely as the model finds them; training's own chance stays."""
        device = self.model.device
        cards, kind = ([], "cuda") if device.type == "cpu" else ([device], device.type)
        with torch.random.fork_rng(cards, device_type=kind), self.reading():
            torch.manual_seed(seed)
            return self._spell(self._find_writer().draw(prompts, most))

    def _find_writer(self) -> Writer:
        if self._writer.model is not self.model:
            self._writer = Writer(self.model, self.tokenizer.pad_token_id, self.ends)
        return self._writer

    def _spell(self, written: list[list[int]]) -> list[str]:
        return [trim(self.tokenizer.decode(tokens, skip_special_tokens=True)) for tokens in written]

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Have the model as it answers; it trains on afterwards as if nothing had been."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.autocast(self.model.device.type, dtype=self._narrow) if self._narrow else nullcontext():
                yield self.model
        finally:
            self.model.train(training)


class Sampler:
    """Answers the first few instances whose prompts leave room for an answer, the same ones each time.

    `room` is how many tokens prompt and answer may have. The base's answers are taken once, before anything is
    attached. Where answers are rewarded, `reward` says what each is worth.
    """

    def __init__(
        self,
        task: Task,
        instances: tuple[Instance, ...],
        objective: Objective,
        answerer: Answerer,
        room: int,
        reward: Callable[[Sequence[Said]], Sequence[float]] | None = None,
    ) -> None:
        self.answerer, self.reward = answerer, reward
        asked = ((one, encode_asked(objective, task, one, answerer.tokenizer)) for one in instances)
        chosen = list(islice((pair for pair in asked if len(pair[1]) + ANSWER_TOKENS <= room), MOST))
        self.prompts = [pair[1] for pair in chosen]
        self.shown = [_show(objective, task, pair[0]) for pair in chosen]
        turns = (objective.write_dialogue(task, pair[0]).before_answer() for pair in chosen)
        self._silence = [Said("", tuple(pair[0].output), one, task) for pair, one in zip(chosen, turns, strict=True)]
        self.base_answers = self._answer()

    def ask(self) -> list[dict[str, Any]]:
        """Return what the model answers now: input, wanted, base, tuned for each instance, and what both are worth."""
        answers = self._answer()
        worth = [self._find_worth(self.base_answers), self._find_worth(answers)]
        return [
            {**shown, "base": base, "tuned": tuned, **told}
            for shown, base, tuned, told in zip(self.shown, self.base_answers, answers, _pair(*worth), strict=True)
        ]

    def _find_worth(self, answers: Sequence[str]) -> Sequence[float | None]:
        if self.reward is None:
            return [None] * len(answers)
        return self.reward([one._replace(answer=text) for one, text in zip(self._silence, answers, strict=True)])

    def _answer(self) -> list[str]:
        return self.answerer.answer(self.prompts, ANSWER_TOKENS)


def _pair(base: Sequence[float | None], tuned: Sequence[float | None]) -> list[dict[str, Any]]:
    """What a base's answer and a tuned one are worth, nothing where nothing says it."""
    both = zip(base, tuned, strict=True)
    return [
        {} if one is None or other is None else {"worth": {"base": round(one, 3), "tuned": round(other, 3)}}
        for one, other in both
    ]


def _show(objective: Objective, task: Task, instance: Instance) -> dict[str, str]:
    """What is asked, and what is wanted: of running text, its beginning and how it goes on."""
    if instance.input or instance.messages:
        return {"input": instance.input, "wanted": instance.output[0]}
    dialogue = objective.write_dialogue(task, instance)
    return {"input": dialogue.input or "", "wanted": trim(str(dialogue.turns[-1]["content"]))}
