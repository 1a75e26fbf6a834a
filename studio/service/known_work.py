"""What the runs of a workspace are asked to do: their names for people, and how long they will take. Read once each."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from studio.errors import StudioError
from studio.recipes.recipe import Recipe
from studio.runs.run import find_run
from studio.runs.status import RunStatus
from studio.tasks.store import TaskStore
from studio.works import Work, load_work
from studio.works.training import Training
from studio.workspace import Workspace

LOG = logging.getLogger(__name__)
MOST_KEPT = 5_000
"""Runs of which it is kept what they are asked to do."""


class KnownWork:
    """Keeps what it read of each run; a run's work never changes. Safe to use from several threads."""

    def __init__(
        self, workspace: Workspace, tasks: TaskStore, estimate_seconds: Callable[[Recipe], float | None]
    ) -> None:
        self.workspace, self.tasks = workspace, tasks
        self._estimate_seconds = estimate_seconds
        self._works = lru_cache(maxsize=MOST_KEPT)(self._load_work)
        self._recipes = lru_cache(maxsize=MOST_KEPT)(self._write_recipe)
        self._titles = lru_cache(maxsize=1024)(self._load_title)

    def expect_seconds(self, run_id: str) -> float | None:
        """Return how many seconds the whole run takes; None where nobody knows."""
        try:
            return self._works(run_id).expect_seconds(self.workspace, self._estimate_seconds)
        except Exception as error:  # a courtesy: without it the page says that nobody knows
            LOG.info("How long %s will take could not be worked out: %s", run_id, error)
            return None

    def name(self, status: RunStatus) -> RunStatus:
        """Return the status with what people call the run; what can't be read of it is in its error."""
        try:
            work = self._works(status.run_id)
        except StudioError as error:
            return status.model_copy(update={"title": status.name, "error": status.error or str(error)})
        trouble: list[str] = []

        def find_title(task_id: str, version: str | None) -> str:
            try:
                return self._titles(task_id, version)
            except StudioError as error:
                trouble.append(str(error))
                return task_id

        title, sentence = work.describe(find_title)
        return status.model_copy(
            update={
                "recipe": self._recipes(status.run_id),
                "unit": work.unit,
                "about": "" if isinstance(work, Training) else work.about,
                "title": title,
                "sentence": sentence,
                "error": status.error or next(iter(trouble), None),
            }
        )

    def _load_work(self, run_id: str) -> Work:
        return load_work(find_run(self.workspace, run_id))

    def _write_recipe(self, run_id: str) -> dict[str, Any]:
        work = self._works(run_id)
        return work.recipe.to_json() if isinstance(work, Training) else {}

    def _load_title(self, task_id: str, version: str | None) -> str:
        return self.tasks.load_task(task_id, version).heading
