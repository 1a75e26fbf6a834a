"""A question to base and tuned: what is asked, of which checkpoint, and how they answer. Declared once, for all.

What is asked is a prompt, a conversation so far, or a prompt that goes on with one.
"""

import json
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from studio.answering.decoding import ANSWER_TOKENS
from studio.declaration import Declared, explain
from studio.tasks.prompt import Turn

LONGEST_PROMPT = 20_000
LONGEST_CONVERSATION = 100_000
"""In characters, with everything that its turns and tools hold."""
ROLES = ("system", "user", "assistant", "tool")


class Question(Declared):
    """An instance's input and how to answer it; the same seed gives the same answers.

    `messages` are the turns before the prompt as chat templates have them, each with role and content; `tools` those
    that the conversation offers. Without a prompt, the last of the turns is what is asked.
    """

    messages: tuple[Turn, ...] = ()
    tools: tuple[Turn, ...] = ()
    prompt: str = Field("", validate_default=True)
    max_tokens: int = Field(ANSWER_TOKENS, ge=1, le=2048, title="Longest answer", description="In tokens.")
    seed: int = Field(0, ge=0, le=2**32 - 1, title="Seed", description="The same seed draws the same words.")
    temperature: float = Field(
        0.0, ge=0, le=2, title="Temperature", description="0 always takes the likeliest token; higher is more random."
    )
    strength: float = Field(
        1.0,
        ge=0,
        le=2,
        title="Adapter strength",
        description="0 is the base, 1 as it was trained, above is more of it.",
    )
    step: int | None = Field(None, ge=0, title="Checkpoint", description="Its step; the newest by default.")

    @field_validator("messages", "tools", mode="before")
    @classmethod
    def _are_objects(cls, turns: object) -> object:
        if not isinstance(turns, list | tuple) or not all(isinstance(turn, dict) for turn in turns):
            raise ValueError('A conversation is a list of turns. Write it like [{"role": "user", "content": "..."}].')
        text = json.dumps(turns, default=str, ensure_ascii=False)
        if len(text) > LONGEST_CONVERSATION:
            raise ValueError(
                f"The conversation has {len(text):,} characters; at most {LONGEST_CONVERSATION:,} can be asked."
            )
        _check_letters(text, "conversation")
        return turns

    @field_validator("messages")
    @classmethod
    def _have_roles(cls, messages: tuple[Turn, ...]) -> tuple[Turn, ...]:
        for number, turn in enumerate(messages, start=1):
            if turn.get("role") not in ROLES or not isinstance(turn.get("content", ""), str | None):
                raise ValueError(
                    f"Turn {number} needs a role ({', '.join(ROLES)}) and a text as its content. Write it like "
                    '{"role": "user", "content": "..."}.'
                )
        return messages

    @field_validator("prompt")
    @classmethod
    def _can_be_read(cls, prompt: str, info: ValidationInfo) -> str:
        before = info.data.get("messages", ())
        if not prompt.strip() and not (before and before[-1]["role"] in ("user", "tool")):
            raise ValueError("The prompt is empty. Write something to ask, or pick an example of the test set.")
        if len(prompt) > LONGEST_PROMPT:
            raise ValueError(f"The prompt has {len(prompt):,} characters; at most {LONGEST_PROMPT:,} can be asked.")
        _check_letters(prompt, "prompt")
        return prompt


def _check_letters(text: str, name: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"The {name} holds half a letter (a lone surrogate). Write it again.")


def read_question(prompt: object = "", **options: Any) -> Question:
    """Return the question of a prompt and of options that are Question's fields. Raises InputError in words."""
    try:
        return Question(prompt=prompt, **options)
    except ValidationError as error:
        raise explain(error, Question) from None
