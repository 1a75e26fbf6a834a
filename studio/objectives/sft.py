"""Supervised instruction tuning: predict the answer after the prompt (Wei et al. 2021, arXiv:2109.01652).

Loss is on the answer and the end token alone (completion-only). The prompt is tokenised by itself, so its tokens are
the same in training and in chat.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studio.errors import RecipeError
from studio.objectives.objective import Objective, Row
from studio.tasks.instance import Form
from studio.tasks.prompt import write_answer, write_messages, write_prompt
from studio.tasks.task import Instance, Task


class Sft(Objective):
    """Learn to answer as the instances do."""

    name: ClassVar[str] = "sft"
    title: ClassVar[str] = "Instruction tuning"
    position: ClassVar[int] = 1
    form: ClassVar[Form] = "dialogue"
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

    @model_validator(mode="after")
    def _has_a_place_for_all(self) -> Self:
        if self.template == "chat" and self.negative_examples:
            raise ValueError(
                "A chat template has no place for wrong examples. Set negative_examples to 0, or choose the template "
                "plain or tk_instruct."
            )
        return self

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Row | None:
        """Return prompt and answer as one row; None when the answer would not fit into `max_length` tokens."""
        prompt = self.encode_prompt(task, instance.input, tokenizer)
        answer = tokenizer(write_answer(instance.output[0], self.template), add_special_tokens=False)["input_ids"]
        answer = [*answer, *_end(tokenizer, self.template)]
        if len(prompt) + len(answer) > max_length:
            return None
        return Row(input_ids=[*prompt, *answer], labels=[-100] * len(prompt) + answer)

    def write_prompt(self, task: Task, text: str, tokenizer: Any) -> str:
        """Return the prompt in the recipe's template. Raises RecipeError for a chat template the tokenizer lacks."""
        if self.template == "chat":
            return _render(tokenizer, write_messages(task, text, self.positive_examples), add_generation_prompt=True)
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

    def list_ends(self, tokenizer: Any) -> set[int]:
        """Return the end token and, in a chat, the one that ends a turn."""
        first = _end(tokenizer, self.template)[0]
        return {tokenizer.eos_token_id} | ({first} if first in tokenizer.all_special_ids else set())


def _end(tokenizer: Any, template: str) -> list[int]:
    """The tokens that close an answer: the model's end of turn in a chat, its end token otherwise."""
    if template == "chat":
        turn = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        _, answer, after = _render(tokenizer, turn).rpartition("!")
        tail = tokenizer(after.rstrip(), add_special_tokens=False)["input_ids"] if answer else []
        if tail:
            return list(tail)
    return [tokenizer.eos_token_id]


def _render(tokenizer: Any, turns: list[dict[str, str]], **options: bool) -> str:
    if not tokenizer.chat_template:
        raise RecipeError(
            "This model has no chat template, so it knows no turns. Choose the template plain.",
            field="objective.template",
        )
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, **options))
    except Exception as error:  # jinja's, or whatever the template's author raises in it
        raise RecipeError(
            f"The model's chat template refuses these turns ({str(error)[:200]}). Choose the template plain.",
            field="objective.template",
        ) from None
