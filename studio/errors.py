"""The tree of errors a person may see. Each says what was given, the rule, and the way out.

    StudioError
    ├── InputError            something that was given can't be used as it is
    │   ├── RecipeError       a choice in a recipe (`field` names it)
    │   ├── TaskError         a task file (`field` names the place in it)
    │   │   ├── MappingNeeded     a table whose columns can't be guessed (studio.tasks.reading.rows)
    │   │   └── ChoiceNeeded      a file that could be read in several ways (studio.tasks.read_as)
    │   ├── EditConflict      an edit of what somebody changed meanwhile (studio.tasks.edit)
    │   └── ModelError        a base model: missing, unreadable, of a kind that can't be tuned
    ├── NotFoundError         an id that names nothing here
    ├── WorkspaceError        the disk: full, read-only, damaged, or of another version
    └── DeviceError           the device: out of memory, or busy

Anything else that is raised is a bug of the studio and is shown as one. The page, the API and the command line print
`str(error)` and nothing more, so the words here are what a person reads.
"""

import os
import re

HIDDEN = "STUDIO_HIDDEN"
"""In the environment, which children have too: the folders of whose paths a shared studio tells the last part alone."""


class StudioError(Exception):
    """An error in words; `field` names the form field or the place in a file it belongs to.

    What a class annotates is what its errors carry, also from one process to another.
    """

    field: str | None

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(hide_places(message, os.environ.get(HIDDEN, "")))
        self.field = field


class InputError(StudioError):
    """Something that was given can't be used as it is."""


class RecipeError(InputError):
    """A choice in a recipe breaks a rule; `field` is its dotted name, such as `method.rank`."""


class TaskError(InputError):
    """A task file can't be read; `field` is the place in it, such as `Instances[3].output`."""


class ModelError(InputError):
    """A base model can't be used."""


class NotFoundError(StudioError):
    """An id names nothing in this workspace."""


class WorkspaceError(StudioError):
    """The workspace folder can't be read or written."""


class DeviceError(StudioError):
    """The device can't do what was asked."""


def hide_places(words: str, roots: str) -> str:
    """Return words in which paths below one of the folders of `roots`, parted by colons, are their last part alone."""
    for root in filter(None, roots.split(os.pathsep)):
        words = re.sub(rf"{re.escape(root)}(/[^\s/:;,'\"<>]+)*", lambda path: path[0].rsplit("/", 1)[-1], words)
    return words


def is_panic(error: BaseException) -> bool:
    """Whether a library's native code gave up: what pyo3 raises then is no Exception, and no fault of the studio's."""
    return type(error).__name__ == "PanicException"


def first_line(error: BaseException) -> str:
    """Return the first line of what another library says, or the error's kind where it says nothing."""
    return str(error).strip().split("\n", 1)[0][:300] or type(error).__name__
