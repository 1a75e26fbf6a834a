"""What a person does with tasks before training: import them, check them, repair them, see them as the model does.

Puts the rooms together for one visitor; holds no rule of its own. A file whose columns nobody can tell becomes a
`FileChoice`: it waits (`held.py`) until the person has said what they are. Nothing is changed unasked, and a change is
always a new version; of a sample it is a copy.
"""

import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from studio.apart.place import HERE, Place
from studio.errors import InputError, NotFoundError, RecipeError, StudioError, TaskError
from studio.objectives.sight import Sight
from studio.recipes.recipe import Recipe
from studio.service.checkup import Checked, FixPreview, check_once, preview_change
from studio.service.foreign import Foreign
from studio.service.uploaded import FileChoice, ReadingChoice, Uploaded
from studio.shares.quota import Thing, may_make
from studio.tasks.cell import check_text
from studio.tasks.edit import EditConflict
from studio.tasks.kinds import KINDS
from studio.tasks.labels.pool import add_inputs
from studio.tasks.library.collection import Collection
from studio.tasks.library.held import Held, HeldFiles
from studio.tasks.library.library import CollectionCard, Library
from studio.tasks.library.mapping_memory import MappingMemory
from studio.tasks.mapping import Mapping, read_mapping
from studio.tasks.quality.fixes import apply_fix
from studio.tasks.quality.repairs import apply_repair, preview_repair
from studio.tasks.read_as import ChoiceNeeded, ReadAs, Reading
from studio.tasks.reading.hub_dataset import check_dataset_id, find_folder
from studio.tasks.reading.mapping_trial import Trial, try_mapping
from studio.tasks.reading.rows import MappingNeeded, Preview
from studio.tasks.reading.task_file import shorten_name
from studio.tasks.split import SPLIT_RULES, Split, split_task
from studio.tasks.store import TaskStore
from studio.tasks.task import Instance, Task
from studio.visitor import Visitor, check_known

MOST_HUB_ROWS = 20_000


class TaskDesk:
    """The tasks of one visitor. Raises StudioErrors in words."""

    def __init__(
        self,
        store: TaskStore,
        visitor: Visitor,
        read_recipe: Callable[[object], Recipe],
        local_folders: bool = True,
        check_share: Callable[[Thing], int | None] = may_make,
        place: Place | None = None,
    ) -> None:
        self.store, self.visitor = store, visitor
        self._check_share = check_share
        self._foreign = Foreign(place or HERE, visitor)
        self.local_folders = local_folders
        self.held = HeldFiles(store.workspace, visitor)
        self.memory = MappingMemory(store.workspace, visitor)
        self.library = Library(store.workspace, visitor)
        self._read_recipe = read_recipe

    # Importing

    def upload(
        self, path: Path, name: str, encoding: str = "", part: str = ""
    ) -> Uploaded | FileChoice | ReadingChoice | CollectionCard:
        """Keep a file as a task, an archive of many as a collection; or return what has to be chosen first.

        `encoding` and `part` (a sheet of a workbook, a list of a JSON file) say how to read it, where that is known.
        """
        check_known(self.visitor)
        self._check_share("task")
        if texts := self._upload_texts(path, name):
            return texts
        if self._foreign.count_members(path, shorten_name(name)) > 1:
            return self._upload_many(path, name)
        return self._read(Held(path, shorten_name(name), read_as=ReadAs(encoding=encoding, part=part)))

    def fetch_from(
        self, ref: str, split: str = "train", config: str = "", most: int = 5_000
    ) -> Uploaded | FileChoice | ReadingChoice | CollectionCard:
        """Fetch the first `most` rows of a hub's dataset as a task, or import a folder of this computer."""
        check_known(self.visitor)
        self._check_share("task")
        source = ref.strip()
        if not 1 <= most <= MOST_HUB_ROWS:
            raise InputError(
                f"Between 1 and {MOST_HUB_ROWS:,} rows are fetched, not {most:,}. Try 5,000.", field="most"
            )
        if not self.local_folders:
            check_dataset_id(source)
        folder = find_folder(source)
        if folder:
            name = folder.resolve().name
            return self._upload_texts(folder, name) or self._upload_many(folder, name)
        name = source.rsplit("/", 1)[-1] + ".json"
        with tempfile.TemporaryDirectory(prefix="studio-") as place:
            path = Path(place) / "rows.json"
            self._foreign.fetch_dataset(source, split.strip() or "train", config.strip(), most, path)
            return self._read(Held(path, name, source))

    def _upload_texts(self, path: Path, name: str) -> Uploaded | FileChoice | ReadingChoice | None:
        """Keep an archive or a folder of running texts as one; None where it is no such thing."""
        with tempfile.TemporaryDirectory(prefix="studio-") as place:
            joined = Path(place) / "texts.txt"
            count = self._foreign.join_texts(path, shorten_name(name), joined)
            if count < 2:
                return None
            found = self._read(Held(joined, f"{Path(shorten_name(name)).stem}.txt"))
        if not isinstance(found, Uploaded):
            return found
        warnings = (f"{count:,} texts were put one after the other.", *found.reading.warnings)
        return found._replace(reading=found.reading.model_copy(update={"warnings": warnings}))

    def _upload_many(self, path: Path, name: str) -> CollectionCard:
        left = self._check_share("collection")
        return self.library.upload(path, name, partial(self._foreign.unpack, most_bytes=left))

    def look_again(self, file_id: str) -> FileChoice:
        """Return the choice of a file's columns once more."""
        held = self.held.find(file_id)
        preview = self._preview(held)
        chosen = self.memory.find(preview.columns) or preview.guess.mapping
        return _ask(held, "Choose what each column is.", preview, chosen)

    def try_columns(self, file_id: str, roles: object, definition: str = "") -> Trial:
        """Return the first rows of a file that waits, as they would be read. Raises TaskError naming the role."""
        preview = self._preview(self.held.find(file_id))
        return try_mapping(preview, read_mapping(roles), check_text(definition, "definition").strip())

    def choose_columns(
        self, file_id: str, roles: object, leave_out: bool = False, definition: str = ""
    ) -> Uploaded | FileChoice | ReadingChoice:
        """Keep a file that waited, its columns read as `roles` says: {"input": ["question"], "output": ["answer"]}.

        `definition` says what to do with each input, of a file that doesn't say so itself.
        """
        check_known(self.visitor)
        held = self.held.find(file_id)._replace(definition=check_text(definition, "definition").strip())
        mapping = read_mapping(roles)
        found = self._read(held, mapping, leave_out)
        if isinstance(found, Uploaded) and held.columns:
            self.memory.remember(held.columns, mapping)
            if not found.reading.offers:
                self.held.drop(held)
                return found._replace(file_id="")
        return found

    def choose_reading(self, file_id: str, encoding: str = "", part: str = "") -> Uploaded | FileChoice | ReadingChoice:
        """Keep a file that waited, read in another encoding or of another part (a sheet, a list) than before."""
        check_known(self.visitor)
        held = self.held.find(file_id)
        before = held.read_as
        read_as = ReadAs(encoding=encoding or before.encoding, part=part or before.part)
        return self._read(held._replace(read_as=read_as, columns=()))

    def _read(
        self, held: Held, mapping: Mapping | None = None, leave_out: bool = False
    ) -> Uploaded | FileChoice | ReadingChoice:
        try:
            reading = self._foreign.read_file(held.path, held.name, mapping, leave_out, held.read_as)
        except MappingNeeded as needed:
            return self._ask_for_columns(held, needed)
        except ChoiceNeeded as needed:
            kept = self.held.hold(held)
            return ReadingChoice(file_id=kept.file_id, name=held.name, words=str(needed), offer=needed.offer)
        except TaskError as fault:
            role = (fault.field or "").startswith("mapping")
            preview = None if leave_out or role else self._preview_quietly(held)
            if preview is None:
                raise
            return self._ask_for_rows(held, mapping or preview.guess.mapping, preview, fault)
        if reading.offers:
            held = self.held.hold(held)
        return self._keep(reading, held)

    def _ask_for_columns(self, held: Held, needed: MappingNeeded) -> Uploaded | FileChoice | ReadingChoice:
        preview = needed.preview
        held = self._hold(held, preview.columns)
        remembered = self.memory.find(preview.columns)
        if remembered:
            found = self._read(held, remembered)
            if not isinstance(found, Uploaded):
                return found
            said = "The columns were read as you chose for a file with the same columns before."
            warnings = (said, *found.reading.warnings)
            return Uploaded(found.reading.model_copy(update={"warnings": warnings}), held.file_id, by_memory=True)
        return _ask(held, str(needed), preview, preview.guess.mapping)

    def _ask_for_rows(self, held: Held, mapping: Mapping | None, preview: Preview, fault: TaskError) -> FileChoice:
        """Offer to leave out rows with a fault; a file of which no row would be left is refused."""
        try:
            rest = self._foreign.read_file(held.path, held.name, mapping, True, held.read_as)
        except TaskError:
            raise fault from None
        held = self._hold(held, preview.columns)
        left = {"kept": len(rest.task.instances), "unanswered": len(rest.unanswered), "definition": held.definition}
        return _ask(held, str(fault), preview, mapping).model_copy(update=left)

    def _hold(self, held: Held, columns: tuple[str, ...]) -> Held:
        return held if held.file_id and held.columns else self.held.hold(held._replace(columns=columns))

    def _preview(self, held: Held) -> Preview:
        preview = _preview_once(held, self._foreign)
        if preview is None:
            raise NotFoundError("This file is no table, so there is nothing to choose. Upload it again.", field="file")
        return preview

    def _preview_quietly(self, held: Held) -> Preview | None:
        try:
            return self._foreign.show_table(held.path, held.name, held.read_as)
        except TaskError:  # the file as a whole can't be read, which is said already
            return None

    def _keep(self, reading: Reading, held: Held) -> Uploaded:
        task = reading.task
        if held.source:
            task = task.model_copy(update={"source": (held.source,)})
        if held.definition and not task.definition and KINDS.find(task.kind).needs_definition:
            task = task.model_copy(update={"definition": held.definition})
        kept = self.store.keep(reading.model_copy(update={"task": task}), self.visitor)
        if kept.unanswered:
            add_inputs(self.store.task_folder(kept.task.task_id), kept.task, kept.unanswered)
        return Uploaded(kept, held.file_id)

    # Collections

    def list_collections(self) -> list[CollectionCard]:
        """Return a card for every collection."""
        return self.library.list_collections()

    def open_collection(self, collection_id: str) -> Collection:
        """Return a collection to read pages from. Raises NotFoundError in words."""
        return self.library.open(collection_id)

    def take_task(self, collection_id: str, task_id: str) -> Reading:
        """Copy a task out of a collection to those that can be changed and trained on."""
        check_known(self.visitor)
        self._check_share("task")
        return self.library.take_task(collection_id, task_id, self.store)

    def delete_collection(self, collection_id: str) -> None:
        """Delete a collection; tasks that were taken out of it stay. Raises NotFoundError in words."""
        check_known(self.visitor)
        self.library.delete(collection_id)

    # Checking and fixing

    def check(self, data: object) -> Checked:
        """Return the quality report of a recipe's task, its lengths in tokens of the recipe's model."""
        recipe = self.read_recipe(data)
        return self._check(self.load_task(recipe), recipe)

    def find_instances(self, data: object, finding: str) -> tuple[int, ...]:
        """Return the places of the instances that a finding of the report is about."""
        recipe = self.read_recipe(data)
        found = self._check(self.load_task(recipe), recipe).report.find(finding)
        return found.numbers if found else ()

    def preview_fix(self, data: object, finding: str = "", repair: str = "") -> FixPreview:
        """Return what a finding's fix, or a repair, would change, and change nothing."""
        recipe = self.read_recipe(data)
        task = self.load_task(recipe)
        if repair:
            offer = preview_repair(task, repair)
            words = f"{offer.count:,} place{'s' * (offer.count != 1)} would change."
            changes = tuple((one.place, one.before, one.after) for one in offer.changes)
            return FixPreview(words=words, changes=changes)
        return preview_change(task, self._fix(task, recipe, finding))

    def fix(self, data: object, finding: str = "", repair: str = "") -> Task:
        """Make the next version of a recipe's task by a finding's fix or a repair; of a sample, a copy. Returns it."""
        check_known(self.visitor)
        recipe = self.read_recipe(data)
        task = self.load_task(recipe)
        fixed = apply_repair(task, repair) if repair else self._fix(task, recipe, finding)
        return self._change(task, fixed)

    def _fix(self, task: Task, recipe: Recipe, finding: str) -> Task:
        found = self._check(task, recipe).report.find(finding)
        if found is None:
            raise NotFoundError(f"Nothing called {finding[:40]!r} was found in this task any more.", field="fix")
        return apply_fix(task, found)

    def _change(self, task: Task, changed: Task) -> Task:
        if changed.version == task.version:
            raise InputError("This changes nothing in the task any more. It was done already.", field="fix")
        try:
            return self.store.change_task(changed, task.version, visitor=self.visitor)
        except EditConflict:
            if not any(card.task_id == task.task_id and card.source == "sample" for card in self.store.list_tasks()):
                raise
            raise InputError(
                "You have a copy of this sample already, with changes of its own: it is listed as yours. "
                "Choose that one, and edit it there.",
                field="fix",
            ) from None

    # Splitting

    def preview_splits(self, data: object) -> dict[str, Split | str]:
        """Return how each rule of splitting would part a recipe's task; why it can't, in words, where it can't."""
        task = self.load_task(recipe := self.read_recipe(data))
        found: dict[str, Split | str] = {}
        for rule in SPLIT_RULES:
            try:
                found[rule] = split_task(task.model_copy(update={"split": rule}), recipe.training.seed)
            except TaskError as error:
                found[rule] = str(error)
        return found

    def choose_split(self, data: object, rule: str) -> Task:
        """Make the next version of a recipe's task with another rule of splitting, and return it."""
        check_known(self.visitor)
        if rule not in SPLIT_RULES:
            raise InputError(f"There is no rule {rule[:40]!r}. Choose one of: {', '.join(SPLIT_RULES)}.", field="split")
        task = self.load_task(recipe := self.read_recipe(data))
        changed = task.model_copy(update={"split": rule})
        split_task(changed, recipe.training.seed)
        return self._change(task, changed)

    # Seeing

    def see(self, data: object, place: int) -> tuple[Instance, Sight]:
        """Return the instance at a place of a recipe's task, and what its model sees of it."""
        recipe = self.read_recipe(data)
        task = self.load_task(recipe)
        if not 0 <= place < len(task.instances):
            raise NotFoundError(
                f"The task has {len(task.instances):,} instances, and none at place {place + 1:,}. Choose one of the "
                "table.",
                field="place",
            )
        recipe.objective.check_task(task)
        instance = task.instances[place]
        return instance, self._foreign.see(recipe, task, instance)

    # Inside

    def read_recipe(self, data: object) -> Recipe:
        """Return the recipe a task is looked at for; what is wrong with its method or training doesn't matter here."""
        try:
            return self._read_recipe(data)
        except RecipeError as error:
            first = (error.field or "").partition(".")[0]
            if not isinstance(data, dict) or first not in ("method", "precision", "training"):
                raise
        return self._read_recipe(
            {key: value for key, value in data.items() if key not in ("method", "precision", "training")}
        )

    def load_task(self, recipe: Recipe) -> Task:
        """Return a recipe's task, if the visitor may see it."""
        return self.store.load_task(recipe.task_id, recipe.task_version, self.visitor)

    def _check(self, task: Task, recipe: Recipe) -> Checked:
        """The report; where the task or the model has no lengths in tokens, it says why."""
        checked = check_once(task, recipe.training.seed)
        try:
            recipe.objective.check_task(task)
            return self._foreign.measure(checked, task, recipe)
        except StudioError as error:
            return checked.model_copy(update={"trouble": str(error)})


def _ask(held: Held, words: str, preview: Preview, mapping: Mapping | None) -> FileChoice:
    about = {"file_id": held.file_id, "name": held.name, "words": words, "total": preview.count}
    return FileChoice(**about, preview=preview, mapping=mapping, definition=preview.guess.definition)


@lru_cache(maxsize=4)
def _preview_once(held: Held, foreign: Foreign) -> Preview | None:
    """Of a file that waits, which never changes: asked for at each choice of a column."""
    return foreign.show_table(held.path, held.name, held.read_as)
