"""Supervised instruction tuning: predict the answer after the prompt (Wei et al. 2021, arXiv:2109.01652).

Loss is on the answer and the end token alone (completion-only). The prompt is tokenised by itself, so its tokens are
the same in training and in chat.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from studio.objectives.objective import Objective, Row
from studio.tasks.prompt import write_answer, write_messages, write_prompt
from studio.tasks.task import Instance, Task


class Sft(Objective):
    """Learn to answer as the instances do."""

    name: ClassVar[str] = "sft"
    title: ClassVar[str] = "Instruction tuning"
    position: ClassVar[int] = 1
    summary: ClassVar[str] = "Shows the model the definition and an input, and trains it to write the wanted output."

    template: Literal["plain", "tk_instruct", "chat"] = Field(
        "plain",
        title="Template",
        description="How definition and input are written for the model: plain lines, the longer form "
        "of Tk-Instruct, or the turns of the model's own chat template.",
        json_schema_extra={"advanced": True},
    )
    positive_examples: int = Field(
        0,
        ge=0,
        le=8,
        title="Positive examples in the prompt",
        description="How many of the task's worked examples stand before each input. Each makes every step slower.",
        json_schema_extra={"advanced": True},
    )
    negative_examples: int = Field(
        0,
        ge=0,
        le=8,
        title="Negative examples in the prompt",
        description="How many wrong examples stand there too.",
        json_schema_extra={"advanced": True},
    )

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Row | None:
        """Return prompt and answer as one row; None when the answer would not fit into `max_length` tokens."""
        prompt = self.encode_prompt(task, instance.input, tokenizer)
        answer = tokenizer(write_answer(instance.output[0], self.template), add_special_tokens=False)["input_ids"]
        answer = [*answer, *_end(tokenizer, self.template)]
        if len(prompt) + len(answer) > max_length:
            return None
        return Row(input_ids=[*prompt, *answer], labels=[-100] * len(prompt) + answer)

    def write_prompt(self, task: Task, text: str, tokenizer: Any) -> str:
        """Return the prompt in the recipe's template. Raises TaskError for a chat template the tokenizer lacks."""
        if self.template == "chat":
            messages = write_messages(task, text, self.positive_examples)
            rendered: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            return rendered
        return write_prompt(task, text, self.template, self.positive_examples, self.negative_examples)

    def encode_prompt(self, task: Task, text: str, tokenizer: Any) -> list[int]:
        """Return the prompt's tokens, with the first token the model expects."""
        ids = list(
            tokenizer(self.write_prompt(task, text, tokenizer), add_special_tokens=self.template != "chat")["input_ids"]
        )
        if ids and ids[-1] == tokenizer.eos_token_id:
            ids.pop()
        first = tokenizer.bos_token_id
        return ids if self.template == "chat" or first is None or ids[:1] == [first] else [first, *ids]


def _end(tokenizer: Any, template: str) -> list[int]:
    """The tokens that close an answer: the model's end of turn in a chat, its end token otherwise."""
    if template == "chat":
        turn = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        whole = tokenizer.apply_chat_template(turn, tokenize=False)
        tail = tokenizer(whole.rsplit("!", 1)[1].rstrip(), add_special_tokens=False)["input_ids"]
        if tail:
            return list(tail)
    return [tokenizer.eos_token_id]
