"""What the table of attacks says of a shared studio, tried on a real server: each row's attack, and what is told.

The server is `python app.py` as an operator starts it, with a token in its environment, and asks a false hub. The rows
of one person's studio are in tests/browser/test_strangers.py, for a foreign page needs a browser.
"""

import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import write_task

from bench.attacks import BROKEN, Stranger
from bench.figure import serve
from bench.traps import make_parquet, make_workbook
from studio.estimates.time import Speed, StepKind, save_speed
from studio.models.device import find_device
from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, new_run
from studio.tasks.library.library import Library
from studio.tasks.reading.limits import MOST_COLUMNS, MOST_LETTERS
from studio.visitor import find_owner_file, read_visitor
from studio.workspace import Workspace

TOKEN = "hf_of_the_operator"
MB = 1_000_000
DEEP = "[" * 100_000
FETCH = {"split": "train", "config": "", "most": ""}
SOON = 20
"""Seconds in which a refusal comes, on a busy machine too."""


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub that holds one dataset without files and notes what it is asked, also as a proxy to anywhere else."""

    asked: list[tuple[str, str | None]] = []

    def answer(self) -> None:
        self.asked.append((self.path, self.headers.get("authorization")))
        found = self.path.startswith("/api/datasets/someone/data") and "tree" not in self.path
        body = b'{"id": "someone/data", "sha": "' + b"a" * 40 + b'"}' if found else b"{}"
        of_a_model = "/models/" in self.path
        self.send_response(200 if found else 401 if of_a_model else 404)
        self.send_header("x-error-code", "RepoNotFound" if of_a_model else "EntryNotFound")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_CONNECT = answer

    def log_message(self, *given: Any) -> None:
        pass


class Served:
    """A shared studio, its workspace, and what its hub was asked."""

    def __init__(self, address: str, home: Path) -> None:
        self.address, self.home = address, home

    def somebody(self) -> Stranger:
        """Somebody who was never here before."""
        return Stranger(self.address)

    def refuse(self, name: str, text: bytes | str) -> str:
        """Import a file as somebody new, and return the words that refuse it, which come soon."""
        began = time.monotonic()
        told = self.somebody().import_file(name, text.encode() if isinstance(text, str) else text)
        assert "event: error" in told and BROKEN not in told, told
        assert time.monotonic() - began < SOON, told
        return told


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    hub = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    address, home = f"http://127.0.0.1:{hub.server_port}", tmp_path_factory.mktemp("table") / "home"
    left_out = ("GRADIO_TEMP_DIR", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
    said = {"STUDIO_SHARED": "1", "STUDIO_QUOTA_GB": "0.1", "HF_TOKEN": TOKEN, "HF_ENDPOINT": address}
    with pytest.MonkeyPatch.context() as patch:
        for name in left_out:
            patch.delenv(name, raising=False)
        for name, value in {**said, "HTTPS_PROXY": address, "NO_PROXY": ""}.items():
            patch.setenv(name, value)
        with serve(str(home)) as (url, _):
            yield Served(url, home)
    hub.shutdown()


@pytest.mark.long
def test_row_4_a_workbook_of_a_kilobyte_that_says_it_is_very_wide(served: Served) -> None:
    assert tells(served.refuse("wide.xlsx", make_workbook()), f"{MOST_COLUMNS:,}")


def test_row_5_a_table_of_two_kilobytes_that_shows_one_text_in_every_row(served: Served) -> None:
    assert tells(served.refuse("table.parquet", make_parquet()), f"{MOST_LETTERS // MB:,}")


@pytest.mark.long
def test_row_7_a_run_of_five_years_is_refused_with_one_that_fits(served: Served) -> None:
    anna, recipe = served.somebody(), {"model": "builtin", "task_id": "studio002_question"}
    asked = anna.http.post("/gradio_api/call/estimate", json={"data": [recipe]}).json()["event_id"]
    cost = json.loads(anna.http.get(f"/gradio_api/call/estimate/{asked}").text.rpartition("data: ")[2])[0]
    save_speed(served.home / "cache", find_device(), StepKind(*cost["kind"]), Speed(1e10, 6.0))
    told = anna.call("start_run", {**recipe, "training": {"max_steps": 1_000_000, "batch_size": 1_024}})
    assert "event: error" in told and tells(told, ("2 hours", "steps")), told
    assert not list(served.home.glob("runs/*"))


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("keys.json", json.dumps({f"key {n}": n for n in range(200_000)}), f"{MOST_COLUMNS:,}"),
        ("row.json", json.dumps([{f"key {n}": "x" for n in range(200_000)}]), f"{MOST_COLUMNS:,}"),
        ("wide.csv", ",".join(f"column {n}" for n in range(300_000)) + "\nx", f"{MOST_COLUMNS:,}"),
        ("quotes.csv", '"' * 5_000_000, "quotes.csv"),
    ],
)
def test_row_8_a_file_of_very_many_keys_columns_or_quotes(served: Served, name: str, text: str, fact: str) -> None:
    assert tells(served.refuse(name, text), fact)


def test_row_9_the_hub_is_asked_without_the_operators_token(served: Served) -> None:
    recipe = {"model": "someone/private", "task_id": "studio002_question"}
    told = served.somebody().call("estimate", recipe)
    asked = [one for one in Hub.asked if "someone/private" in one[0]]
    assert asked and {authorization for _, authorization in asked} == {None}
    assert "event: error" in told and "HF_TOKEN" not in told, "nobody is told to set the operator's"


def test_row_10_uploads_without_end_are_refused_and_anothers_is_not(served: Served) -> None:
    anna, data = served.somebody(), b"[" * (9 * MB)
    told = [anna.upload("much.json", data) for _ in range(3)]
    assert [type(one) for one in told] == [dict, dict, str] and "day" in told[2], told[2]
    assert isinstance(served.somebody().upload("little.json", b"{}"), dict)


def test_row_12_thousands_of_joins_are_refused_and_anothers_is_not(served: Served) -> None:
    anna, body = served.somebody(), {"data": [], "fn_index": 0, "session_hash": "one page"}
    began = time.monotonic()
    answers = [anna.http.post("/gradio_api/queue/join", json=body).status_code for _ in range(200)]
    refused = sum(status in (429, 503) for status in answers)
    assert refused > 200 - 70 - 10 * (time.monotonic() - began), "eight a second, and sixty at once"
    assert served.somebody().click() < SOON


def test_row_18_which_folders_there_are_is_not_told(served: Served) -> None:
    (served.home / ".ssh").mkdir()
    anna, said = served.somebody(), set()
    for folder in (f"{served.home}/.ssh", f"{served.home}/.nope", "~", "~nobody", "../..", "studio", "studio/tasks"):
        told = anna.act("fetch_from", {"ref": folder, **FETCH})["error"]
        said.add(told.partition(": ")[2])  # before it is the last part of what was asked
        assert str(served.home) not in told and len(said) == 1, folder


@pytest.mark.long
@pytest.mark.parametrize("name", ["text", "studio"])
def test_a_dataset_is_never_what_lies_beside_the_studio(served: Served, name: str) -> None:
    told = served.somebody().act("fetch_from", {"ref": name, **FETCH})
    assert "task_id" not in told and tells(told["error"], name), told


def test_row_19_one_damaged_file_hides_no_other(served: Served) -> None:
    anna, workspace = served.somebody(), Workspace(served.home)
    visitor = read_visitor(anna.http.headers["x-studio-visitor"])
    good, bad = make_ended_run(workspace, str(visitor.owner)), make_ended_run(workspace, str(visitor.owner))
    (bad.folder / "process.json").write_text(DEEP)
    library = Library(workspace, visitor)
    for name in ("good", "bad"):
        (workspace.cache / name).mkdir()
        (workspace.cache / name / "task.json").write_text(json.dumps(write_task()))
        library.upload(workspace.cache / name, name)
    (library.folder / "bad" / "tasks.jsonl").write_text(DEEP)
    assert good.run_id in json.dumps(anna.act("list_runs", {}))
    collections = anna.act("list_collections", {})
    assert [one["collection_id"] for one in collections["collections"]] == ["good"]


def make_ended_run(workspace: Workspace, owner: str) -> Run:
    """Make a visitor's run that has ended; it comes whole, or the server would start it."""
    (workspace.cache / "elsewhere").mkdir(exist_ok=True)
    run = new_run(Workspace(workspace.cache / "elsewhere"), read_recipe({"task_id": "studio002_question"}))
    find_owner_file(run.folder).write_text(owner)
    run.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')
    with EventWriter(run.events_file) as writer:
        writer.append("finished")
    return Run(run.folder.rename(workspace.runs / run.run_id))


def test_row_21_a_csv_with_one_field_of_twenty_megabytes(served: Served) -> None:
    assert tells(served.refuse("field.csv", "a,b\nx," + "y" * (20 * MB) + "\n"), "line 2")


@pytest.mark.long
def test_row_22_a_dataset_is_counted_nowhere(served: Served) -> None:
    assert served.somebody().act("fetch_from", {"ref": "someone/data", **FETCH})["error"]
    asked = [path for path, _ in Hub.asked]
    assert any("someone/data" in path for path in asked), "the hub is asked"
    assert [path for path in asked if not path.startswith("/")] == [], "and nobody else"


def test_row_24_only_its_user_looks_into_workspace_and_uploads(served: Served) -> None:
    path = Path(served.somebody().upload("mine.json", b"{}")["path"])
    assert path.is_relative_to(served.home / "cache" / "uploads")
    folders = [
        served.home,
        *(served.home / name for name in ("tasks", "runs", "cache", "collections")),
        path.parents[1],
    ]
    assert [folder for folder in folders if os.stat(folder).st_mode & 0o077] == []
