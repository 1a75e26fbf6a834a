"""Which texts are nearly the same: MinHash over shingles of eight bytes, fast for hundreds of thousands.

Knows texts and numpy, and no task. Two texts are near duplicates when their sets of shingles overlap to at least
`NEAR` (Jaccard); the sketch finds candidates, the sets themselves decide.
Source: Broder 1997, "On the resemblance and containment of documents"; bands as in Leskovec et al., chapter 3.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEAR = 0.8
"""Overlap of two texts' shingles from which they count as nearly the same: about one word in twenty differs."""

_SHINGLE = 8
_BANDS, _ROWS = 8, 4
_CHUNK = 30_000
"""Shingles that are hashed at a time: few enough to stay in the processor's cache, which is four times faster."""


def find_groups(texts: Sequence[str], near: float = NEAR) -> list[list[int]]:
    """Return the groups of texts that are equal or nearly so, each in rising order; blank texts are in none."""
    plain = [normalise(text).encode() for text in texts]
    first: dict[bytes, int] = {}
    parent = list(range(len(plain)))
    for number, text in enumerate(plain):
        if text:
            parent[number] = first.setdefault(text, number)
    distinct = list(first.values())
    if near < 1 and len(distinct) > 1:
        _join_near([plain[number] for number in distinct], distinct, parent, near)
    groups: dict[int, list[int]] = {}
    for number in range(len(plain)):
        groups.setdefault(_root(parent, number), []).append(number)
    return [group for group in groups.values() if len(group) > 1]


def normalise(text: str) -> str:
    """Return a text in small letters, its signs and white space as single blanks."""
    return re.sub(r"[\W_]+", " ", text.casefold()).strip() or text.strip()


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _join_near(plain: list[bytes], numbers: list[int], parent: list[int], near: float) -> None:
    """Join texts that share a band of their sketches and really overlap."""
    sketches = sketch(plain)
    sets: dict[int, set[bytes]] = {}

    def shingles(at: int) -> set[bytes]:
        if at not in sets:
            if len(sets) > 20_000:
                sets.clear()
            text = plain[at]
            sets[at] = {text[n : n + _SHINGLE] for n in range(max(1, len(text) - _SHINGLE + 1))}
        return sets[at]

    for band in range(_BANDS):
        rows = sketches[:, band * _ROWS : (band + 1) * _ROWS]
        keys = rows[:, 0].copy()
        for row in range(1, _ROWS):
            keys = keys * np.uint64(0x9E3779B97F4A7C15) ^ rows[:, row]
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        leader = -1
        last = -2
        for place in same.tolist():
            if place != last + 1:
                leader = int(order[place])
            last = place
            other = int(order[place + 1])
            for candidate in {leader, int(order[place])}:
                a, b = _root(parent, numbers[candidate]), _root(parent, numbers[other])
                if a != b and _overlap(shingles(candidate), shingles(other)) >= near:
                    parent[max(a, b)] = min(a, b)


def _overlap(a: set[bytes], b: set[bytes]) -> float:
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


def sketch(texts: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return for each text the least hash of its shingles under each of 32 hash functions."""
    rng = np.random.default_rng(7)
    factors = rng.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
    found = np.empty((len(texts), _BANDS * _ROWS), np.uint64)
    start = 0
    while start < len(texts):
        stop, size = start, 0
        while stop < len(texts) and (size == 0 or size + len(texts[stop]) < _CHUNK):
            size += max(len(texts[stop]), _SHINGLE)
            stop += 1
        found[start:stop] = _sketch_chunk([text.ljust(_SHINGLE, b"\0") for text in texts[start:stop]], factors)
        start = stop
    return found


def _sketch_chunk(texts: list[bytes], factors: NDArray[np.uint64]) -> NDArray[np.uint64]:
    joined = np.frombuffer(b"".join(texts) + b"\0" * _SHINGLE, np.uint8)
    sizes = np.array([len(text) for text in texts])
    ends = np.cumsum(sizes)
    starts = ends - sizes
    values = np.zeros(len(joined) - _SHINGLE, np.uint64)
    for place in range(_SHINGLE):
        values = (values << np.uint64(8)) | joined[place : place + len(values)]
    values ^= values >> np.uint64(31)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(29)
    # A shingle that reaches into the next text counts for neither: it takes the value of the text's first.
    inside = np.ones(len(values), bool)
    for back in range(1, _SHINGLE):
        inside[ends - back] = False
    values = np.where(inside, values, np.repeat(values[starts], sizes))
    found = np.empty((len(texts), len(factors)), np.uint64)
    for column, factor in enumerate(factors):
        mixed = values * factor
        mixed ^= mixed >> np.uint64(32)
        found[:, column] = np.minimum.reduceat(mixed, starts)
    return found
