"""Files over HTTP: none of the computer's can be fetched, and whatever is uploaded is read or refused in words."""

import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from telling import tells
from tiny import find_free_port, make_run, write_task

SECRET = "CANARY-THAT-NOBODY-MAY-READ"
TASK = json.dumps(write_task()).encode()


class Served:
    """A served studio, and a file outside of its workspace."""

    def __init__(self, url: str, studio: Any, canary: Path) -> None:
        self.studio, self.canary = studio, canary
        self.client = httpx.Client(base_url=url, timeout=120)

    def upload(self, name: str, content: bytes) -> httpx.Response:
        """Send a file as a browser does, under any name."""
        head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="'
        tail = b'"\r\nContent-Type: application/json\r\n\r\n' + content + b"\r\n--b--\r\n"
        body = head + name.encode("utf-8", "surrogatepass") + tail
        headers = {"content-type": "multipart/form-data; boundary=b"}
        return self.client.post("/gradio_api/upload", content=body, headers=headers)

    def import_task(self, path: str, name: object = "a.json") -> str:
        """Call import_task with what stands for an upload; return the text of the answer."""
        file = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        json_type = {"content-type": "application/json"}
        body = json.dumps({"data": [file]})
        made = self.client.post("/gradio_api/call/import_task", content=body, headers=json_type)
        return self.client.get(f"/gradio_api/call/import_task/{made.json()['event_id']}").text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from studio.service import Studio
    from studio.ui.page import build_page, make_launch
    from studio.workspace import Workspace

    folder = tmp_path_factory.mktemp("files")
    canary = folder / "canary.json"
    canary.write_text(json.dumps({"Definition": [SECRET], "Instances": [{"input": SECRET, "output": [SECRET]}] * 20}))
    studio = Studio(Workspace(folder / "home"))
    page = build_page(studio)
    _, url, _ = page.launch(
        server_name="127.0.0.1", server_port=find_free_port(), prevent_thread_lock=True, **make_launch()
    )
    yield Served(url, studio, canary)
    page.close(verbose=False)


def upload_folder() -> Path:
    from gradio.utils import get_upload_folder

    return Path(get_upload_folder())


def test_no_file_of_the_computer_can_be_fetched(served: Served) -> None:
    run = make_run(served.studio.workspace)
    own = Path(served.upload("own.json", TASK).json()[0])
    wanted = [
        served.canary,
        run.folder / "recipe.json",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
        Path("app.py").resolve(),
    ]
    for path in wanted:
        below = f"{own.parent}/{os.path.relpath(path, own.parent)}"
        ways = [str(path), below, f"{own}/../{os.path.relpath(path, own.parent)}", f"//{path}", f"file://{path}"]
        ways += [f"./{os.path.relpath(path)}", f"{path}\x00.json", f"~/{path}", str(path).replace("/", "\\")]
        for way in ways:
            twice = quote(quote(way, safe=""), safe="")
            for written in {quote(way), quote(way, safe=""), twice, quote(way.replace("../", "..%2f"), safe="/%")}:
                answer = served.client.get(f"/gradio_api/file={written}")
                assert answer.status_code in (400, 403, 404), (way, written, answer.status_code)
                assert path.read_bytes()[:200] not in answer.content
    for route in ("static", "assets", "theme", "custom_component", "proxy=", "deep_link", "stream", "runs"):
        answer = served.client.get(f"/gradio_api/{route}/{quote(os.path.relpath(served.canary), safe='')}")
        assert SECRET not in answer.text and answer.status_code != 500


def test_a_link_among_the_uploads_leads_nowhere(served: Served) -> None:
    own = Path(served.upload("own.json", TASK).json()[0])
    link = own.parent / "link.json"
    link.symlink_to(served.canary)
    try:
        answer = served.import_task(str(link))
        assert "event: error" in answer and "was not uploaded" in answer and SECRET not in answer
        assert SECRET not in served.client.get(f"/gradio_api/file={link}").text
        assert not [card for card in served.studio.list_tasks() if card.source == "yours" and "canary" in card.task_id]
    finally:
        link.unlink()


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.json",
        "/etc/evil.json",
        "C:\\evil.json",
        "..",
        ".",
        "",
        "a\x00b.json",
        "\ud800.json",
        "x" * 300,
        "CON",
    ],
)
def test_a_name_leads_out_of_no_folder(served: Served, name: str) -> None:
    before = {path for path in served.canary.parent.rglob("*")}
    answer = served.upload(name, TASK)
    assert answer.status_code in (200, 400, 422), answer.text
    assert "Traceback" not in answer.text
    if answer.status_code == 200:
        for path in answer.json():
            assert Path(path).resolve().is_relative_to(upload_folder().resolve())
            told = served.import_task(path, name)
            assert "event: complete" in told or "event: error" in told
            assert "Something broke" not in told
    new = {path for path in served.canary.parent.rglob("*")} - before
    assert all(path.is_relative_to(served.studio.workspace.folder) for path in new)


@pytest.mark.parametrize("name", [None, 7, [], {}, "", "..", "\x00", "\ud800", "a" * 1_500_000, "../../x.json"])
def test_a_name_that_is_given_beside_is_only_a_name(served: Served, name: object) -> None:
    path = served.upload("fine.json", TASK).json()[0]
    told = served.import_task(path, name)
    assert "event: complete" in told or "event: error" in told
    assert "Something broke" not in told and len(told) < 5_000
    for card in served.studio.list_tasks():
        served.studio.load_task(card.task_id)


def zip_bomb(bytes_inside: int, depth: int = 1) -> bytes:
    content = b"[" * bytes_inside
    for _ in range(depth):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("task.json", content)
        content = buffer.getvalue()
    return content


def zip_of_many(count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(str(number), b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zip_bomb(50_000_000), "200 times"),
        (zip_bomb(50_000_000, depth=3), "another archive"),
        (zip_of_many(20_000), "at most 5,000"),
        (zip_bomb(1_000)[:-10], "damaged"),
        (b"\x1f\x8b\x08" + b"\x00" * 100, "gzip"),
        (b"", "empty"),
        (b"\x00" * 1_000, "empty"),
        (b'{"Definition": ["a\\u0000b"], "Instances": []}', "NUL character"),
        (b'{"Definition": ["\\ud800"], "Instances": [{"input": "x", "output": ["y"]}]}', "half a letter"),
        (b"[" * 1_000_000, "nested"),
        (json.dumps({"Definition": ["x" * 10_000_000], "Instances": []}).encode(), "10,000,000 characters"),
    ],
    ids="bomb zips-in-zips many-files cut-zip gzip empty only-NULs NUL surrogate deep large".split(),
)
def test_what_is_no_task_is_refused_in_words(served: Served, content: bytes, said: str) -> None:
    path = served.upload("a.json", content).json()[0]
    tracemalloc.start()
    told = served.import_task(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "event: error" in told and "Something broke" not in told
    assert tells(told, said), told[:600]
    assert len(told) < 3_000
    assert peak < 40_000_000 + 12 * len(content), "it was unpacked"


def test_a_large_task_is_read_and_a_larger_file_refused(served: Served) -> None:
    long = write_task(count=4_000)
    long["Instances"] = [{**one, "input": one["input"] + " and " * 2_200} for one in long["Instances"]]
    content = json.dumps(long).encode()
    assert 40_000_000 < len(content) < 50_000_000
    assert "event: complete" in served.import_task(served.upload("large.json", content).json()[0], "large.json")
    assert len(served.studio.load_task("large").instances) == 4_000
    answer = served.upload("larger.json", b" " * 53_000_000)
    assert answer.status_code == 413 and "Traceback" not in answer.text
    assert "event: complete" in served.import_task(served.upload("again.json", TASK).json()[0], "again.json")
