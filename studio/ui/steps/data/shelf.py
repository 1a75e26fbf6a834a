"""The collections: archives and folders of many tasks, listed, searched, and one task taken out to train on.

Drawn by shelf.js from what these acts return; text is only ever text.
"""

from typing import Any

from studio.service import Studio
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

PAGE = 10
_LONGEST = 300
_MOST_REFUSED = 50
_FRAME = '<details class="studio card more shelf" id="collections" data-state="empty" hidden></details>'


class Shelf(Scripted):
    """The collections of the visitor; hidden while there is none."""

    script = "steps/data/shelf.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        acts = bind_acts(studio, list_collections, list_tasks, peek_task, take_task, delete_collection)
        super().__init__(_FRAME, acts, **options)


def list_collections(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return every collection with its numbers."""
    return {"collections": [card.model_dump() for card in visit.data.list_collections()]}


def list_tasks(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return one page of a collection's tasks whose name holds the searched words, and the files it refused."""
    collection = visit.data.open_collection(part(asked, "collection", str))
    words = str(asked.get("search") or "")[:200].casefold().split()
    found = [one for one in collection.tasks if all(word in f"{one.task_id} {one.name}".casefold() for word in words)]
    pages = max(1, -(-len(found) // PAGE))
    wanted = asked.get("page")
    page = min(max(0, wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else 0), pages - 1)
    return {
        "tasks": [
            {"task_id": one.task_id, "name": one.name[-120:], "count": one.count, "warnings": len(one.warnings)}
            for one in found[page * PAGE : (page + 1) * PAGE]
        ],
        "total": len(found),
        "page": page,
        "pages": pages,
        "refused": [
            {"name": one.name[-120:], "words": one.words[:_LONGEST]} for one in collection.refused[:_MOST_REFUSED]
        ],
        "refused_total": len(collection.refused),
    }


def peek_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the first instances of one task of a collection, and what was odd in its file."""
    collection, task_id = visit.data.open_collection(part(asked, "collection", str)), part(asked, "task_id", str)
    rows = collection.page(0, 3, task_id)
    header = next(one for one in collection.tasks if one.task_id == task_id)
    return {
        "rows": [{"input": row.input[:_LONGEST], "output": row.output[0][:_LONGEST]} for row in rows],
        "warnings": [warning[:_LONGEST] for warning in header.warnings[:5]],
    }


def take_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Copy a task out of a collection."""
    reading = visit.data.take_task(part(asked, "collection", str), part(asked, "task_id", str))
    return {"task_id": reading.task.task_id, "instances": len(reading.task.instances)}


def delete_collection(visit: Studio, asked: Any) -> dict[str, Any]:
    """Delete a collection."""
    visit.data.delete_collection(part(asked, "collection", str))
    return {"done": True}
