"""The object of a Natural-Instructions file becomes a Task, or an error that says where and how to repair it.

The forms in the wild are reduced to one by `variant`; then every value is looked at here. Nothing is repaired in
silence: what was accepted but odd is in the notes. Knows the studio's own keys in a v2 file too, and no bytes.
"""

import hashlib
import json
from typing import Any, get_args

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_extras, check_text, is_plain, read_text, read_texts, wrong
from studio.tasks.kinds import KINDS
from studio.tasks.mapping import Mapping
from studio.tasks.reading.variant import drop_placeholders, rename_keys, write_one_form
from studio.tasks.task import (
    LIST_KEYS,
    STUDIO_KEY,
    TEXT_KEYS,
    Example,
    Instance,
    Origin,
    SplitRule,
    Task,
)

_PLAIN_KEYS = {"id", "input", "output"}


def read_object(value: Any, task_id: str, notes: Notes) -> Task:
    """Return the task that the JSON value of a file describes. Raises TaskError naming the place in it."""
    canonical = write_one_form(value, notes)
    known = canonical.known
    ours = _read_studio_key(canonical.extra)
    fields: dict[str, Any] = {field: read_texts(known.get(key), key, notes) for key, field in LIST_KEYS.items()}
    fields |= {field: read_text(known.get(key), key) for key, field in TEXT_KEYS.items()}
    if "origin" in ours:
        definition, *more = read_texts(known["Definition"], "Definition", notes) or ("",)
    else:
        definition, *more = _read_definitions(known["Definition"], notes)
    return Task(
        task_id=task_id,
        definition=definition,
        more_definitions=tuple(more),
        positive_examples=_read_examples(known.get("Positive Examples"), "Positive Examples", canonical.is_v1, notes),
        negative_examples=_read_examples(known.get("Negative Examples"), "Negative Examples", canonical.is_v1, notes),
        instances=_read_instances(known["Instances"], task_id, notes, KINDS.find(ours.get("kind", "instruction"))),
        extra={key: check_extra(value, check_text(key, "a key")) for key, value in canonical.extra.items()},
        **fields,
        **ours,
    )


def _read_studio_key(extra: dict[str, Any]) -> dict[str, Any]:
    """Take the studio's own key out of the unknown ones, if it is as the studio writes it."""
    found = extra.get(STUDIO_KEY)
    if not isinstance(found, dict) or not set(found) <= {"kind", "format", "mapping", "split"}:
        return {}
    kind, rule = found.get("kind", "instruction"), found.get("split", "hash")
    if kind not in KINDS.members or rule not in get_args(SplitRule):
        return {}
    ours: dict[str, Any] = {"kind": kind, "split": rule}
    if "format" in found:
        mapping = Mapping.model_validate(found["mapping"]) if "mapping" in found else None
        ours["origin"] = Origin(format=str(found["format"]), mapping=mapping)
    del extra[STUDIO_KEY]
    return ours


def _read_definitions(value: Any, notes: Notes) -> tuple[str, ...]:
    """The definition, and any others; the model reads the first."""
    texts = (value,) if isinstance(value, str) else read_texts(value, "Definition", notes)
    if not texts or not check_text(texts[0], "Definition").strip():
        raise TaskError(
            "Definition: it is blank. The model reads it before every input: write in a sentence or two what to do "
            "with an input.",
            field="Definition",
        )
    if len(texts) > 1:
        notes.say(f"Definition holds {len(texts)} texts; the first is used: \u201c{texts[0][:60]}\u201d.")
    return texts


def _read_examples(value: Any, key: str, is_v1: bool, notes: Notes) -> tuple[Example, ...]:
    if value is None:
        return ()
    if is_v1 or isinstance(value, str):
        value = drop_placeholders(value)
    if not isinstance(value, list):
        raise wrong(
            key, value, "a list of examples", 'Write it like [{"input": "...", "output": "...", "explanation": "..."}].'
        )
    return tuple(_read_example(item, f"{key}[{number}]", is_v1, notes) for number, item in enumerate(value))


def _read_example(item: Any, place: str, is_v1: bool, notes: Notes) -> Example:
    if not isinstance(item, dict):
        raise wrong(place, item, "an example: an object with input, output and explanation", "Write it in that form.")
    known, extra = rename_keys(item, ("input", "output", "explanation", "suggestion"), notes, place)
    if "explanation" not in known and "reason" in extra:
        known["explanation"] = extra.pop("reason")
    for key in ("input", "output"):
        if key not in known:
            raise TaskError(
                f"{place}: the key {key} is missing; found {', '.join(item) or 'no keys'}. Add it.", field=place
            )
    output = known["output"]
    if isinstance(output, list) and output:
        notes.tally("An example's output was a list; its first text is used", f"{place}.output")
        output = output[0]
    suggestion = read_text(known.get("suggestion"), f"{place}.suggestion")
    return Example(
        input=check_text(known["input"], f"{place}.input"),
        output=check_text(output, f"{place}.output"),
        explanation=read_text(known.get("explanation"), f"{place}.explanation"),
        suggestion="" if is_v1 and suggestion.strip() in ("", "-") else suggestion,
        extra=check_extras(extra, place),
    )


def _read_instances(value: Any, task_id: str, notes: Notes, kind: type[Instance]) -> tuple[Instance, ...]:
    if not isinstance(value, list):
        raise wrong("Instances", value, "a list of instances", 'Write it like [{"input": "...", "output": ["..."]}].')
    if not value:
        raise TaskError(
            "Instances: the list is empty, so there is nothing to learn from. Add inputs with their outputs; a few "
            "hundred are a good start.",
            field="Instances",
        )
    ids = Ids(task_id, notes)
    found = (_read_instance(item, f"Instances[{number}]", ids, notes, kind) for number, item in enumerate(value))
    instances = tuple(instance for instance in found if instance is not None)
    if not instances:
        raise TaskError(
            f"Instances: none of the {len(value):,} has an output that isn't blank, so there is nothing to learn from. "
            'Write the right answers under "output".',
            field="Instances",
        )
    return instances


def _read_instance(item: Any, place: str, ids: "Ids", notes: Notes, kind: type[Instance]) -> Instance | None:
    """Return the instance, or None if it has no answer to learn."""
    plain = _read_plain(item, ids, kind)
    if plain is not None:
        return plain
    if not isinstance(item, dict):
        raise wrong(
            place,
            item,
            "an instance: an object with input and output",
            'Write it like {"input": "...", "output": ["..."]}.',
        )
    known, extra = rename_keys(item, ("id", "input", "output"), notes, place)
    label = f" (id {str(known['id'])[:60]})" if known.get("id") else ""
    for key in ("input", "output"):
        if key not in known:
            raise TaskError(
                f"{place}{label}: the key {key} is missing; found {', '.join(item)[:80] or 'no keys'}. Add it, or "
                "delete this instance.",
                field=place,
            )
    text = check_text(known["input"], f"{place}.input", label)
    output = _read_output(known["output"], f"{place}.output", label, notes)
    if not output:
        notes.repair(
            "blank", "Left out, since the output is blank and there is nothing to learn", f"{place}{label}", text
        )
        return None
    if not text.strip() and kind.needs_definition:
        notes.tally("The input is blank", f"{place}{label}")
    own = {key: check_extra(extra.pop(key), f"{place}.{key}") for key in kind.keys if key in extra}
    id = ids.choose(known.get("id"), text, output, place)
    return kind.read({"id": id, "input": text, "output": output, **own, "extra": check_extras(extra, place)}, place)


def _read_plain(item: Any, ids: "Ids", kind: type[Instance]) -> Instance | None:
    """The instance, if nothing about it has to be said: nearly all are so, and this is three times as fast."""
    if type(item) is not dict or item.keys() != _PLAIN_KEYS:
        return None
    id, text, output = item["id"], item["input"], item["output"]
    if type(output) is not list or not output or not is_plain(id) or not is_plain(text) or id in ids.taken:
        return None
    for answer in output:
        if not is_plain(answer):
            return None
    ids.taken.add(id)
    return kind.make(id, text, tuple(output))


def _read_output(value: Any, place: str, label: str, notes: Notes) -> tuple[str, ...]:
    """Every output that counts as right, without the blank ones."""
    if isinstance(value, str):
        notes.repair(
            "lists", "The output was a text instead of a list; it was read as a list of one", place, value, [value]
        )
        value = [value]
    if not isinstance(value, list):
        raise wrong(
            place, value, 'a list of texts, such as ["yes"]', "Write every right answer as a text in that list.", label
        )
    texts = [check_text(item, f"{place}[{number}]", label) for number, item in enumerate(value)]
    spoken = tuple(text for text in texts if text.strip())
    if spoken and len(spoken) < len(texts):
        notes.repair("blank", "A blank answer beside others was left out", place, texts, list(spoken))
    return spoken


class Ids:
    """The ids of a file's instances: those given, and for the rest some made of the content, the same each time."""

    def __init__(self, task_id: str, notes: Notes) -> None:
        self.prefix = task_id.split("_")[0][:40]
        self.notes = notes
        self.taken: set[str] = set()
        self._turns: dict[str, int] = {}  # where equal instances are counted on: a file may hold nothing else

    def choose(self, given: Any, text: str, output: tuple[str, ...], place: str) -> str:
        """Return the id that was given, or a new one if there is none or it is taken."""
        if isinstance(given, int | float) and not isinstance(given, bool):
            self.notes.repair(
                "ids", "An id was a number; it was read as a text", f"{place}.id", given, json.dumps(given)
            )
            given = json.dumps(given)
        chosen = check_text(given, f"{place}.id") if given else ""
        if not chosen or chosen in self.taken:
            made = self._make(text, output)
            if chosen:
                words = "Two instances had the same id; the later one was given a new one"
                self.notes.tally(words, f"{place}.id {chosen[:60]}")
            else:
                words = "Some instances had no id; ids were made of their content."
                self.notes.say(words)
            self.notes.ledger.add("ids", words, f"{place}.id", chosen, made)
            chosen = made
        self.taken.add(chosen)
        return chosen

    def _make(self, text: str, output: tuple[str, ...]) -> str:
        alike = hashlib.sha256(json.dumps([text, *output]).encode()).hexdigest()
        turn = self._turns.get(alike, 0)
        while True:
            content = json.dumps([text, *output, turn])
            made = f"{self.prefix}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"
            turn += 1
            if made not in self.taken:
                self._turns[alike] = turn
                return made
