"""Everything a person can do, in one place: the page, the API, the command line and the notebook all call this.

Knows the rooms and puts them together; holds no rule of its own and imports neither gradio nor torch. Errors are
StudioErrors in words. What it returns are frozen values.
"""

import copy
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from studio.answering.column import check_beside, read_nearest
from studio.answering.desk import Answers, Desk
from studio.answering.vote import Tally
from studio.apart.place import HERE, Place
from studio.checkpoints.address import check_unneeded, keep_parent, resolve
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.description import MadeCard, describe_stack, list_made
from studio.checkpoints.weights import check_stack
from studio.declaration import show
from studio.errors import InputError
from studio.estimates.comparison import MethodCost
from studio.estimates.estimate import Estimate, TaskSize
from studio.estimates.lengths import TokenLengths, measure_mixture
from studio.estimates.time import Speed
from studio.evidence.score import Comparison
from studio.launchers import Launcher
from studio.models.catalogue import CATALOGUE, ModelCard
from studio.models.device import DeviceFacts, find_device
from studio.models.facts import ModelFacts
from studio.models.hub import Hit
from studio.models.reference import ModelRef
from studio.objectives import Objective
from studio.queueing.forecast import Forecast
from studio.queueing.scheduler import Scheduler
from studio.recipes.recipe import Recipe, merge_deep, read_recipe
from studio.runs.event import Event, read_events
from studio.runs.run import Run, find_run
from studio.runs.status import RunStatus
from studio.service.advice import Advising
from studio.service.desks import Desks
from studio.service.device_speed import choose_usual, find_speed
from studio.service.event_page import EventPage
from studio.service.foreign import Foreign, check_hub_id, find_elsewhere
from studio.service.keeping_desk import KeepingDesk
from studio.service.known_work import KnownWork
from studio.service.label_desk import LabelDesk
from studio.service.promise import promise_memory
from studio.service.score_desk import ScoreDesk
from studio.service.task_desk import TaskDesk
from studio.shares.share import Shares
from studio.shares.time import forget_mark
from studio.tasks.mixture import name_mixture
from studio.tasks.read_as import ReadAs, Reading
from studio.tasks.split import split_task
from studio.tasks.store import TaskCard, TaskStore
from studio.tasks.task import Instance, Task
from studio.visitor import NOBODY, THE_ONE, check_known, read_visitor
from studio.works import Work
from studio.works.training import Training
from studio.workspace import Workspace, unknown_run


class Studio(Advising, Desks):
    """One studio on one workspace, as one visitor sees it.

    In a `shared` one, runs and imported tasks belong to who made them; everybody else is told that they aren't there.
    """

    def __init__(
        self,
        workspace: Workspace,
        launcher: Launcher | None = None,
        local_folders: bool = True,
        shared: bool = False,
        place: Place | None = None,
    ) -> None:
        """`place` is where foreign things are worked on: in this process unless it says otherwise."""
        self.workspace, self.local_folders, self.shared = workspace, local_folders, shared
        self.visitor = NOBODY if shared else THE_ONE
        self.tasks = TaskStore(workspace)
        self.place = place or HERE
        self.desk = Desk(workspace, lambda: promise_memory(self.scheduler, self.estimate), find_elsewhere(self.place))
        self.work = KnownWork(workspace, self.tasks, self._estimate_seconds)
        expect = Forecast(self.work.expect_seconds).find_seconds
        self.scheduler = Scheduler(workspace, launcher, expect, self.desk.make_room)
        self.shares = Shares(workspace, self.scheduler, shared)
        self._starting = threading.Lock()
        self.listed: list[RunStatus] | None = None  # those of one moment
        self._lengths = lru_cache(maxsize=128)(self._measure_lengths)

    def open(self) -> "Studio":
        """Begin to start runs that wait."""
        self.scheduler.open()
        self.shares.open()
        return self

    def close(self) -> None:
        """Stop starting runs; what trains goes on."""
        self.shares.keeper.close()
        self.place.close()
        self.scheduler.close()

    def seen_by(self, token: object) -> "Studio":
        """Return this studio as the visitor of a token sees it; the same one where it isn't shared."""
        if not self.shared:
            return self
        view = copy.copy(self)
        view.visitor = read_visitor(token)
        return view

    def at_one_moment(self) -> "Studio":
        """Return this studio for one look of a page: its list of runs is read once, however often it is asked."""
        view = copy.copy(self)
        view.listed = self.list_runs()
        return view

    # Models, tasks, recipes

    def list_models(self) -> list[ModelCard]:
        """Return base models worth starting with."""
        return list(CATALOGUE)

    def list_made(self, most: int = 6) -> list[MadeCard]:
        """Return the newest models that the visitor's merges and runs made, those that can be trained further."""
        return list_made(self.workspace, self.list_runs(), self.visitor, most)

    def describe_model(self, ref: str, revision: str | None = None) -> ModelFacts:
        """Return what is known of a base model. Raises ModelError in words."""
        stack = self.resolve_model(ModelRef(ref=ref, revision=revision))
        return describe_stack(stack, self._foreign.describe_model(stack.base))

    def search_models(self, text: str) -> list[Hit]:
        """Return the hub's models of a name like `text`. Raises ModelError in words where the hub can't be asked."""
        return self._foreign.search_models(text)

    def device(self) -> DeviceFacts:
        """Return the device that runs would use."""
        return find_device()

    def list_tasks(self) -> list[TaskCard]:
        """Return the sample tasks and those that were imported."""
        return self.tasks.list_tasks(self.visitor)

    def load_task(self, task_id: str, version: str | None = None) -> Task:
        """Return a task. Raises NotFoundError in words."""
        return self.tasks.load_task(task_id, version, self.visitor)

    def import_task(self, path: Path | str, name: str, encoding: str = "", part: str = "") -> Reading:
        """Read a task file that was uploaded as `name` and keep it. Raises TaskError in words.

        `encoding` and `part` (a sheet of a workbook, a list of a JSON file) say how to read it; where the encoding
        can't be told, ChoiceNeeded names the likeliest.
        """
        check_known(self.visitor)
        self.shares.check(self.visitor, "task")
        read_as = ReadAs(encoding=encoding, part=part)
        return self.tasks.keep(self._foreign.read_file(Path(path), name, read_as=read_as), self.visitor)

    @property
    def labels(self) -> LabelDesk:
        """The desk at which the visitor labels and writes tasks."""
        return LabelDesk(self.tasks, self.visitor, lambda: check_known(self.visitor), self.place)

    @property
    def data(self) -> TaskDesk:
        """What can be done with tasks beyond choosing one: import, check, repair, look at them as the model does."""
        check, place = partial(self.shares.check, self.visitor), self.place
        return TaskDesk(self.tasks, self.visitor, self._read_grounded, self.local_folders, check, place)

    def token_lengths(self, task_id: str, model: str, objective: Objective | None = None) -> TokenLengths:
        """Return how long a task's examples are in tokens of a model, from a sample of them."""
        recipe = self._read_grounded(
            {"task_id": task_id, "model": model, **({"objective": objective} if objective else {})}
        )
        task = self.load_task(task_id)
        return self._lengths(task_id, task.version, recipe.base, recipe.objective)

    def read_recipe(self, data: object) -> Recipe:
        """Make a recipe of JSON; a model made here is named by its id and step, which stays true.

        Raises RecipeError, ModelError or NotFoundError naming the field in words.
        """
        recipe = read_recipe(data)
        stack = self.resolve_model(recipe.base)
        check_stack(stack, recipe.precision)
        pinned = recipe.objective.pin(self.judging.pin)
        return recipe.model_copy(update={"model": stack.address.ref, "objective": pinned})

    def estimate(self, data: object, device: DeviceFacts | None = None) -> Estimate:
        """Return what a recipe will cost, here or on another `device`. Raises StudioError in words."""
        recipe = self.read_recipe(data)
        self.scheduler.launcher.prepare()
        tasks = self.tasks.load_parts(recipe.parts, self.visitor)
        self._check_fits(recipe, tasks)
        return self._estimate(recipe, tasks, device)

    def compare_methods(self, data: object) -> list[MethodCost]:
        """Return what every method would train in place of the recipe's own. Raises StudioError in words."""
        return self._foreign.compare_methods(self._read_grounded(data))

    def _measure_tasks(self, recipe: Recipe, tasks: list[Task]) -> TaskSize:
        for task in tasks:
            recipe.objective.check_task(task)
        lengths = [self._lengths(task.task_id, task.version, recipe.base, recipe.objective) for task in tasks]
        own = len(split_task(tasks[0], recipe.training.seed).train)
        return measure_mixture(lengths, recipe, recipe.objective.count_examples(tasks[0], own))

    def _check_fits(self, recipe: Recipe, tasks: list[Task]) -> None:
        """Say now what the child would say of method, model and tasks, before a run is made. Raises StudioError."""
        recipe = resolve(self.workspace, recipe.base).ground(recipe)
        self._foreign.describe_model(recipe.base)
        self._foreign.check_fits(recipe)
        for task in tasks:
            recipe.objective.check_task(task)
            parts = split_task(task, recipe.training.seed)  # which says what is too small
            recipe.objective.check_train(task, parts.train)
            lengths = self._lengths(task.task_id, task.version, recipe.base, recipe.objective)
            self._foreign.check_room(recipe, task, lengths)

    def _estimate(self, recipe: Recipe, tasks: list[Task], device: DeviceFacts | None = None) -> Estimate:
        stack = resolve(self.workspace, recipe.base)
        title = describe_stack(stack, self._foreign.describe_model(stack.base)).title
        names = {"model": title, "task": name_mixture(tasks[0].heading, len(recipe.mixture))}
        size = self._measure_tasks(stack.ground(recipe), tasks)
        return self._foreign.estimate(recipe, stack.base, size, self.workspace.cache, names, device)

    def measure_device(self, data: object = None) -> Speed:
        """Measure, once, how fast a recipe's steps are made here, or the usual one's. Raises StudioError in words."""
        return self._find_speed(self.estimate(data or choose_usual(self.list_tasks())))

    def _find_speed(self, cost: Estimate) -> Speed:
        return find_speed(self.workspace.cache, cost, self.scheduler)

    # Runs

    def start_run(self, data: object, request: str = "") -> str:
        """Queue a training and return its id; the same non-empty `request` never makes two. Raises StudioError."""
        check_known(self.visitor)
        recipe = self.read_recipe(data)
        tasks = self.tasks.load_parts(recipe.parts, self.visitor)
        self.shares.check(self.visitor, "run")
        self._check_fits(recipe, tasks)
        self.shares.check_time(partial(self._estimate, recipe, tasks), self._find_speed)
        with self._starting:
            for task in tasks:
                self.tasks.pin(task)
            for ref in (recipe.base, *(ModelRef(ref=model) for model in recipe.objective.list_models())):
                keep_parent(self.workspace, ref)
            return self.queue(Training(recipe=recipe.pin([task.version for task in tasks])), request)

    def train_again(self, run_id: str, request: str = "") -> str:
        """Start the recipe of a run again, changed as its failure's remedy says, and return the new run's id."""
        status = self.run_status(run_id)
        if not status.remedy_changes:
            raise InputError(f"The run {status.name} has no suggested fix. Choose other settings.", field="run_id")
        return self.start_run(merge_deep(status.recipe, status.remedy_changes), request)

    def resume_run(self, run_id: str) -> None:
        """Let a run that stopped, failed or was lost go on from what it kept. Raises StudioError in words."""
        self.scheduler.resume(self.find_run(run_id))

    def stop_run(self, run_id: str) -> None:
        """Ask a run to stop after its step and save; one that waits leaves the queue."""
        run = self.find_run(run_id)
        forget_mark(run)
        self.scheduler.stop(run)

    def delete_run(self, run_id: str) -> None:
        """Delete a run that isn't running, or needed by queued work or by runs on top of it, else InputError."""
        run = self.find_run(run_id)
        with self._starting:
            check_unneeded(self.workspace, run)
            self.scheduler.delete(run)

    def list_runs(self) -> list[RunStatus]:
        """Return the status of every run of the visitor, the newest first."""
        if self.listed is not None:
            return self.listed
        seen = self.scheduler.look_at_all()
        return [self.work.name(one) for one in seen if self.visitor.owns(self.scheduler.find_owner(one.run_id))]

    def count_waiting(self) -> int:
        """Return how many runs wait in the queue, whoever's they are."""
        return self.scheduler.count_waiting()

    def run_status(self, run_id: str) -> RunStatus:
        """Return the status of a run. Raises NotFoundError in words."""
        return self.work.name(self.scheduler.look_at(self.find_run(run_id)))

    def run_events(self, run_id: str, offset: int = 0) -> EventPage:
        """Return the whole events after a byte offset, at most a megabyte of them, where to go on, and the status."""
        status = self.scheduler.watch(self.find_run(run_id)).look().status
        found, offset = self.read_events(run_id, offset)
        events = [event.model_dump(mode="json", exclude_unset=True) for event in found]
        return EventPage(run_id=run_id, offset=offset, events=events, status=status)

    def read_events(self, run_id: str, offset: int = 0) -> tuple[list[Event], int]:
        """Return the whole events after a byte offset, at most a megabyte of them, and where to go on."""
        if isinstance(offset, bool) or not isinstance(offset, int):
            raise InputError(f"offset must be a whole number of bytes, not {show(offset)}. Begin at 0.", field="offset")
        return read_events(self.find_run(run_id).events_file, offset)

    def run_output(self, run_id: str) -> str:
        """Return the end of what a run's process printed, whole lines, "" if it printed nothing."""
        return self.find_run(run_id).read_output()

    # Answers

    def test_set(self, run_id: str) -> list[Instance]:
        """Return the test part of a run's task: it neither trains on it nor chooses a checkpoint by it."""
        return self.scores.list_instances(run_id, "test")

    held_out = test_set  # the older name, which programs call

    def unseen(self, run_id: str) -> list[Instance]:
        """Return instances whose words the run's task never uses; only a sample, or a copy of it, has some."""
        return self.scores.list_instances(run_id, "unseen")

    def ask(self, run_id: str, prompt: str = "", models: Sequence[str] = (), **options: Any) -> Answers:
        """Return what base and tuned answer to an instance's input. Raises StudioError in words.

        `models` are the addresses of at most two more that are asked beside them, nearest:3 being the base with the
        three nearest training instances in its prompt. `options` are the other fields of
        studio.answering.question.Question: messages (the turns before), tools, max_tokens, seed, temperature, step.
        """
        return self.desk.ask(self.find_run(run_id), prompt, self._find_beside(models), **options)

    def stream(self, run_id: str, prompt: str = "", models: Sequence[str] = (), **options: Any) -> Iterator[Answers]:
        """Yield the answers as they grow; close the iterator to cancel."""
        return self.desk.stream(self.find_run(run_id), prompt, self._find_beside(models), **options)

    def vote(self, run_id: str, data: object) -> Tally:
        """Keep which of two answers was better, or a ranking of up to four; return the tally. Raises InputError."""
        return self.votes.vote(run_id, data)

    def count_votes(self, run_id: str) -> Tally:
        """Return how often base, tuned or neither was liked better, and how each model did."""
        return self.votes.count(run_id)

    def score(self, run_id: str, unseen: bool = False, step: int | None = None) -> Comparison:
        """Return how base and tuned score on the test set, or on unseen words; many instances wait in the queue."""
        return self.scores.score(run_id, "unseen" if unseen else "test", step)

    @property
    def scores(self) -> ScoreDesk:
        """The desk at which the visitor's runs are scored."""
        return ScoreDesk(self.tasks, self.desk, self.scheduler, self.visitor, self.find_run, self.queue)

    @property
    def keeping(self) -> KeepingDesk:
        """The desk at which runs are named, noted, tagged and deleted with what depends on them."""
        return KeepingDesk(self)

    # Inside

    @property
    def _foreign(self) -> Foreign:
        return Foreign(self.place, self.visitor, self.desk.count_held())

    def find_run(self, run_id: str) -> Run:
        """Return a run of the visitor. Raises NotFoundError in words."""
        run = find_run(self.workspace, run_id)
        if not self.visitor.owns(self.scheduler.watch(run).owner):
            raise unknown_run(run_id)
        return run

    def queue(self, work: Work, request: str) -> str:
        """Put work of the visitor's into the queue; return its id. Raises InputError where they have enough of it."""
        self.shares.check(self.visitor, "run")
        click = str(request)[:100].encode("utf-8", "replace").decode()
        run = work.queue(self.workspace, click, self.visitor.owner or "")
        self.scheduler.wake()
        return run.run_id

    def _estimate_seconds(self, recipe: Recipe) -> float | None:
        return self._estimate(recipe, self.tasks.load_parts(recipe.parts)).seconds

    def check_model(self, ref: ModelRef) -> ModelRef:
        """Return a model's address if it may be chosen here. Raises ModelError in words."""
        return ref if self.local_folders else check_hub_id(ref)

    def resolve_model(self, ref: ModelRef) -> Stack:
        """What an address stands for, if the visitor may use it."""
        return resolve(self.workspace, self.check_model(ref), self.visitor)

    def _find_beside(self, models: Sequence[str]) -> list[Stack | int]:
        return [read_nearest(ref) or self.resolve_model(ModelRef(ref=ref)) for ref in check_beside(models)]

    def _read_grounded(self, data: object) -> Recipe:
        """A recipe as if it started from the base, for all that is the same on it: tokens, counts, memory."""
        recipe = self.read_recipe(data)
        return resolve(self.workspace, recipe.base).ground(recipe)

    def _measure_lengths(self, task_id: str, version: str, ref: ModelRef, objective: Objective) -> TokenLengths:
        return self._foreign.sample_lengths(self.tasks.load_task(task_id, version), ref, objective)
