"""One small change to a task, as a value: made by a form, sent over a wire, kept in a file.

Instances are named by id, so that two people's edits of different instances never meet; `before` says what a person
saw, so that an edit of something that was changed meanwhile is refused rather than done. Knows no disk and no page.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from studio.errors import InputError
from studio.tasks.cell import check_text
from studio.tasks.kinds import KINDS, AnyInstance
from studio.tasks.spoken import Spoken
from studio.tasks.task import Example, Instance, SplitRule, Task


class EditConflict(InputError):
    """What an edit changes isn't any more what the person saw. `current` is what is there now."""

    def __init__(self, message: str, current: Any) -> None:
        super().__init__(message, field="edit")
        self.current = current


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SetText(_Edit):
    """Change one of the task's own texts."""

    op: Literal["set_text"] = "set_text"
    field: Literal["definition", "title", "things_to_avoid", "emphasis", "prompt"]
    text: str
    before: str | None = None


class SetList(_Edit):
    """Change one of the task's lists of texts, such as its categories."""

    op: Literal["set_list"] = "set_list"
    field: Literal[
        "categories", "domains", "source", "urls", "reasoning", "contributors", "input_languages", "output_languages",
        "instruction_languages", "instance_license",
    ]  # fmt: skip
    texts: tuple[str, ...]
    before: tuple[str, ...] | None = None


class SetInput(_Edit):
    """Change the input of one instance."""

    op: Literal["set_input"] = "set_input"
    id: str
    input: str
    before: str | None = None


class SetOutput(_Edit):
    """Change the outputs of one instance; of a chat, the answer it ends with."""

    op: Literal["set_output"] = "set_output"
    id: str
    output: tuple[str, ...] = Field(min_length=1)
    before: tuple[str, ...] | None = None


class SetTurn(_Edit):
    """Change what one turn of a chat says."""

    op: Literal["set_turn"] = "set_turn"
    id: str
    number: int = Field(ge=0)
    content: str
    before: str | None = None


class SetRejected(_Edit):
    """Change the worse answer of a preference."""

    op: Literal["set_rejected"] = "set_rejected"
    id: str
    rejected: str = Field(min_length=1)
    before: str | None = None


class SetLiked(_Edit):
    """Change the verdict of a rating."""

    op: Literal["set_liked"] = "set_liked"
    id: str
    liked: bool
    before: bool | None = None


class SetInstance(_Edit):
    """Put an instance in the place of another, whatever differs."""

    op: Literal["set_instance"] = "set_instance"
    id: str
    instance: AnyInstance
    before: AnyInstance | None = None


class AddInstance(_Edit):
    """Add an instance, at a place or at the end."""

    op: Literal["add_instance"] = "add_instance"
    instance: AnyInstance
    place: int | None = Field(None, ge=0)


class DeleteInstance(_Edit):
    """Take an instance out."""

    op: Literal["delete_instance"] = "delete_instance"
    id: str


class SetExamples(_Edit):
    """Change all positive or all negative examples; they are few, and their order matters."""

    op: Literal["set_examples"] = "set_examples"
    field: Literal["positive_examples", "negative_examples"]
    examples: tuple[Example, ...]
    before: tuple[Example, ...] | None = None


class SetSplit(_Edit):
    """Change the rule of splitting."""

    op: Literal["set_split"] = "set_split"
    split: SplitRule
    before: SplitRule | None = None


Edit = Annotated[
    SetText | SetList | SetInput | SetOutput | SetTurn | SetRejected | SetLiked | SetInstance
    | AddInstance | DeleteInstance | SetExamples | SetSplit,
    Field(discriminator="op"),
]  # fmt: skip
_EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)


def read_edit(data: object) -> Edit:
    """Make an edit of its JSON: `{"op": "set_output", "id": "task1-0", "output": ["yes"]}`. Raises InputError."""
    try:
        return _EDIT.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"This is no edit: {place or 'op'}: {first['msg']}. An edit names its op, such as set_output, and what "
            "belongs to it.",
            field="edit",
        ) from None


def apply_edits(task: Task, edits: Iterable[Edit]) -> Task:
    """Return the task after some edits, one after the other. Raises InputError or EditConflict in words."""
    for edit in edits:
        task = apply_edit(task, edit)
    return task


def apply_edit(task: Task, edit: Edit) -> Task:
    """Return the task after one edit: a new version. Raises InputError or EditConflict in words."""
    if isinstance(edit, SetText | SetList | SetExamples | SetSplit):
        return _set_field(task, edit)
    if isinstance(edit, AddInstance):
        return _add(task, edit)
    number = find_instance(task, edit.id)
    instance = task.instances[number]
    if isinstance(edit, DeleteInstance):
        if len(task.instances) == 1:
            raise InputError("This is the task's only instance, and a task has at least one. Add another first.")
        return task.model_copy(update={"instances": task.instances[:number] + task.instances[number + 1 :]})
    changed = _change(instance, edit)
    return task.model_copy(update={"instances": (*task.instances[:number], changed, *task.instances[number + 1 :])})


def find_instance(task: Task, id: str) -> int:
    """Return the place of the instance called `id`. Raises InputError if it is gone."""
    for number, instance in enumerate(task.instances):
        if instance.id == id:
            return number
    raise InputError(
        f"The task has no instance {id[:60]!r} any more. Somebody may have deleted it; load the task again.", field="id"
    )


def _set_field(task: Task, edit: SetText | SetList | SetExamples | SetSplit) -> Task:
    if isinstance(edit, SetSplit):
        _check_unchanged(edit.before, task.split, "the rule of splitting")
        return task.model_copy(update={"split": edit.split})
    _check_unchanged(edit.before, getattr(task, edit.field), f"the {edit.field.replace('_', ' ')}")
    if isinstance(edit, SetText):
        text = check_text(edit.text, edit.field)
        if (
            edit.field == "definition"
            and not text.strip()
            and KINDS.find(task.kind).needs_definition
            and task.origin is None
        ):
            raise InputError("The definition is blank. Write in a sentence or two what to do.", field="definition")
        return task.model_copy(update={edit.field: text})
    if isinstance(edit, SetList):
        return task.model_copy(update={edit.field: tuple(check_text(text, edit.field) for text in edit.texts)})
    for example in edit.examples:
        for key in ("input", "output", "explanation"):
            check_text(getattr(example, key), f"{edit.field}.{key}")
    return task.model_copy(update={edit.field: edit.examples})


def _add(task: Task, edit: AddInstance) -> Task:
    instance = edit.instance
    if any(other.id == instance.id for other in task.instances):
        raise InputError(f"There is an instance {instance.id[:60]!r} already. Give the new one another id.", field="id")
    kind = KINDS.find(task.kind)
    if not isinstance(instance, kind):
        instance = kind.make(instance.id, instance.input, instance.output, instance.extra)
    check_text(instance.input, "input")
    _check_output(instance.output)
    place = len(task.instances) if edit.place is None else min(edit.place, len(task.instances))
    return task.model_copy(update={"instances": (*task.instances[:place], instance, *task.instances[place:])})


def _change(
    instance: Instance, edit: SetInput | SetOutput | SetTurn | SetRejected | SetLiked | SetInstance
) -> Instance:
    if isinstance(edit, SetInstance):
        _check_unchanged(edit.before, instance, "the instance")
        _check_output(edit.instance.output)
        return edit.instance.model_copy(update={"id": instance.id})
    if isinstance(edit, SetTurn):
        return _set_turn(instance, edit)
    field = edit.op.removeprefix("set_")
    if field not in type(instance).model_fields:
        raise InputError(f"{field}: the task holds {instance.words}, which have none. Load it again.", field=field)
    value = getattr(edit, field)
    _check_unchanged(edit.before, getattr(instance, field), f"the {field}")
    for text in value if isinstance(value, tuple) else [value] if isinstance(value, str) else []:
        check_text(text, field)
    if isinstance(edit, SetOutput):
        _check_output(edit.output)
    return instance.change(field, value)


def _set_turn(instance: Instance, edit: SetTurn) -> Instance:
    if edit.number >= len(instance.messages) or not isinstance(instance, Spoken):
        raise InputError(
            f"The instance has {len(instance.messages)} turns, and no turn {edit.number + 1}. Load the task again.",
            field="number",
        )
    turn = instance.messages[edit.number]
    _check_unchanged(edit.before, turn.content, f"turn {edit.number + 1}")
    check_text(edit.content, "content")
    if not edit.content.strip() and turn.role != "tool":
        raise InputError("A turn says something. Write a text, or delete the instance.", field="content")
    return instance.change_turn(edit.number, edit.content)


def _check_output(output: tuple[str, ...]) -> None:
    for text in output:
        if not check_text(text, "output").strip():
            raise InputError(
                "An output is blank, so there would be nothing to learn. Write the answer.", field="output"
            )


def _check_unchanged(before: Any, current: Any, what: str) -> None:
    if before is not None and before != current:
        raise EditConflict(
            f"Somebody changed {what} meanwhile: it was {str(before)[:80]!r} and is now {str(current)[:80]!r}. Look at "
            "it, and decide again.",
            current,
        )
