"""What each endpoint of the evidence is given that can't be is refused in words, and nothing is written.

Below HTTP, on the methods themselves: for each argument a table of values of the wrong type, too large, half written,
of somebody else, deleted. tests/test_ui_fuzz.py asks the same endpoints anything over HTTP.
"""

import inspect
import json
import math
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import gradio as gr
import pytest
from tiny import WritingLauncher, make_checkpoint, write_task

from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, new_run
from studio.service import Studio
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.ui.evidence_api import EvidenceEndpoints
from studio.ui.frame.handler import BROKEN, in_words
from studio.ui.runs_api import RunEndpoints
from studio.visitor import HEADER, read_visitor
from studio.workspace import Workspace

ANNA, BEN = "anna" * 8, "ben_" * 8
TASK, UNKNOWN = "studio002_question", "20261120-000000-brave-otter"
WHOLE, DAMAGED, DELETED = 2, 4, 6
HUGE = "x" * 2_000_000
NO_TEXT: tuple[Any, ...] = (None, True, 7, -1, 1.5, math.nan, math.inf, 10**400, [], ["x"], {}, {"x": 1}, b"x")
NO_NAME = (
    "", " ", "\x00", "\ud800", "..", "../../etc/passwd", "/etc/passwd", "~root", "%2e%2e%2f", "C:\\x", "null", "NaN",
    '{"a":', "[" * 5_000, "<script>", "${x}", "\u202e", "x\ny", "builtin\x00", "a" * 5_000, HUGE,
)  # fmt: skip


class House(NamedTuple):
    """Two visitors of a shared studio; `run` is Anna's, `theirs` Ben's, `empty` never began, `score` is no training."""

    studio: Studio
    uploads: Path
    run: str
    theirs: str
    empty: str
    score: str

    def ask(self, endpoint: str, given: dict[str, Any]) -> Any:
        group = next(group for group in (EvidenceEndpoints, RunEndpoints) if hasattr(group, endpoint))
        asked = SimpleNamespace(headers={HEADER: ANNA})
        return in_words(getattr(group(self.studio), endpoint))(**given, request=asked)

    def list_files(self) -> dict[str, tuple[int, int]]:
        found = {}
        for folder in (self.studio.workspace.folder, self.uploads):
            for path in folder.rglob("*"):
                at = path.stat()
                found[str(path)] = (at.st_size, at.st_mtime_ns) if path.is_file() else (0, 0)
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("evidence")
    uploads = folder / "uploads"
    uploads.mkdir()
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(uploads))
    patch.setattr("studio.service.evidence_desk.do_and_wait", refuse_to_wait)
    launcher = WritingLauncher()
    studio = Studio(Workspace(folder / "home"), launcher, shared=True)
    runs = [make_trained(studio.workspace, owner) for owner in (ANNA, BEN)]
    empty = new_run(studio.workspace, read_recipe({"task_id": TASK}), owner=read_visitor(ANNA).owner or "")
    score = studio.seen_by(ANNA).evidence.start(studio.seen_by(ANNA).evidence.read(["builtin"], TASK))
    import_theirs(studio, folder)
    make_archives(uploads)
    whole = studio.seen_by(ANNA).archives.export(make_trained(studio.workspace, ANNA, str(tiny_model)).run_id, folder)
    whole.rename(uploads / "whole.zip")
    (studio.workspace.cache / "imports").mkdir(exist_ok=True)
    studio.list_tasks()
    yield House(studio, uploads, runs[0].run_id, runs[1].run_id, empty.run_id, score)
    launcher.close()
    patch.undo()


def refuse_to_wait(*given: Any) -> None:
    """Nothing that can't be is queued."""
    raise AssertionError("It was queued.")


def make_trained(workspace: Workspace, token: str, model: str = "builtin") -> Run:
    """A run that has ended, with a whole checkpoint, a damaged one, and one that was deleted."""
    recipe = read_recipe({"task_id": TASK, "model": model})
    run = new_run(workspace, recipe, owner=read_visitor(token).owner or "")
    with EventWriter(run.events_file) as events:
        events.append("started", pid=1)
        for step in (WHOLE, DAMAGED, DELETED):
            events.append("saved", step=step)
        events.append("finished", step=DELETED)
    make_checkpoint(run, WHOLE)
    (make_checkpoint(run, DAMAGED) / "adapter_model.safetensors").write_bytes(b"\x08")
    return run


def import_theirs(studio: Studio, folder: Path) -> None:
    """A task of Ben's."""
    file = folder / "bens_sums.json"
    file.write_text(json.dumps(write_task()))
    import_file(TaskStore(studio.workspace), file, file.name, visitor=read_visitor(BEN))


def make_archives(uploads: Path) -> None:
    """Files that were uploaded and are no run: nothing, half a zip, one made by hand, one that climbs out."""
    (uploads / "empty.zip").write_bytes(b"")
    (uploads / "noise.zip").write_bytes(b"PK\x03\x04" + os.urandom(300))
    for name, member in (("hand.zip", "recipe.json"), ("climbs.zip", "../../evil"), ("far.zip", "/etc/evil")):
        with zipfile.ZipFile(uploads / name, "w") as archive:
            archive.writestr(member, '{"task_id":')
    whole = (uploads / "hand.zip").read_bytes()
    (uploads / "half.zip").write_bytes(whole[: len(whole) // 2])


# ---- what is fine, and what can't be in its place


def list_fine(house: House) -> dict[str, dict[str, Any]]:
    """What each endpoint could be given."""
    one, two = [f"run:{house.run}@{WHOLE}"], ["builtin", f"run:{house.run}@{WHOLE}"]
    vote = {"choice": "base", "prompt": "a", "base": "b", "tuned": "c", "step": WHOLE}
    return {
        "score": {"checkpoints": one, "task_id": TASK, "part": "test"},
        "compare_scores": {"checkpoints": two, "task_id": TASK, "part": "test"},
        "flips": {"checkpoints": two, "task_id": TASK, "part": "test"},
        "win_rate": {"checkpoints": two, "task_id": TASK, "rewards": [{"name": "equals"}], "part": "test"},
        "forgetting": {"checkpoint": one[0], "task_id": ""},
        "vote": {"run_id": house.run, "vote": vote},
        "export_votes": {"run_id": house.run, "what": "preferences"},
        "list_runs": {},
        "export_run": {"run_id": house.run},
        "import_run": {"file": {"path": str(house.uploads / "whole.zip")}, "base": ""},
        "report": {"run_id": house.run, "form": "html"},
    }


def list_odd(house: House, endpoint: str, name: str, fine: Any) -> list[Any]:
    """What can't be in place of what is fine."""
    names = [each for each in (*NO_TEXT, *NO_NAME) if each != fine]
    if name in ("run_id", "checkpoint"):
        runs = [house.theirs, UNKNOWN, house.score] + [house.empty] * (endpoint != "report")
        return names + (runs if name == "run_id" else list_addresses(house))
    if name == "checkpoints":
        lists = [[], [fine[-1]] * 5, [[fine[-1]]], {"0": fine[-1]}, fine[-1], HUGE]
        odd = [each for each in (*names, *list_addresses(house)) if each not in ("null", "NaN")]  # the hub may have it
        return [*(each for each in NO_TEXT if each != ["x"]), *lists, *([*fine[:-1], each] for each in odd)]
    if name == "task_id":
        return [*names, "bens_sums", "no_such_task"] + [TASK] * (endpoint == "forgetting")
    if name == "file":
        bad = [{"path": str(path)} for path in sorted(house.uploads.glob("*.zip")) if path.name != "whole.zip"]
        return [*names, *({"path": each} for each in names), {"path": str(house.studio.workspace.folder)}, *bad]
    if name == "vote":
        return [*names, *list_votes(fine)]
    if name == "rewards":
        odd = [[each] for each in names] + [[{"name": each}] for each in names]
        return [*names, *odd, [{"name": "learnt", "model": f"run:{house.theirs}"}], [{"name": "equals"}] * 99]
    return [*names, "all", "general", "TEST", "pdf", "votes"]


def list_addresses(house: House) -> list[str]:
    """Addresses of checkpoints that are damaged, deleted, another's, or none."""
    steps = (DAMAGED, DELETED, -1, 10**9, 10**30, "", "x", "2@2", "1e1")
    own = [f"run:{house.run}@{step}" for step in steps]
    others = [f"run:{name}" for name in (house.theirs, f"{house.theirs}@{WHOLE}", house.empty, house.score, UNKNOWN)]
    return [
        *own,
        *others,
        "run:",
        "run:@2",
        "run:../../etc@1",
        "merge:nobody-otter",
        "merge:../x",
        "merge:",
        "nearest:3",
    ]


def list_votes(vote: dict[str, Any]) -> Iterator[Any]:
    """Votes, rankings, corrections and marks with one part that can't be so."""
    model = "builtin"
    ranking = {
        "prompt": "a", "step": WHOLE, "columns": [{"model": model, "answer": "b"}, {"model": model, "answer": "c"}],
        "ranks": [1, 2],
    }  # fmt: skip
    correction = {"prompt": "a", "step": WHOLE, "model": model, "answer": "b", "correction": "c"}
    mark = {"prompt": "a", "step": WHOLE, "model": model, "answer": "b", "rating": 5}
    odd = (None, True, 1.5, math.nan, -1, 10**9, 10**400, [], {}, ["x"], [None] * 9, HUGE)
    for each in (vote, ranking, correction, mark):
        yield {**each, "messages": [{"role": "nobody"}]}
        for name in each:
            yield {key: value for key, value in each.items() if key != name}
            yield from ({**each, name: value} for value in odd)
    yield json.dumps(vote)[:20]
    yield {**vote, "step": DELETED + 1}
    yield {**vote, "prompt": "\ud800"}
    yield {**ranking, "ranks": [1]}


def tells_in_words(words: str) -> bool:
    """Whether a refusal is a sentence for a person, as long as one may be."""
    told = (
        not words.startswith("answered")
        and 20 <= len(words) <= 1_500
        and len(words.split()) >= 4
        and words.rstrip()[-1] in ".?)"
    )
    return told and not re.search(r"Traceback|\.py\b|\b[A-Z]\w+(Error|Exception)\b|pydantic|errno", words)


@pytest.mark.parametrize(
    "endpoint",
    [
        *"score compare_scores flips win_rate forgetting vote".split(),
        "export_votes",
        "export_run",
        "import_run",
        "report",
    ],
)
def test_what_cant_be_is_refused_in_words_and_writes_nothing(house: House, endpoint: str) -> None:
    fine = list_fine(house)[endpoint]
    before, wrong = house.list_files(), []
    for name, odd in ((part, odd) for part in fine for odd in list_odd(house, endpoint, part, fine[part])):
        told = try_odd(house, endpoint, {**fine, name: odd})
        if BROKEN in told or not tells_in_words(told):
            wrong.append((name, repr(odd)[:90], told[:300]))
        if (now := house.list_files()) != before:
            wrong.append((name, repr(odd)[:90], f"wrote {sorted(set(now.items()) ^ set(before.items()))[:3]}"))
            before = now
    assert not wrong, "\n".join(map(str, wrong))


def try_odd(house: House, endpoint: str, given: dict[str, Any]) -> str:
    """The words of a refusal; an answer is none."""
    try:
        return f"answered: {house.ask(endpoint, given)}"
    except gr.Error as error:
        return str(error.message)


def test_all_arguments_are_tried(house: House) -> None:
    for endpoint, fine in list_fine(house).items():
        group = next(group for group in (EvidenceEndpoints, RunEndpoints) if hasattr(group, endpoint))
        assert set(inspect.signature(getattr(group, endpoint)).parameters) - {"self", "request"} == set(fine)
