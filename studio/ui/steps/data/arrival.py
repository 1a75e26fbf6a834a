"""What became of a file that was handed in: imported, refused, or a form that asks what its columns are.

The form is drawn by the server, its foreign text escaped; arrival.js reads the choices and calls the acts.
"""

import json
import re
from pathlib import Path
from typing import Any

from studio.errors import InputError, StudioError, TaskError
from studio.service import Studio
from studio.service.uploaded import FileChoice, ReadingChoice, Uploaded
from studio.tasks.library.library import CollectionCard
from studio.tasks.read_as import Offer, Option, Reading
from studio.tasks.reading.encoding import list_encodings
from studio.tasks.repair import Repair
from studio.ui.frame.draft import change_draft
from studio.ui.frame.handler import say
from studio.ui.frame.words import escape, foreign, number
from studio.ui.steps.data.columns_form import LONGEST_DEFINITION, draw_columns_choice, draw_trial, list_role_words
from studio.ui.widgets.panel import Panel
from studio.ui.widgets.server_act import bind_acts, part

Found = Uploaded | FileChoice | ReadingChoice | CollectionCard

FETCH_FROM = """<details class="more" id="fetch-more"><summary>Or from the Hugging Face Hub{folder}</summary>
<form id="fetch-from" class="stack" novalidate><div class="fields">
<div class="field wide-field"><label for="fetch-ref">Dataset{or_folder}</label>
<input id="fetch-ref" name="ref" maxlength="400" autocomplete="off" placeholder="tatsu-lab/alpaca"></div>
<div class="field"><label for="fetch-split">Split</label>
<input id="fetch-split" name="split" value="train" maxlength="100" autocomplete="off"></div>
<div class="field"><label for="fetch-config">Part, if it has some</label>
<input id="fetch-config" name="config" maxlength="100" autocomplete="off"></div>
<div class="field"><label for="fetch-most">Rows at most</label>
<input id="fetch-most" name="most" type="number" min="1" max="20000" value="5000"></div></div>
<p class="error-line" role="alert" data-fetch-error></p>
<div class="row"><button class="btn small" type="submit">Fetch it</button>
<span class="hint">Copy the id from the top of the dataset's page; only these rows are fetched.</span></div>
</form></details>"""


class Arrival(Panel):
    """Shows the HTML of what came last; its acts take the answers of its form."""

    script = "steps/data/arrival.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        acts = bind_acts(studio, choose_columns, choose_reading, try_columns, look_again, fetch_from)
        super().__init__("", acts, **options)


def draw_fetch_from(local_folders: bool) -> str:
    """Return the form that fetches a dataset of the hub, or imports a folder where that is allowed."""
    return FETCH_FROM.format(
        folder=", or a folder" if local_folders else "", or_folder=" id, or a folder's path" if local_folders else " id"
    )


def import_file(studio: Studio, path: str | None) -> tuple[dict[str, Any], str]:
    """Keep an uploaded file as a task and choose it. Returns the draft's patch and what to show."""
    if not path:
        return change_draft(), ""
    name = Path(path).name
    try:
        found = studio.data.upload(Path(path), name)
    except StudioError as error:
        return change_draft(), draw_refusal(name, error)
    except Exception as error:  # whatever a hostile file set off: logged, and said as ours
        return change_draft(), draw_refusal(name, error)
    chosen = {"task_id": found.reading.task.task_id, "task_version": None} if isinstance(found, Uploaded) else None
    return change_draft(recipe=chosen), draw_found(name, found)


def choose_columns(visit: Studio, asked: Any) -> dict[str, Any]:
    """Import a file that waits, its columns read as the form says; {"error", "field"} where that can't be."""
    file_id, roles = part(asked, "file", str), part(asked, "roles", dict)
    name = visit.data.held.find(file_id).name
    try:
        found = visit.data.choose_columns(
            file_id, roles, asked.get("leave_out") is True, str(asked.get("definition") or "")[:LONGEST_DEFINITION]
        )
    except StudioError as error:
        return {"error": _name_role(error), "field": error.field or ""}
    return _answer(name, found)


def choose_reading(visit: Studio, asked: Any) -> dict[str, Any]:
    """Import a file in another encoding, or another part of it; {"error"} where that can't be."""
    file_id = part(asked, "file", str)
    how = {key: str(asked.get(key) or "")[:200] for key in ("encoding", "part")}
    name = visit.data.held.find(file_id).name
    return _answer(name, visit.data.choose_reading(file_id, **how))


def try_columns(visit: Studio, asked: Any) -> dict[str, Any]:
    """Show how the first rows of a file would be read; {"error", "field"} where they can't be."""
    file_id, roles = part(asked, "file", str), part(asked, "roles", dict)
    try:
        trial = visit.data.try_columns(file_id, roles, str(asked.get("definition") or "")[:LONGEST_DEFINITION])
    except StudioError as error:
        return {"error": _name_role(error), "field": error.field or ""}
    return {"html": draw_trial(trial)}


def _name_role(error: StudioError) -> str:
    """The words of an error, a role called as the form calls it."""
    role = (error.field or "").removeprefix("mapping.")
    words = list_role_words()
    if role not in words:
        return str(error)
    name = re.split("[:,]", words[role])[0]
    return str(error).replace(f"The role {role} takes", f"“{name}” takes").replace(f"for {role},", f"for “{name}”,")


def look_again(visit: Studio, asked: Any) -> dict[str, Any]:
    """Ask once more what the columns of a file are."""
    found = visit.data.look_again(part(asked, "file", str))
    return _answer(found.name, found)


def fetch_from(visit: Studio, asked: Any) -> dict[str, Any]:
    """Fetch a dataset of the hub, or import a folder; {"error", "field"} where that can't be."""
    try:
        most = int(part(asked, "most", str) or 5_000)
    except ValueError:
        raise InputError("The number of rows must be a whole number. Try 5000.", field="most") from None
    ref = part(asked, "ref", str).strip()
    if not ref:
        raise InputError("Write the id of a dataset, such as tatsu-lab/alpaca.", field="dataset")
    return _answer(ref, visit.data.fetch_from(ref, part(asked, "split", str), part(asked, "config", str), most))


def _answer(name: str, found: Found) -> dict[str, Any]:
    task_id = found.reading.task.task_id if isinstance(found, Uploaded) else None
    return {"html": draw_found(name, found), "task_id": task_id}


def draw_found(name: str, found: Found) -> str:
    """Return what came of a file: a welcome, a question, or where its collection can be seen."""
    if isinstance(found, CollectionCard):
        return draw_collected(name, found)
    if isinstance(found, ReadingChoice):
        return draw_reading_choice(found)
    if isinstance(found, FileChoice):
        drawn = draw_rows_choice(found) if found.kept else draw_columns_choice(found)
        others = "".join(_draw_offer(offer, found.file_id) for offer in found.preview.offers)
        return f'{drawn}<div class="studio card">{others}</div>' if others else drawn
    return draw_welcome(name, found.reading, found.file_id, found.by_memory)


def draw_refusal(name: str, error: Exception) -> str:
    """Return a block that says what is wrong with a file, and where; what was chosen before stays chosen."""
    place = error.field if isinstance(error, TaskError) and error.field and error.field != "file" else None
    where = f"<p>Where: <code>{escape(place, 120)}</code></p>" if place else ""
    return (
        f'<div class="studio wrong" role="alert" id="task-refused"><h3>{foreign(name, 80)} was not imported</h3>'
        f'<p>{foreign(say(error), 1200)}</p>{where}<p class="hint">Fix the file and upload it again. The task you had '
        f"chosen is still "
        "chosen.</p></div>"
    )


def draw_welcome(name: str, reading: Reading, file_id: str = "", by_memory: bool = False) -> str:
    """Return what to know of a file that was imported."""
    count = number(len(reading.task.instances))
    odd = "".join(f"<li>{foreign(warning, 400)}</li>" for warning in reading.warnings[:30])
    rest = f"<li>and {len(reading.warnings) - 30} more</li>" if len(reading.warnings) > 30 else ""
    listed = (
        f'<details class="more"><summary>Worth knowing ({number(len(reading.warnings))})</summary>'
        f'<ul id="task-warnings">{odd}{rest}</ul></details>'
        if odd
        else "<p>Nothing odd was found in it.</p>"
    )
    again = (
        f'<p><button type="button" class="btn small" data-look-again="{escape(file_id)}">Change the column mapping'
        "</button></p>"
        if by_memory
        else ""
    )
    others = "".join(_draw_offer(offer, file_id) for offer in reading.offers if file_id and len(offer.options) > 1)
    return (
        f'<div class="studio notice calm" role="status"><div>Imported {count} examples from '
        f"<strong>{foreign(name, 80)}</strong>.{_draw_unanswered(reading)}{listed}{_draw_repaired(reading)}"
        f"{others}{again}</div></div>"
    )


def _draw_unanswered(reading: Reading) -> str:
    """That rows without an answer wait for one, and the way to them."""
    count = len(reading.unanswered)
    if not count:
        return ""
    said = "1 row without an answer waits" if count == 1 else f"{number(count)} rows without an answer wait"
    return (
        f'<p class="row" id="task-unanswered"><span>{said} for one.</span><button type="button" class="btn small" '
        'data-go="label">Label them</button></p>'
    )


def draw_reading_choice(choice: ReadingChoice) -> str:
    """Return the question how a file is to be read: a line of its text for each encoding, or its parts."""
    return (
        f'<div class="studio card" id="reading-choice"><div class="stack"><div><h2>Which line of '
        f'{foreign(choice.name, 80)} is spelled right?</h2><p class="hint">The file is in an old encoding, and which '
        "one is uncertain. Choose the line whose letters are right: the whole file is read that way.</p>"
        f"</div>{_draw_options(choice.offer, choice.file_id)}"
        '<p class="error-line" role="alert" data-form-error></p>'
        '<div class="row"><button type="button" class="btn quiet" data-dismiss>Not this file</button></div></div></div>'
    )


def _draw_offer(offer: Offer, file_id: str) -> str:
    """The other ways in which a file could be read, folded."""
    chosen = next((one.title for one in offer.options if one.value == offer.chosen), offer.chosen)
    what = "Encoding" if offer.name == "encoding" else "Read from"
    return (
        f'<details class="more" data-reading><summary>{what}: {foreign(chosen, 80)}. Choose another</summary>'
        f"{_draw_options(offer, file_id)}"
        '<p class="error-line" role="alert" data-form-error></p></details>'
    )


def _draw_options(offer: Offer, file_id: str) -> str:
    drawn = "".join(_draw_way(one, one.value == offer.chosen) for one in offer.options)
    rest = ""
    if offer.name == "encoding":
        shown = {one.value for one in offer.options}
        names = sorted((title, codec) for codec, (title, _) in list_encodings().items() if codec not in shown)
        options = "".join(f'<option value="{escape(codec)}">{escape(title)}</option>' for title, codec in names)
        rest = (
            '<div class="field"><label>None of these? Another encoding<select data-read-other>'
            f'<option value="">Choose one</option>{options}</select></label></div>'
        )
    return (
        f'<div class="ways" data-file="{escape(file_id)}" data-name="{offer.name}"><div class="ways-list">{drawn}'
        f"</div>{rest}</div>"
    )


def _draw_way(option: Option, is_chosen: bool) -> str:
    line = f"<span>{foreign(option.line, 100)}</span>" if option.line else ""
    pressed = "true" if is_chosen else "false"
    return (
        f'<button type="button" class="way" data-read-as="{escape(option.value)}" aria-pressed="{pressed}">{line}'
        f'<span class="hint">{foreign(option.title, 80)}</span></button>'
    )


def _draw_repaired(reading: Reading) -> str:
    """What reading itself had to repair, each with the first places before and after."""
    if not reading.repairs:
        return ""
    items = "".join(map(_draw_repair, reading.repairs[:10]))
    return f'<details class="more"><summary>What was repaired while reading</summary><ul>{items}</ul></details>'


def _draw_repair(repair: Repair) -> str:
    places = "; ".join(
        f"{foreign(one.place, 60)} {foreign(one.before, 90)}" + (f" → {foreign(one.after, 90)}" if one.after else "")
        for one in repair.changes[:2]
    )
    return f"<li>{foreign(repair.words, 200)} ({number(repair.count)}): {places}</li>"


def draw_collected(name: str, card: CollectionCard) -> str:
    """Return that an archive or folder became a collection."""
    refused = f" {number(card.refused)} of its files can't be read; why is said there." if card.refused else ""
    return (
        f'<div class="studio notice" role="status" data-collection="{escape(card.collection_id)}"><div><strong>'
        f"{foreign(name, 80)}</strong> is a collection of {number(card.tasks)} tasks with {number(card.instances)} "
        f"examples.{refused} Choose one of them below.</div></div>"
    )


def draw_rows_choice(choice: FileChoice) -> str:
    """Return the question whether rows with a fault may be left out."""
    roles = escape(json.dumps(choice.mapping.to_json() if choice.mapping else {}))
    gone = choice.total - choice.kept
    file_id, name = escape(choice.file_id), foreign(choice.name, 80)
    return (
        f'<div class="studio wrong" role="alert" id="rows-choice" data-file="{file_id}" data-roles="{roles}" '
        f'data-definition="{escape(choice.definition)}"><h3>{number(gone)} of {number(choice.total)} rows of {name} '
        f"can't be read</h3><p>{foreign(choice.words, 900)}</p>"
        '<p class="error-line" role="alert" data-form-error></p>'
        f'<div class="row"><button type="button" class="btn small primary" data-leave-out>{_say_rest(gone, choice)}, '
        f'import {number(choice.kept)}</button><button type="button" class="btn small" data-look-again="{file_id}">'
        'Change the column mapping</button><span class="hint">Or fix the file and upload it again.</span></div></div>'
    )


def _say_rest(gone: int, choice: FileChoice) -> str:
    """What becomes of the rows that can't be read: kept to be labelled where only their answer is missing."""
    if choice.unanswered == gone:
        return "Label it later" if gone == 1 else f"Label the {number(gone)} later"
    if choice.unanswered:
        return f"Label {number(choice.unanswered)} later, leave {number(gone - choice.unanswered)} out"
    return "Leave it out" if gone == 1 else f"Leave the {number(gone)} out"
