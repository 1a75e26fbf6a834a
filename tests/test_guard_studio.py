"""What an operator doesn't lend, and what one bad thing doesn't spoil: tokens, telemetry, folders, lists, the log."""

import errno
import importlib.util
import json
import logging
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from fastapi import HTTPException
from gradio.state_holder import StateHolder
from telling import tells
from tiny import run_async

import app
from studio.errors import HIDDEN, InputError, StudioError
from studio.launchers.inline import InlineLauncher
from studio.runs.ending import explain_failure
from studio.service import Studio
from studio.tasks.library.library import Library
from studio.ui.frame.fair_queue import (
    MOST_OF_ADDRESS,
    MOST_OF_VISITOR,
    MOST_OPEN,
    SESSIONS_AT_ONCE,
    UNFETCHED_OF_VISITOR,
    UNFETCHED_SECONDS,
    FairQueue,
    Unfetched,
)
from studio.ui.frame.handler import in_words, say
from studio.ui.widgets.server_act import bind_act
from studio.workspace import Workspace, disk_errors_in_words

DEEP = "[" * 100_000
ROOT = Path(app.__file__).parent


@pytest.mark.parametrize(
    ("said", "sent"), [({}, False), ({"STUDIO_SHARE_TOKEN": "1"}, True), ({"STUDIO_SHARE_TOKEN": "no"}, False)]
)
def test_a_shared_studio_sends_no_token_of_its_operators(said: dict[str, str], sent: bool, tmp_path: Path) -> None:
    environment = {"HF_TOKEN": "hf_secret", "HF_TOKEN_PATH": str(tmp_path / "token"), **said}
    (tmp_path / "token").write_text("hf_stored")
    app.keep_token_back(environment)
    asked = "from huggingface_hub.utils import build_hf_headers as b; print(b().get('authorization'))"
    rest = {name: value for name, value in os.environ.items() if "TOKEN" not in name}
    printed = subprocess.run(
        [sys.executable, "-c", asked], env={**rest, **environment}, capture_output=True, text=True, timeout=120
    )
    assert ("hf_" in printed.stdout) is sent, printed.stderr


def test_nothing_tells_others_that_the_studio_is_used() -> None:
    environment = {"HF_HUB_DISABLE_TELEMETRY": "0"}
    app.set_environment(environment)
    assert environment.pop("HF_HUB_DISABLE_TELEMETRY") == "0", "what the person set stays"
    assert environment.get("HF_UPDATE_DOWNLOAD_COUNTS") == "false"
    found = importlib.util.find_spec("datasets")
    assert found and found.origin
    assert '"HF_UPDATE_DOWNLOAD_COUNTS"' in Path(found.origin).with_name("config.py").read_text(), "its name changed"


def test_only_its_user_looks_into_a_workspace(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    for folder in (workspace.folder, workspace.tasks, workspace.runs, workspace.cache, workspace.uploads.parent):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    (tmp_path / "theirs").mkdir(mode=0o755)
    assert Workspace(tmp_path / "theirs").folder.stat().st_mode & 0o777 == 0o755, "a folder that was there is theirs"
    assert (tmp_path / "theirs" / "runs").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [DEEP, "[1, {}]", "null", '{"header": 1}', "{", ""])
def test_a_damaged_collection_is_left_out_and_hides_no_other(workspace: Workspace, tmp_path: Path, damage: str) -> None:
    task = {"Definition": ["Do."], "Instances": [{"id": "1", "input": "in", "output": ["out"]}]}
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.json").write_text(json.dumps(task))
        Library(workspace).upload(tmp_path / name, name)
    (Library(workspace).folder / "bad" / "tasks.jsonl").write_text(damage)
    shown = [card.collection_id for card in Library(workspace).list_collections()]
    assert "good" in shown
    if damage:
        assert shown == ["good"]
        with pytest.raises(StudioError):
            Library(workspace).open("bad")


@pytest.mark.parametrize("name", ["process.json", "recipe.json", "votes.jsonl", "owner", "request"])
@pytest.mark.parametrize("damage", [DEEP, "[1, {}]", "null", "\x00"])
def test_a_damaged_run_hides_no_other(workspace: Workspace, name: str, damage: str) -> None:
    from tiny import make_run

    good, bad = make_run(workspace), make_run(workspace)
    (bad.folder / name).write_text(damage)
    studio = Studio(workspace, InlineLauncher())
    assert good.run_id in [status.run_id for status in studio.list_runs()]
    studio.count_votes(bad.run_id)


class PanicException(BaseException):
    """As pyo3 raises where a library's native code gives up."""


def panic(*given: Any) -> Any:
    raise PanicException("called `Option::unwrap()` on a `None` value")


def test_a_panic_of_native_code_ends_in_words(workspace: Workspace) -> None:
    with pytest.raises(gr.Error) as told:
        in_words(panic)()
    assert "tokenizer" in str(told.value) and "unwrap" not in str(told.value)
    assert "tokenizer" in bind_act(Studio(workspace, InlineLauncher()), panic)({})["error"]
    with pytest.raises(KeyboardInterrupt):
        say(KeyboardInterrupt())


def test_a_checkpoint_that_is_no_numbers_is_refused_in_our_own_words() -> None:
    advice = "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed"
    told = str(explain_failure(pickle.UnpicklingError(advice)))
    assert "weights_only" not in told and "not numbers" in told


def test_nobody_forges_a_line_of_the_log(tmp_path: Path) -> None:
    line = app.PlainLines("%(message)s").format(
        logging.LogRecord("studio", logging.WARNING, "", 0, "a\nFORGED \x1b[31m\u202e\r%s", ("\n2",), None)
    )
    assert "\n" not in line and "\x1b" not in line and "\\x1b" in line


def make_queue(events: list[Any]) -> Any:
    queue = object.__new__(FairQueue)
    FairQueue.take_over(queue)
    queue.pending_event_ids_session, queue.pending_messages_per_session = {}, {}
    queue.event_queue_per_concurrency_id = {"x": SimpleNamespace(queue=events)}
    queue.active_jobs = [None]
    return queue


def asked(visitor: str, address: str) -> Any:
    return SimpleNamespace(headers={"x-studio-visitor": visitor}, client=SimpleNamespace(host=address))


@pytest.mark.parametrize(
    ("waiting", "refused"),
    [
        ([("anna", "1")] * MOST_OF_VISITOR, True),
        ([("anna", "1")] * (MOST_OF_VISITOR - 1), False),
        ([("ben", "2")] * MOST_OF_VISITOR, False),
        ([(f"made up {n}", "1") for n in range(MOST_OF_ADDRESS)], True),
        ([(f"visitor {n}", str(n)) for n in range(MOST_OPEN)], True),
    ],
)
def test_nobodys_questions_take_all_places(
    waiting: list[tuple[str, str]], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(self: Any, body: Any, request: Any, username: Any) -> Any:
        return True, "id", "success"

    monkeypatch.setattr(FairQueue.__mro__[1], "push", put)
    queue = make_queue([SimpleNamespace(request=asked(*one)) for one in waiting])
    success, _, state = run_async(queue.push(None, asked("anna", "1"), None))
    assert (success, state) == ((False, "queue_full") if refused else (True, "success"))


def test_who_makes_up_a_session_for_each_question_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(self: Any, body: Any, request: Any, username: Any) -> Any:
        return True, "id", "success"

    monkeypatch.setattr(FairQueue.__mro__[1], "push", put)
    queue = make_queue([])

    def ask(session: str | None, visitor: str = "anna") -> Any:
        return run_async(queue.push(SimpleNamespace(session_hash=session), asked(visitor, "1"), None))

    for number in range(SESSIONS_AT_ONCE):
        ask(f"page {number}")
    with pytest.raises(HTTPException) as refused:
        ask("one more")
    assert refused.value.status_code == 429 and tells(refused.value.detail, "page reload")
    assert ask("page 0")[0] and ask(None)[0], "a page that is open goes on, and so does a program"
    assert ask("page 0", "ben")[0]


def test_what_nobody_fetches_is_forgotten_and_what_somebody_reads_is_not() -> None:
    queue = make_queue([])

    def answer(event_id: str, session: str, visitor: str, since: float) -> None:
        queue.pending_event_ids_session.setdefault(session, set()).add(event_id)
        queue.pending_messages_per_session[session] = "an answer"
        queue.unfetched[event_id] = Unfetched(visitor, session, since)

    for number in range(UNFETCHED_OF_VISITOR + 2):
        answer(f"a{number}", f"session {number}", "anna", 1_000.0)
    answer("b", "of ben", "ben", 1_000.0)
    answer("read", "of ben's other page", "ben", 1_000.0)
    queue.pending_event_ids_session["of ben's other page"].remove("read")
    queue.forget_unfetched(1_001.0)
    assert len(queue.pending_messages_per_session) == UNFETCHED_OF_VISITOR + 2
    assert "session 1" not in queue.pending_messages_per_session and "b" in queue.unfetched
    assert not {"of ben's other page", "session 0"} & queue.pending_event_ids_session.keys()
    queue.forget_unfetched(1_001.0 + UNFETCHED_SECONDS)
    assert not queue.unfetched and not queue.pending_event_ids_session
    queue.send_message(SimpleNamespace(session_hash="of ben", alive=True), "more of it")


def test_a_queue_without_questions_wakes_nobody_and_answers_as_soon_as_one_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import asyncio
    from collections import defaultdict

    from gradio.queueing import EventQueue

    class Handler:
        """What gradio knows of a handler."""

        batch, _id = False, 1

    answered: list[str] = []
    ends = {name: asyncio.Event() for name in "ab"}

    async def answer(self: Any, events: Any, batch: Any, began: float, handler: Any) -> None:
        answered.append(events[0]._id)
        await ends[events[0]._id].wait()
        self.active_jobs[self.active_jobs.index(events)] = None
        self.event_queue_per_concurrency_id["x"].current_concurrency -= 1

    async def put(self: Any, body: Any, request: Any, username: Any) -> Any:
        event = SimpleNamespace(_id=body, fn=Handler, session_hash="s", request=request)
        self.event_queue_per_concurrency_id["x"].queue.append(event)
        return True, body, "success"

    monkeypatch.setattr(FairQueue.__mro__[1], "process_events", answer)
    monkeypatch.setattr(FairQueue.__mro__[1], "push", put)

    async def live() -> None:
        queue, loop = make_queue([]), asyncio.get_running_loop()
        queue.event_queue_per_concurrency_id = {"x": EventQueue("x", 5)}
        queue.event_queue_per_concurrency_id["x"].start_times_per_fn = defaultdict(set)
        queue.stopped, queue.live_updates, queue.max_thread_count = False, True, 1
        queue.delete_lock, queue._asyncio_tasks, queue.event_analytics = asyncio.Lock(), set(), {}
        queue.broadcast_estimations = lambda group: None
        queue.start()

        async def settle() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            assert not loop._scheduled, "somebody wants to be woken to look"  # type: ignore[attr-defined]

        await settle()
        for name in "ab":
            await queue.push(name, asked("anna", "1"), None)
        await settle()
        assert answered == ["a"], "there is one place"
        ends["a"].set()
        await settle()
        assert answered == ["a", "b"]
        ends["b"].set()
        queue.close()
        await settle()
        assert len(asyncio.all_tasks()) == 1, "only this test is left"

    run_async(live())


def test_the_page_has_the_fair_queue(workspace: Workspace) -> None:
    from studio.ui.page import build_page

    page = build_page(Studio(workspace, InlineLauncher()))
    assert isinstance(page._queue, FairQueue)
    assert page.api_open is False, "a slow question that passes the queue by would hold a thread"
    assert page.delete_cache == (3600, 86400)


def test_a_session_that_somebody_made_up_costs_next_to_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.ui.page import build_page

    page = build_page(Studio(workspace, InlineLauncher()))
    holder = StateHolder()
    holder.set_blocks(page)
    monkeypatch.setattr(page.default_config.__class__, "config_for_block", lambda *given: pytest.fail("described"))
    assert holder["made up"] is holder["made up"]
    assert holder["made up"].blocks_config.fns == page.fns
    assert holder["x" * 1_000_000] is holder["x" * 1_000_001]
    assert max(map(len, holder.session_data)) <= 100


def test_a_shared_studio_tells_no_path_of_its_operators(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.hide_places(os.environ, str(workspace.folder))
    monkeypatch.setenv(HIDDEN, os.environ.pop(HIDDEN))
    with pytest.raises(StudioError) as told, disk_errors_in_words(workspace.runs / "x"):
        raise OSError(errno.ENOSPC, "full")
    assert "full" in str(told.value) and str(workspace.folder) not in str(told.value)
    (tmp_path / "model").mkdir()
    with pytest.raises(StudioError) as refused:
        Studio(workspace, InlineLauncher()).describe_model(str(tmp_path / "model"))
    assert str(tmp_path) not in str(refused.value) and "model" in str(refused.value)
    said = f"{ROOT}/studio/errors.py, {Path.home()}/.cache/x y: https://huggingface.co/a/b and /etc/passwd"
    assert str(InputError(said)) == "errors.py, x y: https://huggingface.co/a/b and /etc/passwd"
    monkeypatch.delenv(HIDDEN)
    assert str(InputError(said)) == said


def test_the_page_tells_no_path_of_the_install(workspace: Workspace) -> None:
    from studio.ui.page import build_page

    told = json.dumps(build_page(Studio(workspace, InlineLauncher(), shared=True)).get_config_file(), default=str)
    for place in (ROOT, sys.prefix, workspace.folder, Path.home()):
        assert f"{place}/" not in told, place
