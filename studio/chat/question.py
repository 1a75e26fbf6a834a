"""A question to base and tuned: what is asked, of which checkpoint, and how they answer. Declared once, for all."""

from typing import Any

from pydantic import Field, ValidationError, field_validator

from studio.declaration import Declared, explain

LONGEST_PROMPT = 20_000


class Question(Declared):
    """An instance's input and how to answer it; the same seed gives the same answers."""

    prompt: str
    max_tokens: int = Field(48, ge=1, le=2048, title="Longest answer", description="In tokens.")
    seed: int = Field(0, ge=0, le=2**32 - 1, title="Seed", description="The same seed draws the same words.")
    temperature: float = Field(
        0.0, ge=0, le=2, title="Temperature", description="0 always takes the likeliest word; more dares more."
    )
    step: int | None = Field(None, ge=0, title="Checkpoint", description="Its step; the newest by default.")

    @field_validator("prompt", mode="before")
    @classmethod
    def _can_be_read(cls, prompt: object) -> object:
        if not isinstance(prompt, str):
            return prompt
        if not prompt.strip():
            raise ValueError("The prompt is empty. Write something to ask, or pick a held-out example.")
        if len(prompt) > LONGEST_PROMPT:
            raise ValueError(f"The prompt has {len(prompt):,} characters; at most {LONGEST_PROMPT:,} can be asked.")
        if any("\ud800" <= letter <= "\udfff" for letter in prompt):
            raise ValueError("The prompt holds half a letter (a lone surrogate). Write it again.")
        return prompt


def read_question(prompt: object, **options: Any) -> Question:
    """Return the question of a prompt and of options that are Question's fields. Raises InputError in words."""
    try:
        return Question(prompt=prompt, **options)
    except ValidationError as error:
        raise explain(error, Question) from None
