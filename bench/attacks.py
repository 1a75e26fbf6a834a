"""Another visitor's clicks while a shared studio is attacked, and the server's memory before and after each attack.

The attacks are those of the table in SECURITY.md's history: thousands of joins, large bodies, uploads, readers that
never read, files that would become very large. They are plain HTTP to a real server, from a process of their own and
another address than the visitor's, and `make soak` uses them too. The figures are of the machine as busy as it is: the
clicks at rest are shown beside them.
"""

import contextlib
import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pyarrow as arrow
import pyarrow.parquet as parquet

from bench.figure import ROOT, Figure, serve
from studio.models.reference import BUILTIN_FOLDER

SECONDS = 8.0
SETTLE_SECONDS = 3.0
BETWEEN_CLICKS = 0.2
MB = 1_000_000
HAS_ADDRESSES = sys.platform == "linux"
"""Whether this computer answers to all of 127.x.x.x: bounds are for each computer too, so each attacker has its own."""
NEIGHBOUR = "127.0.0.2" if HAS_ADDRESSES else None


class Stranger:
    """Somebody at a shared studio's address, with a secret of their own."""

    home: str | None = None
    """Where strangers come from who don't say it: an attacker's process has one address."""

    def __init__(self, address: str, comes_from: str | None = None) -> None:
        self.address = address
        self.http = httpx.Client(
            base_url=address,
            headers={"x-studio-visitor": secrets.token_hex(20)},
            timeout=120,
            transport=httpx.HTTPTransport(local_address=comes_from or self.home),
        )

    def click(self) -> float:
        """Ask what the page asks at a click, and return the seconds it took. Raises where it is not answered."""
        began = time.perf_counter()
        self.http.get("/gradio_api/info").raise_for_status()
        told = self.call("list_tasks")
        assert "studio002_question" in told, told[:300]
        return time.perf_counter() - began

    def call(self, name: str, *data: Any) -> str:
        """Call an endpoint, and return the end of what it tells, in words or as JSON."""
        asked = self.http.post(f"/gradio_api/call/{name}", json={"data": list(data)})
        if asked.status_code != 200:
            return asked.text
        return self.http.get(f"/gradio_api/call/{name}/{asked.json()['event_id']}").text[-5_000:]

    def upload(self, name: str, data: bytes) -> Any:
        """Upload a file and return what names it; the words of a refusal as text."""
        sent = self.http.post("/gradio_api/upload", files={"files": (name, data)})
        if sent.status_code != 200:
            return sent.text
        return {"path": sent.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def import_file(self, name: str, data: bytes) -> str:
        """Upload a file and import it as a task; returns what is told."""
        return self.call("import_task", self.upload(name, data))


def flood_joins(address: str, until: float) -> None:
    """Join the queue as fast as it goes, each time as somebody else."""
    stranger = Stranger(address)
    while time.monotonic() < until:
        body = {"data": [], "fn_index": 0, "session_hash": secrets.token_hex(8)}
        stranger.http.post("/gradio_api/queue/join", json=body, headers={"x-studio-visitor": secrets.token_hex(20)})


def load_the_page(address: str, until: float) -> None:
    """Load the page and its largest script over and over, by another name each time."""
    stranger, script = Stranger(address), f"studio/{version('plotly')}/plotly.min.js"
    host = urlsplit(address).hostname
    while time.monotonic() < until:
        for path in ("/", "/config", f"/{script}"):
            name = f"{host}:{secrets.randbelow(60_000) + 1}"
            stranger.http.get(
                path, headers={"host": name, "x-forwarded-proto": secrets.token_hex(4), "range": "bytes=1-"}
            )


def fetch_nothing(address: str, until: float) -> None:
    """Ask for long answers and fetch none of them."""
    stranger = Stranger(address)
    while time.monotonic() < until:
        stranger.http.post("/gradio_api/call/list_tasks", json={"data": []})


def train_for_ever(address: str, until: float) -> None:
    """Start runs that would take five years: refused, or stopped when their turn is over and another visitor waits."""
    stranger, training = Stranger(address), {"max_steps": 1_000_000, "batch_size": 1_024}
    while time.monotonic() < until:
        told = stranger.call("start_run", {"model": "builtin", "task_id": "studio002_question", "training": training})
        assert "broke in the studio" not in told, told  # where the time can't be told yet, a turn ends it


def send_large_bodies(address: str, until: float) -> None:
    """Send 30 MB where two are taken."""
    stranger, body = Stranger(address), b'"' + b"x" * (30 * MB) + b'"'
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):  # the server hangs up as it refuses
            stranger.http.post(
                "/gradio_api/component_server", content=body, headers={"content-type": "application/json"}
            )


def upload_much(address: str, until: float) -> None:
    """Upload files of 20 MB that nobody imports."""
    stranger, data = Stranger(address), os.urandom(20 * MB)
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            stranger.upload("much.json", data)


def read_never(address: str, until: float) -> None:
    """Ask for the page fifty times and read none of it; send half a question fifty times."""
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 80
    with contextlib.ExitStack() as open_sockets:
        for number in range(100):
            line = open_sockets.enter_context(socket.create_connection((host, port)))
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            head = f"GET /config HTTP/1.1\r\nHost: {host}:{port}\r\n"
            line.sendall((head + ("\r\n" if number % 2 else "X-Slow: ")).encode())
        while time.monotonic() < until:
            time.sleep(0.2)


def ask_by_foreign_names(address: str, until: float) -> None:
    """Ask under names that are not the studio's, and from pages that are not its own."""
    stranger = Stranger(address)
    while time.monotonic() < until:
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            assert stranger.http.get("/config", headers=headers).status_code == 403


def _upload_until(name: str, make: Callable[[], bytes]) -> Callable[[str, float], None]:
    def attack(address: str, until: float) -> None:
        stranger, data = Stranger(address), make()
        while time.monotonic() < until:
            told = stranger.import_file(name, data)
            assert "broke in the studio" not in told, told

    attack.__doc__ = f"Import {name}, which would become very large."
    return attack


def make_zip_bomb() -> bytes:
    """Return an archive of half a megabyte that unpacks to forty, by no suspicious ratio."""
    row = json.dumps({"instruction": "a", "input": "b", "output": os.urandom(5_000).hex()})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("much.jsonl", "\n".join([row] * 4_000))
    return file.getvalue()


def make_workbook() -> bytes:
    """Return a workbook of a few hundred bytes that says it has a cell far to the right and below."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {space} xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        rows = "".join(f'<row r="{n}"><c r="XFD{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(1, 999))
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet {space}><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>',
        )
    return file.getvalue()


def make_parquet() -> bytes:
    """Return a table that keeps one long text once and shows it in 190,000 rows."""
    column = arrow.DictionaryArray.from_arrays(arrow.array([0] * 190_000, arrow.int32()), arrow.array(["x" * 5_000]))
    sink = io.BytesIO()
    parquet.write_table(arrow.table({"input": column, "output": column}), sink, compression="zstd")
    return sink.getvalue()


ATTACKS: dict[str, Callable[[str, float], None]] = {
    "joins of the queue": flood_joins,
    "loads of the page": load_the_page,
    "answers that nobody fetches": fetch_nothing,
    "runs of five years": train_for_ever,
    "bodies of 30 MB": send_large_bodies,
    "uploads of 20 MB": upload_much,
    "readers that never read": read_never,
    "foreign names": ask_by_foreign_names,
    "a workbook that is very wide": _upload_until("wide.xlsx", make_workbook),
    "a table with one text": _upload_until("table.parquet", make_parquet),
    "a zip that unpacks to much": _upload_until("much.zip", make_zip_bomb),
    "a million keys": _upload_until("keys.json", lambda: json.dumps({f"key {n}": n for n in range(200_000)}).encode()),
    "quotes that never close": _upload_until("quotes.csv", lambda: b'"' * 3_000_000),
}
HANDS = {"joins of the queue": 8, "loads of the page": 8, "uploads of 20 MB": 3, "a template that never ends": 44}
"""So many threads attack at once; two where nothing is said."""
TEMPLATES = {
    "a template that never ends": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a template of all memory": "{{ 'a' * 2**35 }}",
}
LAYERS = "ten million layers"
"""Foreign models, which only a studio of one person takes from its own disk."""


def make_models(home: Path) -> dict[str, str]:
    """Make the models of those attacks beside a workspace, and return the folder of each."""
    found = {}
    for number, name in enumerate((*TEMPLATES, LAYERS)):
        folder = Path(shutil.copytree(BUILTIN_FOLDER, home / f"model {number}"))
        (folder / "chat_template.jinja").write_text(TEMPLATES.get(name, ""))
        if name == LAYERS:
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 10_000_000}))
        found[name] = str(folder)
    return found


def _estimate_until(folder: Path) -> Callable[[str, float], None]:
    def attack(address: str, until: float) -> None:
        stranger, objective = Stranger(address), {"name": "sft", "template": "chat"}
        recipe = {"model": str(folder), "task_id": "studio002_question", "objective": objective}
        while time.monotonic() < until:
            told = stranger.call("estimate", recipe)
            assert "event: error" in told and "broke in the studio" not in told, told

    attack.__doc__ = f"Estimate a training of {folder.name}."
    return attack


@contextlib.contextmanager
def serve_shared(home: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start a shared studio; give its address and its process."""
    before = os.environ.get("STUDIO_SHARED")
    os.environ["STUDIO_SHARED"] = "1"
    try:
        with serve(home) as served:
            yield served
    finally:
        os.environ.pop("STUDIO_SHARED") if before is None else os.environ.update(STUDIO_SHARED=before)


def warm_up(address: str) -> None:
    """Let a studio load the libraries that a first table and a first estimate need: nobody's attack, and 0.4 GB."""
    stranger = Stranger(address)
    stranger.import_file("warm.xlsx", make_workbook())
    stranger.call("estimate", {"model": "builtin", "task_id": "studio002_question"})


def click_while(
    address: str, attack: str = "", seconds: float = SECONDS, hands: int = 2, folder: str = ""
) -> list[float]:
    """Return how long another visitor's clicks took while an attack went on, by its name; of a `folder`, if it is one.

    Raises where the attacker's process broke.
    """
    attacker = _start_attacker(address, attack, seconds, hands, folder) if attack else None
    until = time.monotonic() + seconds
    visitor, took = Stranger(address, NEIGHBOUR), list[float]()
    while time.monotonic() < until:
        took.append(visitor.click())
        time.sleep(BETWEEN_CLICKS)
    if attacker:
        _, said = attacker.communicate(timeout=180)
        assert attacker.returncode == 0, said[-2_000:]
    return took


def _start_attacker(address: str, attack: str, seconds: float, hands: int, folder: str) -> subprocess.Popen[str]:
    given = [address, attack, str(seconds), str(hands), folder]
    attacker = subprocess.Popen(
        [sys.executable, "-m", "bench.attacks", *given],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert attacker.stdout is not None
    attacker.stdout.readline()  # it has imported what it needs
    return attacker


def attack_with(attack: Callable[[str, float], None], address: str, seconds: float, hands: int) -> int:
    """Attack with so many hands; return 1, with what was raised on stderr, if one of them broke."""
    broken = list[BaseException]()
    print("ready", flush=True)
    until = time.monotonic() + seconds

    def work() -> None:
        try:
            attack(address, until)
        except Exception as error:
            broken.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=170)
    for error in broken[:1]:
        traceback.print_exception(error)
    return len(broken[:1])


def measure(seconds: float = SECONDS) -> list[Figure]:
    """Milliseconds of the clicks, 95 of 100 of them, and megabytes that the server keeps."""
    figures = [Figure("load of the machine a core", os.getloadavg()[0] / (os.cpu_count() or 1), "")]
    with tempfile.TemporaryDirectory() as home, serve_shared(home) as (address, server):
        warm_up(address)
        figures += attack_each(address, server, dict.fromkeys(ATTACKS, ""), seconds)
    with tempfile.TemporaryDirectory() as home, serve(home) as (address, server):
        figures += attack_each(address, server, make_models(Path(home)), seconds)
    return figures


def attack_each(address: str, server: psutil.Process, attacks: Mapping[str, str], seconds: float) -> list[Figure]:
    """Let the attacks come one after the other, each with the folder it is about or none; two figures of each."""
    Stranger(address).click()
    figures, rest = list[Figure](), find_p95(click_while(address, "", seconds))
    for name, folder in attacks.items():
        before = server.memory_info().rss
        took = find_p95(click_while(address, name, seconds, HANDS.get(name, 2), folder))
        time.sleep(SETTLE_SECONDS)
        kept = (server.memory_info().rss - before) / MB
        figures.append(Figure(f"{name}: a click of another", took, "ms", rest, "at rest", "under 500 ms"))
        figures.append(Figure(f"{name}: memory kept", kept, "MB", target="under 100 MB"))
        print(f"{name}: {took:.0f} ms beside {rest:.0f}, {kept:+.0f} MB", flush=True)
    return figures


def find_p95(took: list[float]) -> float:
    """Return the milliseconds under which 95 of 100 stay."""
    return 1000 * sorted(took)[int(0.95 * (len(took) - 1))]


if __name__ == "__main__":
    Stranger.home = f"127.0.1.{secrets.randbelow(250) + 1}" if HAS_ADDRESSES else None
    where, what, how_long, how_many, of = sys.argv[1:]
    chosen = _estimate_until(Path(of)) if of else ATTACKS[what]
    sys.exit(attack_with(chosen, where, float(how_long), int(how_many)))
