"""A shared studio, served: what a program and a page may ask of other people's runs and tasks, over HTTP."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from telling import tells
from tiny import WritingLauncher, find_free_port, write_recipe, write_task

from studio.errors import StudioError
from studio.shares.quota import Quota
from studio.ui.frame.handing import hand_out, make_folder
from studio.ui.frame.handler import BROKEN
from studio.visitor import read_visitor

ANNA, BEN = "anna" * 8, "ben_" * 8


class Shared:
    """A served studio of many people, and ways to ask it as one of them."""

    def __init__(self, url: str, page: Any, studio: Any, model: Path) -> None:
        self.url, self.page, self.studio = url.rstrip("/"), page, studio
        self.recipe = write_recipe(model, "studio002_question")

    def call(self, token: str | None, endpoint: str, *given: Any) -> Any:
        """Call a named endpoint; return its answer, or the words of its refusal."""
        headers = {"x-studio-visitor": token} if token else {}
        with httpx.Client(headers=headers, timeout=120, base_url=self.url) as client:
            made = client.post(f"/gradio_api/call/{endpoint}", json={"data": given})
            answer = client.get(f"/gradio_api/call/{endpoint}/{made.json()['event_id']}").text
        data = json.loads(answer.rsplit("data: ", 1)[1].splitlines()[0])  # before it come signs of life
        return data[0] if "event: complete" in answer else f"refused: {data}"

    def act(self, token: str | None, name: str, asked: Any) -> Any:
        """Call a server function of the page, as its script does."""
        block = next(block for block in self.page.blocks.values() if hasattr(block, name) and is_act(block, name))
        body = {"data": asked, "component_id": block._id, "fn_name": name, "session_hash": "x"}
        headers = {"x-studio-visitor": token} if token else {}
        return httpx.post(f"{self.url}/gradio_api/component_server", json=body, headers=headers, timeout=120).json()


def is_act(block: Any, name: str) -> bool:
    return bool(getattr(getattr(block, name), "_is_server_fn", False))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Shared]:
    from studio.service import Studio
    from studio.ui.page import build_page, make_launch
    from studio.workspace import Workspace

    launcher = WritingLauncher()
    studio = Studio(Workspace(tmp_path_factory.mktemp("shared") / "home"), launcher, shared=True)
    page = build_page(studio)
    _, url, _ = page.launch(
        server_name="127.0.0.1", server_port=find_free_port(), prevent_thread_lock=True, **make_launch()
    )
    yield Shared(url, page, studio, tiny_model)
    page.close(verbose=False)
    launcher.close()


@pytest.fixture(scope="module")
def hers(served: Shared) -> str:
    """A run of Anna's."""
    return str(served.call(ANNA, "start_run", served.recipe, "a click of Anna's")["run_id"])


@pytest.mark.parametrize(
    ("endpoint", "more"), [("run_status", []), ("run_events", [0]), ("stop_run", []), ("ask", ["1 + 1", 4, 0])]
)
@pytest.mark.parametrize("token", [BEN, None, "short"])
def test_no_endpoint_tells_of_anothers_run(
    served: Shared, hers: str, endpoint: str, more: list[Any], token: str | None
) -> None:
    answer = served.call(token, endpoint, hers, *more)
    missing = served.call(token, endpoint, "20261120-070000-no-one", *more)
    assert answer.startswith("refused: ") and tells(answer, "run")
    assert answer == missing.replace("20261120-070000-no-one", hers)
    assert served.call(ANNA, "run_status", hers)["status"] == "queued"


NEWER: dict[str, Any] = {
    "score": lambda run: [[f"run:{run}@1"], "studio002_question"],
    "compare_scores": lambda run: [["builtin", f"run:{run}@1"], "studio002_question"],
    "flips": lambda run: [["builtin", f"run:{run}"], "studio002_question"],
    "forgetting": lambda run: [f"run:{run}@1"],
    "look_inside": lambda run: [run, "a", [[1], [1]]],
    "training_rows": lambda run: [run, "a"],
    "merge": lambda run: [{"way": "linear", "parents": [{"model": f"run:{run}@1"}]}],
    "export": lambda run: [f"run:{run}@1", "adapter"],
    "push": lambda run: [f"run:{run}@1", "adapter", "ben/model", "hf_" + "x" * 30],
    "export_run": lambda run: [run],
    "report": lambda run: [run],
    "vote": lambda run: [run, {"choice": "base", "prompt": "a", "base": "b", "tuned": "c", "step": 1}],
    "export_votes": lambda run: [run],
}


@pytest.mark.parametrize("endpoint", NEWER)
def test_no_newer_endpoint_tells_of_anothers_run_or_makes_something_of_it(
    served: Shared, hers: str, endpoint: str
) -> None:
    missing = "20261120-070000-no-one"
    before = sorted(path.name for path in served.studio.workspace.runs.iterdir())
    answer = served.call(BEN, endpoint, *NEWER[endpoint](hers))
    assert answer.startswith("refused: ") and tells(answer, "run"), answer
    told = served.call(BEN, endpoint, *NEWER[endpoint](missing))
    assert answer.replace(hers, missing).replace("brave-", "") == told.replace("brave-", "")
    assert sorted(path.name for path in served.studio.workspace.runs.iterdir()) == before, "nothing is queued"


HOSTILE = (
    None, [], {}, "", "\x00", "..", "/etc/passwd", "~", "run:../../etc@1", "run:x@99999999999999999999", "merge:../x",
    "file:///etc/passwd", "http://127.0.0.1:1/x", "x" * 100_000, 10**400, -1, True, {"a": {"b": ["c"] * 100}},
)  # fmt: skip


@pytest.mark.soon(1)
@pytest.mark.parametrize("endpoint", ["score", "forgetting", "merge", "export", "push"])
def test_newer_endpoints_refuse_in_words_what_cant_be(served: Shared, endpoint: str) -> None:
    fine = NEWER[endpoint]("20261120-070000-no-one")
    if endpoint == "merge":
        parents = [[{"model": "builtin", "weight": odd}] for odd in (*HOSTILE, "NaN", "Infinity", -11)]
        cases = [[{**fine[0], key: odd}] for odd in HOSTILE for key in ("way", "parents", "name", "rank", "density")]
        cases += [[{**fine[0], "parents": each}] for each in parents]
        cases += [[{**fine[0], "parents": [{"model": odd}] * 9}] for odd in HOSTILE[:3]]
    else:
        cases = [[*fine[:place], odd, *fine[place + 1 :]] for odd in HOSTILE for place in range(len(fine))]
    before = sorted(path.name for path in served.studio.workspace.runs.iterdir())
    with ThreadPoolExecutor(8) as threads:
        for given, answer in zip(
            cases, threads.map(lambda given: served.call(ANNA, endpoint, *given), cases), strict=True
        ):
            assert str(answer).startswith("refused: ") and BROKEN not in answer, (given, answer)
            assert len(answer) < 2_000 and "root:" not in answer
    assert sorted(path.name for path in served.studio.workspace.runs.iterdir()) == before


def test_who_has_enough_runs_queues_no_other_work(served: Shared, hers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.studio.shares, "quota", Quota(runs=1, stays_free=0))
    for endpoint, given in (
        ("export", ["builtin", "merged"]),
        ("score", [["builtin"], "studio002_question"]),
        ("start_run", [served.recipe]),
    ):
        answer = served.call(ANNA, endpoint, *given)
        assert answer.startswith("refused: ") and tells(answer, "runs 1 delete"), (endpoint, answer)


def test_of_the_files_that_are_handed_out_a_visitor_has_few(served: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = []
    for number in range(7):
        folders.append(make_folder(read_visitor(ANNA)))
        (folders[-1] / "x.zip").write_text("x")
        os.utime(folders[-1], (time.time() - 10 + number,) * 2)
    others = make_folder(read_visitor(BEN))
    assert sum(folder.exists() for folder in folders) == 5 and others.exists()
    file = served.studio.workspace.folder / "large.gguf"
    file.write_text("x")
    assert Path(hand_out(file, read_visitor(ANNA))["path"]).stat().st_ino == file.stat().st_ino
    assert sum(folder.exists() for folder in folders) == 4 and folders[-1].exists()
    os.utime(folders[-1], (0, 0))
    make_folder(read_visitor(BEN))
    assert not folders[-1].exists(), "an hour is enough"
    disk = type("Disk", (), {"free": 10, "total": 10**12})
    monkeypatch.setattr("studio.shares.quota.shutil.disk_usage", lambda folder: disk)
    with pytest.raises(StudioError):
        served.studio.shares.check_disk()


@pytest.mark.parametrize(
    "name", ["pull", "stop_run", "resume_run", "train_again", "delete_run", "read_settings", "read_output", "look"]
)
@pytest.mark.parametrize("token", [BEN, None])
def test_no_act_of_the_page_touches_anothers_run(served: Shared, hers: str, name: str, token: str | None) -> None:
    answer = served.act(token, name, {"run": hers, "offset": 0, "request": "a" * 32})
    assert tells(answer["error"], "run") and answer["gone"] is True
    assert served.act(ANNA, "pull", {"run": hers, "offset": 0})["facts"]["status"] == "queued"


def test_the_list_shows_ones_own_runs_and_how_many_others_wait(served: Shared, hers: str) -> None:
    assert served.act(BEN, "list_runs", {}) == {"rows": [], "total": 0, "others": 1}
    mine = served.act(ANNA, "list_runs", {})
    assert [row["run"] for row in mine["rows"]] == [hers] and mine["others"] == 0
    assert served.act(BEN, "look", {}) == {"choices": []}
    assert tells(served.act(BEN, "pick", {"run": hers, "part": "test", "index": 0})["error"], "run")


def test_ten_visitors_at_once_each_have_a_place_of_their_own(served: Shared, hers: str) -> None:
    tokens = [f"visitor-number-{number:02d}-of-the-class-of-2026" for number in range(10)]

    def start_two(token: str) -> list[str]:
        return [served.call(token, "start_run", served.recipe, f"click {click}")["run_id"] for click in range(2)]

    with ThreadPoolExecutor(10) as threads:
        runs = dict(zip(tokens, threads.map(start_two, tokens), strict=True))
    seen = {token: [served.call(token, "run_status", run)["position"] for run in runs[token]] for token in tokens}
    places = sorted(place for pair in seen.values() for place in pair)
    assert places == list(range(2, 22)), "Anna was first; nobody shares a place"
    assert max(first for first, _ in seen.values()) < min(second for _, second in seen.values())
    for token in tokens:
        for run in runs[token]:
            assert served.call(token, "stop_run", run)["status"] == "stopped"


def test_without_a_token_nothing_can_be_made(served: Shared) -> None:
    assert "x-studio-visitor" in served.call(None, "start_run", served.recipe, "")
    assert "x-studio-visitor" in served.act(None, "start_run", {"recipe": served.recipe, "request": "a" * 32})["error"]


def test_a_task_is_seen_by_who_uploaded_it(served: Shared, tmp_path: Path) -> None:
    from gradio_client import Client, handle_file

    (tmp_path / "hers.json").write_text(json.dumps(write_task()))
    anna = Client(served.url, verbose=False, headers={"x-studio-visitor": ANNA})
    task_id = anna.predict(file=handle_file(str(tmp_path / "hers.json")), api_name="/import_task")["task_id"]
    assert task_id in {card["task_id"] for card in anna.predict(api_name="/list_tasks")}
    assert task_id not in json.dumps(served.call(BEN, "list_tasks"))
    assert served.act(ANNA, "read_rows", {"task_id": task_id})["pages"] > 1
    assert tells(served.act(BEN, "read_rows", {"task_id": task_id})["error"], task_id)
    hers = {"recipe": {**served.recipe, "task_id": task_id}, "place": 0, "finding": "few examples", "rule": "official"}
    for act in ("check_task", "preview_fix", "fix_task", "choose_split", "see_tokens"):
        assert tells(served.act(BEN, act, hers)["error"], "task"), act
    assert served.act(ANNA, "see_tokens", hers)["total"] > 0 and served.act(ANNA, "check_task", hers)["html"]
    assert tells(served.call(BEN, "estimate", {**served.recipe, "task_id": task_id}), task_id)
    assert served.call(ANNA, "estimate", {**served.recipe, "task_id": task_id})["trainable"] > 0


def test_the_layout_that_everyone_gets_holds_nothing_of_anyone(served: Shared, hers: str) -> None:
    config = httpx.get(f"{served.url}/config", timeout=120).text
    assert hers not in config and hers.split("-", 2)[2] not in config


def test_the_page_knows_the_name_it_is_asked_by_and_nobody_chooses_anothers(served: Shared) -> None:
    for path in ("/", "/config", "/gradio_api/info"):
        for name in ("localhost:99", "127.0.0.1:4711"):
            headers = {"host": name, "x-gradio-server": "http://evil.example", "x-forwarded-proto": "https"}
            told = httpx.get(f"{served.url}{path}", headers=headers, timeout=60).text
            assert "evil" not in told and ".invalid" not in told
            assert f"https://{name}" in told or "info" in path


def test_a_file_of_a_run_can_not_be_fetched(served: Shared, hers: str) -> None:
    folder = served.studio.workspace.find_run_folder(hers)
    for file in ("recipe.json", "owner", "request"):
        assert (folder / file).exists()
        for token in (ANNA, BEN):
            answer = httpx.get(
                f"{served.url}/gradio_api/file={folder / file}", headers={"x-studio-visitor": token}, timeout=120
            )
            assert answer.status_code == 403


ODD = {
    "no such component": ("component_server", {"data": {}, "component_id": -1, "fn_name": "pull", "session_hash": "x"}),
    "no component": ("component_server", {"data": {}, "component_id": None, "fn_name": "pull", "session_hash": "x"}),
    "a list": ("component_server", {"data": {}, "component_id": [1], "fn_name": "pull", "session_hash": "x"}),
    "no act": ("component_server", {"data": {}, "component_id": 1, "fn_name": "__class__", "session_hash": "x"}),
    "no such function": ("queue/join", {"data": [], "fn_index": -1, "session_hash": "x"}),
    "a huge number": ("queue/join", {"data": [], "fn_index": 10**30, "session_hash": "x"}),
    "no function": ("queue/join", {"data": [], "fn_index": None, "session_hash": "x"}),
    "no such endpoint": ("call/nope", {"data": []}),
    "no such endpoint by name": ("call/v2/nope", {}),
    "no such part": ("call/v2/list_tasks", {"x": 1}),
    "past the queue": ("api/list_tasks", {"data": []}),
    "past the queue too": ("run/list_tasks", {"data": []}),
    "a number of digits": ("component_server", '{"data": ' + "1" * 5_000 + "}"),
    "nested deep": ("component_server", '{"data": ' + "[" * 100_000),
    "half a letter": ("component_server", '{"data": {}, "component_id": 1, "fn_name": "\\ud800", "session_hash": "x"}'),
}


@pytest.mark.parametrize("case", ODD)
def test_what_no_page_sends_is_refused_in_words_and_breaks_nothing(served: Shared, case: str) -> None:
    path, body = ODD[case]
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": "application/json", "x-studio-visitor": ANNA}
    answer = httpx.post(f"{served.url}/gradio_api/{path}", content=content, headers=headers, timeout=60)
    assert answer.status_code in (400, 404, 422) and len(answer.text.split()) > 1
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("name", ["", " ", "..", "\x00x.json", "a/../../b.json", "%2e%2e%2fx.json", "🦦" * 200])
def test_a_file_of_any_name_is_taken_or_refused_in_words(served: Shared, name: str) -> None:
    answer = httpx.post(f"{served.url}/gradio_api/upload", files={"files": (name, b"{}")}, timeout=60)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        folder = Path(answer.json()[0]).parent
        assert Path(answer.json()[0]).resolve().parent == folder.resolve()
