"""The table of a task with what was labelled: filtered by what is missing, by answer, by conflict, by words.

Knows items and labels as values; knows no disk.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from studio.errors import InputError
from studio.tasks.edit import DeleteInstance, Edit, SetOutput
from studio.tasks.labels.labelling import Item, Label

Show = Literal["all", "unlabelled", "labelled", "skipped", "conflicts", "waiting"]
SHOWN: tuple[Show, ...] = ("all", "unlabelled", "labelled", "skipped", "conflicts", "waiting")


class Filter(NamedTuple):
    """Which rows to show: whose labels, which state, which answer, which words."""

    person: str
    show: Show = "all"
    answer: str = ""
    search: str = ""


class Row(NamedTuple):
    """One row: the item, what each person said of it, and whether they differ."""

    item: Item
    labels: dict[str, str | None]
    differ: bool


def filter_rows(items: Iterable[Item], labels: dict[str, dict[str, Label]], wanted: Filter) -> list[Row]:
    """Return the rows that a filter lets through, in their order."""
    return [row for item in items if _passes(row := _make_row(item, labels), wanted)]


def _make_row(item: Item, labels: dict[str, dict[str, Label]]) -> Row:
    said = {by: given[item.id].output for by, given in labels.items() if item.id in given}
    return Row(item, said, len({text.strip() for text in said.values() if text}) > 1)


def _passes(row: Row, wanted: Filter) -> bool:
    mine = row.labels.get(wanted.person)
    states: dict[Show, bool] = {
        "all": True,
        "unlabelled": wanted.person not in row.labels,
        "labelled": mine is not None,
        "skipped": wanted.person in row.labels and mine is None,
        "conflicts": row.differ,
        "waiting": row.item.waiting,
    }
    answers = [*row.item.outputs[:1], *(text for text in row.labels.values() if text)]
    if not states[wanted.show] or (wanted.answer and wanted.answer not in [text.strip() for text in answers]):
        return False
    search = wanted.search.strip().casefold()
    texts = row.item.instance.list_texts() if row.item.instance else [row.item.input]
    return not search or any(search in text.casefold() for text in (*texts, *answers))


def make_bulk_edits(items: Sequence[Item], output: str | None) -> list[Edit]:
    """Return the edits that give some instances one answer, or delete them (None). Raises InputError in words."""
    if not items:
        raise InputError("No row is chosen. Choose some first.", field="ids")
    if output is not None and any(item.waiting for item in items):
        raise InputError(
            "Some of the chosen rows are not labelled yet. Label them on the first page; then use the labels.",
            field="ids",
        )
    if output is None:
        return [DeleteInstance(id=item.id) for item in items if not item.waiting]
    return [SetOutput(id=item.id, output=(output,), before=item.outputs) for item in items if item.outputs != (output,)]
