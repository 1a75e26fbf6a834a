"""What watching costs the server: bytes and processor time of one update over HTTP, with 100 to 100,000 points; and how
soon such a run is there when it is opened.

The real server, asked as the page asks, one question after the other by one viewer, while nothing else works.
"""

import http.client
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.figure import Figure, process_seconds, serve
from bench.viewers import find_question
from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, new_run
from studio.workspace import Workspace

UPDATES = 300
IDLE_SECONDS = 4


def measure() -> list[Figure]:
    """One update is one new metrics event asked for by a viewer that has read everything before."""
    with tempfile.TemporaryDirectory() as home, serve(home) as (address, server):
        runs = {points: make_run(home, points) for points in (100, 10_000, 100_000)}
        viewer = Viewer(address)
        began, before = time.perf_counter(), process_seconds(server)
        time.sleep(IDLE_SECONDS)
        idle = (process_seconds(server) - before) / (time.perf_counter() - began)
        return [figure for points, run in runs.items() for figure in measure_at(points, run, viewer, server, idle)]


class Viewer:
    """One open page, as far as the server can tell."""

    def __init__(self, address: str) -> None:
        where = urlsplit(address)
        self.connection = http.client.HTTPConnection(str(where.hostname), where.port)
        self.ask = {**find_question(address), "session_hash": "viewer"}

    def pull(self, asked: dict[str, Any]) -> bytes:
        """Ask what is new; remember what was answered."""
        body = json.dumps({**self.ask, "data": asked})
        self.connection.request("POST", "/gradio_api/component_server", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse().read()
        news = json.loads(answer)
        asked |= {name: news[name] for name in asked if name in news}
        return answer


def make_run(home: str, points: int) -> Run:
    """A run with so many points, as its file would be."""
    run = new_run(Workspace(Path(home)), read_recipe({"task_id": "studio002_question"}))
    run.request_stop()  # it must not begin to train
    line = {"event": "metrics", "at": 1.5, "of": points, "loss": 1.25, "learning_rate": 0.001, "grad_norm": 1.5}
    with open(run.events_file, "a") as file:
        file.writelines(json.dumps({**line, "step": step}) + "\n" for step in range(1, points + 1))
    return run


def measure_at(points: int, run: Run, viewer: Viewer, server: psutil.Process, idle: float) -> list[Figure]:
    """Open the run, then follow it; what the server uses while nobody asks (`idle`, of a core) is not counted."""
    asked = {"run": run.run_id, "offset": 0, "seen": ""}
    began = time.perf_counter()
    viewer.pull(asked)
    opened = time.perf_counter() - began
    events, sent = EventWriter(run.events_file), 0
    before, began = process_seconds(server), time.perf_counter()
    for step in range(points, points + UPDATES):
        events.append("metrics", step=step, of=points, loss=1.23456, learning_rate=1.234e-05, seconds_left=12.3)
        sent += len(viewer.pull(asked))
    spent = process_seconds(server) - before - idle * (time.perf_counter() - began)
    return [
        Figure(
            f"server time an update at {points:,} points",
            1000 * spent / UPDATES,
            "ms",
            target="at most 1.2 ms",
        ),
        Figure(f"bytes an update at {points:,} points", sent / UPDATES, "bytes", target="at most 100"),
        Figure(f"opening a run of {points:,} points", opened, "s", target="within a second"),
    ]
