"""The public API, asked anything: thousands of calls over HTTP to a real server. Never a traceback, a hang, or a file.

30 calls in the suite, `make zoo` asks for 2,000 (STUDIO_FUZZ). The studio is served as a shared one, where no folder
of its disk may be chosen, so that whatever it reads or writes outside its own folders is a mistake. Nothing trains: a
run of this process keeps the line waiting.
"""

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import give_to_process

from studio.launchers.inline import InlineLauncher
from studio.methods import METHODS
from studio.recipes.recipe import read_recipe
from studio.runs.run import new_run
from studio.service import Studio
from studio.ui.api import ENDPOINTS
from studio.workspace import Workspace

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]
CALLS = int(os.environ.get("STUDIO_FUZZ", "30"))
TOKEN = "a-visitor-of-the-fuzzing-test-0000"
SECRET = "CANARY-THAT-NOBODY-MAY-READ"
PATIENCE_SECONDS = 60
TASK = "studio002_question"
ODD = ("", "\x00", "\ud800", "..", "../../outside/canary.json", "~", "~root", "/", "{", "\u202e", "%2e%2e%2f", "C:\\x")
"""Texts that broke something somewhere once."""


class Server:
    """`python app.py` on a folder of its own, with all that it printed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.canary = folder / "outside" / "canary.json"
        self.canary.parent.mkdir()
        instances = [{"input": SECRET, "output": [SECRET]}] * 20
        self.canary.write_text(json.dumps({"Definition": [SECRET], "Instances": instances}))
        self.trained = train_a_run(self.home)
        self.lines: list[str] = []
        self.seen = 0

    def start(self) -> None:
        with socket.socket() as plug:
            plug.bind(("127.0.0.1", 0))
            port = plug.getsockname()[1]
        environment = {
            "STUDIO_HOME": str(self.home),
            "STUDIO_SHARED": "1",
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(self.folder / "uploads"),
            "TMPDIR": str(self.folder / "uploads"),
            "HOME": str(self.folder / "outside"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        (self.folder / "uploads").mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        ready: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._drain, args=(ready,), daemon=True).start()
        self.url = ready.get(timeout=200)
        assert self.url, self.output()
        headers = {"x-studio-visitor": TOKEN, "content-type": "application/json"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE_SECONDS)

    def _drain(self, ready: "queue.SimpleQueue[str]") -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if "Fine-Tuning Studio: http" in line:
                ready.put(line.split(": ", 1)[1].strip())
        ready.put("")

    def output(self) -> str:
        return "".join(self.lines)

    def news(self) -> str:
        """Return what it printed since it was last asked, at most the end of it."""
        seen, self.seen = self.seen, len(self.lines)
        return "".join(self.lines[seen:])[-6_000:]

    def call(self, endpoint: str, given: list[Any]) -> str:
        """Call an endpoint with anything; return the text of its answer. Fails when none comes."""
        return self.send(endpoint, json.dumps({"data": given}).encode())

    def send(self, endpoint: str, body: bytes) -> str:
        """Call an endpoint with any bytes; return the text of its answer."""
        made = self.client.post(f"/gradio_api/call/{endpoint}", content=body)
        ends = time.monotonic() + PATIENCE_SECONDS  # who is turned away has tried nothing, and asks again
        while made.status_code == 429 and "faster" in made.text and time.monotonic() < ends:
            made = self.client.post(f"/gradio_api/call/{endpoint}", content=body)
        if made.status_code != 200:
            return made.text
        return self.client.get(f"/gradio_api/call/{endpoint}/{made.json()['event_id']}").text

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=120)


def train_a_run(home: Path) -> str:
    """Train a real run of the visitor for two steps, then let another keep the line waiting for ever."""
    studio = Studio(Workspace(home), InlineLauncher(), shared=True).seen_by(TOKEN)
    training = {"max_steps": 2, "batch_size": 2, "evaluate_every": 0, "sample_every": 0}
    run_id = studio.start_run({"task_id": TASK, "training": training})
    studio.scheduler.start_next()
    assert studio.run_status(run_id).status == "finished"
    give_to_process(new_run(studio.workspace, read_recipe({"task_id": TASK})), os.getpid())
    return run_id


def list_files(*folders: Path) -> dict[str, tuple[int, int]]:
    """Return every file below the folders with its size and time of change."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if "__pycache__" not in path.parts and path.is_file():
                found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("fuzz"))
    server.start()
    watched = (ROOT / "studio", ROOT / "assets", server.canary.parent)
    before = list_files(*watched)
    yield server
    server.stop()
    changed = set(list_files(*watched).items()) ^ set(before.items())
    assert not [path for path, _ in changed], "something outside the workspace was written"
    assert {path.name for path in server.folder.iterdir()} == {"home", "outside", "uploads"}
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in server.home.rglob("*") if path.is_file())


# ---- what may come

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from([*ODD, "a" * 5_000, "[" * 5_000]),
    st.sampled_from(["file:///etc/passwd", "null", "NaN", "1e400", "<script>", "${x}", "{{x}}", "\n"]),
)
NUMBERS = st.one_of(
    st.integers(-5, 300), st.integers(), st.floats(), st.sampled_from([2**31, 2**53 + 1, 2**64, -(2**63) - 1, 10**400])
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)


def list_recipes() -> list[dict[str, Any]]:
    """Return a whole recipe for each method and precision that go together: every field that is declared."""
    pairs = [(method, precision) for method in METHODS.members for precision in ("fp32", "nf4")]
    return [
        read_recipe({"task_id": TASK, "method": {"name": method}, "precision": precision}).to_json()
        for method, precision in pairs
        if METHODS.read(method).refuses(read_recipe({"task_id": TASK, "precision": precision}).precision) is None
    ]


def list_paths(value: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = value if isinstance(value, dict) else {}
    return [at, *(path for key in inner for path in list_paths(inner[key], (*at, key)))]


@st.composite
def recipes(draw: Any) -> Any:
    """A whole recipe with nothing to three things broken: a value replaced, left out, or put beside."""
    recipe: Any = json.loads(json.dumps(draw(st.sampled_from(RECIPES))))
    for _ in range(draw(st.integers(0, 3))):
        *above, last = draw(st.sampled_from([path for path in list_paths(recipe) if path]))
        place = recipe
        for key in above:
            place = place[key]
        how = draw(st.sampled_from(["replace", "replace", "leave out", "beside"]))
        if how == "leave out":
            del place[last]
        else:
            place[last if how == "replace" else draw(TEXTS)] = draw(JSON)
    return draw(st.sampled_from([recipe, recipe, json.dumps(recipe)]))


RECIPES = list_recipes()
RUNS = st.sampled_from(["the one that was trained", "20261120-000000-brave-otter", "x/../y", ".", "a" * 300])


@st.composite
def files(draw: Any) -> Any:
    """What stands for a file: mostly a path of the disk that was never uploaded."""
    known = st.sampled_from(["CANARY", "/etc/passwd", "/proc/self/environ", "app.py", "CANARY/../x"])
    path, name = draw(st.one_of(TEXTS, known)), draw(st.one_of(TEXTS, st.just("x.json")))
    data = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    return draw(st.sampled_from([{"path": path}, data, {"url": path}, path]))


def mostly(wanted: Any) -> Any:
    return st.one_of(wanted, wanted, wanted, JSON)


ADDRESSES = st.lists(st.one_of(TEXTS, RUNS.map(lambda run: f"run:{run}"), JSON), max_size=5)


def votes() -> Any:
    """Votes with a part or two that can't be so."""
    parts = {name: mostly(TEXTS) for name in ("choice", "prompt", "base", "tuned")}
    return st.fixed_dictionaries({**parts, "step": NUMBERS}, optional={"messages": JSON})


def merges() -> Any:
    """Orders of a merge, of runs that are there and of others."""
    model = st.one_of(RUNS.map(lambda run: f"run:{run}"), RUNS.map(lambda run: f"run:{run}@2"), TEXTS)
    parent = st.fixed_dictionaries({"model": mostly(model)}, optional={"weight": mostly(NUMBERS), "x": JSON})
    ways = st.sampled_from(["linear", "slerp", "ties", "dare", "task_arithmetic", "magnitude"])
    rest = {"name": mostly(TEXTS), "rank": NUMBERS, "result": mostly(TEXTS), "density": NUMBERS, "seed": NUMBERS}
    parts = {"way": mostly(ways), "parents": mostly(st.lists(parent, max_size=9))}
    return st.fixed_dictionaries(parts, optional=rest)


GIVEN: dict[str, list[Any]] = {
    "list_models": [],
    "list_tasks": [],
    "list_objectives": [],
    "which_way": [mostly(st.dictionaries(st.sampled_from(["labelled", "raw_text", "task_id", "x"]), JSON))],
    "import_task": [mostly(files())],
    "estimate": [mostly(recipes())],
    "start_run": [mostly(recipes()), mostly(TEXTS)],
    "run_status": [mostly(RUNS)],
    "run_events": [mostly(RUNS), NUMBERS],
    "stop_run": [mostly(RUNS)],
    "ask": [mostly(RUNS), mostly(TEXTS), mostly(st.integers(-1, 4)), NUMBERS],
    "score": [mostly(ADDRESSES), mostly(TEXTS), mostly(TEXTS)],
    "compare_scores": [mostly(ADDRESSES), mostly(TEXTS), mostly(TEXTS)],
    "flips": [mostly(ADDRESSES), mostly(TEXTS), mostly(TEXTS)],
    "forgetting": [mostly(TEXTS), mostly(TEXTS)],
    "win_rate": [mostly(ADDRESSES), mostly(TEXTS), mostly(JSON), mostly(TEXTS)],
    "few_labels": [mostly(RUNS)],
    "map_texts": [mostly(RUNS)],
    "look_inside": [mostly(RUNS), mostly(TEXTS), JSON],
    "training_rows": [mostly(RUNS), mostly(TEXTS)],
    "judge": [mostly(RUNS), mostly(TEXTS), mostly(st.lists(TEXTS, max_size=5))],
    "merge": [mostly(st.one_of(merges(), JSON))],
    "push": [mostly(TEXTS), mostly(TEXTS), mostly(TEXTS), mostly(TEXTS)],
    "export": [mostly(TEXTS), mostly(TEXTS), mostly(JSON)],
    "list_runs": [],
    "export_run": [mostly(RUNS)],
    "import_run": [mostly(files())],
    "report": [mostly(RUNS), mostly(TEXTS)],
    "vote": [mostly(RUNS), mostly(st.one_of(votes(), JSON))],
    "export_votes": [mostly(RUNS), mostly(TEXTS)],
}


@st.composite
def calls(draw: Any) -> tuple[str, list[Any]]:
    """An endpoint and what it is given, now and then too little or too much of it."""
    endpoint = draw(st.sampled_from(ENDPOINTS))
    given_ = [draw(part) for part in GIVEN[endpoint]]
    odd = draw(st.integers(0, 19))
    return endpoint, given_[:-1] if odd == 0 else [*given_, draw(JSON)] if odd == 1 else given_


def fill(value: Any, server: Server) -> Any:
    if isinstance(value, str):
        return value.replace("the one that was trained", server.trained).replace("CANARY", str(server.canary))
    if isinstance(value, dict):
        return {key: fill(one, server) for key, one in value.items()}
    return [fill(one, server) for one in value] if isinstance(value, list) else value


def check_answer(server: Server, answer: str) -> None:
    """An answer or a refusal in words, and nothing of what nobody may see."""
    assert "event: complete" in answer or "event: error" in answer or answer.startswith("{"), answer[:500]
    assert "Something broke" not in answer and "Traceback" not in answer and SECRET not in answer, answer[:2000]
    assert "Traceback" not in server.news()


def test_every_endpoint_is_asked() -> None:
    assert set(GIVEN) == set(ENDPOINTS)


@pytest.mark.timeout(120 + CALLS)
@settings(max_examples=CALLS, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False)
@given(call=calls())
def test_anything_is_answered_in_words(server: Server, call: tuple[str, list[Any]]) -> None:
    check_answer(server, server.call(call[0], fill(call[1], server)))


LARGE = "x" * 10_000_000
FITTING = "x" * 450_000
"""Four of these are nearly all that a body may hold."""


@pytest.mark.soon(6)
@pytest.mark.parametrize("endpoint", [name for name, parts in GIVEN.items() if parts])
def test_megabytes_are_refused_in_words(server: Server, endpoint: str) -> None:
    fine: list[Any] = {"run_events": [0], "ask": ["x", 1, 0], "start_run": ["click"]}.get(endpoint, [])
    answer = server.call(endpoint, [4 * FITTING, *fine])
    check_answer(server, answer)
    assert "event: error" in answer and len(answer) < 2_000
    check_answer(server, server.call(endpoint, [{"task_id": FITTING, "path": FITTING, FITTING: FITTING}, *fine]))
    for over in (LARGE, {"task_id": LARGE, "path": LARGE, LARGE: LARGE}):
        refused = server.call(endpoint, [over, *fine])
        assert " MB " in refused and len(refused) < 2_000
    assert "Traceback" not in server.news()


@pytest.mark.parametrize("depth", [500, 50_000])
def test_deep_nesting_is_refused(server: Server, depth: int) -> None:
    for shape in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        for endpoint in ("estimate", "import_task", "run_status"):
            answer = server.send(endpoint, f'{{"data":[{shape}]}}'.encode())
            assert "Traceback" not in server.news()
            assert "event: complete" not in answer


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"data": 7}', b'{"data": null}', b'{"data": {}}', b'{"data": []}'],
)
def test_what_is_no_call_is_refused(server: Server, body: bytes) -> None:
    for endpoint in ("list_models", "run_status"):
        answer = server.send(endpoint, body)
        assert "Traceback" not in server.news() + answer


def test_it_still_answers_a_sane_call(server: Server) -> None:
    assert '"builtin"' in server.call("list_models", [])
    assert TASK in server.call("list_tasks", [])
    assert '"finished"' in server.call("run_status", [server.trained])
    answer = server.call("ask", [server.trained, "Mia sings.", 3, 0])
    assert '"tuned"' in answer, answer
    assert server.process.poll() is None and shutil.which("sh")
