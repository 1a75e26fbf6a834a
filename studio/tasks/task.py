"""One task in the Natural-Instructions schema, and its file in the v2 form.

Knows the fields of a task and how upstream writes them. Knows nothing of the variants in the wild (`variant.py`), of
disks (`store.py`) or of prompts (`prompt.py`). A task never changes: an edit makes a new one with another `version`.

Chats, preferences, ratings and running text are tasks too: `kind` names the class of the instances (`kinds/`), and each
says itself how it is in a v2 file. What v2 has no word for is under keys of ours, which are written only where they
say something, so that a Natural-Instructions task is a plain v2 file.

Keys that the schema doesn't name are kept in `extra`, so that a file that was read and written again lost nothing.
Source of the schema: allenai/natural-instructions, README and `src/test_all.py`.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from studio.tasks.instance import Frozen
from studio.tasks.instance import Instance as Instance
from studio.tasks.instance import Message as Message
from studio.tasks.kinds import KINDS
from studio.tasks.mapping import Mapping

SplitRule = Literal["hash", "stratified", "official"]
"""How a task is split: by hash of the input alone, so that each label has its share, or as Super-NI scores."""


class Example(Frozen):
    """A worked example of a task: right (positive) or wrong (negative), and why."""

    input: str
    output: str
    explanation: str = ""
    suggestion: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)


class Origin(Frozen):
    """The form of the file a task was read from, and the mapping of its columns."""

    format: str
    mapping: Mapping | None = None


class Task(Frozen):
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
    kind: str = "instruction"
    origin: Origin | None = None
    split: SplitRule = "hash"
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        """Rows of other formats may have their own instruction; a Natural-Instructions task never does."""
        if not self.definition.strip() and KINDS.find(self.kind).needs_definition and self.origin is None:
            raise ValueError("The definition is blank. Write what the model should do.")
        return self

    def model_copy(self, *, update: Dictionary[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes; what was computed of this one (`version`, `labels`) isn't copied with it."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("version", "labels"):
            copy.__dict__.pop(name, None)
        return copy

    def keep_version(self, version: str) -> Self:
        """Return the task under the version it was kept as, which an older edition may have computed otherwise."""
        copy = self.model_copy()
        copy.__dict__["version"] = version
        return copy

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits made of everything in the task but its name."""
        digest = hashlib.sha256()
        for piece in _write_canonical(to_v2(self)):
            digest.update(piece.encode("ascii"))
        return digest.hexdigest()[:12]

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


PIECE = 500
"""So many instances are written at once where nobody may wait for all of them."""
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


STUDIO_KEY = "Studio"
"""The key under which a v2 file says what the schema has no word for: kind, origin, rule of the split."""


def to_v2(task: Task) -> dict[str, Any]:
    """Return the task as the JSON object of a v2 file, its keys in upstream's order, unknown ones last."""
    values: dict[str, Any] = {key: list(getattr(task, field)) for key, field in LIST_KEYS.items()}
    values |= {key: text for key, field in TEXT_KEYS.items() if (text := getattr(task, field))}
    values["Definition"] = [task.definition, *task.more_definitions]
    values["Positive Examples"] = [_example_to_v2(example) for example in task.positive_examples]
    values["Negative Examples"] = [_example_to_v2(example) for example in task.negative_examples]
    values["Instances"] = [instance.write() for instance in task.instances]
    ours = write_studio_key(task)
    return {key: values[key] for key in KEY_ORDER if key in values} | task.extra | ({STUDIO_KEY: ours} if ours else {})


def write_studio_key(task: Task) -> dict[str, Any]:
    """Return what is under the studio's own key; {} for a plain Natural-Instructions task."""
    ours: dict[str, Any] = {"kind": task.kind} if task.kind != "instruction" else {}
    if task.origin:
        ours["format"] = task.origin.format
        if task.origin.mapping:
            ours["mapping"] = task.origin.mapping.to_json()
    if task.split != "hash":
        ours["split"] = task.split
    return ours


def write_v2(task: Task) -> str:
    """Return the text of a v2 file as upstream writes it: four blanks, no ASCII escapes, no final newline."""
    return json.dumps(to_v2(task), indent=4, ensure_ascii=False, allow_nan=False)


def _write_canonical(values: dict[str, Any]) -> Iterator[str]:
    """Yield the JSON of a task's object with sorted keys and no blanks, in pieces: others take turns between them."""
    write = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
    for number, (key, value) in enumerate(sorted(values.items())):
        yield f"{',' if number else '{'}{write(key)}:"
        if key != "Instances":
            yield write(value)
            continue
        yield "["
        for start in range(0, len(value), PIECE):
            yield ("," if start else "") + write(value[start : start + PIECE])[1:-1]
        yield "]"
    yield "}"


def _example_to_v2(example: Example) -> dict[str, Any]:
    data = {"input": example.input, "output": example.output, "explanation": example.explanation}
    if example.suggestion:
        data["suggestion"] = example.suggestion
    return data | example.extra
