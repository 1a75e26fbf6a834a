"""Packing: a run's folder becomes one file. Reads the folder and changes nothing in it."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from studio.archives.plain_state import FILE, freeze
from studio.archives.run_archive import FORM, LOGS, MANIFEST, MEMBER, REFERENCE, Manifest, PackedTask, measure_file
from studio.errors import InputError
from studio.runs.run import Run
from studio.tasks.task import Task, write_v2
from studio.workspace import disk_errors_in_words


def pack_run(run: Run, tasks: Sequence[Task], target: Path) -> None:
    """Write a run and the tasks it was trained on as an archive. Raises InputError or WorkspaceError in words.

    Of its checkpoints all go with it; the newest from which it can go on takes its state along.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as beside, disk_errors_in_words(target.parent):
        files = dict(_list_files(run, Path(beside)))
        packed = []
        for number, task in enumerate(tasks):
            name = f"tasks/{number}.json"
            files[name] = Path(beside) / f"{number}.json"
            files[name].write_text(write_v2(task), encoding="utf-8")
            packed.append(PackedTask(task_id=task.task_id, version=task.version, file=name))
        measured = {name: measure_file(path) for name, path in files.items()}
        manifest = Manifest(form=FORM, run_id=run.run_id, tasks=tuple(packed), files=measured)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
            for name, path in files.items():
                kept = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
                archive.write(path, name, kept)


def _list_files(run: Run, beside: Path) -> Iterator[tuple[str, Path]]:
    """The name of each file in the archive, and where it is now; what has to be written again is written `beside`."""
    recipe = beside / "recipe.json"
    recipe.write_text(json.dumps(run.load_recipe().to_json(), indent=2), encoding="utf-8")
    yield "recipe.json", recipe
    for name in ("events.jsonl", *LOGS, REFERENCE):
        if (run.folder / name).exists():
            yield name, run.folder / name
    for step in run.list_checkpoints():
        folder = run.checkpoints_folder / f"step-{step}"
        for path in sorted(folder.iterdir()):
            name = f"checkpoints/{folder.name}/{path.name}"
            if path.is_file() and MEMBER.fullmatch(name):
                yield name, path
    if newest := run.find_resumable().folder:
        state = beside / FILE
        try:
            freeze(newest, state)
        except ValueError as error:
            raise InputError(f"The run {run.name} can't be packed: {error}. Resume it, then export it.") from None
        yield f"checkpoints/{newest.name}/{FILE}", state
