"""JSON schema: 1 for an answer that is JSON as a schema describes it, a part of it for JSON of another form."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, field_validator

from studio.errors import first_line
from studio.rewards.reward import Reward

OTHER_FORM = 0.2
"""What JSON of another form is worth: some way towards the right one."""
_UNSAFE = ("$ref", "$dynamicRef", "pattern", "patternProperties")
"""What would fetch from elsewhere, or take without end."""


@lru_cache(maxsize=64)
def _read(schema: str) -> Any:
    return Draft202012Validator(json.loads(schema))


class Schema(Reward):
    """Worth 1 where it is JSON of the wanted form."""

    name: ClassVar[str] = "json_schema"
    title: ClassVar[str] = "JSON of a form"
    position: ClassVar[int] = 5
    summary: ClassVar[str] = "1 for an answer that is JSON of the wanted form, 0.2 for other JSON, else 0."

    json_schema: str = Field(
        '{"type": "object"}',
        max_length=10_000,
        title="JSON schema",
        description='The form, such as {"type": "object", "required": ["name"]}; without references and patterns.',
    )

    @field_validator("json_schema", mode="before")
    @classmethod
    def _write(cls, value: object) -> object:
        """A program may give the schema itself."""
        return json.dumps(value) if isinstance(value, dict | list | bool) else value

    @field_validator("json_schema")
    @classmethod
    def _is_schema(cls, value: str) -> str:
        try:
            schema = json.loads(value)
            Draft202012Validator.check_schema(schema)
        except (ValueError, RecursionError, SchemaError) as error:
            raise ValueError(f"This is no JSON schema ({first_line(error)[:100]}). Correct it.") from None
        if found := next((word for word in _UNSAFE if f'"{word}"' in json.dumps(schema)), None):
            raise ValueError(f"A schema may not have {found} here. Leave it out.")
        return value

    def find_earning(self, wanted: Sequence[str]) -> str:
        """Return some JSON: even of another form it is worth a part."""
        return "{}"

    def judge(self, answer: str, wanted: Sequence[str]) -> float:
        """Return 1, 0.2 or 0."""
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            return 0.0
        return 1.0 if _read(self.json_schema).is_valid(found) else OTHER_FORM
