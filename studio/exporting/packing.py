"""Exporting as work: the child's side. A model becomes one file in the work's folder, which is whole or absent.

Everything is written in a folder beside, then packed beside, then renamed; what a kill left there is thrown away.
"""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.checkpoints.address import resolve
from studio.exporting import FORMS
from studio.exporting.form import Source, check_form
from studio.models.device import find_device
from studio.models.loading import find_model_folder
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.works.export import Export
from studio.works.work import Outcome
from studio.workspace import Workspace, disk_errors_in_words

PACKED = (".safetensors", ".gguf")
"""Files that compressing makes no smaller."""

BESIDE = ".export"
"""The folder beside the export in which it is written."""


def export(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    """Write the model as its form asks. Raises StudioError in words."""
    work = Export.load(run)
    form = FORMS.read({"name": work.form, **work.options})
    parts, told = form.parts + 1, list[str]()
    shutil.rmtree(run.folder / BESIDE, ignore_errors=True)  # also what a kill left that came after the last step
    if not list(run.exports_folder.glob("*")):
        source = Source(workspace, resolve(workspace, work.ref), find_device())
        check_form(form, source, find_model_folder(source.stack.base) if form.needs_base else None)
        events.append_phase(2, work.phases)
        with disk_errors_in_words(run.folder), open_beside(run) as beside:
            inner = beside / f"{source.file_name}-{form.name}"
            inner.mkdir(parents=True)
            for done, said in enumerate(form.write(source, inner), start=1):
                told += [said] if said else []
                events.append("progressed", step=done, of=parts)
                if run.stop_file.exists():
                    return Outcome(0, finished=False)
            pack(inner, beside / "whole")
            (beside / "whole").rename(run.exports_folder)
    events.append("progressed", step=parts, of=parts)
    file = find_export(run)
    events.append("concluded", result=" ".join([f"{file.name}, {file.stat().st_size / 1e6:,.1f} MB.", *told]))
    return Outcome(parts, finished=True)


@contextmanager
def open_beside(run: Run) -> Iterator[Path]:
    """An empty folder beside the export, which is gone afterwards with all that is left in it."""
    beside = run.folder / BESIDE
    beside.mkdir()
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def pack(folder: Path, into: Path) -> None:
    """Let `into` be a folder with one file: the only one of `folder`, under its name, or all of them in a ZIP."""
    into.mkdir()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(files) == 1:
        files[0].rename(into / f"{folder.name}{files[0].suffix}")
        return
    with zipfile.ZipFile(into / f"{folder.name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            how = zipfile.ZIP_STORED if path.suffix in PACKED else zipfile.ZIP_DEFLATED
            archive.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}", how)
            path.unlink()  # so that a disk need not hold it twice


def find_export(run: Run) -> Path:
    """Return the file of a finished export."""
    return next(run.exports_folder.iterdir())
