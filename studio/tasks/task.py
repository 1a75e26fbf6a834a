"""One task in the Natural-Instructions schema, and its file in the v2 form.

Knows the fields of a task and how upstream writes them. Knows nothing of the variants in the wild (`variant.py`), of
disks (`store.py`) or of prompts (`prompt.py`). A task never changes: an edit makes a new one with another `version`.

Chats, preferences, ratings and running text are tasks too: `kind` says which. `input` and `output` can be read of every
instance; what a chat has beyond them stands in `messages`, what a preference has in `rejected`. In the v2 file all this
is under keys of ours, which are written only where they say something, so that a Natural-Instructions task is a plain
v2 file.

Keys that the schema doesn't name are kept in `extra`, so that a file that was read and written again lost nothing.
Source of the schema: allenai/natural-instructions, README and `src/test_all.py`.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping as Dictionary
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from studio.tasks.mapping import Kind, Mapping

SplitRule = Literal["hash", "stratified", "official"]
"""How a task is split: by hash of the input alone, so that each label has its share, or as Super-NI scores."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Frozen):
    """A worked example of a task: right (positive) or wrong (negative), and why."""

    input: str
    output: str
    explanation: str = ""
    suggestion: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)


class Message(_Frozen):
    """One turn of a chat; `extra` holds what else it came with, such as tool calls or a name.

    `counts` is False for an answer that its file marks as not to be learnt: it is read and never written.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    counts: bool = True
    extra: dict[str, Any] = Field(default_factory=dict)


class Instance(_Frozen):
    """One input with every output that counts as right, the first being the one that is trained on.

    Of a chat, `messages` is the whole of it, the answer included, and `input` and `output` are what is read off it:
    the last question and its answer. `tools` are those that a chat offers, each as its file describes it. `rejected` is the worse answer of a preference, `rejected_messages` the whole chat
    that ends in it. `liked` is the verdict of a rating.
    """

    id: str = Field(min_length=1)
    input: str
    output: tuple[str, ...] = Field(min_length=1)
    messages: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    rejected: str = ""
    rejected_messages: tuple[Message, ...] = ()
    liked: bool | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class Origin(_Frozen):
    """The form of the file a task was read from, and the mapping of its columns."""

    format: str
    mapping: Mapping | None = None


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
    kind: Kind = "instruction"
    origin: Origin | None = None
    split: SplitRule = "hash"
    extra: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        """Rows of other formats may bring their instruction themselves; a Natural-Instructions task never does."""
        if not self.definition.strip() and self.kind == "instruction" and self.origin is None:
            raise ValueError("The definition is blank. Write what the model should do.")
        return self

    def model_copy(self, *, update: Dictionary[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes; what was computed of this one (`version`, `labels`) isn't copied with it."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("version", "labels"):
            copy.__dict__.pop(name, None)
        return copy

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


STUDIO_KEY = "Studio"
"""The key under which a v2 file says what the schema has no word for: kind, origin, rule of the split."""

INSTANCE_KEYS = ("messages", "tools", "rejected", "rejected_messages", "liked")
"""What an instance has beyond v2's three keys; read as such only where the studio's key says so."""


def to_v2(task: Task) -> dict[str, Any]:
    """Return the task as the JSON object of a v2 file, its keys in upstream's order, unknown ones last."""
    values: dict[str, Any] = {key: list(getattr(task, field)) for key, field in LIST_KEYS.items()}
    values |= {key: text for key, field in TEXT_KEYS.items() if (text := getattr(task, field))}
    values["Definition"] = [task.definition, *task.more_definitions]
    values["Positive Examples"] = [_example_to_v2(example) for example in task.positive_examples]
    values["Negative Examples"] = [_example_to_v2(example) for example in task.negative_examples]
    values["Instances"] = [instance_to_v2(instance) for instance in task.instances]
    ours = write_studio_key(task)
    return {key: values[key] for key in KEY_ORDER if key in values} | task.extra | ({STUDIO_KEY: ours} if ours else {})


def instance_to_v2(instance: Instance) -> dict[str, Any]:
    """Return one instance as it stands in a v2 file."""
    data: dict[str, Any] = {"id": instance.id, "input": instance.input, "output": list(instance.output)}
    if instance.messages:
        data["messages"] = [_message_to_json(message) for message in instance.messages]
    if instance.tools:
        data["tools"] = list(instance.tools)
    if instance.rejected:
        data["rejected"] = instance.rejected
    if instance.rejected_messages:
        data["rejected_messages"] = [_message_to_json(message) for message in instance.rejected_messages]
    if instance.liked is not None:
        data["liked"] = instance.liked
    return data | instance.extra


def write_studio_key(task: Task) -> dict[str, Any]:
    """Return what stands under the studio's own key; {} for a plain Natural-Instructions task."""
    ours: dict[str, Any] = {"kind": task.kind} if task.kind != "instruction" else {}
    if task.origin:
        ours["format"] = task.origin.format
        if task.origin.mapping:
            ours["mapping"] = task.origin.mapping.to_json()
    if task.split != "hash":
        ours["split"] = task.split
    return ours


def _message_to_json(message: Message) -> dict[str, Any]:
    more = {"counts": False} if not message.counts else {}
    return (
        {"role": message.role, "content": message.content} | more | ({"extra": message.extra} if message.extra else {})
    )


def write_v2(task: Task) -> str:
    """Return the text of a v2 file as upstream writes it: four blanks, no ASCII escapes, no final newline."""
    return json.dumps(to_v2(task), indent=4, ensure_ascii=False, allow_nan=False)


def _example_to_v2(example: Example) -> dict[str, Any]:
    data = {"input": example.input, "output": example.output, "explanation": example.explanation}
    if example.suggestion:
        data["suggestion"] = example.suggestion
    return data | example.extra
