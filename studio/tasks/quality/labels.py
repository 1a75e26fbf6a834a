"""Labels and outputs: variants of one label, balance, one-word and doubled outputs.

Labels are counted as what they mean: two spellings of one label are one, so that balance isn't judged before spelling.
"""

import math
import re
import statistics
import unicodedata
from collections import Counter, defaultdict
from functools import lru_cache

from studio.tasks.kinds import KINDS
from studio.tasks.quality.finding import Finding, count_of, say_places
from studio.tasks.task import Instance, Task

MOST_LABELS, MOST_SPELLINGS = 20, 200
ENOUGH_PER_LABEL, ENOUGH_FREE = 50, 500
"""Instances from which a task with labels, of each, or with free answers is worth training."""
LEAST_ENTROPY = 0.8
"""Upstream's own bound on the normalised entropy of labels (`src/test_all.py`)."""
LEAST_INSTANCES, MOST_INSTANCES = 26, 6_500
"""Upstream's bounds on the instances of a task."""
RARE = 10
"""Instances of a label below which it is rare."""
MOST_TIMES = 3
"""How often a label may stand for each time that a usual one does, before some of it may be left out."""

_ENDS = r"[\s.!?,;:'\"()\u2018-\u201f\u00ab\u00bb\u2026\u3001\u3002\uff01\uff0c\uff0e\uff1a\uff1b\uff1f]+"
_AROUND = re.compile(rf"^{_ENDS}|{_ENDS}$")


@lru_cache(maxsize=10_000)
def read_label(text: str) -> str:
    """Return what a label means, however it is spelt: without case, blanks and signs around it.

    A label that is nothing but signs, such as a smiley, is itself.
    """
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _AROUND.sub("", words) or words


def _count_answers(task: Task) -> Counter[str]:
    """How often each answer is trained on, as it is written; nothing where there are too many to be labels."""
    if "dialogue" not in KINDS.find(task.kind).forms:
        return Counter()
    counts = Counter(answer for instance in task.instances for answer in instance.learnt)
    return counts if len(counts) <= max(MOST_SPELLINGS, counts.total() // 4) else Counter()


def list_spellings(answers: Counter[str]) -> dict[str, str]:
    """Return label -> its most frequent spelling, without the blanks around it."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for answer, count in answers.items():
        spelt[read_label(answer)][answer.strip()] += count
    return {label: spellings.most_common(1)[0][0] for label, spellings in spelt.items()}


def count_labels(task: Task) -> dict[str, int]:
    """Return how often each label is answered, the most frequent first; {} if answers aren't labels."""
    answers = _count_answers(task)
    spellings, counts = list_spellings(answers), Counter[str]()
    for answer, count in answers.items():
        counts[spellings[read_label(answer)]] += count
    are_labels = len(counts) <= MOST_LABELS and len(counts) * 4 <= counts.total()
    return dict(counts.most_common()) if are_labels else {}


def has_label(instance: Instance, label: str) -> bool:
    """Say whether an instance answers with a label, however spelt."""
    return any(read_label(answer) == read_label(label) for answer in instance.learnt)


def measure_entropy(counts: dict[str, int]) -> float:
    """Return the normalised entropy of labels: 1 when all are equally frequent, 0 when there is one."""
    total = sum(counts.values())
    if len(counts) < 2:
        return 0.0
    return -sum(n / total * math.log(n / total) for n in counts.values()) / math.log(len(counts))


def find_ceiling(counts: dict[str, int]) -> int | None:
    """Return how often a label may occur before some are left out to balance them; None where none occurs oftener.

    That is three times the median of the labels that aren't rare: a rare label says nothing about how many are usual.
    """
    usual = [count for count in counts.values() if count >= RARE]
    most = int(MOST_TIMES * statistics.median(usual)) if usual else 0
    return most if most and max(counts.values()) > most else None


def find_variants(task: Task) -> dict[str, str]:
    """Return variant -> most frequent spelling, of labels that differ in case, blanks or signs at the ends alone."""
    answers = _count_answers(task)
    if len(answers) > max(MOST_LABELS * 3, len(task.instances) // 4):
        return {}
    spellings, together = list_spellings(answers), Counter(read_label(answer) for answer in answers)
    several = (answer for answer in answers if together[read_label(answer)] > 1)
    return {answer: spelling for answer in several if (spelling := spellings[read_label(answer)]) != answer}


def check_spelling(task: Task) -> list[Finding]:
    """Return which labels are spelt in several ways."""
    variants = find_variants(task)
    if not variants:
        return []
    numbers = tuple(n for n, item in enumerate(task.instances) if any(answer in variants for answer in item.learnt))
    shown = ", ".join(f"{old!r} for {new!r}" for old, new in list(variants.items())[:4])
    return [
        Finding(
            name="label variants",
            severity="warning",
            title="One label, several spellings",
            words=f"{count_of(len(numbers), 'spell')} an output differently from most: {shown}; "
            f"{say_places(task, numbers)}. A score would count them as different answers. Spell them the same way.",
            numbers=numbers,
            fix="one spelling",
            fix_words="Use the most frequent spelling",
        )
    ]


def check_outputs(task: Task) -> list[Finding]:
    """Return what is odd about single inputs and outputs."""
    if not KINDS.find(task.kind).takes_references:
        return []
    findings = []
    doubled = tuple(n for n, item in enumerate(task.instances) if len(set(item.output)) < len(item.output))
    if doubled:
        findings.append(
            Finding(
                name="double references",
                severity="remark",
                title="The same answer twice in one list",
                words=f"{count_of(len(doubled))} the same answer twice in their output: "
                f"{say_places(task, doubled)}. Each answer is expected once. Delete the second.",
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
                title="Blank inputs",
                words=f"{count_of(len(blank))} a blank input where a text is expected: {say_places(task, blank)}. "
                "Write the input, or leave them out.",
                numbers=blank,
                fix="leave out",
                fix_words=f"Leave out {len(blank):,}",
            )
        )
    return findings + _check_short(task)


def check_balance(task: Task) -> list[Finding]:
    """Return whether one label is answered far oftener than the others."""
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
                "expected. The model will learn to say that one word whatever it reads. Add examples with other "
                "outputs.",
                follows=True,
            )
        ]
    entropy, ceiling = measure_entropy(counts), find_ceiling(counts)
    if entropy > LEAST_ENTROPY:
        return []
    share = counts[most] / sum(counts.values())
    return [
        Finding(
            name="skewed labels",
            severity="warning",
            title="One answer is far more frequent",
            words=f"{most[:60]!r} is the output of {share:.0%} of the examples (entropy {entropy:.2f}; more than "
            f"{LEAST_ENTROPY} is expected), so always saying it would score {share:.0%}. Add examples with the other "
            f"outputs ({', '.join(f'{label[:20]!r}: {n:,}' for label, n in list(counts.items())[1:4])}).",
            numbers=tuple(n for n, item in enumerate(task.instances) if has_label(item, most)),
            fix="balance" if ceiling else "",
            fix_words=f"Keep at most {ceiling:,} of each" if ceiling else "",
            follows=True,
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
    total, kind = len(task.instances), KINDS.find(task.kind)
    if kind.enough:
        letters = sum(len(text) for instance in task.instances for text in instance.output)
        return kind.enough.format(count=total, letters=letters)
    counts = count_labels(task)
    if counts:
        rarest = min(counts, key=lambda label: counts[label])
        missing = sum(max(0, ENOUGH_PER_LABEL - count) for count in counts.values())
        more = f"about {missing:,} more would help" if missing else "that is enough to begin"
        return (
            f"{len(counts)} labels with {total:,} examples, the fewest of {rarest[:30]!r} ({counts[rarest]:,}); "
            f"{ENOUGH_PER_LABEL} of each are a good start: {more}."
        )
    more = "that is enough to begin" if total >= ENOUGH_FREE else f"about {ENOUGH_FREE - total:,} more would help"
    return f"{total:,} examples with free answers; {ENOUGH_FREE} are a good start: {more}."


def check_enough(task: Task) -> list[Finding]:
    """Return whether there are enough instances and examples for this kind of task, and not too many."""
    total, counts = len(task.instances), count_labels(task)
    findings = []
    if total < LEAST_INSTANCES:
        findings.append(
            Finding(
                name="few instances",
                severity="warning",
                title="Few examples",
                words=f"Instances: found {total}, expected at least {LEAST_INSTANCES} (upstream's rule); a few hundred "
                "are a good start, of which a tenth each are kept for choosing the step and for the score. Add some.",
                follows=True,
            )
        )
    elif total > MOST_INSTANCES and KINDS.find(task.kind).needs_definition:
        findings.append(
            Finding(
                name="many instances",
                severity="remark",
                title="More examples than upstream takes",
                words=f"Instances: found {total:,}, upstream takes at most {MOST_INSTANCES:,}. All are used here; a "
                "run sees only as many as its steps reach.",
                fix="sample",
                fix_words=f"Keep {MOST_INSTANCES:,}",
                follows=True,
            )
        )
    rare = [label for label, count in counts.items() if count < RARE]
    if rare and len(counts) > 1:
        findings.append(
            Finding(
                name="rare labels",
                severity="warning",
                title="Some labels have few examples",
                words=f"Found fewer than {RARE} examples of {', '.join(repr(label[:30]) for label in rare[:5])}; "
                f"{ENOUGH_PER_LABEL} of each are a good start. Add some, or the model will rarely say them.",
                numbers=tuple(
                    n for n, item in enumerate(task.instances) if any(has_label(item, label) for label in rare)
                ),
                follows=True,
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
                follows=True,
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
                follows=True,
            )
        )
    return findings
