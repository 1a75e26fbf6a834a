"""What a report says, piece by piece, in words that its page and its card share. Pure."""

from studio.models.reference import ModelRef
from studio.reports.report import Report, name_metric
from studio.runs.event import Scored
from studio.runs.status import RunStatus
from studio.works.export import name_model

Row = tuple[str, ...]


def list_facts(report: Report) -> list[Row]:
    """Return what the run was and what it cost, a name and a value each."""
    status, recipe = report.status, report.recipe
    facts: list[Row] = [
        ("Base model", name_model(ModelRef(ref=recipe.model))),
        ("Method", recipe.method_words),
        ("Objective", recipe.objective.title),
        ("Task", f"{report.title} ({recipe.task_id}, version {recipe.task_version})"),
        *((f"Data: {name}", f"{count:,}") for name, count in report.data.items()),
        ("Steps", f"{status.step:,} of {status.of:,}" if status.of else f"{status.step:,}"),
        ("Status", status.status),
    ]
    if status.trainable and status.total:
        facts.append(("Weights trained", f"{status.trainable:,} of {status.total:,}"))
    if status.elapsed_seconds is not None:
        facts.append(("Cost", tell_seconds(status)))
        facts.append(("Energy", tell_energy(status)))
    if report.measuring is not None and status.elapsed_seconds:
        share = 100 * report.measuring / status.elapsed_seconds
        facts.append(("Spent on measuring", f"{report.measuring:,.1f} seconds, {share:.0f} % of the time"))
    return facts


def tell_seconds(status: RunStatus) -> str:
    """Return how long the run worked in all; of one that went on after a stop, how long in each attempt."""
    said = f"{status.elapsed_seconds or 0:,.0f} seconds"
    each = ", ".join(f"{seconds:,.0f}" for seconds in status.attempt_seconds)
    return f"{said} in {len(status.attempt_seconds):,} attempts ({each})" if len(status.attempt_seconds) > 1 else said


def tell_energy(status: RunStatus) -> str:
    """Return how much the computer drew meanwhile, in watt-hours, or that it can't be measured there."""
    if status.watt_hours is None:
        return "was not measured" if status.joules is None else "not measurable there: no counter that may be read"
    parts = ", ".join(f"{of} {joules / 3600:.3g}" for of, joules in (status.joules or {}).items())
    return f"{status.watt_hours:.3g} Wh ({parts}), of the whole parts, whatever else they worked on"


def list_scores(report: Report) -> list[Row]:
    """Return every score: whose, on which part, what, and how sure it is."""
    return [
        (
            "base" if each.model == "base" else f"step {each.step:,}",
            _tell_part(each),
            f"{name_metric(each.metric)} {each.value:.1f}",
            write_interval(each),
        )
        for each in (*report.baseline, *report.scores)
        if each.value is not None
    ]


def _tell_part(each: Scored) -> str:
    """On what, and how it was asked."""
    if each.part == "drawn":
        return "test, drawn answers"
    return f"{each.part}, {each.examples} examples in the prompt" if each.examples else str(each.part)


def list_forgetting(report: Report) -> list[Row]:
    """Return how much general text was forgotten at each checkpoint that was measured."""
    return [
        (f"step {each.step:,}", f"{each.value:+.4f} nats a token", _tell_texts(each))
        for each in report.forgetting
        if each.value is not None and each.before is not None and each.after is not None
    ]


def _tell_texts(each: Scored) -> str:
    """Before and after, and of how many of the general texts: always the first so many."""
    texts = f", {each.n:,} of {each.of or each.n:,} texts" if each.n else ""
    return f"{each.before:.3f} before, {each.after:.3f} after{texts}"


def tell_votes(report: Report) -> str:
    """Return the votes in a sentence."""
    votes = report.votes
    if not (count := votes.base + votes.same + votes.tuned + votes.bad):
        return "Nobody has voted on its answers yet."
    return (
        f"Of {count:,} votes, {votes.tuned:,} liked the tuned answer better, {votes.base:,} the base's, {votes.same:,} "
        f"neither, and {votes.bad:,} found both bad."
    )


def write_interval(score: Scored) -> str:
    """Return the interval of a score and on how many instances it stands."""
    bounds = "" if score.low is None or score.high is None else f"{score.low:.1f} to {score.high:.1f}, "
    return f"{bounds}n = {score.n or 0:,}" + (f" of {score.of:,}" if score.of and score.of != score.n else "")
