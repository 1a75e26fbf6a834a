"""Zip archives and folders of task files, opened with care: nothing is written to disk, and nothing is read unmeasured.

Sizes, ratios, paths and links are checked against the archive's own table before a byte is unpacked, and again while
it is unpacked, because the table may lie. Knows names and bytes, and no task.
"""

import io
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from studio.errors import TaskError
from studio.tasks.reading.decoding import MOST_BYTES

MOST_FILES = 5_000
"""Files in one archive or folder; all of Super-NI are about 1,600."""
MOST_TOTAL = 8 * 2**30
"""Bytes of all files together, unpacked."""
MOST_RATIO = 200
"""How many times larger a file may become; JSON shrinks 5 to 20 times, a bomb 1,000 times."""

_LITTER = re.compile(r"(^|/)(__MACOSX/|\.|~\$|Thumbs\.db$|desktop\.ini$)|\.(sw[a-p]|bak|orig|tmp|py|sh)$|~$", re.I)
_TEXTS = (".txt", ".md", ".markdown")
_DATA = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet", ".arrow")


Wanted = Callable[[str], bool]
"""Says by its name whether a file is read."""


class Member(NamedTuple):
    """One file of an archive or folder: its path inside, and what it holds."""

    name: str
    data: bytes


def check_zip(source: bytes | Path, name: str) -> list[zipfile.ZipInfo]:
    """Return the files of an archive. Raises TaskError if opening it would be unwise, and says why."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise TaskError(
            f"{name}: the archive is damaged ({str(error)[:80]}). Download it again, or create it again.", field="file"
        ) from None
    if len(infos) > MOST_FILES:
        raise TaskError(
            f"{name}: the archive holds {len(infos):,} files; at most {MOST_FILES:,} are read. Pack it in parts.",
            field="file",
        )
    total = sum(info.file_size for info in infos)
    if total > MOST_TOTAL:
        raise TaskError(
            f"{name}: unpacked, the archive has {total / 2**30:.1f} GB; at most {MOST_TOTAL // 2**30} GB are read. "
            "Pack it in parts.",
            field="file",
        )
    for info in infos:
        _check_member(info, name)
    return infos


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    inside = info.filename.replace("\\", "/")
    shown = f"{name}, {inside[:80]!r}"
    if inside.startswith("/") or re.match(r"[A-Za-z]:", inside) or ".." in inside.split("/"):
        raise TaskError(
            f"{shown}: the path leads out of the archive, as in an attack. Pack the files again from one folder.",
            field="file",
        )
    if stat.S_ISLNK(info.external_attr >> 16):
        raise TaskError(
            f"{shown}: this is a link to another file, which an archive of tasks has no use for. Pack the file itself.",
            field="file",
        )
    if info.flag_bits & 1:
        raise TaskError(f"{shown}: the file is locked by a password. Pack it without one.", field="file")
    if info.file_size > MOST_BYTES and not _LITTER.search(inside):
        raise TaskError(
            f"{shown}: unpacked, the file has {info.file_size / 2**20:.0f} MB; a task file may have at most "
            f"{MOST_BYTES // 2**20} MB. Keep a part of it.",
            field="file",
        )
    if info.file_size > 10_000 and info.file_size > MOST_RATIO * max(1, info.compress_size):
        raise TaskError(
            f"{shown}: it would become {info.file_size // max(1, info.compress_size):,} times larger when unpacked "
            f"({info.file_size / 2**20:.1f} MB); more than {MOST_RATIO} times is refused. Pack it again.",
            field="file",
        )


def is_data(name: str) -> bool:
    """Say whether a file is data rather than what editors and systems leave behind, going by its name."""
    return not _LITTER.search(name.replace("\\", "/")) and name.lower().endswith(_DATA)


def is_text(name: str) -> bool:
    """Say whether a file may be running text, going by its name. Beside data of other forms, Markdown is no data."""
    return not _LITTER.search(name.replace("\\", "/")) and name.lower().endswith(_TEXTS)


def read_zip(source: bytes | Path, name: str, wanted: Wanted = is_data) -> Iterator[Member]:
    """Yield the wanted files of an archive in the order of their names, one at a time. Raises TaskError."""
    infos = check_zip(source, name)
    with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        for info in sorted(infos, key=lambda info: info.filename):
            if wanted(info.filename):
                try:
                    with archive.open(info) as file:
                        yield Member(info.filename, _read_at_most(file, info, name))
                except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
                    raise TaskError(
                        f"{name}, {info.filename[:80]!r}: the file in the archive is damaged ({str(error)[:80]}). "
                        "Download the archive again.",
                        field="file",
                    ) from None


def _read_at_most(file: IO[bytes], info: zipfile.ZipInfo, name: str) -> bytes:
    data = file.read(info.file_size + 1)
    if len(data) > info.file_size:
        raise TaskError(
            f"{name}, {info.filename[:80]!r}: the file is larger than the archive says, as in an attack. Repack it.",
            field="file",
        )
    return data


def list_zip(source: bytes | Path, name: str) -> list[str]:
    """Return the names of the data files in an archive. Raises TaskError if opening it would be unwise."""
    return sorted(info.filename for info in check_zip(source, name) if is_data(info.filename))


def read_folder(folder: Path, wanted: Wanted = is_data) -> Iterator[Member]:
    """Yield the wanted files of a folder and those below it, in the order of their names; links are left out."""
    for number, path in enumerate(list_folder(folder, wanted)):
        if number >= MOST_FILES:
            raise TaskError(
                f"{folder.name}: the folder holds more than {MOST_FILES:,} files. Import it in parts.", field="file"
            )
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise TaskError(
                f"{path.name}: the file has {size / 2**20:.1f} MB; a task file may have at most "
                f"{MOST_BYTES // 2**20} MB. Keep a part of it.",
                field="file",
            )
        yield Member(path.relative_to(folder).as_posix(), path.read_bytes())


def list_folder(folder: Path, wanted: Wanted = is_data) -> list[Path]:
    """Return the wanted files of a folder; what is a link, or leads out of it, isn't one."""
    root = folder.resolve()
    return sorted(
        path
        for path in folder.rglob("*")
        if wanted(path.relative_to(folder).as_posix())
        and path.is_file()
        and not path.is_symlink()
        and path.resolve().is_relative_to(root)
    )
