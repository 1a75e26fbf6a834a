"""What watching costs the server: bytes and processor time of one update, with 100 to 100,000 points on the chart."""

import json
import tempfile
import time

from bench.figure import Figure
from studio.runs.event import EventWriter
from studio.runs.recipe import read_recipe
from studio.runs.run import new_run
from studio.service import Studio
from studio.ui.widgets.live_chart import make_pull
from studio.workspace import Workspace

UPDATES = 200


def measure() -> list[Figure]:
    """One update is one new metrics event pulled by a viewer that has read everything before."""
    return [figure for points in (100, 10_000, 100_000) for figure in _measure_at(points)]


def _measure_at(points: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home))
        run = new_run(studio.workspace, read_recipe({"task_id": "any"}))
        events = EventWriter(run.events_file)
        line = json.dumps(
            {"event": "metrics", "at": 1.5, "step": 1, "of": points, "loss": 1.25, "learning_rate": 0.001}
        )
        with open(run.events_file, "a") as file:
            file.write((line + "\n") * points)
        pull = make_pull(studio)
        asked = {"run": run.run_id, "offset": 0, "seen": ""}
        while (news := pull(asked))["offset"] != asked["offset"]:
            asked |= {name: news[name] for name in asked if name in news}
        spent = sent = 0.0
        for step in range(points, points + UPDATES):
            events.append("metrics", step=step, of=points, loss=1.23456, learning_rate=1.234e-05, seconds_left=12.3)
            began = time.process_time()
            news = pull(asked)
            text = json.dumps(news, separators=(",", ":"))
            spent += time.process_time() - began
            sent += len(text)
            asked |= {name: news[name] for name in asked if name in news}
    return [
        Figure(f"server time an update at {points:,} points", 1000 * spent / UPDATES, "ms", target="at most 1.2 ms"),
        Figure(f"bytes an update at {points:,} points", sent / UPDATES, "bytes", target="at most 100"),
    ]
