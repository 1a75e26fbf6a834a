"""What becomes of a file that was handed in: a task that was kept, or what a person has to choose first."""

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from studio.tasks.mapping import Mapping
from studio.tasks.read_as import Offer, Reading
from studio.tasks.reading.rows import Preview


class Uploaded(NamedTuple):
    """A task that was read and kept; `file_id` is of the file where it can be read in another way.

    `by_memory`: its columns were read as last time.
    """

    reading: Reading
    file_id: str = ""
    by_memory: bool = False


class ReadingChoice(BaseModel):
    """What a person has to choose before a file can be read at all: its encoding, or which part of it is meant."""

    model_config = ConfigDict(frozen=True)

    file_id: str
    name: str
    words: str
    offer: Offer


class FileChoice(BaseModel):
    """What a person has to choose before a file becomes a task: what its columns are, or to leave out faulty rows.

    `kept` of `total` rows remain if those with a fault are left out; 0 where there is no such way. Of the others
    `unanswered` only lack an answer: they are kept to be labelled.
    """

    model_config = ConfigDict(frozen=True)

    file_id: str
    name: str
    words: str
    preview: Preview
    mapping: Mapping | None = None
    definition: str = ""
    kept: int = 0
    unanswered: int = 0
    total: int = 0
