"""Unpacking: one file, that anybody may have made, becomes the folder of a run; or it is refused, in words.

Names, sizes and hashes are checked against the archive's own first file before and while a byte is written; nothing
is unpickled and nothing is run. Knows files; whose run it is and whether its base is here is for who asks.
"""

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ValidationError

from studio.archives.plain_state import FILE, thaw
from studio.archives.run_archive import (
    FORM,
    MANIFEST,
    MEMBER,
    MOST_BROKEN,
    MOST_BYTES,
    MOST_FILES,
    MOST_MANIFEST,
    REFERENCE,
    Manifest,
    Member,
    PackedBase,
    find_most,
)
from studio.errors import InputError, StudioError
from studio.journal import read_page
from studio.models.weights_file import read_header
from studio.recipes.recipe import read_recipe
from studio.runs.event import Started, parse_event, read_events
from studio.runs.run import Run
from studio.tasks.sent import SentTask
from studio.tasks.v2 import read_v2
from studio.workspace import disk_errors_in_words

CHUNK = 1 << 20
AGAIN = "Export the run again, and send the file as it is."


class Unpacked(BaseModel, frozen=True):
    """The id of a run that was unpacked, its tasks with the version of each, and its base, if that was a folder."""

    run_id: str
    tasks: tuple[SentTask, ...]
    versions: tuple[str, ...]
    base: PackedBase | None = None


def unpack_run(path: Path, folder: Path, most_bytes: int | None = None) -> Unpacked:
    """Write the run of an archive into an empty folder. Raises InputError in words for what is no run's archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(archive)
            _check_members(archive, manifest, most_bytes or MOST_BYTES)
            with disk_errors_in_words(folder):
                for name, member in manifest.files.items():
                    _write(archive, name, member, folder)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise _refuse(f"it is damaged or cut short ({str(error)[:80]})") from None
    _check_run(folder)
    tasks = tuple(_read_task(folder, each.file, each.task_id) for each in manifest.tasks)
    shutil.rmtree(folder / "tasks", ignore_errors=True)
    versions = tuple(each.version for each in manifest.tasks)
    return Unpacked(run_id=manifest.run_id, tasks=tasks, versions=versions, base=manifest.base)


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise _refuse(f"it has no {MANIFEST}, so it is no run that a studio exported") from None
    if info.file_size > MOST_MANIFEST:
        raise _refuse(f"its {MANIFEST} is too long")
    with archive.open(info) as file:
        text = file.read(MOST_MANIFEST + 1)
    try:
        found = json.loads(text)
        form = found.get("form") if isinstance(found, dict) else None
        if form != FORM:
            raise _refuse(f"its form is {str(form)[:20]!r}, and this studio reads form {FORM}")
        return Manifest.model_validate(found)
    except (ValidationError, ValueError, RecursionError):
        raise _refuse(f"its {MANIFEST} doesn't say what it holds") from None


def _check_members(archive: zipfile.ZipFile, manifest: Manifest, most: int) -> None:
    infos = [info for info in archive.infolist() if info.filename != MANIFEST]
    if len(infos) > MOST_FILES:
        raise _refuse(f"it holds {len(infos):,} files, at most {MOST_FILES:,} are read")
    for info in infos:
        name = info.filename
        if not MEMBER.fullmatch(name):
            raise _refuse(f"{name[:80]!r} is no file of a run")
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
            raise _refuse(f"{name!r} is a link, or locked by a password")
        if info.file_size > (most_of := find_most(name)):
            raise _refuse(f"{name!r} has {info.file_size / 2**20:,.1f} MB, at most {most_of / 2**20:,.0f} MB are read")
        if name not in manifest.files or info.file_size != manifest.files[name].bytes:
            raise _refuse(f"{name!r} isn't what {MANIFEST} says")
    names = [info.filename for info in infos]
    if len(set(names)) < len(names) or (missing := manifest.files.keys() - set(names)):
        what = f"{min(missing)!r} is missing" if len(set(names)) == len(names) else "a file is in it twice"
        raise _refuse(what)
    total = sum(info.file_size for info in infos)
    if total > most:
        raise _refuse(f"unpacked, it has {total / 2**30:.1f} GB, more than the room of {most / 2**30:.1f} GB")
    for name in ("recipe.json", "events.jsonl", *(each.file for each in manifest.tasks)):
        if name not in manifest.files:
            raise _refuse(f"{name[:80]!r} is missing")


def _write(archive: zipfile.ZipFile, name: str, member: Member, folder: Path) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(name) as source, target.open("xb") as file:
        _copy(source, file, member.bytes, digest)
    if target.stat().st_size != member.bytes or digest.hexdigest() != member.sha256:
        raise _refuse(f"{name!r} was changed on its way")


def _copy(source: IO[bytes], file: IO[bytes], most: int, digest: Any) -> None:
    left = most + 1
    while left > 0 and (data := source.read(min(CHUNK, left))):
        digest.update(data)
        file.write(data)
        left -= len(data)


def _check_run(folder: Path) -> None:
    """Refuse what a studio would never have written, and make of the plain state what the training reads."""
    run = Run(folder)
    text = (folder / "recipe.json").read_text(encoding="utf-8", errors="replace")
    recipe = read_recipe(text)
    _check_events(run.events_file)
    if not any(isinstance(event, Started) for event in read_events(run.events_file).events):
        raise _refuse("its events don't say that it ever began")
    if (reference := folder / REFERENCE).exists():
        try:
            read_header(reference)
        except ValueError:
            raise _refuse(f"its {REFERENCE} holds no weights") from None
    for place in run.checkpoints_folder.glob("step-*"):
        for file in place.glob("*.json"):
            _check_json(file)
        (place / "recipe.json").write_text(recipe.model_dump_json(indent=2), encoding="utf-8")
        if (place / FILE).exists():
            try:
                thaw(place / FILE, place)
            except ValueError as error:
                raise _refuse(str(error)) from None
            (place / FILE).unlink()
    for step, damage in run.look_at_checkpoints().items():
        if damage:
            raise _refuse(f"its checkpoint of step {step:,}: {damage}")


def _check_events(file: Path) -> None:
    """Refuse events among which too many lines are none: whoever looks at the run would read them again and again."""
    offset, broken = 0, 0
    while (page := read_page(file, offset)).offset != offset:
        for line in page.lines:
            broken += parse_event(line) is None
            if broken > MOST_BROKEN:
                raise _refuse(f"more than {MOST_BROKEN} lines of its {file.name} are no events")
        offset = page.offset


def _check_json(file: Path) -> None:
    """A file of settings is JSON, and names no code that a library would load with it."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise _refuse(f"{file.name} is no JSON") from None
    named = told if isinstance(told, dict) else {}
    mapped = named.get("auto_mapping") or {}
    library = mapped.get("parent_library") or "transformers" if isinstance(mapped, dict) else ""
    if named.get("auto_map") or str(library).partition(".")[0] != "transformers":
        raise _refuse(f"{file.name} names a program to load, and a run needs none")


def _read_task(folder: Path, file: str, task_id: str) -> SentTask:
    try:
        return read_v2((folder / file).read_bytes(), file, task_id)
    except StudioError as error:
        raise _refuse(str(error).rstrip(".")) from None


def _refuse(why: str) -> InputError:
    return InputError(f"This file can't be imported as a run: {why}. {AGAIN}", field="file")
