"""Runs as files: the same losses elsewhere, and everything that is no run is refused in words."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import import_task, read_all, train_quickly

from studio.archives.run_archive import MANIFEST
from studio.archives.unpacking import unpack_run
from studio.errors import InputError, WorkspaceError
from studio.launchers.inline import InlineLauncher
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.workspace import Workspace

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Run:
    """A run of eight steps with checkpoints of the fourth and the last."""
    workspace = Workspace(tmp_path_factory.mktemp("packed"))
    import_task(workspace)
    return train_quickly(workspace, tiny_model, training={"max_steps": 8, "save_every": 4, "evaluate_every": 4})


@pytest.fixture(scope="module")
def archive(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run as if its child had been killed after the fourth step, packed."""
    studio = Studio(Workspace(trained.folder.parents[1]), InlineLauncher())
    whole = {path: path.read_bytes() for path in trained.folder.rglob("*") if path.is_file()}
    trained.forget_checkpoint(8)
    trained.process_file.unlink()
    lines = trained.events_file.read_text().splitlines(keepends=True)
    cut = next(place for place, line in enumerate(lines) if json.loads(line).get("step") == 5)
    trained.events_file.write_text("".join(lines[:cut]))
    studio.vote(trained.run_id, {"choice": "base", "prompt": "1 + 1", "base": "2", "tuned": "3", "step": 4})
    file = studio.archives.export(trained.run_id, tmp_path_factory.mktemp("exports"))
    for path, data in whole.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return file


def read_losses(run: Run) -> dict[int, float]:
    """Return step -> loss."""
    return {event["step"]: event["loss"] for event in read_all(run) if event["event"] == "metrics"}


def repack(archive: Path, target: Path, change: Change) -> Path:
    """Write an archive whose files were changed by hand, the first one's sizes and hashes set right."""
    import hashlib

    with zipfile.ZipFile(archive) as source:
        files = {name: source.read(name) for name in source.namelist()}
    change(files)
    manifest = json.loads(files.pop(MANIFEST))
    manifest["files"] = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    }
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr(MANIFEST, json.dumps(manifest))
        for name, data in files.items():
            packed.writestr(name, data)
    return target


def test_an_imported_run_goes_on_with_the_same_losses(trained: Run, archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        assert not [name for name in packed.namelist() if name.endswith((".pt", ".pth", ".bin", ".pkl"))]
    elsewhere = Studio(Workspace(tmp_path / "elsewhere"), InlineLauncher())
    found = elsewhere.archives.import_run(archive, trained.load_recipe().model)
    assert (found.run_id, found.warnings) == (trained.run_id, ())
    status = elsewhere.run_status(found.run_id)
    assert (status.status, status.checkpoints) == ("lost", [4]) and status.can_resume
    assert elsewhere.count_votes(found.run_id).base == 1
    elsewhere.resume_run(found.run_id)
    elsewhere.scheduler.start_next()
    assert elsewhere.run_status(found.run_id).status == "finished"
    assert read_losses(find_run(elsewhere.workspace, found.run_id)) == read_losses(trained)


def test_a_run_that_is_here_already_is_kept_beside(trained: Run, archive: Path) -> None:
    studio = Studio(Workspace(trained.folder.parents[1]), InlineLauncher())
    before = {path.name for path in studio.workspace.runs.iterdir()}
    found = studio.archives.import_run(archive)
    assert found.run_id not in before and studio.run_status(found.run_id).checkpoints == [4]
    assert trained.list_checkpoints() == [4, 8] and not list((studio.workspace.cache / "imports").iterdir())
    studio.delete_run(found.run_id)


def test_a_missing_base_is_told_and_a_missing_task_too(archive: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        recipe = {**json.loads(files["recipe.json"]), "model": "/no/such/folder"}
        files["recipe.json"] = json.dumps(recipe).encode()
        manifest = json.loads(files[MANIFEST])
        del files["tasks/0.json"]
        files[MANIFEST] = json.dumps({**manifest, "tasks": []}).encode()

    studio = Studio(Workspace(tmp_path / "elsewhere"), InlineLauncher())
    found = studio.archives.import_run(repack(archive, tmp_path / "odd.zip", change))
    assert len(found.warnings) == 2 and tells(" ".join(found.warnings), "tiny_sums /no/such/folder")


def test_a_folder_that_nobody_needs_is_refused(archive: Path, tiny_model: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["recipe.json"] = json.dumps({**json.loads(files["recipe.json"]), "model": "builtin"}).encode()
        files[MANIFEST] = json.dumps({**json.loads(files[MANIFEST]), "base": None}).encode()

    studio = Studio(Workspace(tmp_path / "elsewhere"), InlineLauncher())
    with raises(InputError, (str(tiny_model), "builtin"), field="base"):
        studio.archives.import_run(repack(archive, tmp_path / "odd.zip", change), str(tiny_model))
    assert not studio.list_runs()


def test_a_base_in_a_folder_is_known_again_by_its_content(
    trained: Run, archive: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as packed:
        told = {name: packed.read(name) for name in packed.namelist()}
    assert not [name for name, data in told.items() if str(tiny_model.parent).encode() in data]
    assert json.loads(told["recipe.json"])["model"] == f"./{tiny_model.name}"
    elsewhere = Studio(Workspace(tmp_path / "elsewhere"), InlineLauncher())
    first = elsewhere.archives.import_run(archive)
    assert tells(" ".join(first.warnings), f"{tiny_model.name} base")
    moved = shutil.copytree(tiny_model, tmp_path / "another-name")
    again = elsewhere.archives.import_run(archive, str(moved))
    assert not again.warnings and find_run(elsewhere.workspace, again.run_id).load_recipe().model == str(moved)
    assert first.missing_base == f"./{tiny_model.name}" and not again.missing_base
    with raises(InputError, f"builtin {tiny_model.name}", field="base"):
        elsewhere.archives.give_base(first.run_id, "builtin")
    elsewhere.archives.give_base(first.run_id, str(moved))
    assert elsewhere.ask(first.run_id, "1 + 1", max_tokens=4).tuned is not None
    with raises(InputError, "another-name", field="base"):
        elsewhere.archives.give_base(first.run_id, str(moved))
    third = elsewhere.archives.import_run(archive)
    assert not third.warnings, "another run here was made on the same model"
    (moved / "config.json").write_text((moved / "config.json").read_text() + " ")
    with raises(InputError, f"another-name {tiny_model.name}", field="base"):
        elsewhere.archives.import_run(archive, str(moved))


def put(name: str, data: bytes | str) -> Change:
    """A change that puts a file into an archive."""
    return lambda files: files.update({name: data.encode() if isinstance(data, str) else data})


def drop(name: str) -> Change:
    """A change that takes one out."""
    return lambda files: files.pop(name) and None


STEP = "checkpoints/step-4"
HOSTILE = {
    "a path that leads out": (put("../evil.json", "{}"), "../evil.json"),
    "an absolute path": (put("/etc/cron.d/x.json", "{}"), "/etc/cron.d"),
    "a pickle": (put(f"{STEP}/optimizer.pt", b"\x80\x04"), "optimizer.pt"),
    "an owner": (put("owner", "somebody"), "owner"),
    "a wish to go on": (put("resume", ""), "resume"),
    "no recipe": (drop("recipe.json"), "recipe.json"),
    "a recipe of another kind": (put("recipe.json", '{"task_id": "x", "method": {"name": "evil"}}'), "evil"),
    "a recipe without end": (put("recipe.json", b" " * 2_000_000), "recipe.json 1"),
    "lines that are no events": (
        lambda files: files.update({"events.jsonl": files["events.jsonl"] + b"\n" * 20_000}),
        "events.jsonl 100",
    ),
    "a pickle called a reference": (put("reference.safetensors", b"\x80\x04cos\nsystem\n."), "reference.safetensors"),
    "no events": (put("events.jsonl", "{}\n"), "events"),
    "a damaged task": (put("tasks/0.json", '{"Instances": 7}'), "0.json"),
    "weights that are cut": (put(f"{STEP}/adapter_model.safetensors", b"\x00" * 40), "step 4"),
    "foreign code": (put(f"{STEP}/adapter_config.json", '{"auto_map": {"A": "x--y"}}'), "adapter_config.json"),
    "another library": (
        put(f"{STEP}/adapter_config.json", '{"auto_mapping": {"parent_library": "os"}}'),
        "adapter_config.json",
    ),
    "a state made by hand": (put(f"{STEP}/state.safetensors", b'\x02\x00\x00\x00\x00\x00\x00\x00{}'), "state"),
    "another form": (
        lambda files: files.update({MANIFEST: files[MANIFEST].replace(b'"form": 1', b'"form": 9')}),
        "9 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(archive: Path, tmp_path: Path, name: str) -> None:
    change, said = HOSTILE[name]
    odd, folder = repack(archive, tmp_path / "odd.zip", change), tmp_path / "out"
    folder.mkdir()
    with raises(InputError, said):
        unpack_run(odd, folder)
    assert not (tmp_path / "evil.json").exists()


def test_a_link_and_a_size_that_is_a_lie_are_refused(archive: Path, tmp_path: Path) -> None:
    def lie(files: dict[str, bytes]) -> None:
        manifest = json.loads(files[MANIFEST])
        manifest["files"]["recipe.json"]["bytes"] = 10**15
        files[MANIFEST] = json.dumps(manifest).encode()

    with zipfile.ZipFile(archive) as packed:
        whole = {name: packed.read(name) for name in packed.namelist()}
    lying = dict(whole)
    lie(lying)
    for files, mode, said in ((whole, 0o120777, "link votes.jsonl"), (lying, 0o100644, f"recipe.json {MANIFEST}")):
        with zipfile.ZipFile(tmp_path / "odd.zip", "w") as packed:
            for name, data in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (mode if name == "votes.jsonl" else 0o100644) << 16
                packed.writestr(info, data)
        (tmp_path / "out").mkdir(exist_ok=True)
        with raises(InputError, said, field="file"):
            unpack_run(tmp_path / "odd.zip", tmp_path / "out")
        assert not list((tmp_path / "out").iterdir())


def test_a_damaged_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    studio, data = Studio(Workspace(tmp_path / "elsewhere"), InlineLauncher()), archive.read_bytes()
    for number, odd in enumerate((data[: len(data) // 2], b"", b"PK\x03\x04", data[:-200])):
        file = tmp_path / f"{number}.zip"
        file.write_bytes(odd)
        with raises(InputError, field="file"):
            studio.archives.import_run(file)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
    lying = tmp_path / "lying.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(lying, "w") as packed:
        for name in names:
            packed.writestr(name, source.read(name) if name != "recipe.json" else b'{"task_id": "another"}')
    with raises(InputError, "recipe.json", field="file"):
        studio.archives.import_run(lying)
    with raises(InputError, "room", field="file"):
        (tmp_path / "small").mkdir()
        unpack_run(archive, tmp_path / "small", most_bytes=1000)
    assert not studio.list_runs() and not list((studio.workspace.cache / "imports").iterdir())


def test_what_has_not_ended_is_not_exported(trained: Run, tiny_model: Path, tmp_path: Path) -> None:
    studio = Studio(Workspace(trained.folder.parents[1]), InlineLauncher())
    recipe: dict[str, Any] = trained.load_recipe().to_json()
    run_id = studio.start_run(recipe)
    with raises(InputError, "queue", field="run_id"):
        studio.archives.export(run_id, tmp_path)
    studio.stop_run(run_id)
    with raises((InputError, WorkspaceError), field="run_id"):
        studio.archives.export(run_id, tmp_path)
    studio.delete_run(run_id)
