"""Packing: a run's folder becomes one file. Reads the folder and changes nothing in it.

Where the base lies on this computer stands nowhere in the file: of a folder its name and its fingerprint go along.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from studio.archives.plain_state import FILE, freeze
from studio.archives.run_archive import (
    FORM,
    LOGS,
    MANIFEST,
    MEMBER,
    REFERENCE,
    Manifest,
    PackedBase,
    PackedTask,
    measure_file,
)
from studio.errors import InputError, ModelError
from studio.models.fingerprint import take_fingerprint
from studio.models.reference import ModelRef
from studio.runs.run import Run
from studio.tasks.task import Task, write_v2
from studio.workspace import disk_errors_in_words

TEXTS = (".json", ".jsonl", ".md")
"""What may name the folder of the base."""


def pack_run(run: Run, tasks: Sequence[Task], base: ModelRef, target: Path) -> None:
    """Write a run and the tasks it was trained on as an archive. Raises InputError or WorkspaceError in words.

    `base` is what the run was made on in the end. Of its checkpoints all go with it; the newest from which it can go on
    takes its state along.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as beside, disk_errors_in_words(target.parent):
        files = dict(_list_files(run, base, Path(beside)))
        packed = []
        for number, task in enumerate(tasks):
            name = f"tasks/{number}.json"
            files[name] = Path(beside) / f"{number}.json"
            files[name].write_text(write_v2(task), encoding="utf-8")
            packed.append(PackedTask(task_id=task.task_id, version=task.version, file=name))
        measured = {name: measure_file(path) for name, path in files.items()}
        manifest = Manifest(form=FORM, run_id=run.run_id, tasks=tuple(packed), files=measured, base=describe_base(base))
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
            for name, path in files.items():
                kept = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
                archive.write(path, name, kept)


def describe_base(base: ModelRef) -> PackedBase | None:
    """Return by what a base in a folder is known again, None for one that has the same name everywhere."""
    if base.is_own or not base.is_local:
        return None
    try:
        folder = base.find_folder()
    except ModelError:  # it was moved or deleted: the run is exported all the same
        folder = None
    return PackedBase(name=base.public.ref[2:][:255], fingerprint=take_fingerprint(folder)) if folder else None


def find_places(run: Run, base: ModelRef) -> dict[str, str]:
    """Return each text by which files of a run name the place of its base here, and what stands there instead."""
    said = {base.ref} if base.is_local else set()
    for file in run.checkpoints_folder.glob("step-*/adapter_config.json"):
        with suppress(OSError, ValueError):  # a damaged checkpoint is no reason not to pack the others
            said.add(str(json.loads(file.read_text(encoding="utf-8")).get("base_model_name_or_path") or ""))
    return {place: base.public.ref for place in sorted(said, key=len, reverse=True) if "/" in place or "\\" in place}


def _list_files(run: Run, base: ModelRef, beside: Path) -> Iterator[tuple[str, Path]]:
    """The name of each file in the archive, and where it is now; what has to be written again is written `beside`."""
    places = find_places(run, base)
    for number, (name, path) in enumerate(_list_own(run, beside)):
        yield name, _hide(path, places, beside / f"{number}-told") if path.suffix in TEXTS else path


def _hide(path: Path, places: Mapping[str, str], into: Path) -> Path:
    """A file in which no place stands: itself, or its text with other names, written `into`."""
    text = found = path.read_text(encoding="utf-8", errors="surrogateescape")
    for place, public in places.items():
        found = found.replace(place, public).replace(json.dumps(place)[1:-1], json.dumps(public)[1:-1])
    if found == text:
        return path
    into.write_text(found, encoding="utf-8", errors="surrogateescape")
    return into


def _list_own(run: Run, beside: Path) -> Iterator[tuple[str, Path]]:
    recipe = beside / "recipe.json"
    recipe.write_text(json.dumps(run.load_recipe().to_public().to_json(), indent=2), encoding="utf-8")
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
