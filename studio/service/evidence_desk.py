"""Evidence for a visitor: score, compare and flip two to four checkpoints on any part of any task, and forgetting.

What is measured already is told at once; the rest is put into the queue as one work and waited for. Knows whose tasks
and runs are whose from the studio that makes it.
"""

import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, get_args

from pydantic import ValidationError

from studio.answering.judge import find_judge
from studio.checkpoints.address import find_best_step
from studio.checkpoints.checkpoint import Stack
from studio.declaration import explain, show
from studio.errors import DeviceError, InputError, StudioError
from studio.evidence.asked import Asked, plan
from studio.evidence.difference import Difference, find_difference
from studio.evidence.evidence import Evidence, Forgetting, list_flips, measure_forgetting, sum_up
from studio.evidence.few_labels import Drawn, Way, find_majority, find_shots, list_ways
from studio.evidence.flips import Flip
from studio.evidence.frontier import Point, list_points, read_kind
from studio.evidence.kept_answers import Row, load_answers
from studio.evidence.metrics import list_fitting
from studio.evidence.trade import Traded, list_traded
from studio.evidence.win_rate import WinRate, find_win_rate
from studio.models.reference import ModelRef
from studio.objectives import OBJECTIVES, USUAL
from studio.objectives.places import Places, load_places
from studio.objectives.rewarded import Rewarded
from studio.objectives.watching import read_rewards
from studio.rewards import Reward, Said, add_up
from studio.runs.event import Scored
from studio.runs.run import Run
from studio.runs.status import RunStatus
from studio.service.waiting import do_and_wait
from studio.tasks.split import split_task
from studio.works.measure import MOST, Measure, Measured

if TYPE_CHECKING:
    from studio.service.studio import Studio

LONGEST = 1000
"""So many characters an address may have."""
MOST_ELSEWHERE = 2
"""So many other tasks are measured at once."""
PARTS = tuple(part for part in get_args(Measured) if part != "general")


class Elsewhere(NamedTuple):
    """What tuning changed on a task that it was not for: a checkpoint that was measured against its base."""

    model: str
    title: str
    part: str
    difference: Difference


class EvidenceDesk:
    """What a visitor may know of how good checkpoints are."""

    def __init__(self, studio: "Studio") -> None:
        self.workspace, self.scheduler, self.visitor = studio.workspace, studio.scheduler, studio.visitor
        self._check_model, self._find, self._queue = studio.check_model, studio.find_run, studio.queue
        self._list_runs, self._tasks, self._studio = studio.list_runs, studio.tasks, studio

    def score(self, checkpoints: object, task_id: str, part: str = "test") -> Evidence:
        """Return what up to four checkpoints come to, each with its interval. Raises StudioError in words."""
        return sum_up(*self._measure(self.read(checkpoints, task_id, part)))

    def compare(self, checkpoints: object, task_id: str, part: str = "test") -> Difference:
        """Return how the second of two checkpoints compares with the first. Raises StudioError in words."""
        asked, kept = self._measure(self.read(_check_two(checkpoints), task_id, part))
        before, after = (asked.write_answered(rows) for rows in kept)
        return find_difference(list_fitting(asked.task)[0], before, after, asked.task.labels)

    def list_flips(self, checkpoints: object, task_id: str, part: str = "test") -> list[Flip]:
        """Return what became of each instance, from the first of two checkpoints to the second."""
        return list_flips(*self._measure(self.read(_check_two(checkpoints), task_id, part)))

    def win_rate(self, checkpoints: object, task_id: str, rewards: object, part: str = "test") -> WinRate:
        """Return how often the second of two checkpoints answers better than the first, as rewards have it.

        Raises StudioError in words.
        """
        rules = _read_rules(rewards)
        for rule in rules:  # what can't judge is refused before anything is measured
            if rule.judges:
                self._find_judge(rule)
        asked, kept = self._measure(self.read(_check_two(checkpoints), task_id, part))
        return find_win_rate(*(self._weigh(rules, asked, [str(row["answer"]) for row in rows]) for rows in kept))

    def _weigh(self, rules: Sequence[Reward], asked: Asked, answers: Sequence[str]) -> list[float]:
        """What one checkpoint's answers are worth."""
        usual, task = OBJECTIVES.read(USUAL), asked.task
        said = [
            Said(text, tuple(one.output), usual.write_dialogue(task, one).before_answer(), task)
            for one, text in zip(asked.instances, answers, strict=True)
        ]
        parts = [self._weigh_by(rule, said) for rule in rules]
        return [sum(worth) for worth in zip(*parts, strict=True)]

    def _weigh_by(self, rule: Reward, said: Sequence[Said]) -> list[float]:
        if not rule.judges:
            return add_up([rule], said, {})
        with self._studio.desk.open_judge(self._find_judge(rule)) as judge:
            return add_up([rule], said, {rule.judges: judge})

    def _find_judge(self, rule: Reward) -> Stack:
        try:
            stack = self._studio.resolve_model(ModelRef(ref=rule.judges))
            find_judge(stack)
        except StudioError as error:
            error.field = "rewards"
            raise
        return stack

    def forgetting(self, checkpoint: object, task_id: str = "") -> Forgetting:
        """Return how much of general text a checkpoint forgot, against its base. Raises StudioError in words.

        `task_id` names a task of running text to measure it on, in place of the studio's own.
        """
        return measure_forgetting(*self._measure(self.read_general(checkpoint, task_id)))

    def find_best(self, run_id: str) -> int | None:
        """Return the step of a run's best checkpoint by its validation part, None where that isn't known or kept."""
        return find_best_step(self._find(run_id))

    def list_points(self, run_id: str, most: int = 8) -> list[Point]:
        """Return what the checkpoints of a run, and of the newest others on its task, learnt and forgot."""
        runs = [run for run in self._list_runs() if run.measures_itself and run.forgetting is not None]
        task = next((run.recipe.get("task_id") for run in runs if run.run_id == run_id), None)
        alike = [run for run in runs if task and run.recipe.get("task_id") == task]
        alike.sort(key=lambda run: run.run_id != run_id)
        return [
            point
            for run in alike[:most]
            for point in list_points(run.name, read_kind(self._find(run.run_id), "scored"))
        ]

    def list_elsewhere(self, run_id: str, most: int = 4) -> list[Elsewhere]:
        """Return what was measured of a run on tasks that it did not train on, the newest measurement first."""
        own = self._find(run_id).load_recipe()
        learnt, found = {mixed.task_id for mixed in own.parts}, dict[str, Elsewhere]()
        for status in self._list_runs():
            if status.kind != Measure.name or len(found) == most:
                continue
            with contextlib.suppress(StudioError):  # of a task or a checkpoint that was deleted since
                work = Measure.load(self._find(status.run_id))
                is_elsewhere = work.part != "general" and work.task_id not in {*learnt, *found}
                if work.about != run_id or not is_elsewhere or not (kept := self.find(work)):
                    continue
                base, *others = kept[0].columns
                if others and not base.stack.changes:
                    told = (others[0].title, kept[0].task.heading, work.part, sum_up(*kept).differences[0])
                    found[work.task_id] = Elsewhere(*told)
        return list(found.values())

    def read_elsewhere(self, run_id: str, task_ids: object) -> list[Measure]:
        """Return how the base and a run's best checkpoint are measured on the test parts of one or two other tasks.

        Raises InputError in words.
        """
        learnt = {mixed.task_id for mixed in self._find(run_id).load_recipe().parts}
        if not isinstance(task_ids, list | tuple) or not all(isinstance(each, str) and each for each in task_ids):
            raise InputError(f"task_ids is a list of tasks, not {show(task_ids)}.", field="task_ids")
        chosen = tuple(dict.fromkeys(task_ids))
        if not 1 <= len(chosen) <= MOST_ELSEWHERE:
            raise InputError(
                f"One to {MOST_ELSEWHERE} other tasks are measured at once, not {len(chosen):,}.", field="task_ids"
            )
        if own := next((each for each in chosen if each in learnt), ""):
            raise InputError(f"{own} is what the run was trained on. Choose another task.", field="task_ids")
        made = self._complete({"checkpoints": [f"run:{run_id}"], "task_id": chosen[0], "part": "test"})
        base = plan(self.workspace, made, self.visitor).columns[0].stack.base.ref
        return [self.read([base, *made.checkpoints], each) for each in chosen]

    def list_few(self, run_id: str) -> list[Way]:
        """Return what few labels came to by each way, over the draws of runs that learnt as few of a run's task.

        Nothing for a run that learnt from all there were.
        """
        own = self._find(run_id).load_recipe()
        shots = find_shots(own.to_json())
        if not shots:
            return []
        drawn = []
        for status in reversed(self._list_runs()):
            alike = status.kind == "training" and status.recipe.get("task_id") == own.task_id
            if alike and status.recipe.get("task_version") == own.task_version and find_shots(status.recipe) == shots:
                run = self._find(status.run_id)
                recipe = run.load_recipe()
                told = (one for one in read_kind(run, "scored") if isinstance(one, Scored))
                draw = int(recipe.objective.model_dump()["draw"])
                drawn.append(Drawn(recipe.objective.name, recipe.model, draw, tuple(told)))
        parts = split_task(self._tasks.load_task(own.task_id, own.task_version, self.visitor), own.training.seed)
        return list_ways(drawn, find_majority(parts.train, parts.test))

    def find_places(self, run_id: str) -> Places | None:
        """Return where a run's newest checkpoint puts texts, and where they lay before; None where it moves none."""
        run = self._find(run_id)
        steps = run.list_checkpoints()
        return load_places(run.find_checkpoint(steps[-1])) if steps else None

    def list_traded(self, run_id: str) -> tuple[list[Traded], bool]:
        """Return what a run with rewards earned against how far it went, and whether an answer earns 0 or 1."""
        run = self._find(run_id)
        objective = run.load_recipe().objective
        if not isinstance(objective, Rewarded):
            return [], False
        only = objective.rewards[0] if len(objective.rewards) == 1 else None
        size = run.events_file.stat().st_size if run.events_file.exists() else 0
        return _list_traded(run.folder, size), bool(only and only.yes_or_no and only.weight == 1)

    def read(self, checkpoints: object, task_id: str, part: str = "test", version: str | None = None) -> Measure:
        """Return what is asked for as work that can be queued. Raises InputError in words."""
        addresses = _check_addresses(checkpoints)
        if part not in PARTS:
            raise InputError(f"part is one of {', '.join(PARTS)}, not {show(part)}.", field="part")
        return self._complete({"checkpoints": addresses, "task_id": task_id, "task_version": version, "part": part})

    def read_general(self, checkpoint: object, task_id: str = "") -> Measure:
        """Return the measurement of a checkpoint's forgetting. Raises InputError in words."""
        if not isinstance(checkpoint, str):
            raise InputError(
                f"checkpoint is one address, such as run:brave-otter@120, not {show(checkpoint)}.", field="checkpoint"
            )
        told = {"task_id": task_id, "part": "general"}
        first = self._complete({"checkpoints": _check_addresses([checkpoint]), **told})
        base = plan(self.workspace, first, self.visitor).columns[0].stack.base.ref
        if first.checkpoints == (base,):
            raise InputError(
                f"{base} is a base: it has nothing to have forgotten. Choose a checkpoint of a run, such as "
                "run:brave-otter@120.",
                field="checkpoint",
            )
        return self._complete({"checkpoints": [base, *first.checkpoints], **told})

    def find(self, work: Measure) -> tuple[Asked, list[list[Row]]] | None:
        """Return the answers to a measurement where all are kept, None where something is to be measured yet."""
        asked = plan(self.workspace, work, self.visitor)
        kept = [load_answers(self.workspace, each, len(asked.instances)) for each in asked.contents]
        whole = [rows for rows in kept if rows is not None]
        return (asked, whole) if len(whole) == len(kept) else None

    def start(self, work: Measure, request: str = "") -> str:
        """Put a measurement into the queue; return its id. One of the same that ended early goes on where it was."""
        if early := self._find_equal(work, lambda status: status.can_resume):
            self.scheduler.resume(self._find(early))
            return early
        return self._queue(work, request)

    def find_work(self, work: Measure) -> str:
        """Return the id of work in the queue or running that measures the same, "" where there is none."""
        return self._find_equal(work, lambda status: status.can_stop)

    def _find_equal(self, work: Measure, is_meant: Callable[[RunStatus], bool]) -> str:
        for status in self.scheduler.look_at_all():
            if status.kind == Measure.name and is_meant(status):
                with contextlib.suppress(StudioError):  # another's, or one that can't be read
                    if Measure.load(self._find(status.run_id)) == work:
                        return status.run_id
        return ""

    def _measure(self, work: Measure) -> tuple[Asked, list[list[Row]]]:
        if found := self.find(work):
            return found
        do_and_wait(self.scheduler, self.visitor, lambda: self.find_work(work) or self.start(work), self._find)
        found = self.find(work)
        if not found:
            raise DeviceError("What was measured isn't kept: was the cache deleted meanwhile? Ask again.")
        return found

    def _complete(self, data: dict[str, object]) -> Measure:
        """The work with steps and task version written out, so that it stays what it is."""
        try:
            work = Measure.model_validate(data)
        except ValidationError as error:
            raise explain(error, Measure) from None
        for address in work.checkpoints:
            self._check_model(ModelRef(ref=address))
        asked = plan(self.workspace, work, self.visitor)
        return work.model_copy(
            update={
                "checkpoints": tuple(column.address for column in asked.columns),
                "task_version": asked.task.version if work.task_id else None,
                "instances": len(asked.instances),
            }
        )


@lru_cache(maxsize=64)
def _list_traded(folder: Path, size: int) -> list[Traded]:
    """What was traded in a run, read once for each size of its events: a board that waits looks each second."""
    return list_traded(read_kind(Run(folder), "metrics"))


def _check_addresses(checkpoints: object) -> list[str]:
    if not isinstance(checkpoints, list | tuple) or not all(isinstance(each, str) and each for each in checkpoints):
        raise InputError(
            f'checkpoints is a list of addresses, such as ["builtin", "run:brave-otter@120"], not {show(checkpoints)}.',
            field="checkpoints",
        )
    if odd := next((each for each in checkpoints if any("\ud800" <= letter <= "\udfff" for letter in each)), ""):
        raise InputError(f"{show(odd)} holds half a letter, so it is no address. Write it again.", field="checkpoints")
    if longest := next((each for each in checkpoints if len(each) > LONGEST), ""):
        raise InputError(
            f"An address has at most {LONGEST:,} characters; one here has {len(longest):,}. Shorten it.",
            field="checkpoints",
        )
    if not 1 <= len(checkpoints) <= MOST:
        raise InputError(
            f"One to {MOST} checkpoints can be measured at once, not {len(checkpoints):,}.", field="checkpoints"
        )
    return list(checkpoints)


def _read_rules(rewards: object) -> tuple[Reward, ...]:
    try:
        return read_rewards(rewards)
    except StudioError as error:
        raise InputError(str(error), field=(error.field or "").removeprefix("objective.")) from None


def _check_two(checkpoints: object) -> list[str]:
    found = _check_addresses(checkpoints)
    if len(found) != 2:
        raise InputError(
            f"Two checkpoints are compared, the second with the first, not {len(found):,}. Name two.",
            field="checkpoints",
        )
    return found
