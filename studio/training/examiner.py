"""Examiner: a run measures itself, as it trains, in a tenth of its time: how good its answers are, what it forgot.

Before step 1 the base, with none, one and two examples in the prompt; at checkpoints the validation part; at the end
test and unseen, of the best checkpoint, and where somebody judges, who wins: answers that are drawn of the base and of
that checkpoint. What was answered is kept with the run (answers.jsonl), so a run that goes on
compares with the same. Knows a model only by what answers for it.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from studio.errors import ModelError, StudioError
from studio.evidence.baseline import Shot, tell_baseline
from studio.evidence.budget import FEWEST, LEAST_SECONDS, SHARE, SHOTS, Sizes, choose_sizes, may_go_on
from studio.evidence.difference import find_difference
from studio.evidence.general import write_general
from studio.evidence.interval import find_interval
from studio.evidence.metrics import METRICS, Answered, list_fitting
from studio.evidence.metrics.metric import has_answers
from studio.evidence.nats import read_nats
from studio.evidence.room import find_room
from studio.journal import append_lines, read_lines
from studio.models.forward import call_model
from studio.models.reference import BUILTIN, ModelRef
from studio.objectives.embedding import reads_both_ways
from studio.objectives.objective import Example, Objective, encode_asked, list_rows
from studio.recipes.options import Plan
from studio.recipes.recipe import Recipe
from studio.rewards import Scorer
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.tasks.split import split_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Example as Worked
from studio.tasks.task import Instance, Task
from studio.training.sampling import Answerer
from studio.training.winning import DRAWN, NO_JUDGES, Panel
from studio.workspace import Workspace

BESIDE = ("rouge_l", "bits_per_byte")
"""Metrics that are told beside a task's main one."""
ENDS = ("test", "unseen", DRAWN)
"""What is asked of the base, and of what came of the run."""
Rows = list[dict[str, Any]]


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
    ) -> None:
        self.run, self.events, self.plan, self.objective, self.task = run, events, plan, objective, task
        self.answerer, self.room = answerer, room
        self.spent = 0.0
        self._seconds: dict[str, float] = {}
        writes = not reads_both_ways(answerer.tokenizer)  # an encoder finds no word likely
        self._parts = {**parts, "general": write_general(is_builtin).instances if writes else ()}
        self._general = write_general(is_builtin)
        self._panel = Panel(objective, task, judges)
        if self._panel.rules:
            self._parts[DRAWN] = self._parts["test"]
        self._metric = list_fitting(task)[0]
        self._asked: dict[str, tuple[Instance, ...]] = {}
        self._kept: dict[tuple[int, int, str], Rows] = {}
        for row in read_lines(run.answers_file):
            self._kept.setdefault((int(row["step"]), int(row["examples"]), str(row["part"])), []).append(row)

    @property
    def is_asked(self) -> bool:
        """Whether anything is measured: a run that is too short has no time for it."""
        return bool(self._asked)

    def begin(self, step_seconds: float) -> None:
        """Measure the base, before anything is attached to it; `step_seconds` is what a step takes, about."""
        began = time.monotonic()
        if self._kept:
            self._find_asked_before()
            return
        seconds = max(SHARE * step_seconds * self.plan.steps, self.objective.spare_seconds)
        if seconds < LEAST_SECONDS or not self._parts["validation"]:
            return
        try:
            shots = self._ask_base(seconds)
        except torch.OutOfMemoryError as error:
            self._give_up(error)
            return
        self.spent += time.monotonic() - began
        for count, rows in shots.items():
            note = self._tell_baseline(count, shots)
            self._tell_score(0, "validation", rows, model="base", examples=count, note=note)
        for part in ("test", "unseen"):
            self._tell_score(0, part, self._find(0, part), model="base")
        self._tell_general(0, self._find(0, "general"))

    def _ask_base(self, seconds: float) -> dict[int, Rows]:
        """All answers of the base that so many seconds allow; those to the validation part by examples shown."""
        sizes = self._choose_sizes(seconds)
        counts = {"validation": sizes.validation, "test": sizes.test, "unseen": sizes.unseen, "general": sizes.texts}
        counts[DRAWN] = sizes.drawn
        self._asked = {part: self._parts.get(part, ())[:count] for part, count in counts.items() if count}
        shots = {shots: self._ask(0, "validation", shots) for shots in self._list_shots()}
        for part in ("test", "unseen", "general", DRAWN):
            self._ask(0, part)
        return shots

    def _give_up(self, error: BaseException) -> None:
        """Measuring spoils no training: without the memory for it the run goes on alone."""
        print(f"The run can't measure itself here: {error}")
        self._asked = {}

    def look(self, step: int, passed: float, done: int) -> None:
        """Measure a checkpoint, where the time allows it: `done` steps took `passed` seconds without measuring."""
        answers = len(self._asked.get("validation", ()))
        cost = self._cost("validation", answers) + self._cost("general", len(self._asked.get("general", ())))
        reserve = sum(self._cost(part, len(self._asked.get(part, ()))) for part in ENDS)
        if not self._asked or not may_go_on(self.spent, cost, passed, done, self.plan.steps, reserve):
            return
        self._measure(step, ("validation", "general"), passed)

    def finish(self, step: int, passed: float) -> None:
        """Measure what comes of the run: the model as it is, which is that of the best checkpoint, `step`.

        Also what it forgot, where there was no time for that when the checkpoint was made.
        """
        self._measure(step, (*ENDS, *["general"] * (not self._find(step, "general"))), passed)
        if why := self._panel.explain(DRAWN in self._asked):
            self.events.append("scored", step=step, part=DRAWN, n=0, note=why)

    def _measure(self, step: int, parts: Sequence[str], passed: float) -> None:
        began = time.monotonic()
        try:
            found = {part: self._ask(step, part) for part in parts if part in self._asked}
            won = self._judge(found.pop(DRAWN, []))
        except (torch.OutOfMemoryError, ModelError) as error:
            self._give_up(error)
            return
        self.spent += time.monotonic() - began
        told = {"seconds": round(self.spent, 1), "share": round(self.spent / max(1e-6, passed + self.spent), 3)}
        for part, rows in found.items():
            if part == "general":
                self._tell_general(step, rows, **told)
            else:
                self._tell_score(step, part, rows, note=self._tell_change(part, rows), **told)
        if won:
            self.events.append("scored", step=step, part=DRAWN, of=len(self._parts[DRAWN]), **won, **told)

    def _judge(self, rows: Rows) -> dict[str, Any]:
        """Who wins, of drawn answers of the base and these; nothing where there are none."""
        before, by_id = self._find(0, DRAWN), {one.id: one for one in self._parts.get(DRAWN, ())}
        if not rows or len(before) != len(rows):
            return {}
        answers = ([str(row["answer"]) for row in some] for some in (before, rows))
        return self._panel.judge([by_id[row["id"]] for row in rows], *answers)

    def _choose_sizes(self, seconds: float) -> Sizes:
        """Try one, then a few, and see how long they take; nothing is measured where one alone takes too long."""
        names = ("validation", "test", "unseen", "general", DRAWN)
        counts = Sizes(*(len(self._parts.get(part, ())) for part in names))
        few, began = self._parts["validation"][: 2 * FEWEST], time.monotonic()
        self._read("validation", few[:1], 0)
        if time.monotonic() - began > seconds / 4:
            return Sizes()
        middle = time.monotonic()
        self._read("validation", few, 0)
        answer = (time.monotonic() - middle) / len(few)
        middle = time.monotonic()
        self._read("general", self._parts["general"][:1], 0)
        text, rounds = time.monotonic() - middle, self.plan.steps // self.plan.save_every if self.plan.save_every else 1
        draw = self._time_drawing(few[:FEWEST]) if counts.drawn else answer
        self._seconds = {"general": text, **dict.fromkeys(("validation", *ENDS), answer), DRAWN: draw}
        return choose_sizes(seconds - (time.monotonic() - began), answer, text, max(1, rounds), counts, draw)

    def _time_drawing(self, few: Sequence[Instance]) -> float:
        """What a drawn answer takes: it goes on for longer than the likeliest, which ends where it should."""
        began = time.monotonic()
        self._read(DRAWN, few, 0)
        return (time.monotonic() - began) / len(few)

    def _find_asked_before(self) -> None:
        """What the run was measured on before it was interrupted."""
        for part, instances in self._parts.items():
            ids = {row["id"] for row in self._find(0, part)}
            if ids:
                self._asked[part] = tuple(one for one in instances if one.id in ids)
        self._seconds = {part: 0.0 for part in self._asked}

    def _cost(self, part: str, count: int) -> float:
        return float(self._seconds.get(part, 0.0)) * count if count else 0.0

    def _list_shots(self) -> tuple[int, ...]:
        return SHOTS if has_answers(self.task) and hasattr(self.objective, "positive_examples") else (0,)

    def _find(self, step: int, part: str, shots: int = 0) -> Rows:
        return self._kept.get((step, shots, part), [])

    def _ask(self, step: int, part: str, shots: int = 0) -> Rows:
        """The answers of the model as it is now, kept with the run; none where a person asked to stop."""
        if part in self._asked and not self._find(step, part, shots) and not self.run.stop_file.exists():
            began, instances = time.monotonic(), self._asked[part]
            rows = self._read(part, instances, shots)
            rows = [{"step": step, "examples": shots, "part": part, **row} for row in rows]
            if not shots:
                self._seconds[part] = (time.monotonic() - began) / len(instances)
            append_lines(self.run.answers_file, rows)
            self._kept[step, shots, part] = rows
        return self._find(step, part, shots)

    def _read(self, part: str, instances: Sequence[Instance], shots: int) -> Rows:
        tokenizer, task, objective = self.answerer.tokenizer, self.task, self.objective
        if part == "general" or not has_answers(task):
            task = self._general if part == "general" else task
            with self.answerer.reading() as model:
                read = [read_nats(model, tokenizer, objective, task, one, self.room) for one in instances]
            return [{"id": one.id, "answer": "", **nats._asdict()} for one, nats in zip(instances, read, strict=True)]
        if shots:
            task, objective = self._show(shots)
        most = find_room([*instances], tokenizer, self.room)
        prompts = [encode_asked(objective, task, one, tokenizer) for one in instances]
        fitting = [place for place, prompt in enumerate(prompts) if len(prompt) + most <= self.room]
        answer = self.answerer.draw if part == DRAWN else self.answerer.answer
        said = dict(zip(fitting, answer([prompts[place] for place in fitting], most), strict=True))
        return [
            {"id": one.id, "answer": said.get(place, ""), "prompt_tokens": len(prompts[place])}
            for place, one in enumerate(instances)
        ]

    def _show(self, shots: int) -> tuple[Task, Objective]:
        """The task with some worked examples, its own or of what it trains on, and the objective that shows them."""
        known = [*self.task.positive_examples]
        more = self._parts["train"][: max(0, shots - len(known))]
        known += [Worked(input=one.input, output=one.output[0]) for one in more]
        task = self.task.model_copy(update={"positive_examples": tuple(known)})
        return task, self.objective.model_copy(update={"positive_examples": shots})

    def _write_answered(self, part: str, rows: Rows) -> list[Answered]:
        by_id = {one.id: one for one in self._parts[part]}
        return [
            Answered(
                str(row["answer"]), tuple(by_id[row["id"]].output), by_id[row["id"]].key, float(row.get("nats", 0)),
                int(row.get("bytes", 0)), int(row.get("tokens", 0)),
            )
            for row in rows
        ]  # fmt: skip

    def _tell_score(self, step: int, part: str, rows: Rows, **told: Any) -> None:
        if not rows:
            return
        answered, labels = self._write_answered(part, rows), self.task.labels
        low, high = find_interval(self._metric, answered, labels)
        beside = [METRICS.find(name) for name in BESIDE if name != self._metric.name]
        values = {
            one.name: one.measure(answered, labels) for one in beside if one.fits(self.task) and self._has(one, rows)
        }
        tokens = [row["prompt_tokens"] for row in rows if "prompt_tokens" in row]
        self.events.append(
            "scored",
            step=step,
            part=part,
            n=len(rows),
            of=len(self._parts[part]),
            metric=self._metric.name,
            value=round(self._metric.measure(answered, labels), 4),
            low=low,
            high=high,
            values={name: round(value, 4) for name, value in values.items()},
            tokens=round(sum(tokens) / len(tokens), 1) if tokens else None,
            **told,
        )

    def _has(self, metric: Any, rows: Rows) -> bool:
        return metric.name != "bits_per_byte" or "nats" in rows[0]

    def _tell_general(self, step: int, rows: Rows, **told: Any) -> None:
        before = self._find(0, "general")
        if rows and before:
            was, became = (
                sum(row["nats"] for row in some) / max(1, sum(row["tokens"] for row in some)) for some in (before, rows)
            )
            model = "tuned" if step else "base"
            change = {"value": round(became - was, 5), "before": round(was, 5), "after": round(became, 5)}
            of = len(self._parts["general"])
            self.events.append(
                "scored",
                step=step,
                part="general",
                model=model,
                n=len(rows),
                of=of,
                metric="forgetting",
                **change,
                **told,
            )

    def _tell_baseline(self, count: int, shots: dict[int, Rows]) -> str | None:
        """What is said with the first number: of all of them."""
        if count or len(shots) < 2 or self._metric.unit != "%":
            return None
        found = {
            number: Shot(
                self._metric.measure(self._write_answered("validation", rows), self.task.labels),
                sum(row.get("prompt_tokens", 0) for row in rows) / max(1, len(rows)),
            )
            for number, rows in shots.items()
        }
        return tell_baseline(found, len(shots[0]))

    def _tell_change(self, part: str, rows: Rows) -> str | None:
        """How the tuned model compares with the base on the same instances, for test and unseen."""
        before = self._find(0, part)
        if part == "validation" or len(before) != len(rows):
            return None
        old, new = (self._write_answered(part, some) for some in (before, rows))
        return find_difference(self._metric, old, new, self.task.labels).sentence


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
    step = time_step(answerer.model, examples, rows, answerer.tokenizer.pad_token_id)
    examiner.begin(step * recipe.objective.count_passes(rows))
    return examiner


def time_step(base: Any, examples: list[Example], batch_size: int, pad_id: int) -> float:
    """Return what a step takes, about: twice the reading of its rows, in seconds; rather less than the truth.

    A step is some three readings, made in faster ways. Two rows are read, since the whole logits of many need memory
    that a training never does; a card reads more of them in hardly more time.
    """
    shown = list_rows(examples[:2])
    rows = [row.input_ids for row in shown[:2]]
    longest = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (longest - len(row)) + row for row in rows], device=base.device)
    with torch.no_grad():
        call_model(base, input_ids=ids, use_cache=False)
        began = time.monotonic()
        logits = call_model(base, input_ids=ids, use_cache=False).logits
        float(logits[0, -1, 0])  # waits for a card
    alike = batch_size / min(2, len(examples)) * len(shown) / len(rows) if base.device.type == "cpu" else 1.0
    return 2 * alike * (time.monotonic() - began)
