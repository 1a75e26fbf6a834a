"""What the list of runs shows of each: a state, a few words and a curve the size of a thumbnail. Knows no gradio.

A list is asked for every few seconds while something trains, and a class has many runs: what was read of a curve is
kept, so that only new events are read, and nothing of a run that has ended.
"""

import threading
from typing import Any

from studio.errors import StudioError
from studio.runs.status import RunStatus
from studio.service import Studio
from studio.ui.steps.train.curve import read_curve, thin

MOST_RUNS = 100
MOST_CURVES = 2_000
WIDTH, HEIGHT = 72, 24
ENDED = frozenset({"finished", "stopped", "failed", "lost"})
_KEPT_POINTS = 400


class RunShelf:
    """Reads the runs of a studio as rows; remembers the curves it has read, of every visitor's runs."""

    def __init__(self) -> None:
        self._curves: dict[str, _Thumbnail] = {}
        self._lock = threading.Lock()

    def list_rows(self, studio: Studio) -> dict[str, Any]:
        """Return the visitor's newest runs as rows, how many there are, and how many of other people's wait in line."""
        runs = studio.list_runs()
        waiting = sum(run.status == "queued" for run in runs)
        others = max(0, studio.count_waiting() - waiting) if studio.shared else 0
        with self._lock:
            rows = [self._row(studio, run) for run in runs[:MOST_RUNS]]
            while len(self._curves) > MOST_CURVES:
                self._curves.pop(next(iter(self._curves)))
        return {"rows": rows, "total": len(runs), "others": others}

    def _row(self, studio: Studio, run: RunStatus) -> dict[str, Any]:
        return {
            "run": run.run_id,
            "status": run.status,
            "sentence": run.sentence[:200],
            "step": run.step,
            "of": run.of,
            "loss": run.loss,
            "held_out_loss": run.held_out_loss,
            "position": run.position,
            "wait_seconds": run.wait_seconds,
            "path": self._path(studio, run),
        }

    def _path(self, studio: Studio, run: RunStatus) -> str:
        curve = self._curves.setdefault(run.run_id, _Thumbnail())
        if run.status != "queued" and curve.read_until != (run.status, run.step):
            try:
                curve.read(studio, run.run_id)
            except StudioError:  # deleted meanwhile: the next list is without it
                return ""
            curve.read_until = (run.status, run.step) if run.status in ENDED else None
        return curve.draw()


class _Thumbnail:
    """The training losses of one run, read as far as they go."""

    def __init__(self) -> None:
        self.offset = 0
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.read_until: tuple[str, int] | None = None

    def read(self, studio: Studio, run_id: str) -> None:
        page = studio.run_events(run_id, self.offset)
        self.offset = page.offset
        curve = read_curve(page.events)
        if curve["drop_after"] is not None:
            keep = [place for place, step in enumerate(self.steps) if step <= curve["drop_after"]]
            self.steps, self.losses = [self.steps[place] for place in keep], [self.losses[place] for place in keep]
        steps, losses, _ = curve["train"] or ([], [], [])
        self.steps += steps
        self.losses += losses
        keep = thin(self.steps, self.losses, _KEPT_POINTS // 2)
        self.steps, self.losses = [self.steps[place] for place in keep], [self.losses[place] for place in keep]

    def draw(self) -> str:
        """Return the `d` of an SVG path in a box of WIDTH x HEIGHT, "" while there is no curve."""
        if len(self.losses) < 2:
            return ""
        keep = thin(self.steps, self.losses, WIDTH // 4)
        first, last = self.steps[0], max(self.steps[-1], self.steps[0] + 1)
        top = max(self.losses) or 1.0
        across, up = WIDTH / (last - first), (HEIGHT - 2) / top
        points = ((across * (self.steps[place] - first), HEIGHT - 1 - up * self.losses[place]) for place in keep)
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
