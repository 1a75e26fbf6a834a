"""A JSON object that holds a table by columns, or by numbered rows, becomes rows: as pandas and `datasets` write it.

Knows the orientations of `pandas.DataFrame.to_json` (columns, index, split) and the dictionary of lists that
`datasets.Dataset.to_dict` gives. Knows no roles: what is no such table is left alone.
"""

from typing import Any

_FEWEST = 2
"""Rows from which an object is taken for a table: below, it is one row as well."""

Rows = list[dict[str, Any]]


def read_orientation(value: dict[str, Any]) -> Rows | None:
    """Return the rows of a table that is written by columns or by number; None if the object is no such table."""
    return _read_split(value) or _read_columns(value) or _read_numbered(value)


def _read_split(value: dict[str, Any]) -> Rows | None:
    """{"columns": ["question", "answer"], "data": [["q", "a"], ...]}"""
    columns, data = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(data, list) or not set(value) <= {"columns", "index", "data"}:
        return None
    fits = all(isinstance(name, str) for name in columns) and all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    )
    return [dict(zip(columns, row, strict=True)) for row in data] if fits and data else None


def _read_columns(value: dict[str, Any]) -> Rows | None:
    """{"question": ["q", ...], "answer": ["a", ...]} or {"question": {"0": "q", ...}, "answer": {"0": "a", ...}}"""
    columns = list(value.values())
    if len(columns) < 2:
        return None
    if all(isinstance(column, list) for column in columns):
        sizes = {len(column) for column in columns}
        holds_objects = any(isinstance(cell, dict) for column in columns for cell in column)
        is_table = len(sizes) == 1 and sizes.pop() >= _FEWEST and not holds_objects
        return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)] if is_table else None
    if all(isinstance(column, dict) for column in columns) and _are_numbers(columns[0]):
        if all(column.keys() == columns[0].keys() for column in columns) and len(columns[0]) >= _FEWEST:
            if not any(isinstance(cell, dict) for cell in columns[0].values()) and not _are_numbers(value):
                return [{name: column[key] for name, column in value.items()} for key in columns[0]]
    return None


def _read_numbered(value: dict[str, Any]) -> Rows | None:
    """{"0": {"question": "q", "answer": "a"}, "1": {...}}"""
    rows = list(value.values())
    is_table = len(rows) >= _FEWEST and _are_numbers(value) and all(isinstance(row, dict) for row in rows)
    return rows if is_table else None


def _are_numbers(keys: dict[str, Any]) -> bool:
    return bool(keys) and all(key.isdigit() for key in keys)
