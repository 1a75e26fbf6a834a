"""How far several people agree on labels: Cohen's kappa for two, Krippendorff's alpha for any number.

Knows labels as texts and people as names; an item that a person didn't label is simply missing. Nominal labels.
Sources: Cohen 1960; Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

Labels = Mapping[str, Mapping[str, str]]
"""Person -> item -> label."""


def cohen_kappa(a: Mapping[str, str], b: Mapping[str, str]) -> float | None:
    """Return the agreement of two people beyond chance on the items both labelled; None if there are none.

    1 is full agreement, 0 what chance would give. Where both gave one and the same label throughout, chance can't be
    told from agreement, and it is 1.
    """
    both = [item for item in a if item in b]
    if not both:
        return None
    seen = sum(a[item] == b[item] for item in both) / len(both)
    first, second = Counter(a[item] for item in both), Counter(b[item] for item in both)
    chance = sum(first[label] * second[label] for label in first) / len(both) ** 2
    return 1.0 if chance == 1 else (seen - chance) / (1 - chance)


def krippendorff_alpha(labels: Labels) -> float | None:
    """Return the agreement of any number of people on items that at least two labelled; None if there are none."""
    by_item: dict[str, Counter[str]] = {}
    for given in labels.values():
        for item, label in given.items():
            by_item.setdefault(item, Counter())[label] += 1
    paired = [counts for counts in by_item.values() if counts.total() > 1]
    if not paired:
        return None
    totals: Counter[str] = Counter()
    observed = 0.0
    for counts in paired:
        size = counts.total()
        totals += counts
        observed += sum(n * (size - n) for n in counts.values()) / (size - 1)
    total = totals.total()
    expected = sum(n * (total - n) for n in totals.values()) / (total - 1)
    return 1.0 if expected == 0 else 1 - observed / expected


def pair_kappas(labels: Labels) -> dict[tuple[str, str], float]:
    """Return Cohen's kappa of every two people who share items."""
    found = {(a, b): cohen_kappa(labels[a], labels[b]) for a, b in combinations(sorted(labels), 2)}
    return {pair: kappa for pair, kappa in found.items() if kappa is not None}


def describe_agreement(value: float | None) -> str:
    """Return a kappa or alpha in words (Landis and Koch 1977)."""
    if value is None:
        return "nothing was labelled twice yet"
    names = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"), (0.0, "slight"))
    return next((word for least, word in names if value > least), "no better than chance")
