"""Parquet and Arrow files become tables, their values as JSON has them and as their columns mean them.

Arrow gives every struct of a column the same keys, so a null in one is no value; it keeps names of classes beside
their numbers, maps as pairs, days as midnights. Knows no roles and no tasks.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.reading.limits import check_cells, check_columns, check_letters
from studio.tasks.reading.table import MOST_ROWS, Row, Table

Maker = Callable[[Any], Any]
"""Makes a value of JSON of one of Arrow's."""

_NOT_TEXT = ("Image", "Audio", "Video", "Pdf", "Array2D", "Array3D", "Array4D", "Array5D")
"""Features of `datasets` that hold no text."""
_BATCH = 1_000


class Left:
    """Stands for a value that is left out, and is told."""


LEFT = Left()


def read_columnar(source: bytes | Path, name: str, notes: Notes) -> Table:
    """Return the rows of a Parquet or Arrow file. Raises TaskError in words."""
    rows = list(stream_columnar(source, name, notes, MOST_ROWS))
    if not rows:
        raise TaskError(f"{name}: the table has no rows. Save it again with its rows.", field="file")
    return Table(list(dict.fromkeys(key for row in rows for key in row.values)), rows)


def stream_columnar(source: bytes | Path, name: str, notes: Notes, most: int | None = None) -> Iterator[Row]:
    """Yield the rows of a Parquet or Arrow file, some in memory at a time. Raises TaskError in words."""
    import pyarrow as arrow

    try:
        batches = _Batches(source)
        if most is not None and (batches.count or 0) > most:
            raise _too_many(name, batches.count or 0, most)
        makers = make_makers(batches.schema, batches.find_days())
        left: Counter[str] = Counter()
        number = size = 0
        check_columns(len(batches.schema), name)
        for batch in batches.read():
            size += count_bytes(batch)
            if most is not None:
                check_cells((number + batch.num_rows) * batch.num_columns, name)
                check_letters(size, name)
            names = [field.name for field in batch.schema]
            columns = [_make_column(batch.column(n).to_pylist(), makers[name]) for n, name in enumerate(names)]
            gaps = [name for name, column in zip(names, columns, strict=True) if any(one is LEFT for one in column)]
            for cells in zip(*columns, strict=True):
                number += 1
                values = dict(zip(names, cells, strict=True))
                for name in gaps:
                    if values[name] is LEFT:
                        left[name] += 1
                        del values[name]
                yield Row(f"row {number}", values)
            if most is not None and number > most:
                raise _too_many(name, number, most)
    except (arrow.ArrowException, OSError) as error:
        raise TaskError(
            f"{name}: the {_kind_of(source)} file is damaged ({str(error)[:100]}). Download or save it again.",
            field="file",
        ) from None
    for key, count in left.items():
        notes.say(f"The column {key[:60]!r} holds no text (pictures, sound or other bytes); {count:,} values left out.")


def count_bytes(batch: Any) -> int:
    """Return how many bytes a batch has once each row holds its own values: some columns keep an equal one once."""
    return sum(map(_count_bytes, batch.columns))


def _count_bytes(column: Any) -> int:
    import pyarrow as arrow

    kinds, type = arrow.types, column.type
    if kinds.is_dictionary(type):
        lengths = _lengths(column.dictionary)
        return sum(lengths[place] for place in column.indices.to_pylist() if place is not None)
    if kinds.is_run_end_encoded(type):
        ends = [min(max(0, end - column.offset), len(column)) for end in column.run_ends.to_pylist()]
        runs = (end - start for start, end in pairwise([0, *ends]))
        return sum(length * run for length, run in zip(_lengths(column.values), runs, strict=True))
    if kinds.is_struct(type):
        return sum(map(_count_bytes, column.flatten()))
    if kinds.is_map(type):
        pairs = arrow.StructArray.from_arrays([column.keys, column.items], ["key", "value"])
        return _count_bytes(arrow.ListArray.from_arrays(column.offsets, pairs).flatten())
    if kinds.is_list(type) or kinds.is_large_list(type) or kinds.is_fixed_size_list(type):
        return _count_bytes(column.flatten())
    return max(int(column.nbytes), len(column))  # a null takes no byte, and is a value all the same


def _lengths(values: Any) -> list[int]:
    """The bytes of each value; 8 where that can't be told, as of a number."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    try:
        return [length or 0 for length in compute.binary_length(values).to_pylist()]
    except arrow.ArrowException:
        return [8] * len(values)


def _make_column(column: list[Any], make: Maker) -> list[Any]:
    return column if make is _keep else [make(value) for value in column]


def _too_many(name: str, count: int, most: int) -> TaskError:
    return TaskError(
        f"{name}: the table has {count:,} rows; one task may have at most {most:,}. Keep a part of it, or upload it as "
        "a collection.",
        field="file",
    )


def _kind_of(source: bytes | Path) -> str:
    beginning = source[:4] if isinstance(source, bytes) else source.open("rb").read(4)
    return "Parquet" if beginning == b"PAR1" else "Arrow"


class _Batches:
    """A file's schema and its rows, in batches; readable more than once."""

    def __init__(self, source: bytes | Path) -> None:
        import pyarrow.parquet as parquet

        self.source = source
        self.is_parquet = _kind_of(source) == "Parquet"
        self._file = parquet.ParquetFile(self._open()) if self.is_parquet else None
        self.count = self._file.metadata.num_rows if self._file else None
        self.schema = self._file.schema_arrow if self._file else next(self._read_arrow(schema_only=True))

    def _open(self) -> Any:
        import pyarrow as arrow

        return arrow.BufferReader(self.source) if isinstance(self.source, bytes) else arrow.OSFile(str(self.source))

    def read(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield the batches, of some columns only where the file allows it."""
        if self._file:
            return self._file.iter_batches(batch_size=_BATCH, columns=columns)
        return self._read_arrow()

    def _read_arrow(self, schema_only: bool = False) -> Iterator[Any]:
        import pyarrow as arrow

        beginning = self._open().read(6)
        is_file = bytes(beginning) == b"ARROW1"
        with arrow.ipc.open_file(self._open()) if is_file else arrow.ipc.open_stream(self._open()) as reader:
            if schema_only:
                yield reader.schema
                return
            whole = (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else reader
            for batch in whole:
                yield from (batch.slice(start, _BATCH) for start in range(0, batch.num_rows, _BATCH))

    def find_days(self) -> set[str]:
        """The columns of moments that are all midnights: days that a program kept as moments."""
        import pyarrow as arrow

        names = [field.name for field in self.schema if arrow.types.is_timestamp(field.type) and not field.type.tz]
        days = set(names)
        if names:
            for batch in self.read(names):
                for name in list(days):
                    column = batch.column(batch.schema.get_field_index(name)).to_pylist()
                    if any(value is not None and value.time() != time() for value in column):
                        days.discard(name)
        return days


def make_makers(schema: Any, days: set[str]) -> dict[str, Maker]:
    """Return column -> what makes JSON of its values, by Arrow's types and what `datasets` wrote of them."""
    features = _read_features(schema)
    return {field.name: _maker(field.type, features.get(field.name), field.name in days) for field in schema}


def _read_features(schema: Any) -> dict[str, Any]:
    """What `datasets` wrote beside the schema: such as the names of classes."""
    told = (schema.metadata or {}).get(b"huggingface")
    try:
        found = json.loads(told)["info"]["features"] if told else {}
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _maker(type: Any, feature: Any, is_day: bool = False) -> Maker:
    import pyarrow as arrow

    kinds = arrow.types
    kind = feature.get("_type") if isinstance(feature, dict) else None
    if kind in _NOT_TEXT:
        return lambda value: LEFT
    if kind == "ClassLabel" and kinds.is_integer(type):
        names = feature.get("names") or []
        return lambda value: names[value] if value is not None and 0 <= value < len(names) else None
    if kinds.is_struct(type):
        inner = feature if isinstance(feature, dict) and kind is None else {}
        fields = {field.name: _maker(field.type, inner.get(field.name)) for field in type}
        if set(fields) == {"bytes", "path"} and kinds.is_binary(type.field("bytes").type):
            return lambda value: LEFT
        return lambda value: None if value is None else _make_struct(value, fields)
    if kinds.is_map(type):
        key, item = _maker(type.key_type, None), _maker(type.item_type, None)
        return lambda value: None if value is None else {str(key(one)): item(other) for one, other in value}
    if kinds.is_list(type) or kinds.is_large_list(type) or kinds.is_fixed_size_list(type):
        item = _maker(type.value_type, _feature_of_items(feature))
        return lambda value: None if value is None else [item(one) for one in value]
    if kinds.is_string(type) or kinds.is_large_string(type) or kinds.is_integer(type) or kinds.is_boolean(type):
        return _keep
    if kinds.is_dictionary(type):
        return _maker(type.value_type, None)
    if kinds.is_float16(type) or kinds.is_float32(type):
        return _make_short
    if kinds.is_binary(type) or kinds.is_large_binary(type) or kinds.is_fixed_size_binary(type):
        return _make_of_bytes
    if is_day:
        return lambda value: None if value is None else value.date().isoformat()
    return make_plain


def _feature_of_items(feature: Any) -> Any:
    if isinstance(feature, list):
        return feature[0] if feature else None
    return feature.get("feature") if isinstance(feature, dict) else None


def _keep(value: Any) -> Any:
    return value


def _make_struct(value: dict[str, Any], fields: dict[str, Maker]) -> dict[str, Any]:
    """A struct without the keys that are null in it: they are another row's."""
    made = {key: fields[key](item) for key, item in value.items() if item is not None}
    return {key: item for key, item in made.items() if item is not LEFT}


def _make_short(value: float | None) -> float | None:
    """A 16- or 32-bit number as short as it can be told from its neighbours: 0.1, not 0.10000000149011612."""
    import numpy

    return None if value is None else make_plain(float(str(numpy.float32(value))))


def _make_of_bytes(value: bytes | None) -> Any:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return LEFT


def make_plain(value: Any) -> Any:
    """Return a value of Arrow or Python as JSON has it: no bytes, dates or tuples, no NaN, no null in an object."""
    if isinstance(value, dict):
        return {str(key): make_plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [make_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return show_duration(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def show_duration(value: timedelta) -> str:
    """Return a duration as ISO 8601 has it: P1DT2H30M."""
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    second = f"{seconds}.{value.microseconds:06d}".rstrip("0") if value.microseconds else str(seconds)
    units = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (second, "S")) if n not in (0, "0"))
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}{f'T{units}' if units else ''}" if days or units else "PT0S"
