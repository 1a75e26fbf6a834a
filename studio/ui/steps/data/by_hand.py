"""A task typed by hand: an instruction, a few examples, and inputs that are still to be answered.

Knows the form and how what it says becomes a task; keeping it is the studio's. Inputs without an answer wait to be
labelled.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from studio.errors import InputError
from studio.service import Studio
from studio.ui.frame.words import number
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

LEAST, MOST = 3, 200
LONGEST = 20_000
_FRAME = """<details class="studio more card" id="by-hand"><summary>Type a few examples<span class="hint">
an instruction and five inputs with their answers are a beginning</span></summary>
<form class="form-stack">
<div class="fields wide-fields"><div class="field"><label for="hand-title">Name</label><input id="hand-title"
name="title" maxlength="80" autocomplete="off" placeholder="My first task"></div>
<div class="field"><label for="hand-definition">Instruction</label><input id="hand-definition" name="definition"
maxlength="2000" autocomplete="off" placeholder="Say in one word whether the writer is happy."></div></div>
<ol class="hand-rows"></ol>
<div class="row"><button type="button" class="btn small" data-act="more">One more</button>
<button type="submit" class="btn small primary">Make it a task</button>
<span class="hint">A row without an answer waits under <em>Label and write</em>.</span></div>
<p class="error-line" role="alert"></p></form></details>"""


class ByHand(Scripted):
    """The form, folded."""

    script = "steps/data/by_hand.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        super().__init__(_FRAME, bind_acts(studio, make_task), **options)


def make_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep a task of what was typed and return its id. Raises InputError for too little, or too much."""
    title = " ".join(part(asked, "title", str).split())[:80] or "My examples"
    definition = part(asked, "definition", str).strip()[:2_000]
    answered, waiting = read_rows(part(asked, "rows", list))
    if not definition:
        raise InputError("Write an instruction first: what should the model do with an input?", field="definition")
    task = {
        "Title": title,
        "Definition": [definition],
        "Positive Examples": [],
        "Negative Examples": [],
        "Instances": [{"input": given, "output": [answer]} for given, answer in answered],
    }
    folder = visit.workspace.uploads / secrets.token_hex(8)
    folder.mkdir()
    path = folder / "typed.json"
    try:
        path.write_text(json.dumps(task, ensure_ascii=False), encoding="utf-8")
        kept = visit.import_task(path, f"{_name(title)}.json").task
    finally:
        path.unlink(missing_ok=True)
        folder.rmdir()
    if waiting:
        visit.labels.paste(kept.task_id, "\n".join(waiting))
    said = f"Made a task of {number(len(answered))} examples."
    return {"task_id": kept.task_id, "said": said + (f" {number(len(waiting))} wait for an answer." if waiting else "")}


def read_rows(rows: list[Any]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the rows with an answer, and the inputs without. Raises InputError unless there are enough, and few."""
    pairs = [(str(row[0]).strip(), str(row[1]).strip()) for row in rows if isinstance(row, list) and len(row) == 2]
    pairs = [(given, answer) for given, answer in pairs if given]
    answered = [pair for pair in pairs if pair[1]]
    if len({given for given, _ in answered}) < LEAST:
        raise InputError(
            f"Write at least {LEAST} different inputs with their answers, not {len(answered)}: one to learn from, one "
            "to choose the best step, one to score.",
            field="rows",
        )
    if len(pairs) > MOST or any(len(text) > LONGEST for pair in pairs for text in pair):
        raise InputError(f"By hand at most {MOST} rows of {LONGEST:,} characters; upload a file instead.", field="rows")
    return answered, [" ".join(given.split()) for given, answer in pairs if not answer]


def _name(title: str) -> str:
    """A title as a file's name."""
    kept = "".join(letter if letter.isalnum() else "_" for letter in title.lower()).strip("_")
    return Path(kept[:60]).name or "typed"
