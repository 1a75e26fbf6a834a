"""The workspace: files appear whole or not at all, an id never leads outside, and the disk's refusals have words."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from telling import raises, tells
from tiny import is_root

from studio.errors import NotFoundError, WorkspaceError
from studio.workspace import Workspace, check_id, disk_errors_in_words, write_whole

BAD_IDS = [
    "..",
    ".",
    "",
    "/",
    "../x",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "x\x00",
    "x\n",
    "Größe",
    "你好",
    "UPPER",
    "a b",
    "-x",
    "_x",
    ".hidden",
    "x" * 81,
    "x" * 10_000_000,
    "\ud800",
    None,
    5,
    ["x"],
    b"x",
]


@pytest.mark.parametrize("value", BAD_IDS, ids=lambda value: ascii(value)[:20])
def test_what_is_no_id_is_refused_in_words(workspace: Workspace, value: object) -> None:
    with raises(NotFoundError, "run - _") as told:
        workspace.find_run_folder(value)
    assert told.value.field == "run_id"
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("value", ["x", "0", "20261120-071900-brave-otter", "a_b-c", "x" * 80])
def test_a_well_formed_id_may_name_nothing(workspace: Workspace, value: str) -> None:
    assert check_id(value, "run") == value
    with raises(NotFoundError, value):
        workspace.find_run_folder(value)


def test_a_file_is_no_run(workspace: Workspace) -> None:
    (workspace.runs / "notes").write_text("not a folder")
    with raises(NotFoundError, "notes"):
        workspace.find_run_folder("notes")


def test_each_new_folder_has_a_name_of_its_own(workspace: Workspace) -> None:
    made: list[Path] = []

    def make() -> None:
        made.extend(workspace.new_run_folder() for _ in range(20))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert len({folder.name for folder in made}) == 160
    assert all(folder.is_dir() and check_id(folder.name, "run") for folder in made)


def test_no_two_runs_have_one_name_while_there_are_others(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("brave-otter", "calm-owl", "shy-fox")
    monkeypatch.setattr("studio.workspace.NAMES", names)
    made = [workspace.new_run_folder().name for _ in range(4)]
    assert sorted(name[16:] for name in made[:3]) == sorted(names) and made[3][16:] in names


def test_a_workspace_is_opened_again(tmp_path: Path) -> None:
    first = Workspace(tmp_path / "new" / "workspace")
    folder = first.new_run_folder()
    assert Workspace(str(tmp_path / "new" / "workspace")).find_run_folder(folder.name) == folder
    assert (first.folder / "format").read_text() == "1"


def test_its_place_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    assert Workspace().folder == tmp_path / "home"
    assert Workspace(tmp_path / "given").folder == tmp_path / "given"


@pytest.mark.parametrize("text", [b"2", b"", b"\xff\xfe", b"1.5"])
def test_a_workspace_of_another_format_is_refused_and_kept(tmp_path: Path, text: bytes) -> None:
    Workspace(tmp_path)
    (tmp_path / "format").write_bytes(text)
    with raises(WorkspaceError, "format 1"):
        Workspace(tmp_path)
    assert (tmp_path / "format").read_bytes() == text


def test_a_file_in_the_way_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with raises(WorkspaceError, "path file"):
        Workspace(tmp_path / "file")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "runs").write_text("")
    with raises(WorkspaceError, "file name"):
        Workspace(tmp_path / "home")


@pytest.mark.parametrize("name", ["~nobody-of-that-name/x", "a\x00b"])
def test_a_name_that_can_be_no_folder_is_said_in_words(name: str) -> None:
    with raises(WorkspaceError, "STUDIO_HOME"):
        Workspace(name)


def test_a_name_that_is_too_long_is_said_in_words(tmp_path: Path) -> None:
    with raises(WorkspaceError, "name long"):
        Workspace(tmp_path / ("x" * 300))


@pytest.mark.skipif(is_root(), reason="permission bits don't stop root")
def test_a_folder_that_may_not_be_written_is_said_in_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with raises(WorkspaceError, "STUDIO_HOME"):
        Workspace(tmp_path / "home")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux has a folder that even root can't write")
def test_a_folder_nobody_can_write_is_said_in_words() -> None:
    with pytest.raises(WorkspaceError, match=r"^The folder /proc/.*/studio: .*set STUDIO_HOME elsewhere"):
        Workspace("/proc/self/studio")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for text in ("first", "zweite: Größe\r\n你好", ""):
        write_whole(file, text)
        assert file.read_bytes() == text.encode()
        assert list(tmp_path.iterdir()) == [file]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    texts = {letter * 200_000 for letter in "abc"}
    write_whole(file, "a" * 200_000)
    done = threading.Event()
    seen: set[str] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(file.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(10):
        for text in sorted(texts):
            write_whole(file, text)
    done.set()
    reader.join(timeout=120)
    assert seen and seen <= texts


FULL_DISK = """
import resource, sys
from pathlib import Path
from studio.errors import WorkspaceError
from studio.workspace import Workspace, write_whole

workspace = Workspace(sys.argv[1])
write_whole(workspace.cache / "file", "old")
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_whole(workspace.cache / "file", "new" * 1000)
except WorkspaceError as error:
    print(error)
print([path.name for path in workspace.cache.iterdir()], (workspace.cache / "file").read_text())
"""


def test_a_disk_that_fills_up_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    words, left = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout.splitlines()
    assert tells(words, f"{tmp_path / 'cache'} larger")
    assert left == "['file'] old"


@pytest.mark.parametrize(
    ("number", "words"),
    [(28, "disk full"), (30, "disk read-only"), (122, "quota"), (5, "Input/output")],
)
def test_each_refusal_of_the_disk_has_words(tmp_path: Path, number: int, words: str) -> None:
    with raises(WorkspaceError, words) as told, disk_errors_in_words(tmp_path):
        raise OSError(number, "Input/output error")
    assert str(told.value).startswith(f"The folder {tmp_path}: ")
