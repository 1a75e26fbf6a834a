"""Examiner: a run measures itself, as it trains, in a tenth of its time: how good its answers are, what it forgot.

Before step 1 the base, with none, one and two examples in the prompt; at checkpoints the validation part; at the end
test and unseen, of the best checkpoint, and where somebody judges, who wins: answers that are drawn of the base and of
that checkpoint. What was answered is kept with the run (answers.jsonl), so a run that goes on
compares with the same. What there is no time for is left out, and said. Knows a model only by what answers for it.
"""

import time
from collections.abc import Callable, Mapping, Sequence

import rouge_score.rouge_scorer  # noqa: F401  what writes scores is there before a run begins, as torch is
import scipy.stats  # noqa: F401
import torch

from studio.errors import ModelError, StudioError
from studio.evidence.budget import (
    BASELINE,
    FEWEST,
    FIRST,
    LAST,
    LEAST_DRAWN,
    LEAST_LAST,
    LEAST_SECONDS,
    LOOKED,
    MOST_FIRST,
    PLANNED,
    SHARE,
    SHOTS,
    Meter,
    Sizes,
    choose_next,
    choose_sizes,
)
from studio.evidence.frontier import read_kind
from studio.evidence.general import write_general
from studio.evidence.metrics.metric import has_answers
from studio.evidence.nats import read_nats
from studio.evidence.room import find_room
from studio.evidence.taken import find_taken
from studio.journal import append_lines, read_lines
from studio.models.reference import BUILTIN, ModelRef
from studio.objectives.objective import Example, Objective, encode_asked
from studio.recipes.options import Plan
from studio.recipes.recipe import Recipe
from studio.rewards import Scorer
from studio.runs.event import EventWriter, Scored
from studio.runs.run import Run
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Example as Worked
from studio.tasks.task import Instance, Task
from studio.training.findings import NO_TEST, TOO_SHORT, Findings, Rows, Told, tell_skipped
from studio.training.sampling import Answerer
from studio.training.timed_step import time_step
from studio.training.winning import DRAWN, NO_JUDGES, Panel
from studio.workspace import Workspace

ENDS = ("test", "unseen", DRAWN)
"""What is asked of the base, and of what came of the run."""
LOOKS = ("validation", "general")
"""What is asked at a checkpoint."""
MOST_ROOM = 500
"""So many references say how long an answer may be."""


class Examiner:
    """Measures one run. `room` is how many tokens a prompt and its answer may have."""

    def __init__(
        self,
        run: Run,
        events: EventWriter,
        plan: Plan,
        objective: Objective,
        task: Task,
        parts: dict[str, tuple[Instance, ...]],
        answerer: Answerer,
        room: int,
        is_builtin: bool,
        judges: Mapping[str, Scorer] = NO_JUDGES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.events, self.plan, self.objective, self.task = run, events, plan, objective, task
        self.answerer, self.room, self._clock = answerer, room, clock
        known = read_kind(run, "started", "scored")
        self._told = any(isinstance(event, Scored) and event.model == "base" and event.n for event in known)
        self._seconds: dict[str, float] = {}  # what one of a part takes
        self._call, self._pace = 0.0, 0.0  # what asking takes beside that; by how much all is slower now, 0: unknown
        writes = "embeddings" not in objective.needs  # what is to place texts is asked for no word any more
        self._parts = {**parts, "general": write_general(is_builtin).instances if writes else ()}
        self._general = write_general(is_builtin)
        self._panel = Panel(objective, task, judges)
        spare = objective.spare_seconds
        if self._panel.rules:
            self._parts[DRAWN] = self._parts["test"]
        self._for_judges, spare = (spare, 0.0) if self._panel.rules else (0.0, spare)
        self.meter = Meter(find_taken(known, time.time()), spare, clock)
        self._findings = Findings(task, self._parts)
        self._asked: dict[str, tuple[Instance, ...]] = {}
        self._skipped = list[int]()
        self._tried: dict[str, Rows] = {}
        self._rooms: dict[str, int] = {}
        self._kept: dict[tuple[int, int, str], Rows] = {}
        for row in read_lines(run.answers_file):
            self._kept.setdefault((int(row["step"]), int(row["examples"]), str(row["part"])), []).append(row)

    @property
    def is_asked(self) -> bool:
        """Whether anything is measured: a run that is too short has no time for it."""
        return bool(self._asked)

    @property
    def _rounds(self) -> int:
        """How many checkpoints there will be."""
        return max(1, self.plan.steps // self.plan.save_every if self.plan.save_every else 1)

    def begin(self, time_step: Callable[[], float]) -> None:
        """Measure the base, before anything is attached to it; `time_step` finds out what a step takes, about."""
        if self._told:
            self._find_asked_before()
            return
        if not self._parts["validation"]:
            return
        with self.meter.running():
            try:
                found = self._measure_base(time_step() * self.plan.steps)
            except torch.OutOfMemoryError as error:
                self._give_up(error)
                return
        self._tell(found, is_early=True)

    def _measure_base(self, training: float) -> list[Told]:
        """What the base comes to on as much as the time allows, of a training of so many seconds."""
        seconds = self.meter.find_limit(training, PLANNED) - self.meter.spent
        counts = self._time_answers(seconds) if seconds >= LEAST_SECONDS else None
        sizes = self._choose_sizes(training, counts) if counts else Sizes()
        sizes = sizes._replace(drawn=max(sizes.drawn, self._count_least_drawn(training)))
        tried = {part: len(self._tried.get(part, ())) for part in ("validation", "test")}  # which is measured already
        sizes = sizes._replace(**{part: max(getattr(sizes, part), n) for part, n in tried.items() if n >= FEWEST})
        shots = self._ask_base(sizes, training) if not sizes.is_nothing else {}
        found, told = self._findings, self._findings.write_baseline(shots)
        if "validation" not in self._asked:
            told = [{"step": 0, "part": "validation", "model": "base", "n": 0, "note": TOO_SHORT}]
        for part in ("test", "unseen"):
            told += found.write_score(0, part, self._find(0, part), model="base")
        return [*told, *found.write_general(0, self._find(0, "general"), self._find(0, "general"))]

    def _ask_base(self, sizes: Sizes, training: float) -> dict[int, Rows]:
        """All answers of the base that there is time for; those to the validation part by examples shown.

        What the end is compared with is asked before what examples in the prompt would do. A quarter longer than
        planned it may take, and about half of all that may be spent at most: the rest is for the end.
        """
        counts = {"validation": sizes.validation, "test": sizes.test, "unseen": sizes.unseen, DRAWN: sizes.drawn}
        counts["general"] = sizes.texts
        self._asked = {part: self._parts.get(part, ())[:count] for part, count in counts.items() if count}
        answer, text, draw = (self._seconds.get(part, 0.0) for part in ("validation", "general", DRAWN))
        base = sizes.count_base(answer, text, draw, self._call)
        most = self.meter.find_limit(training, SHARE)
        limit = min(max(self.meter.spent + SHARE / PLANNED * base, FIRST * most), MOST_FIRST * most)
        judged = max(limit, self._for_judges / 2) if self._is_short(training) else limit
        found = {part: self._ask(0, part, judged if part == DRAWN else limit) for part in list(self._asked)}
        self._asked = {part: self._parts[part][: len(rows)] for part, rows in found.items() if rows}
        enough = len(self._asked.get("validation", ())) >= len(self._parts["validation"][: 2 * FEWEST])
        shown = self._list_shots() if enough else (0,)
        return {shots: self._ask(0, "validation", limit, shots) for shots in shown}

    def _give_up(self, error: BaseException) -> None:
        """Measuring spoils no training: without the memory for it the run goes on alone."""
        print(f"The run can't measure itself here: {error}")
        self._asked = {}

    def look(self, step: int, passed: float, done: int) -> None:
        """Measure a checkpoint, where the time allows it: `done` steps took `passed` seconds without measuring."""
        if "validation" not in self._asked:
            return
        to_come = passed / max(1, done) * (self.plan.steps - step)
        limit = self.meter.find_limit(to_come, LOOKED) - self._cost(ENDS)
        if self.meter.spent + self._cost(LOOKS) <= limit:
            self._measure(step, LOOKS, limit)
        elif not self._find(step, "validation"):
            self._skipped.append(step)
            self._tell([{"step": step, "part": "validation", "n": 0, "note": tell_skipped(self._skipped)}])

    def finish(self, step: int) -> None:
        """Measure what comes of the run: the model as it is, which is that of the best checkpoint, `step`.

        Also what it forgot, where there was no time for that when the checkpoint was made. Each takes what is left.
        """
        ends = (DRAWN, "test", "unseen") if self._is_short(0.0) else ENDS  # first what it is short of
        parts = (*ends, *["general"] * (not self._find(step, "general")))
        least = self.meter.spent + LEAST_LAST * self.meter.rest  # what the base was asked is not to stand alone
        if len(self._asked.get("test", ())) <= 2 * FEWEST:
            self._seconds.pop("test", None)  # so few are asked, whatever they took when the base was
        self._measure(step, parts, max(least, self.meter.find_limit(0.0, LAST)))
        is_judged = bool(self._find(step, DRAWN))
        told = [{"part": DRAWN, "n": 0, "note": why}] if (why := self._panel.explain(is_judged)) else []
        if self._asked.keys() - {DRAWN} and self._parts["test"] and not self._find(step, "test"):
            told.append({"part": "test", "n": 0, "note": NO_TEST})
        self._tell([{"step": step, **each} for each in told])

    def _measure(self, step: int, parts: Sequence[str], limit: float) -> None:
        """Ask the model as it is now, and tell what that comes to, together with what it took."""
        self._pace = 0.0  # the machine may have become slower since
        with self.meter.running():
            try:
                judged = max(limit, self._for_judges) if self._is_short(0.0) else limit
                found = {part: self._ask(step, part, judged if part == DRAWN else limit) for part in parts}
                told = [each for part, rows in found.items() for each in self._conclude(step, part, rows)]
            except (torch.OutOfMemoryError, ModelError) as error:
                self._give_up(error)
                return
        self._tell(told)

    def _conclude(self, step: int, part: str, rows: Rows) -> list[Told]:
        """What answers of a part come to, beside those of the base."""
        before = self._find(0, part)
        if part == DRAWN:
            return self._judge(step, rows, before[: len(rows)])
        if part == "general":
            return self._findings.write_general(step, rows, before)
        return self._findings.write_change(step, part, rows, [] if part == "validation" else before)

    def _judge(self, step: int, rows: Rows, before: Rows) -> list[Told]:
        """Who wins, of drawn answers of the base and these; nothing where there are none."""
        if not rows or len(before) != len(rows):
            return []
        by_id = {one.id: one for one in self._parts[DRAWN]}
        answers = ([str(row["answer"]) for row in some] for some in (before, rows))
        won = self._panel.judge([by_id[row["id"]] for row in rows], *answers)
        return [{"step": step, "part": DRAWN, "of": len(self._parts[DRAWN]), **won}]

    def _tell(self, found: Sequence[Told], is_early: bool = False) -> None:
        """Write what was found as events, with what measuring has taken so far, and of which share of the run's time:
        before step 1 that says nothing yet."""
        taken = {"seconds": round(self.meter.spent, 2)}
        if not is_early:
            taken["share"] = round(self.meter.find_share(), 4)
        for each in found:
            self.events.append("scored", **each, **taken)

    def _time_answers(self, seconds: float) -> Sizes | None:
        """Try a few, then more, and see how long they take; return how many there are, None where it takes too long."""
        names = ("validation", "test", "unseen", "general", DRAWN)
        counts = Sizes(*(len(self._parts.get(part, ())) for part in names))
        part = "test" if self._parts["test"] else "validation"  # what there is time for in any case is the end's
        few = self._parts[part][: 2 * FEWEST]
        self._seconds[part] = self._time(part, few[:FEWEST])
        if self._seconds[part] * FEWEST > seconds / 4:
            return None
        half, whole = self._seconds[part] * len(few[:FEWEST]), self._time(part, few) * len(few)
        self._call, self._pace = max(0.0, min(2 * half - whole, whole / 2)), 1.0
        answer, text = (whole - self._call) / len(few), self._time("general", self._parts["general"][:1])
        draw = self._time(DRAWN, self._parts[DRAWN][:FEWEST]) if counts.drawn else answer  # it ends later
        self._seconds = {"general": text, **dict.fromkeys(("validation", *ENDS), answer), DRAWN: draw}
        return counts

    def _choose_sizes(self, training: float, counts: Sizes) -> Sizes:
        """How much is measured; what was tried needn't be paid for again."""
        kept = sum(self._seconds[part] * len(rows) for part, rows in self._tried.items())
        seconds = self.meter.find_limit(training, PLANNED) - self.meter.spent + kept
        answer, text, draw = (self._seconds[part] for part in ("validation", "general", DRAWN))
        return choose_sizes(seconds, answer, text, self._rounds, counts, draw, self._call)

    def _is_short(self, to_come: float) -> bool:
        """Whether a tenth of the time of a run that is judged may be too little to say who wins."""
        return self.meter.find_limit(to_come, SHARE) < self._for_judges

    def _count_least_drawn(self, training: float) -> int:
        """How many answers are drawn even if a tenth of a short run is too little for them."""
        if not self._is_short(training):
            return 0
        if DRAWN not in self._seconds:
            self._seconds[DRAWN] = self._time(DRAWN, self._parts[DRAWN][:FEWEST])
        return min(LEAST_DRAWN, len(self._parts[DRAWN]), int(self._for_judges / 2 / max(1e-6, self._seconds[DRAWN])))

    def _time(self, part: str, few: Sequence[Instance]) -> float:
        """What one of a few takes, which are the first of a part; their answers needn't be asked for again."""
        began = self._clock()
        self._tried[part] = self._read(part, few, 0)
        return (self._clock() - began) / max(1, len(few))

    def _find_asked_before(self) -> None:
        """What the run was measured on before it was interrupted."""
        for part, instances in self._parts.items():
            ids = {row["id"] for row in self._find(0, part)}
            if ids:
                self._asked[part] = tuple(one for one in instances if one.id in ids)

    def _cost(self, parts: Sequence[str]) -> float:
        """What some parts will take, by what they took before."""
        counts = {part: len(self._asked.get(part, ())) for part in parts}
        return sum(self._find_call(part) + self._seconds.get(part, 0.0) * n for part, n in counts.items() if n)

    def _find_call(self, part: str) -> float:
        """What asking for some takes, however few they are: general texts are read one by one."""
        return 0.0 if part == "general" else self._call

    def _list_shots(self) -> tuple[int, ...]:
        return SHOTS if has_answers(self.task) and hasattr(self.objective, "positive_examples") else (0,)

    def _find(self, step: int, part: str, shots: int = 0) -> Rows:
        return self._kept.get((step, shots, part), [])

    def _ask(self, step: int, part: str, limit: float, shots: int = 0) -> Rows:
        """The answers of the model as it is now, kept with the run; of the first instances alone, or none, where there
        is no time for more, none where a person asked to stop."""
        known, instances = self._find(step, part, shots), self._asked.get(part, ())
        if known or not instances or self.run.stop_file.exists():
            return known
        rows = self._tried.pop(part, [])[: len(instances)] if not step and not shots else []
        each, call, taken, read = self._seconds.get(part, 0.0) * BASELINE[shots], self._find_call(part), 0.0, 0
        while count := choose_next(
            len(instances) - len(rows),
            limit - self.meter.spent,
            each * max(1.0, self._pace),
            not self._pace,
            call * max(1.0, self._pace),
        ):
            began = self._clock()
            rows = [*rows, *self._read(part, instances[len(rows) : len(rows) + count], shots)]
            taken, read = taken + max(0.0, self._clock() - began - call), read + count
            self._pace = (taken + call) / (each * read + call) if each else 1.0
        if read and not shots:
            self._seconds[part] = taken / read
        rows = [{"step": step, "examples": shots, "part": part, **row} for row in rows]
        if rows:
            append_lines(self.run.answers_file, rows)
            self._kept[step, shots, part] = rows
        return rows

    def _read(self, part: str, instances: Sequence[Instance], shots: int) -> Rows:
        tokenizer, task, objective = self.answerer.tokenizer, self.task, self.objective
        if part == "general" or not has_answers(task):
            task = self._general if part == "general" else task
            with self.answerer.reading() as model:
                read = [read_nats(model, tokenizer, objective, task, one, self.room) for one in instances]
            return [{"id": one.id, "answer": "", **nats._asdict()} for one, nats in zip(instances, read, strict=True)]
        if shots:
            task, objective = self._show(shots)
        most = self._find_room(part)
        prompts = [encode_asked(objective, task, one, tokenizer) for one in instances]
        fitting = [place for place, prompt in enumerate(prompts) if len(prompt) + most <= self.room]
        answer = self.answerer.draw if part == DRAWN else self.answerer.answer
        said = dict(zip(fitting, answer([prompts[place] for place in fitting], most), strict=True))
        return [
            {"id": one.id, "answer": said.get(place, ""), "prompt_tokens": len(prompts[place])}
            for place, one in enumerate(instances)
        ]

    def _find_room(self, part: str) -> int:
        """How long an answer may be: the same for all of a part, whichever of them are asked."""
        if part not in self._rooms:
            some = self._parts[part][:MOST_ROOM]
            self._rooms[part] = find_room(some, self.answerer.tokenizer, self.room)
        return self._rooms[part]

    def _show(self, shots: int) -> tuple[Task, Objective]:
        """The task with some worked examples, its own or of what it trains on, and the objective that shows them."""
        known = [*self.task.positive_examples]
        more = self._parts["train"][: max(0, shots - len(known))]
        known += [Worked(input=one.input, output=one.output[0]) for one in more]
        task = self.task.model_copy(update={"positive_examples": tuple(known)})
        return task, self.objective.model_copy(update={"positive_examples": shots})


def examine(
    run: Run,
    events: EventWriter,
    plan: Plan,
    recipe: Recipe,
    task: Task,
    answerer: Answerer,
    room: int,
    base: ModelRef,
    examples: list[Example],
    judges: Mapping[str, Scorer],
) -> Examiner | None:
    """Measure the base on the parts of a run's first task, and return who goes on with it; None where unasked,
    or where what is trained answers nothing.

    `examples` are what it trains on, `judges` the reward models that its rules ask.
    """
    if not recipe.training.measures_itself or recipe.objective.makes != "answer":
        return None
    split = split_task(task, recipe.training.seed)
    try:
        unseen = TaskStore(Workspace(run.folder.parents[1])).load_unseen(task.task_id, task.version)
    except StudioError:  # it can't be read any more, which spoils no training
        unseen = None
    found = {**split._asdict(), "unseen": unseen.instances if unseen else ()}
    parts = {name: tuple(one for one in part if one.liked is not False) for name, part in found.items()}
    examiner = Examiner(run, events, plan, recipe.objective, task, parts, answerer, room, base.ref == BUILTIN, judges)
    rows = plan.batch_size * recipe.objective.rows_each  # each answer is written, read and learnt from
    passes, pad_id = recipe.objective.count_passes(rows), answerer.tokenizer.pad_token_id
    examiner.begin(lambda: passes * time_step(answerer.model, examples, rows, pad_id))
    return examiner
