"""The form that asks what each column of a file is: the proposal, what it leaves out, and how the first rows are read.

Drawn by the server, all foreign text escaped; arrival.js reads the choices and asks for the rows again.
"""

import json
from collections.abc import Sequence
from typing import Any

from studio.errors import TaskError
from studio.service.uploaded import FileChoice
from studio.tasks.mapping import Mapping, list_own_roles
from studio.tasks.reading.mapping_trial import Said, Trial, TriedRow, try_mapping
from studio.ui.frame.words import escape, foreign, number

MOST_COLUMNS = 60
LONGEST_DEFINITION = 2_000
_ROWS = 3
_LONGEST = 140
_LONGEST_TURN = 400
_MOST_TURNS = 12
ROLE_WORDS = {
    "input": "Input: what the model reads",
    "output": "Output: the right answer",
    "instruction": "Instruction: what to do, per row",
    "text": "Running text, without a question",
    "rejected": "Worse answer, beside the better one",
    "liked": "Verdict: was the answer good?",
    "messages": "A whole chat, as a list of turns",
    "system": "System text: read before a chat",
    "history": "Earlier turns of a chat",
    "tools": "Tools that a chat offers",
    "counts": "Weight: 0 or false leaves the row out",
    "id": "The row's own name",
}
"""What a column can be in rows of several kinds, in plain words, the usual ones first."""
_USUAL = ("input", "output")
_SPEAKERS = {
    "system": "System",
    "user": "User",
    "input": "Input",
    "text": "Text",
    "assistant": "Answer",
    "tool": "Tool",
    "rejected": "Worse answer",
    "verdict": "Verdict",
}


def list_role_words() -> dict[str, str]:
    """Return all that a column can be, what kinds of data declare for themselves last."""
    return ROLE_WORDS | list_own_roles()


def draw_columns_choice(choice: FileChoice) -> str:
    """Return the form that asks what each column of a file is, each with its first values."""
    role_of = {column: role for role, columns in choice.mapping or () for column in columns}
    columns = _order(choice.preview.columns[:MOST_COLUMNS], choice.mapping)
    drawn = "".join(
        _draw_column(place, column, [row.get(column) for row in choice.preview.rows[:_ROWS]], role_of.get(column, ""))
        for place, column in enumerate(columns)
    )
    more = len(choice.preview.columns) - len(columns)
    rest = f'<p class="hint">{more} more columns are not used.</p>' if more else ""
    intro = (
        "Their names don't say for sure which the model reads and which it should write. A guess is filled in: check "
        "it against the rows below."
        if choice.mapping
        else "No column looks like the answer. Choose at least an output, and what the model reads."
    )
    return (
        f'<div class="studio card"><form class="stack columns-form" data-file="{escape(choice.file_id)}" novalidate>'
        f"<div><h2>What are the columns of {foreign(choice.name, 80)}?</h2>"
        f'<p class="hint">{intro} Several columns can be input; they are joined with their names. The next file with '
        "the same columns is read the same way.</p></div>"
        '<div class="columns-head hint" aria-hidden="true"><span>Column</span><span>Its first rows</span><span>What it '
        f'is</span></div><div class="columns-list">{drawn}</div>{rest}{_draw_definition(choice.definition)}'
        f'<section class="stack trial" aria-live="polite" data-trial>{_draw_first_trial(choice)}</section>'
        '<p class="error-line" role="alert" data-form-error></p>'
        f'<div class="row"><button type="submit" class="btn primary">Import {number(choice.total)} rows</button>'
        '<button type="button" class="btn quiet" data-dismiss>Not this file</button></div></form></div>'
    )


def _order(columns: Sequence[str], mapping: Mapping | None) -> list[str]:
    """The columns in their order, those that are joined to an input in the order in which they are joined."""
    joined = [column for column in (mapping.input if mapping else ()) if column in columns]
    places = iter(joined)
    return [next(places) if column in joined else column for column in columns]


def _draw_definition(definition: str) -> str:
    return (
        '<div class="field"><label for="columns-definition">What should the model do with each input?</label>'
        f'<input id="columns-definition" name="definition" maxlength="{LONGEST_DEFINITION}" autocomplete="off" '
        f'value="{escape(definition)}" placeholder="Say whether the review is good or bad."><p class="hint">In a '
        "sentence or two. It comes before each input; leave it empty if the rows say it themselves.</p></div>"
        '<p class="hint">No answers in it yet? Write some into the file and import it: rows without one can be left '
        "out. Then upload it again under “Label and write”, Add: there the others wait to be labelled.</p>"
    )


def _draw_first_trial(choice: FileChoice) -> str:
    if choice.mapping is None:
        return ""
    try:
        return draw_trial(try_mapping(choice.preview, choice.mapping, choice.definition))
    except TaskError as error:
        return f'<p class="hint">{foreign(error, 400)}</p>'


def draw_trial(trial: Trial) -> str:
    """Return what the model reads and learns of the first rows, and the columns that it never sees."""
    unused = ", ".join(foreign(column, 40) for column in trial.unused[:MOST_COLUMNS])
    said = (
        f"<p><strong>Not used:</strong> {unused}. <span class='hint'>Kept with each row, and never read.</span></p>"
        if unused
        else '<p class="hint">Every column is used.</p>'
    )
    rows = "".join(map(_draw_tried, trial.rows))
    return f'<h3>How the first rows will be read</h3>{said}<ol class="tried">{rows}</ol>'


def _draw_tried(row: TriedRow) -> str:
    if row.fault:
        return f'<li class="fault">{foreign(row.fault, 400)}</li>'
    left = len(row.turns) - _MOST_TURNS
    turns = "".join(map(_draw_turn, row.turns[:_MOST_TURNS]))
    more = f'<p class="hint">and {left} more turns</p>' if left > 0 else ""
    tools = ", ".join(foreign(name, 40) for name in row.tools[:20])
    offered = f'<p class="turn"><span class="who">Tools</span><span>{tools}</span></p>' if tools else ""
    return f"<li>{offered}{turns}{more}</li>"


def _draw_turn(said: Said) -> str:
    learnt = '<span class="hint"> · learnt</span>' if said.learnt else ""
    return (
        f'<p class="turn{" learnt" if said.learnt else ""}"><span class="who">{_SPEAKERS.get(said.who, "Turn")}{learnt}'
        f'</span><span class="prose">{foreign(said.text, _LONGEST_TURN)}</span></p>'
    )


def _draw_column(place: int, column: str, cells: list[Any], role: str) -> str:
    shown = "".join(f"<li>{foreign(_say_cell(cell), _LONGEST)}</li>" for cell in cells)
    usual = "".join(_draw_option(name, role) for name in _USUAL)
    others = "".join(_draw_option(name, role) for name in list_role_words() if name not in _USUAL)
    return (
        f'<div class="column-row"><label for="column-{place}">{foreign(column, 80)}</label><ul>{shown}</ul>'
        f'<div class="field"><select id="column-{place}" data-column="{escape(column)}">'
        f'{usual}<option value=""{"" if role else " selected"}>Not used</option><optgroup label="Less usual">{others}'
        '</optgroup></select><p class="error-line" role="alert"></p></div></div>'
    )


def _draw_option(name: str, role: str) -> str:
    chosen = " selected" if name == role else ""
    return f'<option value="{name}"{chosen}>{escape(list_role_words()[name])}</option>'


def _say_cell(cell: Any) -> str:
    if isinstance(cell, str):
        return cell or "(blank)"
    return "(blank)" if cell is None else json.dumps(cell, ensure_ascii=False, default=str)
