"""A stand-in for the hub's HTTP API, as a server in a process of its own: repositories in memory, each commit whole.

`python hub.py` prints the port that it listens on. Below /stand-in/ tests look at what it holds and say what breaks.
Needs the standard library alone.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.request import Request, urlopen

RIGHT, READING = "hf_right_token", "hf_readonly_token"
"""A token that may write, and one that may only read; all others are unknown."""
CONTROL = "/stand-in/"


class Handler(BaseHTTPRequestHandler):
    """What the hub answers. Each file of a commit is base64, in the request as in `repos`."""

    repos: ClassVar[dict[str, dict[str, Any]]] = {}
    breaks: ClassVar[list[str]] = []
    dies: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.startswith(CONTROL):
            told = json.loads(body)
            self.breaks[:], self.dies[:] = told.get("breaks", []), told.get("dies", [])
            return self._say(200, {})
        if any(part in self.path for part in self.dies):
            os._exit(1)
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in (RIGHT, READING):
            return self._say(401, {"error": "Invalid username or password."})
        if token == READING:
            return self._say(403, {"error": f"Forbidden for {token}"})
        if any(part in self.path for part in self.breaks):
            return self._say(400, {"error": f"Broken with {token}"})
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            return self._say(200, {"files": files})
        if "/commit/" in self.path:
            return self._commit(body)
        return self._say(200, {})

    def do_GET(self) -> None:
        if self.path.startswith(CONTROL):
            return self._say(200, self.repos)
        known = self.repos.get(self._repo, {})
        self._say(200 if known else 404, {"id": self._repo, "private": known.get("visibility") == "private"})

    def do_PUT(self) -> None:
        self.repos[self._repo].update(json.loads(self.rfile.read(int(self.headers.get("content-length", 0)))))
        self._say(200, {})

    @property
    def _repo(self) -> str:
        return "/".join(self.path.split("/")[3:5])

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        is_known = name in self.repos
        self.repos.setdefault(name, {"visibility": asked.get("visibility"), "files": {}})
        place = f"http://{self.headers['host']}/{'datasets/' if asked.get('type') == 'dataset' else ''}{name}"
        self._say(409 if is_known else 200, {"url": place, "error": "exists"})

    def _commit(self, body: bytes) -> None:
        told = [line["value"] for line in map(json.loads, body.splitlines()) if line["key"] == "file"]
        self.repos[self._repo]["files"].update({file["path"]: file["content"] for file in told})
        place = f"http://{self.headers['host']}/{self._repo}/commit/1"
        self._say(200, {"commitUrl": place, "commitOid": "1" * 40})

    def _say(self, status: int, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class Hub:
    """The stand-in, from a test's side."""

    def __init__(self, address: str) -> None:
        self.address = address

    def look(self, repo: str) -> dict[str, Any]:
        """Return the visibility of a repository, and its files as bytes by their names."""
        with urlopen(self.address + CONTROL, timeout=10) as answer:
            found = json.load(answer)[repo]
        return {**found, "files": {name: b64decode(content) for name, content in found["files"].items()}}

    def change(self, **parts: list[str]) -> None:
        """Let questions whose path has one of the `breaks` be refused, and one of the `dies` end the hub at once."""
        urlopen(Request(self.address + CONTROL, json.dumps(parts).encode()), timeout=10).close()


@contextmanager
def serve() -> Iterator[Hub]:
    """A hub on this computer, in a process that ends with the test."""
    process = subprocess.Popen([sys.executable, "-S", str(Path(__file__))], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield Hub(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
