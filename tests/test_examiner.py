"""A run measures itself: how much of it by the time it has, what is told of the base, and the events of a real run."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import tells
from tiny import import_task, kinds, losses, make_run, read_all, train_quickly

from studio.evidence.baseline import Shot, tell_baseline
from studio.evidence.budget import FEWEST, SHARE, Meter, Sizes, Taken, choose_next, choose_sizes
from studio.evidence.taken import add_measuring, find_taken
from studio.evidence.win_rate import find_win_rate
from studio.journal import read_lines
from studio.runs.event import parse_event
from studio.runs.status import Watch
from studio.tasks.store import TaskStore
from studio.ui.steps.train.live_chart import tell_own
from studio.workspace import Workspace

THERE = Sizes(100, 100, 50, 48)


def spend(sizes: Sizes, answer: float, text: float, rounds: int, seconds: float) -> float:
    """What a measurement of such sizes takes; the texts at the start and the end alone where all else is too much."""
    texts = [text * sizes.texts * looks for looks in (1 + rounds, 2)]
    answers = sizes.validation * (3.9 + rounds) + 2 * (sizes.test + sizes.unseen)
    return answer * answers + texts[texts[0] > 0.2 * seconds]


@pytest.mark.parametrize("seconds", [0.1, 1, 5, 30, 1000])
@pytest.mark.parametrize("rounds", [1, 4, 20])
def test_what_is_measured_fits_the_time(seconds: float, rounds: int) -> None:
    sizes = choose_sizes(seconds, 0.05, 0.02, rounds, THERE)
    assert spend(sizes, 0.05, 0.02, rounds, seconds) <= seconds + 1e-9
    assert all(0 <= count <= there for count, there in zip(sizes, THERE, strict=True))
    assert all(count == 0 or count >= 4 for count in sizes), "on fewer a number says nothing"
    if seconds == 1000:
        assert sizes == THERE, "where there is time for all, all is measured"


@pytest.mark.parametrize("seconds", [1, 5, 30, 1000])
def test_drawn_answers_fit_the_time_too(seconds: float) -> None:
    sizes = choose_sizes(seconds, 0.05, 0.02, 4, THERE._replace(drawn=100), 0.2)
    assert spend(sizes, 0.05, 0.02, 4, seconds) + 2 * 0.2 * sizes.drawn <= seconds + 1e-9
    assert sizes.drawn == {1: 0, 5: 0, 30: 11, 1000: 100}[int(seconds)]


@pytest.mark.parametrize("seconds", [0.5, 1, 2, 3, 30])
def test_what_each_call_takes_is_counted_and_where_it_is_too_much_the_end_has_the_time(seconds: float) -> None:
    sizes = choose_sizes(seconds, 0.01, 0.02, 4, THERE, call=0.2)
    calls = 7 * bool(sizes.validation) + 2 * (bool(sizes.test) + bool(sizes.unseen))
    assert spend(sizes, 0.01, 0.02, 4, seconds - 0.2 * calls) + 0.2 * calls <= seconds + 1e-9
    assert bool(sizes.validation) == (seconds >= 3) and bool(sizes.test) == (seconds >= 1)


def test_what_a_run_forgets_is_measured_at_its_ends_where_there_is_no_time_at_each_checkpoint() -> None:
    assert 0.2 * 5 / (0.02 * 21) < FEWEST <= choose_sizes(5, 0.05, 0.02, 20, THERE).texts


def test_few_instances_are_all_of_them() -> None:
    assert choose_sizes(100, 0.1, 0.1, 4, Sizes(1, 2, 0, 48)).validation == 1
    assert choose_sizes(0.1, 0.1, 0.1, 4, THERE).is_nothing


def test_a_meter_keeps_the_share_over_all_attempts() -> None:
    now = [100.0]
    meter = Meter(Taken(2.0, 30.0), clock=lambda: now[0])
    with meter.running():
        now[0] += 1
        assert meter.spent == 1
    now[0] += 40
    assert meter.spent == 1 and meter.rest == 70 and meter.find_share() == pytest.approx(3 / 73)
    limit = meter.find_limit(20.0, SHARE)
    assert (2 + limit) / (2 + limit + 30 + 60) == pytest.approx(SHARE)
    assert Meter(Taken(), spare=9.0).find_limit(1.0, SHARE) == 9, "so much in any case"


def test_what_is_measured_next_fits_what_is_left() -> None:
    assert choose_next(100, 50.0, 1.0, True) == 12, "a quarter of what fits, to see how long it takes now"
    assert choose_next(88, 50.0, 1.0, False) == 32 and choose_next(88, 9.5, 1.0, False) == 9
    assert (
        choose_next(88, FEWEST - 0.5, 1.0, True) == choose_next(88, 0.0, 0.0, True) == choose_next(0, 9, 1, True) == 0
    )
    assert choose_next(2, 9.0, 1.0, True) == 2, "where there are no more"


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
        patch.setattr(Meter, "find_limit", lambda *_: 1e9)
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
    (told,) = [event for event in read_all(short) if event["event"] == "scored"]
    assert told["n"] == 0 and tells(told["note"], "short") and not short.answers_file.exists()
    status = Watch(short).look()
    assert status.unmeasured and not status.measures_itself and told["note"] in tell_own(status)


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
    baseline, test, forgotten, *_ = tell_own(status)
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


class Simulated:
    """A run on a machine of which only the clock is real to the examiner: its answers take their time, and are "1"."""

    def __init__(self, workspace: Workspace, slow: str, factor: float, pace: float) -> None:
        """Measuring takes `factor` times as long from `slow` on: base, looks or end; training `pace` of what it took
        when it was tried."""
        from studio.objectives import OBJECTIVES
        from studio.tasks.split import split_task
        from studio.training.examiner import Examiner

        self.now, self.slow, self.factor, self.pace, self.phase = 0.0, slow, factor, pace, "try"
        self.told: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, int]] = []
        run = make_run(workspace)
        events: Any = SimpleNamespace(append=lambda kind, **told: self.told.append(told))
        plan: Any = SimpleNamespace(steps=100, save_every=20)
        answerer: Any = SimpleNamespace(tokenizer=None)
        objective = OBJECTIVES.read({"name": "dpo", "watched": [{"name": "contains", "text": "1"}]})
        task = TaskStore(workspace).load_task(import_task(workspace, count=600))
        parts = {**split_task(task, 0)._asdict(), "unseen": ()}
        self.examiner = Examiner(run, events, plan, objective, task, parts, answerer, 99, True, clock=lambda: self.now)
        self.examiner._read = self.read  # type: ignore[method-assign]

    def read(self, part: str, instances: Any, shots: int) -> list[dict[str, Any]]:
        """Answer so many; a call of a few takes as long as one of some."""
        order = ["try", "base", "looks", "end"]
        slow = self.slow and order.index(self.phase) >= order.index(self.slow)
        each = {"general": 0.01, "drawn": 0.1}.get(part, 0.03) * (1 + 0.3 * shots)
        self.now += (0.05 + each * len(instances)) * (self.factor if slow else 1)
        self.asked.append((self.phase, part, len(instances)))
        number = {"nats": 5.0, "tokens": 5, "bytes": 9} if part == "general" else {"prompt_tokens": 9}
        return [{"id": one.id, "answer": "1", **number} for one in instances]

    def train(self) -> float:
        """Make the run, and return the share of its time that measuring took."""
        began, each = self.examiner._ask_base, 3.0

        def ask_base(sizes: Sizes, training: float) -> Any:
            self.phase = "base"
            return began(sizes, training)

        self.examiner._ask_base = ask_base  # type: ignore[method-assign]
        self.examiner.begin(lambda: each)
        self.phase = "looks"
        for done in range(20, 101, 20):
            self.now += 20 * each * self.pace
            self.examiner.look(done, done * each * self.pace, done)
        self.phase = "end"
        self.examiner.finish(100)
        return self.examiner.meter.spent / (self.examiner.meter.spent + 100 * each * self.pace)


@pytest.mark.parametrize("pace", [1.0, 0.6])
@pytest.mark.parametrize("factor", [1.0, 3.0])
@pytest.mark.parametrize("slow", ["base", "looks", "end"])
def test_measuring_keeps_its_share_where_it_becomes_three_times_slower(
    workspace: Workspace, slow: str, factor: float, pace: float
) -> None:
    simulated = Simulated(workspace, slow, factor, pace)
    share, told = simulated.train(), simulated.told
    assert share <= SHARE
    at_the_end = {each["part"]: each for each in told if each["step"] == 100 and "value" in each}
    assert at_the_end["test"]["n"] >= FEWEST, "what counts in the end is measured in any case"
    looked = {each["step"] for each in told if each["step"] and each["part"] == "validation" and "value" in each}
    said = [each["note"] for each in told if each["part"] == "validation" and each["n"] == 0]
    assert looked == {20, 40, 60, 80, 100} or tells(
        said[-1], tuple(f"{step}" for step in {20, 40, 60, 80, 100} - looked)
    )
    assert "drawn" in at_the_end or tells([each["note"] for each in told if each["part"] == "drawn"][-1], "tenth")
    if factor == pace == 1:
        assert looked == {20, 40, 60, 80, 100} and {"drawn", "general"} <= at_the_end.keys() and share > 0.06


def test_what_a_run_forgot_is_measured_at_its_end_where_it_was_not_before(workspace: Workspace) -> None:
    for looked in (True, False):
        simulated = Simulated(workspace, "", 1.0, 1.0)
        if not looked:
            simulated.examiner.look = lambda *_: None  # type: ignore[method-assign]
        simulated.train()
        assert ("general" in [part for phase, part, _ in simulated.asked if phase == "end"]) == (not looked)


def test_an_attempt_knows_what_earlier_ones_took() -> None:
    told = [("started", {}), ("scored", {"seconds": 1.0}), ("scored", {"seconds": 2.0, "share": 0.05}), ("started", {})]
    lines = [json.dumps({"event": kind, "at": 1, "step": 1, **more}).encode() for kind, more in told]
    found = find_taken(event for line in lines if (event := parse_event(line)))
    assert found.measuring == 2.0 and found.rest == pytest.approx(38.0)
    loaded = find_taken((event for line in lines if (event := parse_event(line))), now=9.0)
    assert loaded.rest == pytest.approx(46.0), "loading is of the run's time"


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
        patch.setattr(Meter, "find_limit", lambda *_: 1e9)
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
