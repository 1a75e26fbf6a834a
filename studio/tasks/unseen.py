"""The test of unseen words: instances that come with a sample, in words that none of its own instances has.

A copy of the sample that a person made, or another edition of it, keeps the test while it asks the same: its definition
is the sample's, and of the test only those instances are left whose words it never learnt. Knows no disk.
"""

import re

from studio.tasks.task import Task


def name_origin(task_id: str) -> str:
    """Return the sample that a copy was made of, going by the name the store gave it; any other task is its own."""
    return re.sub(r"_yours(_[0-9a-f]{8})?$", "", task_id)


def keep_unseen(test: Task, sample: Task, task: Task) -> Task | None:
    """Return what is left of a sample's test for a task that was made of the sample; None if it asks something else."""
    if (task.definition, task.things_to_avoid) != (sample.definition, sample.things_to_avoid):
        return None
    added = _list_words(task) - _list_words(sample)
    kept = tuple(one for one in test.instances if not added & _words_of(one.input))
    return test.model_copy(update={"instances": kept}) if kept else None


def _list_words(task: Task) -> set[str]:
    return set().union(*(_words_of(instance.input) for instance in task.instances))


def _words_of(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
