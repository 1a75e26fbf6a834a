"""One task in the Natural-Instructions schema, and its file in the v2 form.

Knows the fields of a task and how upstream writes them. Knows nothing of the variants in the wild (`variant.py`), of
disks (`store.py`) or of prompts (`prompt.py`). A task never changes: an edit makes a new one with another `version`.

Keys that the schema doesn't name are kept in `extra`, so that a file that was read and written again lost nothing.
Source of the schema: allenai/natural-instructions, README and `src/test_all.py`.
"""

import hashlib
import json
import re
from collections import Counter
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Frozen):
    """A worked example of a task: right (positive) or wrong (negative), and why."""

    input: str
    output: str
    explanation: str = ""
    suggestion: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)


class Instance(_Frozen):
    """One input with every output that counts as right, the first being the one that is trained on."""

    id: str = Field(min_length=1)
    input: str
    output: tuple[str, ...] = Field(min_length=1)
    extra: dict[str, Any] = Field(default_factory=dict)


class Task(_Frozen):
    """One task. `version` is the hash of its content, whatever its name."""

    task_id: str
    definition: str
    instances: tuple[Instance, ...] = Field(min_length=1)
    positive_examples: tuple[Example, ...] = ()
    negative_examples: tuple[Example, ...] = ()
    title: str = ""
    prompt: str = ""
    things_to_avoid: str = ""
    emphasis: str = ""
    more_definitions: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    input_languages: tuple[str, ...] = ()
    output_languages: tuple[str, ...] = ()
    instruction_languages: tuple[str, ...] = ()
    instance_license: tuple[str, ...] = ()
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("definition")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("The definition is blank. Write what the model should do.")
        return text

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits made of everything in the task but its name."""
        canonical = json.dumps(to_v2(self), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:12]

    @property
    def heading(self) -> str:
        """What to call the task: its title, or its name as words ("Country capital" for task1146_country_capital)."""
        if self.title.strip():
            return " ".join(self.title.split())[:100]
        if re.fullmatch(r"task_[0-9a-f]{8}", self.task_id):
            return self.definition.strip()[:60]
        name = re.sub(r"_[0-9a-f]{8}$", "", self.task_id)  # what keeps names apart, or says whose it is
        first, _, rest = name.partition("_")
        words = rest if rest and any(letter.isdigit() for letter in first) else name
        return words.replace("_", " ").replace("-", " ").strip().capitalize()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The distinct first outputs, most frequent first, if they are few enough to be labels; else ()."""
        counts = Counter(instance.output[0].strip() for instance in self.instances)
        few = len(counts) <= 20 and len(counts) * 4 <= len(self.instances)
        return tuple(label for label, _ in counts.most_common()) if few else ()


LIST_KEYS = {
    "Contributors": "contributors",
    "Source": "source",
    "URL": "urls",
    "Categories": "categories",
    "Reasoning": "reasoning",
    "Input_language": "input_languages",
    "Output_language": "output_languages",
    "Instruction_language": "instruction_languages",
    "Domains": "domains",
    "Instance License": "instance_license",
}
"""The keys of a file that hold a list of texts, and the fields of a Task they become."""

TEXT_KEYS = {
    "Title": "title",
    "Prompt": "prompt",
    "Things to Avoid": "things_to_avoid",
    "Emphasis & Caution": "emphasis",
}
"""The keys that v1 has and v2 hasn't; written only when they say something."""

KEY_ORDER = (
    "Contributors",
    "Source",
    "URL",
    "Categories",
    "Reasoning",
    "Title",
    "Prompt",
    "Definition",
    "Things to Avoid",
    "Emphasis & Caution",
    "Input_language",
    "Output_language",
    "Instruction_language",
    "Domains",
    "Positive Examples",
    "Negative Examples",
    "Instances",
    "Instance License",
)
"""The fourteen keys of v2 in upstream's order, with v1's four where v1 has them."""


def to_v2(task: Task) -> dict[str, Any]:
    """Return the task as the JSON object of a v2 file, its keys in upstream's order, unknown ones last."""
    values: dict[str, Any] = {key: list(getattr(task, field)) for key, field in LIST_KEYS.items()}
    values |= {key: text for key, field in TEXT_KEYS.items() if (text := getattr(task, field))}
    values["Definition"] = [task.definition, *task.more_definitions]
    values["Positive Examples"] = [_example_to_v2(example) for example in task.positive_examples]
    values["Negative Examples"] = [_example_to_v2(example) for example in task.negative_examples]
    values["Instances"] = [
        {"id": instance.id, "input": instance.input, "output": list(instance.output), **instance.extra}
        for instance in task.instances
    ]
    return {key: values[key] for key in KEY_ORDER if key in values} | task.extra


def write_v2(task: Task) -> str:
    """Return the text of a v2 file as upstream writes it: four blanks, no ASCII escapes, no final newline."""
    return json.dumps(to_v2(task), indent=4, ensure_ascii=False, allow_nan=False)


def _example_to_v2(example: Example) -> dict[str, Any]:
    data = {"input": example.input, "output": example.output, "explanation": example.explanation}
    if example.suggestion:
        data["suggestion"] = example.suggestion
    return data | example.extra
