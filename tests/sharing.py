"""Which tests share what is costly to make, and which cases can wait. A group of tests that share runs on one worker.

A group is named by its tests' ids alone, which the process that hands them out knows, too. (The marks of pytest-xdist
are of no use here: pytest 9.2 drops the names that xdist 3.8 hangs on the ids, and no test is grouped any more.)
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST = ("browser", "contracts", "zoo")
"""Folders whose tests begin first, so that no worker is left alone with them at the end."""
BY_CASE = ("tests/contracts/test_methods.py", "tests/contracts/test_runs.py", "tests/zoo/test_zoo.py")
"""Files whose tests share what is made once for each case, and nothing else."""
BROWSER = "tests/browser/"


class ByGroup(LoadScopeScheduling):
    """Gives each worker a whole group at a time."""

    def _split_scope(self, nodeid: Any) -> str:
        return find_group(str(nodeid), self.numnodes)


def find_group(test_id: str, workers: int = 1) -> str:
    """Return the group of a test: its file; of some files its case; of the browser all, while there are few workers.

    Two servers with a browser each would fight for two cores, and starting them costs more than most tests do.
    """
    file, _, test = test_id.partition("::")
    if file.startswith(BROWSER) and workers <= 2:
        return BROWSER
    return f"{file}[{test.partition('[')[2]}" if file in BY_CASE and "[" in test else file


def choose_cases(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield those that can wait of the cases of each test marked `soon(count)`: all but so many, spread evenly."""
    for _, cases in groupby(items, lambda item: item.nodeid.partition("[")[0]):
        listed = list(cases)
        if (mark := listed[0].get_closest_marker("soon")) is not None:
            soon = {place * len(listed) // mark.args[0] for place in range(mark.args[0])}
            yield from (case for place, case in enumerate(listed) if place not in soon)
