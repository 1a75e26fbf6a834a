"""Hundreds of tasks, or one far too large for memory, kept as Arrow on disk and read page by page.

    <folder>/
      instances.arrow   one row an instance: task (a number), id, input, output, more (JSON of what else it has)
      tasks.jsonl       one line a task: its v2 object without instances, and where its rows begin
      refused.jsonl     one line a file that could not be read, and why

Written once, beside, then renamed: whole or absent. Files are read one at a time and rows are written in batches, so
memory stays that of the largest file; a page reads only its rows. pyarrow opens it mapped from disk, which needs no
heavy library; `datasets` can open it too.
"""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from studio.errors import InputError, NotFoundError, TaskError
from studio.tasks.cell import Notes
from studio.tasks.kinds import read_any
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import AS_IT_IS, ReadAs, Reading
from studio.tasks.reading.schema import read_object
from studio.tasks.reading.streaming import can_stream, is_archive, stream_file
from studio.tasks.reading.task_file import read_many, read_task_file, shorten_name
from studio.tasks.task import Instance, Task, to_v2
from studio.workspace import disk_errors_in_words

BATCH = 1_000
"""Rows that are written at a time, and so the least that is read at a time."""
LARGEST_PAGE = 1_000

Progress = Callable[[int, str], None]
"""Called with the number of instances so far and the file that was read last."""


def unknown_collection(name: str) -> NotFoundError:
    """Return what is said of a collection that isn't here, or isn't the visitor's: the same words for both."""
    return NotFoundError(
        f"There is no collection {name!r} here. It may have been deleted; choose one from the list.",
        field="collection_id",
    )


class TaskHeader(BaseModel):
    """What is known of one task of a collection without reading its instances."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    name: str
    start: int
    count: int
    warnings: tuple[str, ...] = ()


class Refused(BaseModel):
    """A file that could not be read, and why."""

    model_config = ConfigDict(frozen=True)

    name: str
    words: str


class Collection:
    """A collection that was imported. Safe to read from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        import pyarrow as arrow

        self.folder = folder
        if not (folder / "instances.arrow").is_file():
            raise unknown_collection(folder.name)
        with disk_errors_in_words(folder):
            lines = (folder / "tasks.jsonl").read_text(encoding="utf-8").splitlines()
            self._heads = [json.loads(line) for line in lines]
            self.refused = [
                Refused.model_validate_json(line)
                for line in (folder / "refused.jsonl").read_text(encoding="utf-8").splitlines()
            ]
        self.tasks = [TaskHeader.model_validate(head["header"]) for head in self._heads]
        with arrow.memory_map(str(folder / "instances.arrow")) as file, arrow.ipc.open_stream(file) as rows:
            self.rows = rows.read_all()  # mapped: only what is looked at is read

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def page(self, start: int = 0, size: int = 50, task_id: str | None = None) -> list[Instance]:
        """Return instances from place `start`, of the whole collection or of one task; reads only these."""
        if start < 0 or not 1 <= size <= LARGEST_PAGE:
            raise InputError(f"A page has between 1 and {LARGEST_PAGE:,} instances, not {size}. Try 50.", field="size")
        first, end = 0, len(self)
        if task_id is not None:
            header = self._find(task_id)
            first, end = header.start, header.start + header.count
        place = min(first + start, end)
        return list(self._read(place, min(place + size, end)))

    def load_task(self, task_id: str) -> Task:
        """Return one task with all its instances."""
        header = self._find(task_id)
        head = self._heads[self.tasks.index(header)]["object"]
        end = header.start + header.count
        first = read_object({**head, "Instances": [{"input": "-", "output": ["-"]}]}, task_id, Notes())
        rows = (
            place for start in range(header.start, end, BATCH) for place in self._read(start, min(start + BATCH, end))
        )
        return first.model_copy(update={"instances": tuple(rows)})

    def _find(self, task_id: str) -> TaskHeader:
        for header in self.tasks:
            if header.task_id == task_id:
                return header
        raise NotFoundError(f"The collection has no task {task_id[:60]!r}. Choose one from its list.", field="task_id")

    def _read(self, start: int, end: int) -> Iterator[Instance]:
        rows = self.rows.slice(start, end - start).to_pydict()
        for id, input, output, more in zip(rows["id"], rows["input"], rows["output"], rows["more"], strict=True):
            yield read_any({**(json.loads(more) if more else {}), "id": id, "input": input, "output": output})


def import_collection(
    path: Path,
    name: str,
    folder: Path,
    mapping: Mapping | None = None,
    progress: Progress | None = None,
    read_as: ReadAs = AS_IT_IS,
) -> Collection:
    """Read a folder, a ZIP archive, or one large file of rows into `folder`. Raises TaskError in words."""
    with written_beside(folder) as beside:
        write_collection(path, name, beside, mapping, progress, read_as)
    return Collection(folder)


@contextmanager
def written_beside(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` once all is well, and is gone otherwise."""
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    with disk_errors_in_words(folder.parent):
        beside.mkdir(parents=True)
        try:
            yield beside
            remove_collection(folder)
            os.replace(beside, folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def write_collection(
    path: Path,
    name: str,
    folder: Path,
    mapping: Mapping | None = None,
    progress: Progress | None = None,
    read_as: ReadAs = AS_IT_IS,
    most_bytes: int | None = None,
) -> int:
    """Write what is at `path` into an empty folder, and return how many instances it has. Raises TaskError.

    Files that can't be read are listed, not fatal, unless none can. What comes to more than `most_bytes` is refused.
    """
    with disk_errors_in_words(folder.parent):
        count = _Writer(folder, progress, most_bytes).write_all(_read_all(path, name, mapping, read_as))
    if not count:
        raise TaskError(_say_nothing_found(folder, shorten_name(name)), field="file")
    return count


def remove_collection(folder: Path) -> bool:
    """Delete a collection, gone at once for whoever looks; False if it isn't there, so that of two one has done it."""
    gone = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.deleted")
    with disk_errors_in_words(folder.parent):
        try:
            os.replace(folder, gone)
        except FileNotFoundError:
            return False
    shutil.rmtree(gone, ignore_errors=True)  # what is left of it is no collection
    return True


def _read_all(
    path: Path, name: str, mapping: Mapping | None, read_as: ReadAs
) -> Iterator[tuple[str, Reading | TaskError]]:
    """Everything at a path: a folder's or archive's files, the parts of one long file, or one file as it is."""
    if can_stream(path):
        return stream_file(path, shorten_name(name), mapping, read_as)
    if path.is_dir() or is_archive(path):
        return read_many(path, name, read_as)
    return iter([(shorten_name(name), read_task_file(path, name, mapping, read_as=read_as))])


def _say_nothing_found(folder: Path, name: str) -> str:
    refused = (folder / "refused.jsonl").read_text(encoding="utf-8").splitlines()
    if not refused:
        return f"{name}: no data files were found. Upload .json, .jsonl, .csv, .xlsx, .parquet or .txt files."
    first = Refused.model_validate_json(refused[0])
    return f"{name}: none of the {len(refused):,} files can be read. The first: {first.words}"


class _Writer:
    """Writes tasks one after the other, rows in batches."""

    def __init__(self, folder: Path, progress: Progress | None, most_bytes: int | None = None) -> None:
        self.folder = folder
        self.progress = progress
        self.most_bytes = most_bytes
        self.count = 0
        self.tasks = 0
        self.ids: set[str] = set()
        self._open: TaskHeader | None = None
        self._object: dict[str, Any] = {}

    def write_all(self, found: Iterable[tuple[str, Reading | TaskError]]) -> int:
        """Write everything that was read and return the number of instances."""
        import pyarrow as arrow

        schema = arrow.schema(
            [("task", arrow.int32()), ("id", arrow.string()), ("input", arrow.large_string()),
             ("output", arrow.list_(arrow.large_string())), ("more", arrow.large_string())]
        )  # fmt: skip
        path = str(self.folder / "instances.arrow")
        with (
            open(self.folder / "tasks.jsonl", "w", encoding="utf-8") as heads,
            open(self.folder / "refused.jsonl", "w", encoding="utf-8") as refused,
            arrow.OSFile(path, "wb") as sink,
            arrow.ipc.new_stream(sink, schema) as writer,
        ):
            for name, reading in found:
                if isinstance(reading, TaskError):
                    refused.write(Refused(name=name, words=str(reading)).model_dump_json() + "\n")
                    continue
                self._write_task(name, reading, heads, lambda rows: writer.write_batch(_make_batch(rows, schema)))
                self._check_size(sink.tell())
                if self.progress:
                    self.progress(self.count, name)
            self.close_task(heads)
        return self.count

    def _check_size(self, size: int) -> None:
        if self.most_bytes is not None and size > self.most_bytes:
            raise InputError(
                f"Unpacked, this is larger than the {self.most_bytes / 1e6:,.0f} MB that you may still fill here. "
                "Delete what you don't need any more, or upload a part of it.",
                field="file",
            )

    def _write_task(self, name: str, reading: Reading, heads: Any, write: Callable[[list[Any]], None]) -> None:
        """Write the rows of a task, or of its next part."""
        if self._open is None or self._open.name != name:
            self.close_task(heads)
            self._open = TaskHeader(task_id=self._free_id(reading.task.task_id), name=name, start=self.count, count=0)
            shell = reading.task.model_copy(update={"instances": reading.task.instances[:1]})
            self._object = {key: value for key, value in to_v2(shell).items() if key != "Instances"}
        instances = reading.task.instances
        for start in range(0, len(instances), BATCH):
            write([_make_row(self.tasks, instance) for instance in instances[start : start + BATCH]])
        self.count += len(instances)
        self._open = self._open.model_copy(
            update={"count": self._open.count + len(instances), "warnings": self._open.warnings + reading.warnings}
        )

    def close_task(self, heads: Any) -> None:
        """Write the line of the task whose rows are all written."""
        if self._open is not None:
            line = {"header": self._open.model_dump(), "object": self._object}
            heads.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.tasks += 1
            self._open = None

    def _free_id(self, wanted: str) -> str:
        task_id, turn = wanted, 2
        while task_id in self.ids:
            task_id, turn = f"{wanted}-{turn}", turn + 1
        self.ids.add(task_id)
        return task_id


def _make_row(task: int, instance: Instance) -> tuple[int, str, str, list[str], str]:
    rest = instance.write_more() | ({"extra": instance.extra} if instance.extra else {})
    more = json.dumps(rest, ensure_ascii=False) if rest else ""
    return task, instance.id, instance.input, list(instance.output), more


def _make_batch(rows: list[Any], schema: Any) -> Any:
    import pyarrow as arrow

    columns = zip(*rows, strict=True)
    arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return arrow.record_batch(arrays, schema=schema)
