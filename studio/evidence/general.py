"""General text: what a model read before it was tuned, or the like, by which it is told how much of it was forgotten.

For the built-in base, documents of its world that it never saw; for other models, passages of several kinds that were
written for this. Knows texts and no model.
"""

from functools import lru_cache

from studio.evidence.passages import PASSAGES, VERSIONS
from studio.tasks.kinds.text import Text
from studio.tasks.task import Origin, Task
from studio.world.corpus import VALIDATION_SEED, write_documents

GENERAL = "general_text"
DOCUMENTS = 48
_VERSION = f"version {len(VERSIONS)}"


@lru_cache
def write_general(is_builtin: bool) -> Task:
    """Return the general text as a task, a passage an instance."""
    texts = list(write_documents(VALIDATION_SEED, DOCUMENTS)) if is_builtin else list(PASSAGES)
    instances = tuple(Text(id=f"text-{number}", output=(text,)) for number, text in enumerate(texts))
    title = "Text of the built-in base's world" if is_builtin else f"Passages of several kinds, {_VERSION}"
    return Task(
        task_id=GENERAL, definition="", title=title, kind="text", instances=instances, origin=Origin(format="text")
    )
