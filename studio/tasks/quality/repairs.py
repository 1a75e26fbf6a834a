"""Repairs that a person may choose: what each would change, shown first, and the task with it done.

Each is a pure function from one text, or from the instances, to better ones. Nothing here runs unasked. Those that
reading can't do without are noted while reading (`Reading.repairs`).
"""

import html
import re
from collections.abc import Callable
from typing import Any

from studio.errors import NotFoundError
from studio.tasks.kinds import KINDS
from studio.tasks.repair import Ledger, Repair
from studio.tasks.task import Example, Instance, Task

LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
"""ISO 639-1 codes people write where the schema has English names."""

_MOJIBAKE = re.compile("[\u00c2\u00c3\u00c5\u00d0\u00d1\u00e2\u00ef][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178"
                       "\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122\u20ac]+")  # fmt: skip
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def strip_blanks(text: str) -> str:
    """Return a text without white space at its ends."""
    return text.strip()


def repair_mojibake(text: str) -> str:
    """Return a text in which letters that were read in the wrong encoding are what they were: "Iâ€™d" is "I’d"."""

    def repair(found: re.Match[str]) -> str:
        for encoding in ("cp1252", "latin-1"):
            try:
                return found[0].encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
        return found[0]

    return _MOJIBAKE.sub(repair, text)


def unescape_html(text: str) -> str:
    """Return a text with `&amp;` and its like as the signs they stand for; tags stay."""
    return html.unescape(text)


def drop_invisible(text: str) -> str:
    """Return a text without control, zero-width and direction-changing characters; joiners of emoji stay."""
    return _INVISIBLE.sub("", text)


def write_line_breaks(text: str) -> str:
    r"""Return a text in which a written-out \n is a line break."""
    return text.replace("\\r\\n", "\n").replace("\\n", "\n")


TEXT_REPAIRS: dict[str, tuple[Callable[[str], str], str]] = {
    "blanks": (strip_blanks, "Remove white space at the ends of inputs and outputs"),
    "mojibake": (repair_mojibake, "Repair letters that were read in the wrong encoding"),
    "entities": (unescape_html, "Decode HTML entities such as &amp;"),
    "invisible": (drop_invisible, "Remove control and zero-width characters"),
    "line breaks": (write_line_breaks, "Turn a written-out \\n into a line break"),
}
"""Repairs of one text: what they do, and in words."""

TASK_REPAIRS = {
    "references": "Remove answers that are listed twice",
    "languages": "Write language codes as the schema's English names",
    "merge": "Merge examples with equal inputs: their answers become one list",
    "own ids": "Give examples whose ids have another task's number new ones",
}
"""Repairs of a whole task."""

DELETING = ("merge",)
"""The repairs by which rows vanish."""


def offer_repairs(task: Task) -> tuple[Repair, ...]:
    """Return every repair that would change something, with the first changes as a preview."""
    offers = []
    for name in (*TEXT_REPAIRS, *TASK_REPAIRS):
        offer = preview_repair(task, name)
        if offer.count:
            offers.append(offer)
    return tuple(offers)


def preview_repair(task: Task, name: str) -> Repair:
    """Return what one repair would change, and change nothing. Raises NotFoundError for a name that is none."""
    repair = _run(task, name)[1]
    return repair or Repair(name=name, words=_words(name), count=0)


def apply_repair(task: Task, name: str) -> Task:
    """Return the task with one repair done: a new version. Raises NotFoundError for a name that is none."""
    return _run(task, name)[0]


def _words(name: str) -> str:
    if name in TEXT_REPAIRS:
        return TEXT_REPAIRS[name][1]
    if name in TASK_REPAIRS:
        return TASK_REPAIRS[name]
    raise NotFoundError(
        f"There is no repair {name[:40]!r}. Choose one of: {', '.join((*TEXT_REPAIRS, *TASK_REPAIRS))}.", field="repair"
    )


def _run(task: Task, name: str) -> tuple[Task, Repair | None]:
    words, ledger = _words(name), Ledger()

    def note(place: str, before: str, after: str) -> None:
        ledger.add(name, words, place, before, after)

    changed = _repair_texts(task, TEXT_REPAIRS[name][0], note) if name in TEXT_REPAIRS else _WHOLE[name](task, note)
    repairs = ledger.repairs()
    return (changed, repairs[0]) if repairs else (task, None)


Note = Callable[[str, str, str], None]


def map_texts(task: Task, repair: Callable[[str], str]) -> Task:
    """Return the task with every text of definition, examples and instances put through `repair`."""
    return _repair_texts(task, repair, lambda place, before, after: None)


def _repair_texts(task: Task, repair: Callable[[str], str], note: Note) -> Task:
    """Put every text of definition, examples and instances through `repair`; a text it would empty stays."""

    def try_(text: str, place: str) -> str:
        better = repair(text)
        if better == text or not better.strip():
            return text
        note(place, text, better)
        return better

    def example(item: Example, place: str) -> Example:
        return item.model_copy(
            update={key: try_(getattr(item, key), f"{place}.{key}") for key in ("input", "output", "explanation")}
        )

    return task.model_copy(
        update={
            "definition": try_(task.definition, "Definition"),
            "positive_examples": tuple(
                example(item, f"Positive Examples[{n}]") for n, item in enumerate(task.positive_examples)
            ),
            "negative_examples": tuple(
                example(item, f"Negative Examples[{n}]") for n, item in enumerate(task.negative_examples)
            ),
            "instances": tuple(
                item.map_texts(try_, f"Instances[{n}] (id {item.id[:60]})") for n, item in enumerate(task.instances)
            ),
        }
    )


def _drop_double_references(task: Task, note: Note) -> Task:
    def repair(instance: Instance, number: int) -> Instance:
        once = tuple(dict.fromkeys(instance.output))
        if once == instance.output:
            return instance
        note(f"Instances[{number}] (id {instance.id[:60]}).output", str(list(instance.output)), str(list(once)))
        return instance.model_copy(update={"output": once})

    return task.model_copy(update={"instances": tuple(repair(item, n) for n, item in enumerate(task.instances))})


def _name_languages(task: Task, note: Note) -> Task:
    update: dict[str, Any] = {}
    for field in ("input_languages", "output_languages", "instruction_languages"):
        given = getattr(task, field)
        named = tuple(LANGUAGES.get(text.strip().lower(), text) for text in given)
        if named != given:
            note(field, ", ".join(given), ", ".join(named))
            update[field] = named
    return task.model_copy(update=update)


def _merge_equal_inputs(task: Task, note: Note) -> Task:
    if not KINDS.find(task.kind).takes_references:
        return task
    first: dict[str, int] = {}
    merged: list[Instance] = []
    for number, instance in enumerate(task.instances):
        at = first.setdefault(instance.key, len(merged))
        if at == len(merged):
            merged.append(instance)
            continue
        kept = merged[at]
        output = tuple(dict.fromkeys((*kept.output, *instance.output)))
        place = f"Instances[{number}] (id {instance.id[:60]})"
        note(place, f"{instance.input[:60]} \u2192 {list(instance.output)}", f"{kept.id}: {list(output)}")
        merged[at] = kept.model_copy(update={"output": output})
    return task.model_copy(update={"instances": tuple(merged)})


def _give_own_ids(task: Task, note: Note) -> Task:
    own = task.task_id.split("_")[0]
    taken = {instance.id for instance in task.instances}

    def repair(instance: Instance, number: int) -> Instance:
        if not has_foreign_id(task, instance):
            return instance
        wanted = f"{own}-{instance.id.split('-', 1)[1]}"
        made = wanted if wanted not in taken else f"{wanted}-{number}"
        taken.add(made)
        note(f"Instances[{number}].id", instance.id, made)
        return instance.model_copy(update={"id": made})

    return task.model_copy(update={"instances": tuple(repair(item, n) for n, item in enumerate(task.instances))})


def has_foreign_id(task: Task, instance: Instance) -> bool:
    """Say whether an instance's id begins with another task's number."""
    own = re.match(r"task0*(\d+)", task.task_id)
    other = re.match(r"task0*(\d+)-", instance.id)
    return bool(own and other and own[1] != other[1])


_WHOLE: dict[str, Callable[[Task, Note], Task]] = {
    "references": _drop_double_references,
    "languages": _name_languages,
    "merge": _merge_equal_inputs,
    "own ids": _give_own_ids,
}
