"""kill -9 before every single operation on a file while a model is merged or exported: nothing of it, or all of it."""

import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from tiny import import_task, train_quickly, wait_until

from studio.checkpoints.merges import find_merges_folder
from studio.launchers.inline import InlineLauncher
from studio.runs.run import Run, find_run
from studio.runs.status import Watch
from studio.service import Studio
from studio.works.export import Export
from studio.workspace import Workspace

SHORT = {"max_steps": 2, "save_every": 0, "evaluate_every": 0, "learning_rate": 0.02}
ORDERS: dict[str, dict[str, Any]] = {
    "an adapter": {"way": "task_arithmetic", "result": "exact"},
    "a whole model": {"way": "ties", "result": "full"},
}
FORMS: dict[str, dict[str, Any]] = {"merged": {"dtype": "fp32", "shard_gb": 0.0001}, "gguf": {"numbers": "f32"}}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Studio:
    """A studio whose queue starts nothing by itself."""
    workspace = Workspace(tmp_path_factory.mktemp("killed"))
    import_task(workspace)
    for method in ("lora", "full"):
        train_quickly(workspace, tiny_model, method=method, training=SHORT)
    return Studio(workspace, InlineLauncher())


def list_parents(studio: Studio) -> list[str]:
    return sorted(f"run:{run.run_id}@2" for run in studio.list_runs() if run.kind == "training")


def end_of(nursery: Nursery, run: Run) -> int:
    """Wait until a run's child has ended; return how."""
    launch = run.find_launch()
    assert launch is not None
    pid = launch.ticket["pid"]
    return int(wait_until(lambda: (code := nursery.find_exit_code(pid)) is not None and (code, True))[0])


def kill_before_each_operation(nursery: Nursery, studio: Studio, run: Run, check: Any) -> int:
    """Start work again and again, each time killed an operation later, until it ends; return how often."""
    for kills in range(200):
        nursery.doom = kills + 1
        nursery.launch(studio.workspace, run)
        if end_of(nursery, run) != -signal.SIGKILL:
            assert Watch(run).look().status == "finished", run.read_output()
            return kills
        check(Watch(run).look().status)
    pytest.fail("It never ended.")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", ORDERS)
def test_a_kill_in_any_phase_of_a_merge_leaves_nothing_or_all(studio: Studio, nursery: Nursery, what: str) -> None:
    name = what.replace(" ", "-")
    parents = [each for each in list_parents(studio) if what == "a whole model" or is_lora(studio, each)]
    order = {**ORDERS[what], "parents": [{"model": model, "weight": 0.5} for model in parents]}
    wanted = read_weights_of(studio, studio.merges.merge({**order, "name": f"{name}-whole"}).name)
    run = find_run(studio.workspace, studio.merges.start({**order, "name": name}))

    def check(status: str) -> None:
        assert status == "lost"
        if name in {card.name for card in studio.merges.list_merges()}:  # killed after the rename
            assert read_weights_of(studio, name) == wanted

    assert kill_before_each_operation(nursery, studio, run, check) > 15
    assert read_weights_of(studio, name) == wanted
    folders = {folder.name for folder in find_merges_folder(studio.workspace).iterdir()}
    assert not {each for each in folders if each.startswith(".")} and not (run.folder / ".merge").exists()


def is_lora(studio: Studio, model: str) -> bool:
    return find_run(studio.workspace, model[4:].partition("@")[0]).load_recipe().method.name == "lora"


def read_weights_of(studio: Studio, name: str) -> dict[str, bytes]:
    """The files of weights of a merge."""
    folder = find_merges_folder(studio.workspace) / name
    return {file.name: file.read_bytes() for file in folder.glob("*.safetensors")}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("form", FORMS)
def test_a_kill_in_any_phase_of_an_export_leaves_no_file_or_a_whole_one(
    studio: Studio, nursery: Nursery, form: str
) -> None:
    (model,) = (each for each in list_parents(studio) if is_lora(studio, each))
    run = find_run(studio.workspace, studio.exports.start(model, form, FORMS[form]))

    def check(status: str) -> None:
        assert status == "lost" and len(list(run.exports_folder.glob("*"))) <= 1

    assert kill_before_each_operation(nursery, studio, run, check) > 10
    (file,) = run.exports_folder.iterdir()
    assert not (run.folder / ".export").exists()
    again = find_run(studio.workspace, queue_again(studio, run))
    InlineLauncher().launch(studio.workspace, again)
    assert measure(file) == measure(next(again.exports_folder.iterdir()))


def queue_again(studio: Studio, run: Run) -> str:
    """Put what a run exports into the queue a second time."""
    return Export.load(run).queue(studio.workspace).run_id


def measure(file: Path) -> dict[str, Any]:
    """What an export holds: of a ZIP each file's checksum, else the bytes."""
    if file.suffix != ".zip":
        return {"": file.read_bytes()}
    with zipfile.ZipFile(file) as archive:
        return {info.filename: info.CRC for info in archive.infolist()}


@pytest.mark.long
def test_two_exports_at_the_same_moment_are_both_whole(studio: Studio, nursery: Nursery) -> None:
    (model,) = (each for each in list_parents(studio) if is_lora(studio, each))
    first = find_run(studio.workspace, studio.exports.start(model, "merged", {"dtype": "bf16"}))
    runs = [first, find_run(studio.workspace, queue_again(studio, first))]
    for run in runs:
        nursery.launch(studio.workspace, run)
    assert [end_of(nursery, run) for run in runs] == [0, 0]
    one, other = (measure(next(run.exports_folder.iterdir())) for run in runs)
    assert one == other and len(one) > 3
