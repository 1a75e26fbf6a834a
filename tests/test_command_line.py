"""The studio without the page: words and an exit status, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from telling import tells
from tiny import import_task, make_run, write_recipe

from studio.__main__ import main
from studio.runs.event import EventWriter
from studio.workspace import Workspace


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "studio", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=280)


def test_a_recipe_is_trained_to_a_line_of_json(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    import_task(workspace)
    file = tmp_path / "recipe.json"
    file.write_text("\ufeff" + json.dumps(write_recipe(tiny_model)), encoding="utf-8")
    done = run("--workspace", str(workspace.folder), "train", str(file))
    assert done.returncode == 0, done.stderr
    sentence, named, last = done.stdout.splitlines()
    assert sentence.startswith("tiny-llama learns Tiny sums (48 examples) by LoRA, rank 4")
    told = json.loads(last)
    assert named == f"Run {told['run_id']}"
    assert (told["status"], told["step"]) == ("finished", 8) and told["loss"] > 0 and told["validation_loss"] > 0
    assert "Traceback" not in done.stderr
    assert (workspace.runs / told["run_id"] / "output.log").is_file()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "can't be read"),
        ("{", "JSON"),
        ("[]", "recipe object"),
        ("{}", "task"),
        ('{"task_id": "tiny_sums", "method": {"name": "lora", "rank": 0}}', "rank 1 256 0"),
        ('{"task_id": "gone"}', "gone"),
        ('{"task_id": "tiny_sums", "model": "/gone"}', "/gone"),
    ],
)
def test_what_can_not_be_used_is_told_in_words(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    import_task(workspace)
    file = tmp_path / "recipe.json"
    if text is not None:
        file.write_text(text)
    assert main(["--workspace", str(workspace.folder), "train", str(file)]) == 2
    told = capsys.readouterr()
    assert tells(told.err, words) and "Traceback" not in told.err
    assert list(workspace.runs.iterdir()) == []


def test_a_binary_file_is_no_recipe(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.json").write_bytes(b"\xff\x00")
    assert main(["--workspace", str(workspace.folder), "train", str(tmp_path / "recipe.json")]) == 2
    assert "can't be read" in capsys.readouterr().err


def test_a_run_that_is_not_there_has_no_score(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workspace", str(workspace.folder), "score", "brave-otter"]) == 2
    assert tells(capsys.readouterr().err, "brave-otter")


def test_a_run_leaves_as_a_file_and_comes_back(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(workspace, task_id="studio002_question")
    with EventWriter(run.events_file) as events:
        events.append("started", pid=1)
        events.append("stopped", step=0)
    here, there = (["--workspace", str(folder)] for folder in (workspace.folder, tmp_path / "there"))
    assert main([*here, "archive", run.run_id, "--to", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*.run.zip")
    assert str(file) in capsys.readouterr().out
    assert main([*there, "import", str(file)]) == 0 and run.run_id in capsys.readouterr().out
    assert main([*there, "import", str(tmp_path / "none.zip")]) == 2 and tells(capsys.readouterr().err, "none.zip")


def test_a_workspace_that_can_not_be_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--workspace", str(tmp_path / "file"), "score", "x"]) == 2
    assert tells(capsys.readouterr().err, "file")


def test_an_error_leaves_no_traceback_behind(workspace: Workspace) -> None:
    done = run("--workspace", str(workspace.folder), "train", "-", given="{")
    assert done.returncode == 2 and tells(done.stderr, "JSON") and done.stdout == ""
