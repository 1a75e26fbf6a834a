"""Another visitor's clicks while a shared studio is attacked, and the server's memory before and after each attack.

The attacks are those of the table in SECURITY.md's history: thousands of joins, large bodies, uploads, readers that
never read, files that would become very large. They are plain HTTP to a real server, from a process of their own and
another address than the visitor's, and `make soak` uses them too. The figures are of the machine as busy as it is: the
clicks at rest are shown beside them.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from bench.figure import ROOT, Figure, serve
from bench.traps import make_models, make_parquet, make_workbook, make_zip_bomb

SECONDS = 8.0
SETTLE_SECONDS = 3.0
BETWEEN_CLICKS = 0.2
GRACE_SECONDS = 10.0
"""So long an attacker waits for answers after its time is over; then it hangs up."""
MB = 1_000_000
BROKEN = "broke in the studio"
"""What is told of a bug."""
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

    def act(self, name: str, asked: Any) -> Any:
        """Call a server function of the page, as its script does, and return what it answers."""
        body = {"component_id": self._acts[name], "fn_name": name, "session_hash": "stranger", "data": asked}
        answer = self.http.post("/gradio_api/component_server", json=body)
        return answer.json() if answer.status_code == 200 else {"error": answer.text}

    @cached_property
    def _acts(self) -> dict[str, int]:
        """The component that has each server function of the page."""
        components = self.http.get("/config").json()["components"]
        return {name: one["id"] for one in components for name in one["props"].get("server_fns") or ()}

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
        assert BROKEN not in told, told  # where the time can't be told yet, a turn ends it


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


def knock_at_closed_doors(address: str, until: float) -> None:
    """Ask for numbers about visitors, and for a component whose name would be a line of the log."""
    stranger = Stranger(address)
    while time.monotonic() < until:
        for door in ("/monitoring", "/monitoring/summary", "/gradio_api/custom_component/x/client/t/a%0aFORGED"):
            assert stranger.http.get(door).status_code in (400, 404, 429)


def break_uploads_off(address: str, until: float) -> None:
    """Begin uploads and leave in the middle of them."""
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 80
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 99999\r\n"
    begun = f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, port)) as line:
            line.sendall(begun)
            time.sleep(0.02)


def name_folders(address: str, until: float) -> None:
    """Name folders as datasets: what is told of one that is there and of one that isn't is the same."""
    stranger, rest = Stranger(address), {"split": "", "config": "", "most": ""}
    while time.monotonic() < until:
        told = [stranger.act("fetch_from", {"ref": ref, **rest})["error"] for ref in ("/etc", "/nope")]
        assert len({words.partition("this studio is shared")[2] for words in told} - {""}) < 2, told


def list_past_damage(address: str, until: float) -> None:
    """List runs and collections of a workspace that holds damaged ones (see `serve_shared`)."""
    stranger = Stranger(address)
    while time.monotonic() < until:
        for name in ("list_runs", "list_collections"):
            told = stranger.act(name, {})
            assert BROKEN not in json.dumps(told), told


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
            assert BROKEN not in told, told

    attack.__doc__ = f"Import {name}, which would become very large."
    return attack


ATTACKS: dict[str, Callable[[str, float], None]] = {
    "joins of the queue": flood_joins,
    "loads of the page": load_the_page,
    "answers that nobody fetches": fetch_nothing,
    "runs of five years": train_for_ever,
    "bodies of 30 MB": send_large_bodies,
    "uploads of 20 MB": upload_much,
    "readers that never read": read_never,
    "foreign names": ask_by_foreign_names,
    "doors that are closed": knock_at_closed_doors,
    "uploads that break off": break_uploads_off,
    "names of folders": name_folders,
    "lists with damaged files": list_past_damage,
    "a workbook that is very wide": _upload_until("wide.xlsx", make_workbook),
    "a table with one text": _upload_until("table.parquet", make_parquet),
    "a zip that unpacks to much": _upload_until("much.zip", make_zip_bomb),
    "a million keys": _upload_until("keys.json", lambda: json.dumps({f"key {n}": n for n in range(200_000)}).encode()),
    "quotes that never close": _upload_until("quotes.csv", lambda: b'"' * 3_000_000),
    "a field of 20 MB": _upload_until("field.csv", lambda: b"a,b\nx," + b"y" * (20 * MB)),
}
HANDS = {"joins of the queue": 8, "loads of the page": 8, "uploads of 20 MB": 3, "a template that never ends": 44}
"""So many threads attack at once; two where nothing is said."""


def _look_until(folder: Path) -> Callable[[str, float], None]:
    def attack(address: str, until: float) -> None:
        stranger, objective = Stranger(address), {"name": "sft", "template": "chat"}
        recipe = {"model": str(folder), "task_id": "studio002_question", "objective": objective}
        while time.monotonic() < until:
            told = stranger.act("see_tokens", {"recipe": recipe, "place": 0}).get("error", "nothing wrong")
            told += stranger.call("estimate", recipe) if "busy" not in told else ""
            assert "wrong" not in told and BROKEN not in told, told
            time.sleep(BETWEEN_CLICKS)

    attack.__doc__ = f"Look at what {folder.name} sees, and estimate a training of it."
    return attack


@contextlib.contextmanager
def serve_shared(home: str) -> Iterator[tuple[str, psutil.Process]]:
    """Start a shared studio on a workspace of which some files are damaged; give its address and its process."""
    for name in ("runs/20260101-000000-odd-hare/process.json", "collections/odd/tasks.jsonl"):
        damaged = Path(home, name)
        damaged.parent.mkdir(parents=True, exist_ok=True)
        damaged.write_text("[" * 100_000)
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
        _, said = attacker.communicate(timeout=60)
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
        thread.join(timeout=max(0.0, until + GRACE_SECONDS - time.monotonic()))  # what still waits is left waiting
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
    chosen = _look_until(Path(of)) if of else ATTACKS[what]
    status = attack_with(chosen, where, float(how_long), int(how_many))
    sys.stderr.flush()
    os._exit(status)  # its hands may be in the middle of a question
