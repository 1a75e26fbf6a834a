"""A file that somebody hands in becomes a Task, or an error that says where and how to repair it.

The only way in. What a file is, is decided by its content, never by its name: an archive, a workbook, a Parquet table,
or text, which is JSON (one task, a list of rows), JSON Lines, a delimited table or running text. Nothing is repaired in
silence: what was accepted but odd is in `Reading.warnings`, and what was changed for it in `Reading.repairs`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from studio.errors import TaskError
from studio.tasks.cell import Notes, describe
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import AS_IT_IS, ChoiceNeeded, Offer, Option, ReadAs, Reading
from studio.tasks.reading.archive import Member, is_text, list_folder, list_zip, read_folder, read_zip
from studio.tasks.reading.columnar import read_columnar
from studio.tasks.reading.conversation import list_roles
from studio.tasks.reading.decoding import check_size, decode, find_container
from studio.tasks.reading.delimited import read_csv
from studio.tasks.reading.guess import guess_mapping
from studio.tasks.reading.limits import check_table
from studio.tasks.reading.orientation import read_orientation
from studio.tasks.reading.parsing import parse, parse_lines
from studio.tasks.reading.rows import MappingNeeded, Preview, make_table, preview_table, read_rows
from studio.tasks.reading.running_text import cut_text
from studio.tasks.reading.schema import read_object
from studio.tasks.reading.slug import make_task_id
from studio.tasks.reading.squad import list_articles, list_questions
from studio.tasks.reading.table import Table
from studio.tasks.reading.turn_rows import gather_turns
from studio.tasks.reading.variant import holds_several_tasks, is_task_object
from studio.tasks.reading.workbook import read_excel
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.uncollected import uncollected
from studio.visitor import THE_ONE, Visitor


class RunningText(NamedTuple):
    """A text that is neither JSON nor a table."""

    text: str


class TaskObject(NamedTuple):
    """The JSON value of a file that is meant as one Natural-Instructions task."""

    value: Any


_WRAPPERS = ("data", "train", "rows", "examples", "items", "records", "samples", "instances", "training")
"""Keys under which a file's rows are, the part to train on before others."""

Found = Table | RunningText | TaskObject


def read_task_file(
    path: Path, name: str, mapping: Mapping | None = None, leave_out: bool = False, read_as: ReadAs = AS_IT_IS
) -> Reading:
    """Read the file at `path`, which the person calls `name`, as one task. Raises TaskError in words."""
    name = shorten_name(name)
    return read_task(_read_bytes(path, name), name, mapping, leave_out, read_as)


def import_file(
    store: TaskStore,
    path: Path,
    name: str,
    mapping: Mapping | None = None,
    leave_out: bool = False,
    visitor: Visitor = THE_ONE,
    read_as: ReadAs = AS_IT_IS,
) -> Reading:
    """Read the file that a person calls `name`, and keep its task. Raises TaskError or WorkspaceError in words."""
    return store.keep(read_task_file(path, name, mapping, leave_out, read_as), visitor)


def read_task(
    data: bytes, name: str, mapping: Mapping | None = None, leave_out: bool = False, read_as: ReadAs = AS_IT_IS
) -> Reading:
    """Read one task from the bytes of a file called `name`. Raises TaskError in words.

    A table whose columns don't say what they are raises MappingNeeded; call again with a mapping. A file whose encoding
    can't be told raises ChoiceNeeded; call again with `read_as`. `leave_out` reads without the rows that have a fault.
    """
    notes = Notes()
    try:
        with uncollected():
            task = _make_task(_open(data, name, notes, read_as), make_task_id(name), notes, mapping, leave_out)
    except TaskError as error:
        if isinstance(error, MappingNeeded):
            error.preview = error.preview.model_copy(update={"offers": tuple(notes.offers)})
        if not str(error).startswith(name):
            error.args = (f"{name}: {error}",)
        raise
    except ValidationError as error:
        raise TaskError(
            f"{name}: the studio wrote this file, and it was changed since: {error.errors()[0]['msg'][:200]}. "
            "Upload the original file.",
            field="file",
        ) from None
    return Reading(
        task=task,
        warnings=notes.texts(),
        repairs=notes.ledger.repairs(),
        offers=tuple(notes.offers),
        unanswered=tuple(dict.fromkeys(notes.unanswered)),
    )


def _make_task(found: Found, task_id: str, notes: Notes, mapping: Mapping | None, leave_out: bool) -> Task:
    if isinstance(found, Table):
        check_table(found, "The file")
        found = gather_turns(found, notes)
        return read_rows(found, task_id, notes, mapping, leave_out)
    if isinstance(found, RunningText):
        return cut_text(found.text, task_id, notes)
    return read_object(found.value, task_id, notes)


def preview_file(path: Path, name: str, read_as: ReadAs = AS_IT_IS) -> Preview | None:
    """Return the columns and first rows of a table, for the form of its mapping; None if the file is no table."""
    name = shorten_name(name)
    notes = Notes()
    found = _open(_read_bytes(path, name), name, notes, read_as)
    if not isinstance(found, Table):
        return None
    return preview_table(gather_turns(found, notes)).model_copy(update={"offers": tuple(notes.offers)})


def load_table(path: Path, name: str) -> Table | str:
    """Return the rows of Excel, Parquet or JSON; of another file its text, which may hold a table too.

    Raises TaskError for a task, which is no table.
    """
    name, data = shorten_name(name), _read_bytes(path, name)
    check_size(len(data), name)
    if find_container(data, name) == "text" and not _looks_like_json(text := decode(data, name).text):
        return text
    found = _open(data, name, Notes())
    if isinstance(found, TaskObject):
        if isinstance(found.value, list) and found.value and all(isinstance(one, str) for one in found.value):
            return make_table([{"text": one} for one in found.value], "row")
        raise TaskError(f"{name}: this is a task, not a table of inputs. Import it as a task.", field="file")
    return found.text if isinstance(found, RunningText) else found


def read_many(path: Path, name: str, read_as: ReadAs = AS_IT_IS) -> Iterator[tuple[str, Reading | TaskError]]:
    """Read every data file of a folder or zip archive, one after the other: its name, and its task or what is wrong.

    The encoding of `read_as` is used for those whose own can't be told. Raises TaskError for the archive as a whole:
    damaged, too large, or made as a trap.
    """
    members: Iterator[Member] = read_folder(path) if path.is_dir() else read_zip(path, shorten_name(name))
    seen: dict[str, str] = {}
    for member in members:
        try:
            reading = _read_member(member, ReadAs(encoding=read_as.encoding))
        except TaskError as error:
            yield member.name, error
            continue
        remarks = tuple(_remark_on_name(member.name, seen))
        yield member.name, reading.model_copy(update={"warnings": reading.warnings + remarks})


def join_texts(path: Path, name: str) -> tuple[str, int]:
    """Return the running texts of a folder or zip archive that has no other data as one text, and how many they are.

    Nothing, and 0, where it has other data. Raises TaskError in words for what can't be opened or decoded.
    """
    name = shorten_name(name)
    data = [one.as_posix() for one in list_folder(path)] if path.is_dir() else list_zip(path, name)
    if not all(map(is_text, data)):
        return "", 0
    texts = list[str]()
    for member in read_folder(path, is_text) if path.is_dir() else read_zip(path, name, is_text):
        try:
            text = decode(member.data, member.name).text
        except ChoiceNeeded as choice:
            raise TaskError(f"{choice} Or save it as UTF-8.", field="file") from None
        if not isinstance(_open_text(text, member.name, Notes()), RunningText):
            return "", 0
        texts.append(text.strip("\n"))
        check_size(sum(map(len, texts)), name)
    return "\n\n".join(texts), len(texts)


def _read_member(member: Member, read_as: ReadAs) -> Reading:
    try:
        return read_task(member.data, member.name)
    except ChoiceNeeded as choice:
        if choice.field == "encoding" and read_as.encoding:
            return read_task(member.data, member.name, read_as=read_as)
        raise TaskError(f"{choice} Or upload this file by itself.", field=choice.field) from None


def shorten_name(name: str) -> str:
    """Return the last part of what the person calls a file."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1][:120] or "The file"


def _read_bytes(path: Path, name: str) -> bytes:
    try:
        check_size(path.stat().st_size, name)
        return path.read_bytes()
    except OSError as error:
        raise TaskError(
            f"{name}: the file can't be opened ({error.strerror or error}). Choose it again.", field="file"
        ) from None


def _remark_on_name(path: str, seen: dict[str, str]) -> Iterator[str]:
    """Whether upstream's rule for names is kept, and whether two files would be taken for one."""
    name = path.rsplit("/", 1)[-1]
    number = re.match(r"task0*(\d+)_", name, re.I)
    if not number or name != name.lower() or " " in name:
        yield f"{name}: upstream calls its files task123_source_type.json, in small letters and without blanks."
    for key, what in ((f"n{number[1]}" if number else "", "number"), (make_task_id(name), "name")):
        if key and key in seen:
            yield f"{path}: {seen[key]} has the same {what}; rename one, or they may be taken for one task."
        elif key:
            seen[key] = path


def _open(data: bytes, name: str, notes: Notes, read_as: ReadAs = AS_IT_IS) -> Found:
    """What the bytes hold: a table, running text, or the JSON of one task."""
    check_size(len(data), name)
    container = find_container(data, name)
    suffix = Path(name).suffix.lower()
    if container == "excel":
        if suffix and suffix not in (".xlsx", ".xlsm"):
            notes.say(f"The file is called {suffix} and is an Excel workbook; it was read as one.")
        return read_excel(data, name, notes, read_as.part)
    if container in ("parquet", "arrow"):
        return read_columnar(data, name, notes)
    if container == "zip":
        return _open_only_member(data, name, notes, read_as)
    decoded = decode(data, name, read_as.encoding)
    if decoded.offer:
        notes.offers.append(decoded.offer)
    for text in decoded.warnings:
        notes.say(text)
    if decoded.repair:
        notes.ledger.add(*decoded.repair)
    return _open_text(decoded.text, name, notes, read_as.part)


def _open_only_member(data: bytes, name: str, notes: Notes, read_as: ReadAs) -> Found:
    names = list_zip(data, name)
    if len(names) != 1:
        listed = f": {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}" if names else ""
        raise TaskError(
            f"{name}: this is a ZIP archive with {len(names):,} data files{listed}; one file is one task. "
            + (
                "Import it as a collection, or unpack it and choose one file." if names else "Pack .json files into it."
            ),
            field="file",
        )
    member = next(read_zip(data, name))
    if find_container(member.data) == "zip":
        raise TaskError(
            f"{name}: the archive holds another archive ({names[0]}). Unpack it and choose the .json file inside.",
            field="file",
        )
    notes.say(f"The archive's only data file, {names[0]}, was read.")
    return _open(member.data, member.name.rsplit("/", 1)[-1], notes, read_as)


def _open_text(text: str, name: str, notes: Notes, part: str = "") -> Found:
    if _looks_like_json(text):
        lines = parse_lines(text, name, notes)
        if lines is not None:
            if name.lower().endswith(".json"):
                notes.say("The file has one object a line (JSON Lines) though it is called .json; it was read as such.")
            return make_table([value for _, value in lines], "line", [line for line, _ in lines])
        if name.lower().endswith((".jsonl", ".ndjson")) and re.match(r"\s*\[", text):
            notes.say("The file is one JSON list though it is called .jsonl; it was read as such.")
        return _open_json(parse(text, name, notes), notes, part)
    table = read_csv(text, name, notes)
    return table if table is not None else RunningText(text)


def _looks_like_json(text: str) -> bool:
    return bool(re.match(r"\s*([\[{]|((#|//).*\s+)+\{\s*\")", text) or (re.match(r'\s*"', text) and _is_json(text)))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _are_objects(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _holds_rows(value: dict[str, Any]) -> bool:
    """Whether an object is a wrapper around rows, none of which says who speaks, so that it is no chat."""
    return any(
        isinstance(inner := value.get(key), list)
        and len(inner) > 1
        and _are_objects(inner[:50])
        and not list_roles(inner)
        for key in _WRAPPERS
    )


def _open_json(value: Any, notes: Notes, part: str = "") -> Found:
    """Part task objects from rows, going by their keys."""
    if is_task_object(value):
        return TaskObject(value)
    if articles := list_articles(value):
        return make_table(list_questions(articles, notes), "question")._replace(form="SQuAD")
    if isinstance(value, dict) and (rows := read_orientation(value)):
        notes.say(f"The file holds a table by columns or numbered rows; it was read as {len(rows):,} rows.")
        return make_table(rows, "row")
    if isinstance(value, dict):
        alone = guess_mapping([value])
        if alone.sure and not _holds_rows(value):
            notes.say("The file is a single object where a list of rows is usual; it was read as a list of one.")
            return make_table([value], "row")
        inner = [key for key, item in value.items() if isinstance(item, list) and item and _are_objects(item[:50])]
        key = next((name for name in (part, *_WRAPPERS) if name in inner), inner[0] if len(inner) == 1 else "")
        if key and len(inner) > 1:
            ways = (Option(value=name, title=name, line=f"{len(value[name]):,} rows") for name in inner)
            notes.offers.append(Offer(name="part", chosen=key, options=tuple(ways)))
        if key and (guess_mapping(value[key][:50]).mapping or key in _WRAPPERS):
            rest = ", ".join(name for name in value if name != key)[:100]
            notes.say(f"The rows are under {key!r}" + (f"; left out beside them: {rest}." if rest else "."))
            return make_table(value[key], key)
        is_a_task = "Definition" in value  # that lacks its instances, which is what has to be said
        return make_table([value], "row") if alone.mapping and not is_a_task else TaskObject(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if holds_several_tasks(value):
            raise TaskError(
                f"the file holds {describe(value)}, and this looks like several tasks in one file: save each as a file "
                "of its own, and import them together as a folder or ZIP archive.",
                field="file",
            )
        return make_table(value, "row")
    return TaskObject(value)
