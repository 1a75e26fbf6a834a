"""The named endpoints, asked as another program asks them: with gradio_client, over HTTP."""

import importlib.util
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import find_free_port, run_async

from tests.test_ui_steps import write_task

HAS_TOOLS = importlib.util.find_spec("mcp") is not None


class Served:
    """A served studio, a client of it, and the recipe of a run that takes a second."""

    def __init__(self, client: Any, studio: Any, model: Path) -> None:
        self.client, self.studio = client, studio
        self.recipe = {
            "model": str(model),
            "task_id": "studio002_question",
            "method": {"name": "lora", "rank": 4},
            "training": {"max_steps": 2, "batch_size": 2, "evaluate_every": 0, "sample_every": 0},
        }

    def ask(self, endpoint: str, **given: Any) -> Any:
        """Call one endpoint."""
        return self.client.predict(**given, api_name=f"/{endpoint}")

    def refusal(self, endpoint: str, **given: Any) -> str:
        """Call one endpoint that has to refuse, and return its words."""
        with pytest.raises(Exception) as error:
            self.ask(endpoint, **given)
        words = str(error.value)
        assert "Traceback" not in words
        assert ".py" not in words
        return words

    def finish(self, run_id: str, seconds: float = 200) -> dict[str, Any]:
        """Wait until a run has ended, and return its last status."""
        until = time.monotonic() + seconds
        while True:
            status: dict[str, Any] = self.ask("run_status", run_id=run_id)
            if status["status"] in ("finished", "failed", "stopped", "lost") or time.monotonic() > until:
                return status
            time.sleep(0.1)


@contextmanager
def serve(home: Path, model: Path) -> Iterator[Served]:
    """Serve the page on a free port, with the launcher that trains in this process."""
    from gradio_client import Client

    from studio.launchers.inline import InlineLauncher
    from studio.service import Studio
    from studio.ui.page import build_page, make_launch
    from studio.workspace import Workspace

    studio = Studio(Workspace(home), launcher=InlineLauncher()).open()
    page, launch = build_page(studio), make_launch(tools=HAS_TOOLS)
    _, url, _ = page.launch(server_name="127.0.0.1", server_port=find_free_port(), prevent_thread_lock=True, **launch)
    yield Served(Client(url, verbose=False), studio, model)
    page.close(verbose=False)
    studio.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Served]:
    """The page, served for the tests of this file."""
    with serve(tmp_path_factory.mktemp("api") / "home", tiny_model) as served:
        yield served


def test_the_api_is_what_it_says(served: Served) -> None:
    from studio.ui.api import ENDPOINTS

    named = served.client.view_api(return_format="dict")["named_endpoints"]
    assert set(named) == {f"/{name}" for name in ENDPOINTS}
    assert all(endpoint["description"] for endpoint in named.values())


@pytest.mark.skipif(not HAS_TOOLS, reason="mcp isn't installed here; `make test` does")
def test_the_endpoints_are_tools_of_an_mcp_server(served: Served) -> None:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    from studio.ui.api import ENDPOINTS

    async def ask() -> tuple[Any, Any, Any]:
        address = f"{served.client.src}gradio_api/mcp/"
        async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            listed = await session.list_tools()
            refused = {"checkpoints": [], "task_id": "studio002_question", "part": "test"}
            score = next(tool.name for tool in listed.tools if tool.name.endswith("score"))
            return listed, await session.call_tool("list_models", {}), await session.call_tool(score, refused)

    listed, answer, refusal = run_async(ask())
    assert {tool.name for tool in listed.tools} >= set(ENDPOINTS) and all(tool.description for tool in listed.tools)
    assert not answer.isError and "builtin" in answer.content[0].text
    assert refusal.isError and tells(refusal.content[0].text, "checkpoints 4 0")


def test_models_and_tasks_are_listed(served: Served) -> None:
    assert served.ask("list_models")[0]["ref"] == "builtin"
    tasks = served.ask("list_tasks")
    assert {"task_id", "title", "instances"} <= set(tasks[0]) and {task["kind"] for task in tasks} >= {"instruction"}
    assert "studio002_question" in {task["task_id"] for task in tasks}


def test_objectives_are_listed(served: Served) -> None:
    found = {one["name"]: one for one in served.ask("list_objectives")}
    assert found["dpo"]["kinds"] == ["preference"] and found["kto"]["kinds"] == ["rating"]
    assert "beta" in {field["name"] for field in found["dpo"]["fields"]}
    margin = next(one for one in found["dpo"]["measures"] if one["name"] == "margin")
    assert (margin["better"], margin["unit"]) == ("high", "nats")


def test_a_task_is_imported(served: Served, tmp_path: Path) -> None:
    from gradio_client import handle_file

    imported = served.ask("import_task", file=handle_file(str(write_task(tmp_path, 30))))
    assert imported["task_id"] == "task900_made_up"
    assert imported["instances"] == 30
    assert any("Surprise" in warning for warning in imported["warnings"])
    assert "task900_made_up" in {task["task_id"] for task in served.ask("list_tasks")}


def test_a_wrong_file_is_refused_in_words(served: Served, tmp_path: Path) -> None:
    from gradio_client import handle_file

    (tmp_path / "empty.json").write_text("")
    assert "empty" in served.refusal("import_task", file=handle_file(str(tmp_path / "empty.json")))


@pytest.mark.parametrize(
    "file",
    [
        {"path": "/etc/passwd"},
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"path": "../../etc/passwd", "orig_name": "x.json"},
        {"path": 7},
        {"path": "\x00"},
        {"path": "a" * 5_000},
        {},
        "/etc/passwd",
        None,
        [1],
    ],
)
@pytest.mark.parametrize("endpoint", ["import_task", "import_run"])
def test_no_path_of_the_disk_can_be_imported(served: Served, endpoint: str, file: Any) -> None:
    import httpx  # by hand: gradio_client would upload the file that a path names, as it may

    url = f"{served.client.src}gradio_api/call/{endpoint}"
    asked = httpx.post(url, json={"data": [file]}, timeout=120)
    answer = httpx.get(f"{url}/{asked.json()['event_id']}", timeout=120).text if asked.is_success else asked.text
    assert "event: error" in answer or not asked.is_success
    assert "root:" not in answer and "Something broke" not in answer


def test_an_estimate_takes_a_recipe_as_object_or_text(served: Served) -> None:
    estimate = served.ask("estimate", recipe=served.recipe)
    assert 0 < estimate["trainable"] < estimate["total"]
    assert estimate["memory_bytes"] > 0
    assert served.ask("estimate", recipe=json.dumps(served.recipe))["trainable"] == estimate["trainable"]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({}, "names no task"),
        ("{", "JSON"),
        ([1], "a list"),
        (None, "nothing"),
        (7, "a number"),
        ({"task_id": "studio002_question", "method": {"name": "lorra"}}, "lora"),
        ({"task_id": "studio002_question", "method": {"name": "lora", "rank": 0}}, "rank 1 256"),
        ({"task_id": "no_such_task"}, "no_such_task"),
        ({"task_id": "studio002_question", "model": "/no/such/folder"}, "/no/such/folder"),
    ],
)
def test_a_wrong_recipe_is_refused_in_the_words_of_the_page(served: Served, recipe: Any, said: str) -> None:
    assert tells(served.refusal("estimate", recipe=recipe), said)
    assert tells(served.refusal("start_run", recipe=recipe), said)


def test_a_run_from_start_to_answer(served: Served) -> None:
    run_id = served.ask("start_run", recipe=served.recipe, request="one click")["run_id"]
    assert served.ask("start_run", recipe=served.recipe, request="one click")["run_id"] == run_id
    status = served.finish(run_id)
    assert status["status"] == "finished", status
    assert (status["step"], status["of"]) == (2, 2)
    assert status["trainable"] == served.ask("estimate", recipe=served.recipe)["trainable"]
    page = served.ask("run_events", run_id=run_id)
    assert page["events"][0]["event"] == "started"
    assert served.ask("run_events", run_id=run_id, offset=page["offset"])["events"] == []
    answers = served.ask("ask", run_id=run_id, prompt="Mia sings.", max_tokens=4)
    assert {"base", "tuned"} <= set(answers)
    assert answers["base"] == served.ask("ask", run_id=run_id, prompt="Mia sings.", max_tokens=4)["base"]
    beside = ["builtin", f"run:{run_id}@2"]
    more = served.ask("ask", run_id=run_id, prompt="Mia sings.", max_tokens=4, models=beside)
    assert (more["base"], more["tuned"]) == (answers["base"], answers["tuned"])
    assert [said["model"] for said in more["columns"]] == [served.recipe["model"], beside[1], *beside]
    assert more["columns"][3]["answer"] == answers["tuned"] and more["columns"][2]["title"]
    said = served.refusal("ask", run_id=run_id, prompt="Mia sings.", models=["builtin"] * 3)
    assert tells(said, "2 3"), said


@pytest.mark.parametrize(
    ("endpoint", "given", "said"),
    [
        ("run_status", {"run_id": 7}, "run_id"),
        ("run_status", {"run_id": "../../etc"}, "run"),
        ("run_status", {"run_id": "20261120-000000-brave-otter"}, "run"),
        ("run_status", {"run_id": "a" * 5000}, "200"),
        ("run_events", {"run_id": "20261120-000000-brave-otter", "offset": -1}, "offset"),
        ("run_events", {"run_id": "20261120-000000-brave-otter", "offset": "x"}, "text"),
        ("stop_run", {"run_id": None}, "nothing"),
        ("ask", {"run_id": "20261120-000000-brave-otter", "prompt": "x", "max_tokens": 10**9}, "max_tokens"),
        ("ask", {"run_id": "20261120-000000-brave-otter", "prompt": ["x"]}, "prompt ['x']"),
        ("ask", {"run_id": "20261120-000000-brave-otter", "prompt": "x", "seed": True}, "seed"),
        ("score", {"checkpoints": "builtin", "task_id": "studio002_question"}, "checkpoints"),
        ("score", {"checkpoints": ["\0"], "task_id": "studio002_question"}, "hub"),
        ("compare_scores", {"checkpoints": ["builtin"], "task_id": "studio002_question"}, "1"),
        ("flips", {"checkpoints": ["builtin"] * 2, "task_id": {}}, "task_id"),
        ("flips", {"checkpoints": ["builtin"] * 2, "task_id": "studio002_question", "part": [[]]}, "part unseen"),
        ("forgetting", {"checkpoint": ["builtin"]}, "checkpoint ['builtin']"),
        ("import_run", {"file": "/etc/passwd"}, "file handle_file"),
        ("forgetting", {"checkpoint": "builtin"}, "builtin"),
        ("training_rows", {"run_id": "20261120-000000-brave-otter", "text": ["x"]}, "text"),
        ("vote", {"run_id": "20261120-000000-brave-otter", "vote": {}}, "brave-otter"),
        ("export_votes", {"run_id": [], "what": "preferences"}, "run_id"),
        ("export_run", {"run_id": "a" * 5000}, "200"),
        ("report", {"run_id": "../../etc", "form": "html"}, "run"),
    ],
)
def test_wrong_parts_are_refused_in_words(served: Served, endpoint: str, given: dict[str, Any], said: str) -> None:
    assert tells(served.refusal(endpoint, **given), said)


def test_a_bug_is_an_apology_to_another_program_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(self: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(served.studio), "list_models", break_down)
    words = served.refusal("list_models")
    assert "broke" in words
    assert "secret" not in words


def test_evidence_is_asked_for(served: Served, tmp_path: Path) -> None:
    from gradio_client import handle_file

    served.ask("import_task", file=handle_file(str(write_task(tmp_path, 30))))
    recipe = {**served.recipe, "task_id": "task900_made_up"}
    run_id = served.ask("start_run", recipe=recipe)["run_id"]
    assert served.finish(run_id)["status"] == "finished"
    asked = {"checkpoints": [served.recipe["model"], f"run:{run_id}"], "task_id": "task900_made_up"}
    values = served.ask("score", **asked)
    assert all({"checkpoint", "metric", "value", "low", "high", "n"} <= value.keys() for value in values)
    assert {value["checkpoint"] for value in values} == {served.recipe["model"], f"run:{run_id}@2"}
    found = served.ask("compare_scores", **asked)
    assert {"wins", "losses", "p", "sentence", "smallest_difference"} <= found.keys() and found["n"] == 3
    flips = served.ask("flips", **asked)
    assert [flip["fate"] for flip in flips].count("better") == found["wins"] and len(flips) == 3
    forgotten = served.ask("forgetting", checkpoint=f"run:{run_id}")
    assert forgotten["nats_per_token"] == pytest.approx(forgotten["after"] - forgotten["before"])
    answers = served.ask("ask", run_id=run_id, prompt="1 + 1", max_tokens=2)
    tokens = [said["tokens"] for said in answers["columns"]]
    inside = served.ask("look_inside", run_id=run_id, prompt="1 + 1", tokens=tokens)
    assert [len(one["tokens"]) for one in inside] == [len(said) + 1 for said in tokens]
    assert all(0 <= value <= 1 for one in inside for each in one["columns"] for value in each["probabilities"])
    assert served.ask("training_rows", run_id=run_id, text=flips[0]["wanted"][0])["of"] > 0
    for wrong in ([[-1], [1]], None, 7, {}):
        assert tells(served.refusal("look_inside", run_id=run_id, prompt="1 + 1", tokens=wrong), "tokens")
    assert tells(served.refusal("score", **{**asked, "checkpoints": []}), "checkpoints 4 0")
    file = served.ask("export", model=f"run:{run_id}", form="recipe")
    assert json.loads(Path(file).read_text())["task_id"] == "task900_made_up" and Path(file).suffix == ".json"
    assert tells(served.refusal("export", model=f"run:{run_id}", form="zip"), "zip adapter merged")
    assert tells(served.refusal("compare_scores", **{**asked, "part": "all"}), "part validation unseen")
    assert tells(served.refusal("forgetting", checkpoint="run:nobody-otter"), "nobody-otter")
    assert tells(served.refusal("judge", run_id=run_id, prompt="1 + 1", answers=["2"]), "judge answers")


@pytest.mark.long
def test_votes_become_a_task_and_a_run_leaves_as_a_file(served: Served, tmp_path: Path) -> None:
    from gradio_client import handle_file

    from studio.tasks.split import split_task

    run_id = served.ask("start_run", recipe={**served.recipe, "training": {"max_steps": 2, "batch_size": 2}})["run_id"]
    assert served.finish(run_id)["status"] == "finished"
    assert run_id in {run["run_id"] for run in served.ask("list_runs") if run["kind"] == "training"}
    assert tells(served.refusal("export_votes", run_id=run_id), "0")
    for number, choice in enumerate(("base", "tuned", "tuned", "same", "bad")):
        vote = {"choice": choice, "prompt": f"{number} + 1", "base": "a", "tuned": "b", "step": 1}
        tally = served.ask("vote", run_id=run_id, vote=vote)
    assert (tally["base"], tally["same"], tally["tuned"], tally["bad"]) == (1, 1, 2, 1)
    assert tells(served.refusal("vote", run_id=run_id, vote={"choice": "both"}), "base same tuned bad both")
    task = served.ask("export_votes", run_id=run_id)
    assert task["instances"] == 3 and tells(" ".join(task["warnings"]), "2")
    kept = served.studio.load_task(task["task_id"])
    assert (kept.kind, kept.version) == ("preference", task["version"])
    assert {(one.output[0], one.rejected) for one in kept.instances} == {("a", "b"), ("b", "a")}
    assert all(one.extra["run"] == run_id for one in kept.instances)
    assert split_task(kept).train, "ready to train on"
    assert served.ask("export_votes", run_id=run_id)["version"] == task["version"]

    page = Path(served.ask("report", run_id=run_id)).read_text()
    assert tells(page, (run_id.split("-", 2)[2], "5 votes")) and "<polyline" in page
    assert not re.search(r"(src|href|url|xmlns)\s*[=(]", page), "it asks nobody for anything"
    card = Path(served.ask("report", run_id=run_id, form="markdown")).read_text()
    assert card.startswith("---\n") and tells(card, "votes reproduce")
    assert tells(served.refusal("report", run_id=run_id, form="pdf"), "html markdown pdf")

    file = served.ask("export_run", run_id=run_id)
    again = served.ask("import_run", file=handle_file(file))
    assert again["run_id"] != run_id and again["warnings"] == []
    assert served.ask("run_status", run_id=again["run_id"])["checkpoints"] == [1, 2]
    assert served.studio.count_votes(again["run_id"]).tuned == 2
    (tmp_path / "half.zip").write_bytes(Path(file).read_bytes()[:3000])
    assert tells(served.refusal("import_run", file=handle_file(str(tmp_path / "half.zip"))), "damaged")
    assert tells(served.refusal("export_run", run_id="20261120-000000-brave-otter"), "brave-otter")
