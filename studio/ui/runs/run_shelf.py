"""What the list of runs shows of each: a state, a few words and a curve the size of a thumbnail. Knows no gradio.

A list is asked for every few seconds while something trains, and a class has many runs: what was read of a curve is
kept, so that only new events are read, and nothing of a run that has ended.
"""

import threading
from typing import Any

from studio.errors import StudioError
from studio.objectives import Measure, find_measures
from studio.runs.status import RunStatus
from studio.runs.steps import read_in_bulk
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
        """Return the visitor's newest runs as rows, how many there are, and how many of other people's wait."""
        runs = studio.list_runs()
        waiting = sum(run.status == "queued" for run in runs)
        others = max(0, studio.count_waiting() - waiting) if studio.shared else 0
        with self._lock:
            notes = studio.keeping.read_notes(runs[:MOST_RUNS])
            rows = [self._row(studio, run, note.name) for run, note in zip(runs[:MOST_RUNS], notes, strict=True)]
            while len(self._curves) > MOST_CURVES:
                self._curves.pop(next(iter(self._curves)))
        return {"rows": rows, "total": len(runs), "others": others}

    def _row(self, studio: Studio, run: RunStatus, name: str) -> dict[str, Any]:
        main = find_measures(run.recipe.get("objective"))[0]
        return {
            "run": run.run_id,
            "name": name,
            "status": run.status,
            "kind": run.kind,
            "unit": run.unit,
            "about": run.about,
            "result": run.result,
            "sentence": run.sentence[:200],
            "step": run.step,
            "of": run.of,
            "measure": main.model_dump(),
            "value": run.measures.get(main.name),
            "validation": run.validation.get(main.name),
            "position": run.position,
            "wait_seconds": run.wait_seconds,
            "path": self._path(studio, run, main),
        }

    def _path(self, studio: Studio, run: RunStatus, main: Measure) -> str:
        curve = self._curves.setdefault(run.run_id, _Thumbnail(main))
        if run.status != "queued" and curve.read_until != (run.status, run.step):
            try:
                curve.read(studio, run.run_id)
            except StudioError:  # deleted meanwhile: the next list is without it
                return ""
            curve.read_until = (run.status, run.step) if run.status in ENDED else None
        return curve.draw()


class _Thumbnail:
    """The main measure of one run in training, read as far as it goes."""

    def __init__(self, measure: Measure) -> None:
        self.measure, self.offset = measure, 0
        self.steps: list[int] = []
        self.values: list[float] = []
        self.read_until: tuple[str, int] | None = None

    def read(self, studio: Studio, run_id: str) -> None:
        blocks, self.offset = read_in_bulk(studio.find_run(run_id).events_file, self.offset)
        curve = read_curve(blocks, [self.measure])
        if curve["drop_after"] is not None:
            keep = [place for place, step in enumerate(self.steps) if step <= curve["drop_after"]]
            self.steps, self.values = [self.steps[place] for place in keep], [self.values[place] for place in keep]
        steps, values, _ = curve["train"] or ([], [], [])
        self.steps += steps
        self.values += values
        keep = thin(self.steps, self.values, _KEPT_POINTS // 2)
        self.steps, self.values = [self.steps[place] for place in keep], [self.values[place] for place in keep]

    def draw(self) -> str:
        """Return the `d` of an SVG path in a box of WIDTH x HEIGHT, "" while there is no curve."""
        if len(self.values) < 2:
            return ""
        keep = thin(self.steps, self.values, WIDTH // 4)
        first, last = self.steps[0], max(self.steps[-1], self.steps[0] + 1)
        low, top = min(0.0, *self.values), max(0.0, *self.values)
        across, up = WIDTH / (last - first), (HEIGHT - 2) / ((top - low) or 1.0)
        points = (
            (across * (self.steps[place] - first), HEIGHT - 1 - up * (self.values[place] - low)) for place in keep
        )
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
