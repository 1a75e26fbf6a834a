"""What the live chart is told: curves from events, thinned where long, and an answer to whatever a browser sends."""

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import give_to_process

from studio.objectives.measure import LOSS, Measure
from studio.recipes.recipe import read_recipe
from studio.runs.event import Event, EventWriter, parse_event
from studio.runs.run import Run, new_run
from studio.runs.steps import Steps, gather
from studio.service import Studio
from studio.ui.frame.scripts import find_plotly
from studio.ui.steps.train.curve import MAX_POINTS, MAX_SAMPLES, read_curve, thin
from studio.ui.steps.train.live_chart import make_pull

MakeRun = Callable[..., Run]


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


@pytest.fixture
def make_run(studio: Studio) -> MakeRun:
    """Make a run whose child is this process and which wrote `events`, each (name, values)."""

    def make(*events: tuple[str, dict[str, Any]], alive: bool = True) -> Run:
        run = new_run(studio.workspace, read_recipe({"task_id": "studio002_question"}))
        give_to_process(run, os.getpid())
        if not alive:
            run.process_file.write_text('{"pid": 4194304, "created": 1}')
        writer = EventWriter(run.events_file)
        for name, values in events:
            writer.append(name, **values)
        return run

    return make


def metrics(*steps: int, loss: float = 1.0) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("metrics", {"step": step, "of": 300, "loss": loss / step, "learning_rate": 0.001, "seconds_left": 9.0})
        for step in steps
    ]


# ---- curves


def read(events: Iterable[dict[str, Any]]) -> list[Event | Steps]:
    """Events as they are read from a file; what can't be so is none."""
    lines = (json.dumps({"at": 1.0, **event}).encode() for event in events)
    return gather(event for line in lines if (event := parse_event(line)))


def test_a_curve_has_training_and_validation_losses() -> None:
    curve = read_curve(
        read(
            [
                {"event": "metrics", "step": 1, "loss": 3.0, "learning_rate": 0.1},
                {"event": "metrics", "step": 2, "loss": 2.0},
                {"event": "evaluated", "step": 2, "loss": 2.5},
                {"event": "something new", "step": 2},
            ]
        )
    )
    assert curve["train"] == [[1, 2], [3.0, 2.0], [0.1, None]]
    assert curve["validation"] == [[2], [2.5]]
    assert curve["drop_after"] is None


def test_a_curve_has_what_is_measured_in_its_order() -> None:
    events = read(
        [
            {"event": "metrics", "step": 1, "loss": 3.0, "measures": {"gain": 0.5, "other": 1}, "learning_rate": 0.1},
            {"event": "metrics", "step": 2, "loss": None, "measures": {"other": 1}},
            {"event": "evaluated", "step": 2, "loss": 2.5},
        ]
    )
    curve = read_curve(events, [Measure(name="gain", title="gain", better="higher"), LOSS])
    assert curve["train"] == [[1], [0.5], [3.0], [0.1]] and curve["validation"] == [[2], [None], [2.5]]


def test_a_resumed_run_goes_back_to_its_checkpoint() -> None:
    events = [{"event": "metrics", "step": step, "loss": 1.0} for step in range(1, 9)]
    again = [{"event": "started", "resumed_from": 4}, {"event": "metrics", "step": 5, "loss": 0.5}]
    assert read_curve(read(events + again))["train"][0] == [1, 2, 3, 4, 5]
    later = read_curve(read(again))
    assert later["train"][0] == [5]
    assert later["drop_after"] == 4, "a browser that drew steps 5 to 8 must forget them"
    twice = read_curve(read({"event": "started", "resumed_from": step} for step in (4, 6)))
    assert twice["drop_after"] == 4


def test_numbers_that_are_none_are_left_out() -> None:
    odd = [
        {"event": "metrics", "step": 1, "loss": value} for value in (None, "3", float("nan"), float("inf"), True, [])
    ]
    assert read_curve(read(odd))["train"] == []


def test_a_sample_is_right_when_it_is_the_wanted_text() -> None:
    samples = [
        {"input": "a", "wanted": "b ", "base": "x", "tuned": " b", "worth": {"base": 0.5, "tuned": "much"}},
        {"input": "a", "wanted": "", "tuned": ""},
        "no",
    ]
    first, second = read_curve(read([{"event": "sampled", "step": 7, "samples": samples}]))["samples"]
    assert (first["step"], first["right"], first["base_right"], second["right"]) == (7, True, False, False)
    assert first["worth"] == {"base": 0.5, "tuned": None} and "worth" not in second


def test_samples_are_bounded() -> None:
    sample = {"input": "x" * 100_000, "wanted": "w", "base": "b", "tuned": "t"}
    curve = read_curve(read({"event": "sampled", "step": step, "samples": [sample]} for step in range(200)))
    assert len(curve["samples"]) == MAX_SAMPLES
    assert curve["samples"][-1]["step"] == 199
    assert len(json.dumps(curve)) < 200_000


# ---- thinning


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(1, 60))
def test_thinning_keeps_ends_and_extremes_in_order(values: list[float], buckets: int) -> None:
    kept = thin(list(range(len(values))), values, buckets)
    assert kept == sorted(set(kept))
    assert {0, len(values) - 1} <= set(kept)
    assert {min(values), max(values)} <= {values[place] for place in kept}
    assert len(kept) <= max(2 * buckets, 2) + 2


def test_a_short_curve_is_not_thinned() -> None:
    assert thin(list(range(10)), [1.0] * 10, 5) == list(range(10))


def test_a_very_long_history_is_thinned_and_its_spike_stays() -> None:
    count = MAX_POINTS * 3
    events = [{"event": "metrics", "step": n, "loss": 99.0 if n == 12_345 else 1.0} for n in range(1, count + 1)]
    steps, losses, _ = read_curve(read(events))["train"]
    assert 1_000 < len(steps) < MAX_POINTS
    assert (steps[0], steps[-1]) == (1, count)
    assert losses[steps.index(12_345)] == 99.0


# ---- the server function


def puller(studio: Studio) -> Callable[[Any], dict[str, Any]]:
    """The chart's server function, as a viewer's questions meet it; in a thread, for this one may have a loop."""
    pull, thread = make_pull(studio), ThreadPoolExecutor(1)
    return lambda asked: thread.submit(asyncio.run, pull(asked)).result()  # type: ignore[arg-type]


def test_pull_gives_what_is_new_since_the_offset(studio: Studio, make_run: MakeRun) -> None:
    run, pull = make_run(("started", {"pid": 1}), *metrics(1, 2, 3)), puller(studio)
    first = pull({"run": run.run_id, "offset": 0})
    assert first["train"][0] == [1, 2, 3]
    assert (first["facts"]["status"], first["live"][0], first["facts"]["of"]) == ("running", 3, 300)
    assert first["offset"] == run.events_file.stat().st_size and "more" not in first
    asked = {name: first[name] for name in ("offset", "seen")} | {"run": run.run_id}
    assert pull(asked) == {"offset": first["offset"]}
    EventWriter(run.events_file).append(*metrics(4)[0][:1], **metrics(4)[0][1])
    news = pull(asked)
    assert news.keys() == {"offset", "train", "live"}
    assert news["train"] == [[4], [0.25], [0.001]] and news["live"][:3] == [4, None, 9.0]


def test_pull_tells_of_a_change_at_once_and_to_each_viewer(studio: Studio, make_run: MakeRun) -> None:
    run, pull = make_run(("started", {"pid": 1}), *metrics(1)), puller(studio)
    asked = {"run": run.run_id, "offset": 0}
    asked |= {name: value for name, value in pull(asked).items() if name in ("offset", "seen")}
    EventWriter(run.events_file).append("finished", step=1)
    news = pull(asked)
    assert news["facts"]["status"] == "finished" and news["seen"] != asked["seen"]
    late = pull({**asked, "offset": news["offset"]})
    assert late["facts"] == news["facts"], "one who has not seen them yet"


def test_pull_is_json_and_an_update_is_small(studio: Studio, make_run: MakeRun) -> None:
    run, pull = make_run(*metrics(*range(1, 2000))), puller(studio)
    whole = pull({"run": run.run_id, "offset": 0})
    EventWriter(run.events_file).append(
        "metrics", step=100_000, of=100_000, loss=1.23456, learning_rate=1.234e-05, examples_per_second=123.4
    )
    news = pull({"run": run.run_id, "offset": whole["offset"], "seen": whole["seen"]})
    assert news["train"][0] == [100_000]
    assert len(json.dumps(news, separators=(",", ":"))) <= 100


def test_pull_tells_what_can_be_done(studio: Studio, make_run: MakeRun) -> None:
    pull = puller(studio)
    running = pull({"run": make_run(*metrics(1)).run_id, "offset": 0})["facts"]
    assert (running["can_stop"], running["can_resume"], running["can_ask"]) == (True, False, False)
    lost = pull({"run": make_run(*metrics(1), alive=False).run_id, "offset": 0})["facts"]
    assert (lost["status"], lost["can_stop"], lost["can_resume"]) == ("lost", False, True)
    failed = make_run(*metrics(1), ("failed", {"step": 1, "error": "It broke.", "remedy": "Fix it."}), alive=False)
    status = pull({"run": failed.run_id, "offset": 0})["facts"]
    assert (status["status"], status["error"], status["remedy"]) == ("failed", "It broke.", "Fix it.")


def test_a_file_that_became_shorter_is_read_anew(studio: Studio, make_run: MakeRun) -> None:
    run, pull = make_run(*metrics(1, 2)), puller(studio)
    again = pull({"run": run.run_id, "offset": 10_000_000})
    assert (again["drop_after"], again["train"][0]) == (-1, [1, 2])


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        "run",
        {},
        {"run": "x"},
        {"run": None, "offset": 0},
        {"run": ["a"], "offset": 0},
        {"run": "../../etc", "offset": 0},
        {"run": "20261120-070000-no-one", "offset": 0},
        {"run": "x", "offset": "0"},
        {"run": "x", "offset": True},
        {"run": "x" * 10_000, "offset": -1},
        {"run": "\x00", "offset": 2**70},
    ],
)
def test_pull_answers_any_question_in_words(studio: Studio, asked: Any) -> None:
    answer = puller(studio)(asked)
    assert set(answer) == {"error", "gone"}
    assert "Traceback" not in answer["error"] and len(answer["error"]) < 400


def test_pull_says_that_a_run_is_gone(studio: Studio, make_run: MakeRun) -> None:
    run = make_run(("finished", {"step": 1}), alive=False)
    studio.delete_run(run.run_id)
    answer = puller(studio)({"run": run.run_id, "offset": 0})
    assert answer["gone"] is True
    assert "deleted" in answer["error"]


def test_a_bug_is_an_apology_and_no_traceback(
    studio: Studio, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(*metrics(1))
    monkeypatch.setattr(studio, "run_status", lambda *_: 1 / 0)
    answer = puller(studio)({"run": run.run_id, "offset": 0})
    assert "division" not in answer["error"] and answer["gone"] is False


def test_plotly_comes_from_its_own_package() -> None:
    assert find_plotly().is_file()
    assert find_plotly().stat().st_size > 1_000_000
