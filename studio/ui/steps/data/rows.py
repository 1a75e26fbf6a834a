"""A task's instances as a paged table: fifty rows a trip, searched on the server, every cell escaped plain text."""

from collections.abc import Callable
from typing import Any

from studio.errors import StudioError
from studio.service import Studio
from studio.tasks.library.writing import list_formats, write_task
from studio.tasks.split import split_task
from studio.tasks.task import Instance, Task
from studio.ui.frame.words import escape, foreign, number
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

PAGE = 50
MOST_SHOWN = 600
"""The most characters of a cell that are shown; the whole text stays in the task."""

_FRAME = """<div class="studio stack"><div class="row between"><label class="search">Search in inputs and outputs
<input type="search" maxlength="200" autocomplete="off"></label><span class="row"><span class="about hint"
role="status"></span>
<button type="button" class="btn small" data-turn="-1" disabled>Previous 50</button>
<button type="button" class="btn small" data-turn="1" disabled>Next 50</button></span></div>
<p class="only notice" role="status" hidden><span></span> <button type="button" class="btn small" data-all>Show
all</button></p>
<div class="tablebox" tabindex="0" role="region" aria-label="Instances of the task"><table class="plain
instances"><thead><tr>
<th scope="col" class="number">#</th><th scope="col">Input</th><th scope="col">Output</th><th scope="col"
class="part">Part</th></tr></thead>
<tbody class="rows"></tbody></table></div>
<div class="row between"><p class="error-line" role="alert"></p><span class="row"><label>Download as
<select class="format"></select></label><button type="button" class="btn small" data-take>Download</button></span></div>
</div>"""


class Rows(Scripted):
    """Its value says whose rows: {"task_id", "version"}; {} shows none."""

    kind = "object"
    script = "steps/data/rows.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        super().__init__(_FRAME, make_acts(studio), value={}, **options)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the table."""
    return bind_acts(studio, read_rows, write_file)


def write_file(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return a task as a file, {"name", "text"}. Raises InputError for a form that can't hold it."""
    name, text = write_task(_load(visit, asked), part(asked, "format", str))
    return {"name": name, "text": text}


def _load(studio: Studio, asked: Any) -> Task:
    version = asked.get("version") if isinstance(asked, dict) else None
    return studio.load_task(part(asked, "task_id", str), version if isinstance(version, str) else None)


def read_rows(studio: Studio, asked: Any) -> dict[str, Any]:
    """Return one page of a task's rows as {"html", "page", "pages", "about"}. Raises NotFoundError in words."""
    asked = asked if isinstance(asked, dict) else {}
    task = _load(studio, asked)
    search = str(asked.get("search") or "")[:200].strip().casefold()
    only = _find_places(studio, asked)
    found = [
        (place, one)
        for place, one in enumerate(task.instances, start=1)
        if (only is None or place - 1 in only) and (not search or _holds(one, search))
    ]
    pages = max(1, -(-len(found) // PAGE))
    wanted = asked.get("page")
    page = min(max(0, wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else 0), pages - 1)
    name_part = _name_kept(task)
    shown = found[page * PAGE : (page + 1) * PAGE]
    html = "".join(_draw_row(place, one, name_part(one)) for place, one in shown)
    about = (
        f"{number(page * PAGE + 1)} to {number(page * PAGE + len(shown))} of {number(len(found))}"
        if shown
        else "No example holds these words"
    )
    return {
        "html": html
        or '<tr><td colspan="4" class="hint">Nothing to show. Clear the search to see every example.</td></tr>',
        "page": page,
        "pages": pages,
        "about": about,
        "formats": list_formats(task),
    }


def _find_places(studio: Studio, asked: dict[str, Any]) -> set[int] | None:
    """The places of the instances that a finding of the report is about; None if none was asked for."""
    finding = asked.get("finding")
    return set(studio.data.find_instances(asked.get("recipe"), finding)) if isinstance(finding, str) else None


def _holds(instance: Instance, search: str) -> bool:
    return any(search in text.casefold() for text in instance.list_texts())


def _name_kept(task: Task) -> Callable[[Instance], str]:
    """Return what names the part of an instance; "" where the task is too small for parts."""
    try:
        split = split_task(task)
    except StudioError:
        return lambda _: ""
    kept = {"validation": split.validation, "test": split.test}
    names = {_key(one): name for name, part in kept.items() for one in part}
    return lambda one: names.get(_key(one), "train")


def _key(instance: Instance) -> tuple[str, str, tuple[str, ...]]:
    return instance.id, instance.input, tuple(instance.output)


def _draw_row(place: int, instance: Instance, part: str) -> str:
    asked = instance.key if instance.before else instance.input
    outputs = "<br>".join(foreign(output, MOST_SHOWN) for output in instance.output[:5])
    more = f'<br><span class="hint">and {len(instance.output) - 5} more</span>' if len(instance.output) > 5 else ""
    kept = '<span class="pill">' + part + "</span>" if part and part != "train" else escape(part)
    return (
        f'<tr><td class="number"><button type="button" class="see" data-see="{place - 1}" '
        f'aria-label="What the model sees of no. {place}">{place}</button></td>'
        f"<td>{foreign(asked, MOST_SHOWN)}</td><td>{outputs}{more}</td>"
        f'<td class="part">{kept}</td></tr>'
    )
