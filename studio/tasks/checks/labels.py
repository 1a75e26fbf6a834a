"""Labels and outputs: balance, variants of one label, one-word and doubled outputs."""

import math
import re
from collections import Counter, defaultdict

from studio.tasks.checks.finding import Finding, count_of, say_places
from studio.tasks.kinds import KINDS
from studio.tasks.task import Task

MOST_LABELS = 20
ENOUGH_PER_LABEL, ENOUGH_FREE = 50, 500
"""Instances from which a task with labels, of each, or with free answers is worth training."""
LEAST_ENTROPY = 0.8
"""Upstream's own bound on the normalised entropy of labels (`src/test_all.py`)."""
LEAST_INSTANCES, MOST_INSTANCES = 26, 6_500
"""Upstream's bounds on the instances of a task."""


def count_labels(task: Task) -> dict[str, int]:
    """Return how often each label stands as first output, the most frequent first; {} if outputs aren't labels."""
    counts = Counter(instance.output[0].strip() for instance in task.instances)
    few = len(counts) <= MOST_LABELS and len(counts) * 4 <= len(task.instances)
    return dict(counts.most_common()) if few and "dialogue" in KINDS.find(task.kind).forms else {}


def measure_entropy(counts: dict[str, int]) -> float:
    """Return the normalised entropy of labels: 1 when all are equally frequent, 0 when there is one."""
    total = sum(counts.values())
    if len(counts) < 2:
        return 0.0
    return -sum(n / total * math.log(n / total) for n in counts.values()) / math.log(len(counts))


def find_variants(task: Task) -> dict[str, str]:
    """Return variant -> most frequent spelling, of labels that differ in case, blanks or signs at the end alone."""
    counts = Counter(instance.output[0] for instance in task.instances)
    if len(counts) > max(MOST_LABELS * 3, len(task.instances) // 4):
        return {}
    groups: dict[str, list[str]] = defaultdict(list)
    for label, _ in counts.most_common():
        groups[re.sub(r"[\s.!?,;:'\"]+$|^[\s'\"]+", "", label).casefold()].append(label)
    return {other: group[0].strip() for group in groups.values() for other in group if len(group) > 1} | {
        group[0]: group[0].strip() for group in groups.values() if len(group) > 1 and group[0] != group[0].strip()
    }


def check_labels(task: Task) -> list[Finding]:
    """Return what is odd about the outputs as a whole."""
    findings = [*_check_variants(task), *_check_balance(task)]
    if not KINDS.find(task.kind).takes_references:
        return findings
    doubled = tuple(n for n, item in enumerate(task.instances) if len(set(item.output)) < len(item.output))
    if doubled:
        findings.append(
            Finding(
                name="double references",
                severity="remark",
                title="The same answer twice in one list",
                words=f"{count_of(len(doubled))} the same answer twice in their output: "
                f"{say_places(task, doubled)}. Each answer is expected once. Take out the second.",
                numbers=doubled,
                fix="references",
                fix_words="Keep each once",
            )
        )
    blank = tuple(n for n, item in enumerate(task.instances) if not item.input.strip())
    if blank:
        findings.append(
            Finding(
                name="blank inputs",
                severity="warning",
                title="Nothing to read",
                words=f"{count_of(len(blank))} a blank input where a text is expected: {say_places(task, blank)}. "
                "Write the input, or leave them out.",
                numbers=blank,
                fix="leave out",
                fix_words=f"Leave out {len(blank):,}",
            )
        )
    return findings + _check_short(task)


def _check_variants(task: Task) -> list[Finding]:
    variants = {old: new for old, new in find_variants(task).items() if old != new}
    if not variants:
        return []
    numbers = tuple(n for n, item in enumerate(task.instances) if item.output[0] in variants)
    shown = ", ".join(f"{old!r} for {new!r}" for old, new in list(variants.items())[:4])
    return [
        Finding(
            name="label variants",
            severity="warning",
            title="One label, several spellings",
            words=f"{count_of(len(numbers), 'spell')} an output otherwise than most do: {shown}; "
            f"{say_places(task, numbers)}. A score would count them as different answers. Write them alike.",
            numbers=numbers,
            fix="one spelling",
            fix_words="Take the most frequent spelling",
        )
    ]


def _check_balance(task: Task) -> list[Finding]:
    counts = count_labels(task)
    if not counts:
        return []
    most = next(iter(counts))
    if len(counts) == 1:
        return [
            Finding(
                name="one label",
                severity="problem",
                title="Every answer is the same",
                words=f"All {len(task.instances):,} outputs are {most[:60]!r}; at least two different ones are "
                "expected. The model will learn to say that one word whatever it reads. Add instances with other "
                "outputs.",
            )
        ]
    entropy = measure_entropy(counts)
    if entropy > LEAST_ENTROPY:
        return []
    share = counts[most] / len(task.instances)
    return [
        Finding(
            name="skewed labels",
            severity="warning",
            title="One answer is far more frequent",
            words=f"{most[:60]!r} is the output of {share:.0%} of the instances (entropy {entropy:.2f}; more than "
            f"{LEAST_ENTROPY} is expected), so always saying it would score {share:.0%}. Add instances with the other "
            f"outputs ({', '.join(f'{label[:20]!r}: {n:,}' for label, n in list(counts.items())[1:4])}), or leave some "
            "of the frequent ones out.",
            numbers=tuple(n for n, item in enumerate(task.instances) if item.output[0].strip() == most),
            fix="balance",
            fix_words="Keep at most three times as many as of the rarest",
        )
    ]


def _check_short(task: Task) -> list[Finding]:
    if count_labels(task):
        return []
    short = tuple(n for n, item in enumerate(task.instances) if len(item.output[0].split()) == 1)
    if not short or len(short) == len(task.instances) or len(short) * 4 > len(task.instances):
        return []
    return [
        Finding(
            name="one-word outputs",
            severity="remark",
            title="A few answers are one word",
            words=f"Of {len(task.instances):,}, {count_of(len(short))} an output of one word where most have more: "
            f"{say_places(task, short)}, such as {task.instances[short[0]].output[0][:40]!r}. Look whether they are "
            "whole.",
            numbers=short,
            fix="leave out",
            fix_words=f"Leave out {len(short):,}",
        )
    ]


def say_enough(task: Task) -> str:
    """Return in a sentence how many instances this kind of task needs, and how many it has.

    The numbers are rules of thumb, not laws. (With hundreds of tasks at once, Super-NI found little gain beyond 64
    instances of each: Wang et al. 2022, arXiv:2204.07705.)
    """
    total, counts = len(task.instances), count_labels(task)
    if task.kind == "text":
        letters = sum(len(instance.output[0]) for instance in task.instances)
        return f"{letters:,} characters of running text; a million or more are a good start for continued pre-training."
    if task.kind in ("preference", "rating"):
        return f"{total:,} {'pairs' if task.kind == 'preference' else 'ratings'}; a few thousand are a good start."
    if counts:
        rarest = min(counts, key=lambda label: counts[label])
        missing = sum(max(0, ENOUGH_PER_LABEL - count) for count in counts.values())
        more = f"about {missing:,} more would help" if missing else "that is enough to begin"
        return (
            f"{len(counts)} labels with {total:,} instances, the fewest of {rarest[:30]!r} ({counts[rarest]:,}); "
            f"{ENOUGH_PER_LABEL} of each are a good start: {more}."
        )
    more = "that is enough to begin" if total >= ENOUGH_FREE else f"about {ENOUGH_FREE - total:,} more would help"
    return f"{total:,} instances with free answers; {ENOUGH_FREE} are a good start: {more}."


def check_enough(task: Task) -> list[Finding]:
    """Return whether there are enough instances and examples for this kind of task, and not too many."""
    total, counts = len(task.instances), count_labels(task)
    findings = []
    if total < LEAST_INSTANCES:
        findings.append(
            Finding(
                name="few instances",
                severity="warning",
                title="Few instances",
                words=f"Instances: found {total}, expected at least {LEAST_INSTANCES} (upstream's rule); a few hundred "
                "are a good start, of which a tenth each are kept for choosing the step and for the score. Add some.",
            )
        )
    elif total > MOST_INSTANCES and KINDS.find(task.kind).needs_definition:
        findings.append(
            Finding(
                name="many instances",
                severity="remark",
                title="More instances than upstream takes",
                words=f"Instances: found {total:,}, upstream takes at most {MOST_INSTANCES:,}. All are used here; a "
                "run sees only as many as its steps reach. Keep a sample to make it smaller.",
                fix="sample",
                fix_words=f"Keep {MOST_INSTANCES:,}",
            )
        )
    rare = [label for label, count in counts.items() if count < 10]
    if rare and len(counts) > 1:
        findings.append(
            Finding(
                name="rare labels",
                severity="warning",
                title="Some labels have few instances",
                words=f"Found fewer than 10 instances of {', '.join(repr(label[:30]) for label in rare[:5])}; 50 of "
                "each are a good start. Add some, or the model will rarely say them.",
                numbers=tuple(n for n, item in enumerate(task.instances) if item.output[0].strip() in set(rare)),
            )
        )
    if KINDS.find(task.kind).needs_definition and task.origin is None:
        findings += _check_examples(task)
    return findings


def _check_examples(task: Task) -> list[Finding]:
    findings = []
    positive, negative = len(task.positive_examples), len(task.negative_examples)
    if positive < 2 or negative < 1:
        findings.append(
            Finding(
                name="few examples",
                severity="remark",
                title="Few worked examples",
                words=f"Positive Examples: found {positive}, expected at least 2; Negative Examples: found {negative}, "
                "expected at least 1. They show people, and the model where the prompt has them, what is meant. Write "
                "some.",
            )
        )
    examples = [*task.positive_examples, *task.negative_examples]
    silent = sum(not example.explanation.strip() for example in examples)
    if silent:
        findings.append(
            Finding(
                name="no explanation",
                severity="remark",
                title="Examples without a reason",
                words=f"{silent} of {len(examples)} examples have no explanation, where a sentence is expected that "
                "says why the output is right or wrong. Write it.",
            )
        )
    return findings
