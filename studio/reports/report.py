"""Report: what is known of a run as plain values, read from its folder. Knows no HTML and no Markdown.

Everything stands in the run's own events, answers and votes, so a report can be written of any run, also of one that
was imported.
"""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from studio.answering.vote import Tally, count_votes
from studio.errors import StudioError
from studio.evidence.flips import FATES, Fate, Flip, count_fates, tell_fate
from studio.evidence.measures import OWN, WIN_RATE, read_own
from studio.evidence.metrics import METRICS, Answered, list_fitting
from studio.evidence.taken import add_measuring
from studio.journal import read_lines
from studio.objectives import Measure
from studio.objectives.measure import LOSS
from studio.recipes.recipe import Recipe
from studio.runs.event import Evaluated, Event, Metrics, Prepared, Scored, Started, read_events
from studio.runs.run import Run
from studio.runs.status import RunStatus
from studio.tasks.split import split_task
from studio.tasks.task import Task

MOST_FLIPS = 6
"""So many instances of each fate are told."""
Points = tuple[tuple[int, float], ...]


class Curve(BaseModel, frozen=True):
    """One measure over the steps, of what was trained on and of the validation part."""

    measure: Measure
    train: Points = ()
    validation: Points = ()


class Report(BaseModel, frozen=True):
    """One run: what it was, what it cost, what came out. Parts that were never measured are empty."""

    name: str
    run_id: str
    title: str
    sentence: str
    status: RunStatus
    recipe: Recipe
    data: dict[str, int]
    versions: dict[str, str]
    curves: tuple[Curve, ...]
    baseline: tuple[Scored, ...]
    scores: tuple[Scored, ...]
    forgetting: tuple[Scored, ...]
    fates: dict[Fate, int]
    flips: tuple[Flip, ...]
    votes: Tally
    measuring: float | None = None
    """The seconds of all attempts that went into measuring, None where nothing was told of them."""

    @property
    def notes(self) -> list[str]:
        """What was said with the measurements, in words."""
        scored = (*self.baseline, *self.scores)
        said = [each.note for each in scored if each.note and (each.n != 0 or each.part == "drawn")]
        return [*said, *self.status.unmeasured.values()]


def gather(run: Run, status: RunStatus, task: Task | None) -> Report:
    """Return the report of a training; `task` is None where it isn't there any more. Raises StudioError in words."""
    recipe, events = run.load_recipe(), list(_read_all(run))
    scored = [event for event in events if isinstance(event, Scored)]
    flips = _find_flips(run, task, recipe) if task else []
    started = [event for event in events if isinstance(event, Started)]
    return Report(
        name=run.name,
        run_id=run.run_id,
        title=status.title,
        sentence=status.sentence,
        status=status,
        recipe=recipe.to_public(),
        data=_find_data(events),
        versions={**started[-1].versions, "python": started[-1].python or ""} if started else {},
        curves=tuple(_draw(events, recipe)),
        baseline=tuple(each for each in scored if each.step == 0 and each.part != "general"),
        scores=tuple(each for each in scored if each.step and each.part != "general"),
        forgetting=tuple(each for each in scored if each.step and each.part == "general"),
        fates=count_fates([flip.fate for flip in flips]) if flips else {},
        flips=tuple(_choose(flips)),
        votes=count_votes(run.votes_file),
        measuring=add_measuring(events),
    )


def _read_all(run: Run) -> Iterable[Event]:
    offset = 0
    while (page := read_events(run.events_file, offset)).offset != offset:
        yield from page.events
        offset = page.offset


def _find_data(events: Sequence[Event]) -> dict[str, int]:
    prepared = [event for event in events if isinstance(event, Prepared)]
    told = prepared[-1].model_dump(include={"examples", "validation", "left_out", "tokens"}) if prepared else {}
    return {name.replace("_", " "): count for name, count in told.items() if count}


def _draw(events: Sequence[Event], recipe: Recipe) -> Iterable[Curve]:
    """The curves of what was measured; of steps that were made twice the last time counts."""
    for measure in (*recipe.objective.list_measures(recipe.objective.model_dump(mode="json")), *OWN):
        train: dict[int, float] = {}
        validation: dict[int, float] = {}
        for event in events:
            if isinstance(event, Metrics | Evaluated):
                value = event.loss if measure.name == LOSS.name else event.measures.get(measure.name)
                into = train if isinstance(event, Metrics) else validation
            elif isinstance(event, Scored):
                value, into = read_own(event).get(measure.name), validation
            else:
                continue
            if value is not None and getattr(event, "step", None) is not None:
                into[int(event.step or 0)] = value
        if max(len(train), len(validation)) > 1:  # one point is no curve
            yield Curve(
                measure=measure, train=tuple(sorted(train.items())), validation=tuple(sorted(validation.items()))
            )


def _find_flips(run: Run, task: Task, recipe: Recipe) -> list[Flip]:
    """What became of the instances of the test part, from the base to the best checkpoint, as the run measured it."""
    rows = [row for row in read_lines(run.answers_file) if row.get("part") == "test"]
    steps = {int(row["step"]) for row in rows}
    try:
        test = split_task(task, recipe.training.seed).test
    except StudioError:
        return []
    if len(steps) < 2:
        return []
    before, after = ({row["id"]: row for row in rows if row["step"] == step} for step in (0, max(steps)))
    metric, found = list_fitting(task)[0], list[Flip]()
    for one in test:
        if one.id in before and one.id in after:
            said = [str(side[one.id]["answer"]) for side in (before, after)]
            grades = [metric.measure([Answered(text, tuple(one.output), one.key)], task.labels) / 100 for text in said]
            fate = tell_fate(*grades)
            found.append(
                Flip(id=one.id, fate=fate, prompt=one.key, before=said[0], after=said[1], wanted=tuple(one.output))
            )
    return found


def _choose(flips: Sequence[Flip]) -> Iterable[Flip]:
    for fate in FATES:
        yield from [flip for flip in flips if flip.fate == fate][:MOST_FLIPS]


def name_metric(name: str | None) -> str:
    """Return what people call a metric."""
    known = WIN_RATE if name == WIN_RATE.name else METRICS.members.get(name or "")
    return known.title if known else str(name or "score")
