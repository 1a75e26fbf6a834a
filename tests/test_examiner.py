"""A run measures itself: how much of it by the time it has, what is told of the base, and the events of a real run."""

import json
from pathlib import Path
from typing import Any

import pytest
from telling import tells
from tiny import import_task, kinds, losses, read_all, train_quickly

from studio.evidence.baseline import Shot, tell_baseline
from studio.evidence.budget import SHARE, Sizes, choose_sizes, may_go_on
from studio.evidence.win_rate import find_win_rate
from studio.journal import read_lines
from studio.reports.report import add_measuring
from studio.runs.event import parse_event
from studio.ui.steps.train.live_chart import tell_own
from studio.workspace import Workspace

THERE = Sizes(100, 100, 50, 48)


def spend(sizes: Sizes, answer: float, text: float, rounds: int) -> float:
    """The seconds that a measurement of such sizes takes."""
    return answer * (sizes.validation * (3.9 + rounds) + 2 * (sizes.test + sizes.unseen)) + text * sizes.texts * (
        1 + rounds
    )


@pytest.mark.parametrize("seconds", [0.1, 1, 5, 30, 1000])
@pytest.mark.parametrize("rounds", [1, 4, 20])
def test_what_is_measured_fits_the_time(seconds: float, rounds: int) -> None:
    sizes = choose_sizes(seconds, 0.05, 0.02, rounds, THERE)
    assert spend(sizes, 0.05, 0.02, rounds) <= seconds + 1e-9
    assert all(0 <= count <= there for count, there in zip(sizes, THERE, strict=True))
    assert all(count == 0 or count >= 4 for count in sizes), "on fewer a number says nothing"
    if seconds == 1000:
        assert sizes == THERE, "where there is time for all, all is measured"


@pytest.mark.parametrize("seconds", [1, 5, 30, 1000])
def test_drawn_answers_fit_the_time_too(seconds: float) -> None:
    sizes = choose_sizes(seconds, 0.05, 0.02, 4, THERE._replace(drawn=100), 0.2)
    assert spend(sizes, 0.05, 0.02, 4) + 2 * 0.2 * sizes.drawn <= seconds + 1e-9
    assert sizes.drawn == {1: 0, 5: 0, 30: 11, 1000: 100}[int(seconds)]


def test_few_instances_are_all_of_them() -> None:
    assert choose_sizes(100, 0.1, 0.1, 4, Sizes(1, 2, 0, 48)).validation == 1
    assert choose_sizes(0.1, 0.1, 0.1, 4, THERE).is_nothing


def test_measuring_keeps_its_share() -> None:
    assert may_go_on(spent=1, cost=1, passed=10, done=10, steps=50)
    assert not may_go_on(spent=5, cost=1, passed=10, done=10, steps=50)
    assert not may_go_on(spent=1, cost=1, passed=10, done=10, steps=50, reserve=4)
    whole = 50 / (1 - SHARE) * SHARE  # a tenth of training and measuring together
    assert may_go_on(whole - 0.01, 0, 50, 50, 50) and not may_go_on(whole + 0.01, 0, 50, 50, 50)


def test_the_baseline_is_told() -> None:
    better = tell_baseline({0: Shot(10, 30), 1: Shot(25, 60), 2: Shot(40, 92)}, 20)
    assert tells(better, "10 20 40 2 +62") and "prompt" in better
    assert tells(tell_baseline({0: Shot(10, 30), 1: Shot(8, 60)}, 20), "10 20 tuning likely")
    assert "little left" in tell_baseline({0: Shot(98, 30)}, 50)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Any, list[dict[str, Any]]]:
    """A run of four steps that has the time to measure itself, and its scored events."""
    workspace = Workspace(tmp_path_factory.mktemp("examined"))
    import_task(workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.training.examiner.time_step", lambda *_: 60.0)
        patch.setattr("studio.training.examiner.may_go_on", lambda *_, **__: True)
        training = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "measures_itself": True}
        run = train_quickly(workspace, tiny_model, training=training)
    return run, [event for event in read_all(run) if event["event"] == "scored"]


def test_a_run_measures_itself(told: tuple[Any, list[dict[str, Any]]]) -> None:
    run, scored = told
    found = [(each["step"], each["part"], each.get("model"), each.get("examples", 0)) for each in scored]
    before = [("validation", "base", 0), ("validation", "base", 1), ("validation", "base", 2), ("test", "base", 0)]
    assert [each[1:] for each in found[:4]] == before and {each[0] for each in found[:4]} == {0}
    steps = [(each["step"], each["part"]) for each in scored if each["step"]]
    assert steps == [(2, "validation"), (2, "general"), (4, "validation"), (4, "general"), (4, "test")]
    assert kinds(run)[-1] == "finished" and kinds(run).index("scored") < kinds(run).index("metrics")
    for each in scored:
        assert each["n"] >= 4 and each["n"] <= each["of"]
        if each["part"] != "general":
            assert each["low"] <= each["value"] <= each["high"] and each["metric"] == "exact_match"
    forgotten = [each for each in scored if each["part"] == "general"]
    assert forgotten[0]["value"] == 0 and forgotten[-1]["value"] == pytest.approx(
        forgotten[-1]["after"] - forgotten[-1]["before"], abs=2e-5
    )
    first, last = scored[0], scored[-1]
    assert first["note"] and scored[2]["tokens"] > scored[0]["tokens"], "examples take tokens"
    assert last["note"] and last["seconds"] > 0 and 0 < last["share"] < 1
    assert {row["part"] for row in read_lines(run.answers_file)} == {"validation", "test", "general"}


def test_short_runs_do_without(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    import_task(workspace)
    short = train_quickly(workspace, tiny_model, training={"max_steps": 1, "measures_itself": True})
    assert "scored" not in kinds(short) and not short.answers_file.exists()


def test_a_report_tells_what_was_measured(told: tuple[Any, list[dict[str, Any]]]) -> None:
    from studio.launchers.inline import InlineLauncher
    from studio.reports.html import write_html
    from studio.reports.markdown import write_markdown
    from studio.service import Studio

    run, scored = told
    studio = Studio(Workspace(run.folder.parents[1]), InlineLauncher())
    status = studio.run_status(run.run_id)
    assert (
        status.score and status.score.value == pytest.approx(scored[-1]["value"]) and status.score.n == scored[-1]["n"]
    )
    assert status.forgetting == scored[-2]["value"] and status.measures_itself
    baseline, test, forgotten = tell_own(status)
    assert baseline == scored[0]["note"] and tells(test, (scored[-1]["note"], f"n = {scored[-1]['n']}"))
    assert tells(forgotten, f"{scored[-2]['value']:+.3f}")
    report = studio.archives.report(run.run_id)
    assert report.measuring == scored[-1]["seconds"]
    assert sum(report.fates.values()) == scored[-1]["n"] and len(report.flips) > 0
    assert {"loss", "score", "forgetting"} <= {curve.measure.name for curve in report.curves}
    page, card = write_html(report), write_markdown(report)
    for text in (page, card):
        assert tells(text, (run.name, scored[-1]["note"])), text
    assert page.count("<svg") == len(report.curves) and "http" not in page


def test_what_measuring_took_is_added_up_over_the_attempts() -> None:
    def tell(*events: tuple[str, float | None]) -> list[Any]:
        lines = [{"event": event, "at": 1, "step": 1, "seconds": seconds} for event, seconds in events]
        return [parse_event(json.dumps(line).encode()) for line in lines]

    first = (("started", None), ("scored", 2.0), ("scored", 3.5))
    assert add_measuring(tell(*first)) == 3.5
    assert add_measuring(tell(*first, ("started", None), ("scored", 1.5), ("started", None))) == 5
    assert add_measuring(tell(("started", None), ("scored", None))) is None


def test_what_a_run_forgot_is_measured_at_its_end_where_it_was_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.objectives import OBJECTIVES
    from studio.training.examiner import Examiner
    from studio.training.winning import Panel

    measured = list[Any]()
    monkeypatch.setattr(Examiner, "_measure", lambda self, step, parts, passed: measured.append(parts))
    examiner = object.__new__(Examiner)
    examiner._asked = {}
    examiner._kept, examiner._panel = {(30, 0, "general"): [{"id": "text-0"}]}, Panel(OBJECTIVES.read("sft"), None)
    for step in (30, 90):
        examiner.finish(step, 1.0)
    assert measured == [("test", "unseen", "drawn"), ("test", "unseen", "drawn", "general")]


def train_judged(folder: Path, model: Path, watched: list[Any]) -> Any:
    """Return a run that learnt preferences, had the time to measure itself, and was judged by some rules."""
    workspace = Workspace(folder)
    rows = [
        {"id": f"{n}", "input": f"Count {n}", "output": [f"{n} and {n + 1}"], "rejected": f"no{n}"} for n in range(40)
    ]
    import_task(workspace, "pairs", Instances=rows, Studio={"kind": "preference", "format": "by hand"})
    training = {"max_steps": 2, "save_every": 2, "evaluate_every": 0, "measures_itself": True, "max_length": 64}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.training.examiner.time_step", lambda *_: 600.0)
        objective = {"name": "dpo", "watched": watched}
        return train_quickly(workspace, model, task_id="pairs", objective=objective, training=training)


def list_drawn(run: Any) -> list[dict[str, Any]]:
    return [event for event in read_all(run) if event["event"] == "scored" and event["part"] == "drawn"]


def check_told(run: Any, note: str) -> None:
    """Check that what judging came to stands on the run's page and in its report."""
    from studio.launchers.inline import InlineLauncher
    from studio.reports.markdown import write_markdown
    from studio.service import Studio

    studio = Studio(Workspace(run.folder.parents[1]), InlineLauncher())
    assert note in tell_own(studio.run_status(run.run_id))
    assert tells(write_markdown(studio.archives.report(run.run_id)), note)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Any:
    """A run whose drawn answers are judged by two rules."""
    watched = [{"name": "contains", "text": "n"}, {"name": "length", "fewest": 50, "most": 90, "weight": 0.5}]
    return train_judged(tmp_path_factory.mktemp("judged"), tiny_model, watched)


def test_who_wins_is_judged_at_the_end_by_what_nothing_is_learnt_from(judged: Any) -> None:
    (told,) = list_drawn(judged)
    rows = [row for row in read_lines(judged.answers_file) if row["part"] == "drawn"]
    assert {row["step"] for row in rows} == {0, 2} and len(rows) == 2 * told["n"] >= 8
    rules = judged.load_recipe().objective.watched

    def weigh(step: int) -> list[float]:
        answers = [str(row["answer"]) for row in rows if row["step"] == step]
        return [sum(rule.weight * rule.judge(answer, ()) for rule in rules) for answer in answers]

    found = find_win_rate(weigh(0), weigh(2))
    assert (told["value"], told["low"], told["high"]) == (found.rate, found.low, found.high)
    assert told["values"] == {"wins": found.wins, "losses": found.losses, "ties": found.ties}
    assert tells(told["note"], "contains length") and told["share"] < 1
    check_told(judged, told["note"])


@pytest.mark.long
def test_where_nobody_judges_that_is_said_and_what_is_drawn_changes_no_training(
    judged: Any, tmp_path: Path, tiny_model: Path
) -> None:
    alone = train_judged(tmp_path, tiny_model, [])
    (told,) = list_drawn(alone)
    assert told["n"] == 0 and "value" not in told and tells(told["note"], "nobody watched")
    check_told(alone, told["note"])
    assert losses(read_all(alone)) == losses(read_all(judged))


def test_a_run_that_had_no_time_for_it_says_so_and_knows_how_many_answers_a_step_has(
    tmp_path: Path, tiny_model: Path
) -> None:
    import_task(Workspace(tmp_path))
    training = {"max_steps": 1, "evaluate_every": 0, "save_every": 0, "measures_itself": True}
    rule = {"name": "matches", "pattern": "[a-z]"}
    objective = {"name": "grpo", "group": 8, "answer_tokens": 2, "watched": [rule], "rewards": [rule]}
    asked = list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.objectives.watching.SPARE_SECONDS", 0.0)
        patch.setattr("studio.training.examiner.time_step", lambda *given: asked.append(given[2]) or 0.0)
        run = train_quickly(Workspace(tmp_path), tiny_model, objective=objective, training=training)
    (told,) = list_drawn(run)
    assert told["n"] == 0 and tells(told["note"], "tenth")
    assert asked == [8 * run.load_recipe().training.batch_size]


def test_who_judges_is_called_as_people_call_it() -> None:
    from studio.objectives import OBJECTIVES
    from studio.training.winning import Panel

    told = [{"name": "learnt", "model": "run:20261130-210724-eager-owl@40"}, {"name": "length"}]
    called = Panel(OBJECTIVES.read({"name": "dpo", "watched": told}), None).name
    assert tells(called, "eager-owl length") and "2026" not in called


def test_answers_are_judged_by_what_is_watched_or_else_by_what_was_rewarded() -> None:
    from studio.objectives import OBJECTIVES
    from studio.tasks.kinds.instruction import Instruction
    from studio.tasks.task import Task
    from studio.training.winning import Panel

    asked = tuple(Instruction(id=f"{n}", input=f"Say {n}", output=("Arrr!",)) for n in range(5))
    task = Task(task_id="pirates", definition="Speak.", instances=asked)
    style = {"watched": [{"name": "contains", "text": "Arrr!"}]}

    def judge(objective: dict[str, Any]) -> dict[str, Any]:
        return Panel(OBJECTIVES.read(objective), task).judge(
            asked, ["Aye."] * 4 + ["Arrr!"], ["Arrr!"] * 3 + ["Aye."] * 2
        )

    for objective in ({"name": "dpo", **style}, {"name": "kto", **style}, {"name": "grpo", **style}, {"name": "ppo"}):
        told = judge(objective)
        assert told["values"] == {"wins": 3, "losses": 1, "ties": 1} and told["value"] == 75 and told["n"] == 5
        assert 0 < told["low"] < 75 < told["high"] < 100 and tells(told["note"], "3 4 75 1")
        assert tells(told["note"], "learned") == (objective["name"] == "ppo"), "its own rewards are no stranger"
    for name, words in (
        ("dpo", "nobody"),
        ("simpo", "nobody"),
        ("orpo", "nobody"),
        ("kto", "nobody"),
        ("ppo", "tenth"),
    ):
        panel = Panel(OBJECTIVES.read(name), task)
        assert tells(panel.explain(False), words) and panel.explain(True) == ""
    assert Panel(OBJECTIVES.read("sft"), task).explain(False) == ""
