"""The line: whose turn comes next and in how long, from statuses alone, and with real folders over a restart."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from tiny import TASK_ID, WritingLauncher, wait_until

from studio.queueing.forecast import Forecast
from studio.queueing.scheduler import Scheduler
from studio.queueing.turns import order_queue, place_in_queue
from studio.recipes.recipe import read_recipe
from studio.runs.run import Run, new_run
from studio.runs.status import RunStatus
from studio.workspace import Workspace


def queued(name: str, at: float, **more: Any) -> RunStatus:
    """A run of the owner that its name begins with, put into the line at a moment."""
    return RunStatus(run_id=name, name=name, status="queued", queued_at=at, created_at=at, **more)


def known(name: str, status: str, **more: Any) -> RunStatus:
    return RunStatus(run_id=name, name=name, status=status, created_at=0, **more)  # type: ignore[arg-type]


def owners(statuses: list[RunStatus]) -> dict[str, str]:
    return {status.run_id: status.run_id[0] for status in statuses}


def order(*statuses: RunStatus) -> str:
    return " ".join(status.run_id for status in order_queue(list(statuses), owners(list(statuses))))


def test_one_owner_waits_in_the_order_of_queuing() -> None:
    assert order(queued("a3", 3), queued("a1", 1), queued("a2", 2)) == "a1 a2 a3"
    assert order(known("a0", "running", heard_at=9), queued("a2", 2), queued("a1", 1)) == "a1 a2"
    assert order() == ""


def test_five_runs_of_one_do_not_keep_another_waiting_behind_all_of_them() -> None:
    five = [queued(f"a{number}", number) for number in range(2, 6)]
    assert order(known("a1", "running", heard_at=5), *five, queued("b1", 6)) == "b1 a2 a3 a4 a5"
    assert order(known("a1", "finished", heard_at=7), *five, queued("b1", 6)) == "b1 a2 a3 a4 a5"
    assert order(*five, queued("b1", 6), queued("b2", 7)) == "a2 b1 a3 b2 a4 a5"


def test_owners_take_turns_and_a_newcomer_joins_at_the_end_of_the_round() -> None:
    waiting = [queued("a2", 1), queued("b2", 2), queued("c1", 30), queued("c2", 31)]
    assert order(known("a1", "finished", heard_at=10), known("b1", "finished", heard_at=20), *waiting) == "a2 b2 c1 c2"
    assert order(known("b1", "running", heard_at=25), known("a1", "finished", heard_at=10), *waiting) == "a2 c1 b2 c2"


def test_nobody_is_overtaken_for_ever() -> None:
    """However many come after it with one run each, a waiting second run has its turn after those who came before."""
    clock = itertools.count(10)
    waiting, served = [queued("a2", 1)], [known("a1", "finished", heard_at=next(clock))]
    for newcomer in "bcdefghij":
        waiting.append(queued(f"{newcomer}1", next(clock)))
    assert order(*served, *waiting).startswith("a2 ")


def test_each_sees_a_place_and_an_expected_time() -> None:
    statuses = [known("a1", "running", seconds_left=9.0), queued("a2", 1), queued("a3", 2, step=5, of=10)]
    statuses.append(queued("a4", 3))
    seen = place_in_queue(statuses, owners(statuses), {"a2": 30.0, "a3": 40.0, "a4": 1.0}.get)
    assert [(status.position, status.wait_seconds) for status in seen] == [(None, None), (1, 9.0), (2, 39.0), (3, 59.0)]


def test_what_nobody_knows_is_none_from_there_on() -> None:
    statuses = [known("a1", "starting"), queued("a2", 1), queued("a3", 2), queued("a4", 3)]
    seen = place_in_queue(statuses, owners(statuses), {"a1": 60.0, "a2": 30.0}.get)
    assert [status.wait_seconds for status in seen] == [None, 60.0, 90.0, None]
    assert [status.wait_seconds for status in place_in_queue(statuses, owners(statuses))] == [None] * 4
    idle = statuses[1:]
    assert [status.wait_seconds for status in place_in_queue(idle, owners(idle))] == [0.0, None, None]


@pytest.fixture
def launcher() -> Iterator[WritingLauncher]:
    launcher = WritingLauncher()
    yield launcher
    launcher.close()


def make_runs(workspace: Workspace, *whose: str) -> list[Run]:
    recipe = read_recipe({"task_id": TASK_ID})
    return [new_run(workspace, recipe, owner=owner) for owner in whose]


def test_ten_visitors_are_served_fairly_over_restarts(workspace: Workspace, launcher: WritingLauncher) -> None:
    greedy = make_runs(workspace, *["a"] * 5)
    others = make_runs(workspace, *"bcdefghij")
    places = {run.run_id: place for place, run in enumerate([greedy[0], *others, *greedy[1:]])}
    for place in range(14):
        scheduler = Scheduler(workspace, launcher)  # each time a new one, as after a restart
        before = [status for status in scheduler.look_at_all() if status.position]
        assert sorted(status.position or 0 for status in before) == list(range(1, 15 - place))
        started = scheduler.start_next()
        assert started is not None and places[started.run_id] == place
        assert next(status for status in before if status.run_id == started.run_id).position == 1
        launcher.finish(started)


def test_a_forecast_is_worked_out_aside_and_again_later() -> None:
    answers = iter([None, 40.0, 50.0])
    asked: list[str] = []

    def work_out(run_id: str) -> float | None:
        asked.append(run_id)
        return next(answers, 60.0)

    forecast = Forecast(work_out, again_seconds=0)
    assert forecast.find_seconds("a1") is None, "nobody's question waits for it"
    assert wait_until(lambda: forecast.find_seconds("a1")) == 40.0
    assert wait_until(lambda: forecast.find_seconds("a1") == 60.0)
    settled = Forecast(work_out)
    assert wait_until(lambda: settled.find_seconds("b1")) == 60.0
    assert asked.count("b1") == 1


def test_with_two_that_train_the_wait_is_that_for_the_first_to_end_and_unknown_where_one_is() -> None:
    def look(*rests: float | None) -> float | None:
        active = [
            RunStatus(run_id=str(n), name="x", status="running", created_at=0, seconds_left=rest)
            for n, rest in enumerate(rests)
        ]
        waiting = RunStatus(run_id="w", name="w", status="queued", created_at=1, queued_at=1)
        statuses = [waiting, *active]
        return place_in_queue(statuses, {status.run_id: "" for status in statuses})[0].wait_seconds

    assert (look(), look(9.0, 4.0), look(9.0, None)) == (0.0, 4.0, None)
