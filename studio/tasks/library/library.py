"""The collections of a workspace: imported, listed, opened, and tasks taken out of them. Knows their folder, no format.

STUDIO_HOME/collections/<id>/            see studio.tasks.library.collection
STUDIO_HOME/collections/.<owner>/<id>/   those of a visitor of a shared studio
"""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from studio.errors import StudioError, WorkspaceError
from studio.tasks.library.collection import (
    Collection,
    remove_collection,
    unknown_collection,
    write_collection,
    written_beside,
)
from studio.tasks.read_as import Reading
from studio.tasks.reading.slug import make_task_id
from studio.tasks.reading.task_file import shorten_name
from studio.tasks.store import TaskStore
from studio.visitor import THE_ONE, Visitor
from studio.workspace import Workspace, check_id, disk_errors_in_words

Write = Callable[[Path, str, Path], int]
"""Writes what is at a path, under the name that a person calls it by, into a folder; returns how many instances."""
DAMAGES = (StudioError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What a damaged file makes its reader raise."""


class CollectionCard(BaseModel):
    """What a list shows of a collection."""

    model_config = ConfigDict(frozen=True)

    collection_id: str
    tasks: int
    instances: int
    refused: int


class Library:
    """The collections of one workspace; in a shared studio, those of one visitor."""

    def __init__(self, workspace: Workspace, visitor: Visitor = THE_ONE) -> None:
        self.visitor = visitor
        self.folder = workspace.folder / "collections"
        if visitor.owner is not None:
            self.folder /= f".{visitor.owner or 'nobody'}"

    def list_collections(self) -> list[CollectionCard]:
        """Return a card for every collection; one that can't be read any more is left out."""
        if not self.folder.is_dir():
            return []
        cards = []
        for path in sorted(self.folder.iterdir()):
            if path.is_dir() and not path.name.startswith("."):
                card = self._find_card(path)
                cards += [card] if card else []
        return cards

    def upload(self, path: Path, name: str, write: Write = write_collection) -> CollectionCard:
        """Read a folder, archive or large file into a collection named after it. Raises TaskError in words.

        `write` does so into an empty folder; it may do it elsewhere, and may be killed.
        """
        folder = self.folder / make_task_id(shorten_name(name))
        with disk_errors_in_words(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with written_beside(folder) as beside:
            write(path, name, beside)
        return _card_of(Collection(folder))

    def open(self, collection_id: str) -> Collection:
        """Return a collection to read pages from. Raises NotFoundError or WorkspaceError in words."""
        folder = self.folder / check_id(collection_id, "collection")
        try:
            return Collection(folder)
        except StudioError:
            raise
        except DAMAGES as error:
            raise WorkspaceError(
                f"The collection {collection_id} is damaged ({type(error).__name__}). Delete it, and upload its files "
                "again."
            ) from None

    def delete(self, collection_id: str) -> None:
        """Delete a collection; tasks that were taken out of it are copies, and stay. Raises NotFoundError in words."""
        if not remove_collection(self.folder / check_id(collection_id, "collection")):
            raise unknown_collection(collection_id)

    def take_task(self, collection_id: str, task_id: str, store: TaskStore) -> Reading:
        """Copy one task out of a collection to the tasks that can be edited and trained on."""
        return store.keep(Reading(task=self.open(collection_id).load_task(task_id)), self.visitor)

    def _find_card(self, path: Path) -> CollectionCard | None:
        try:
            return _card_of(Collection(path))
        except DAMAGES:  # damaged, or being deleted
            return None


def _card_of(collection: Collection) -> CollectionCard:
    return CollectionCard(
        collection_id=collection.folder.name,
        tasks=len(collection.tasks),
        instances=len(collection),
        refused=len(collection.refused),
    )
