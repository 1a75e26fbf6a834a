"""A shared studio, served: what a program and a page may ask of other people's runs and tasks, over HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from telling import tells
from tiny import WritingLauncher, find_free_port, write_recipe, write_task

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
