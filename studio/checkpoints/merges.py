"""Merges: the folders of models that were made of others. The one module that knows their file names.

merges/calm-heron/   merge.json   of what, how, and what came out     owner   a hash of whose it is, if shared
                     recipe.json  how it is asked and loaded          adapter_model.safetensors ..., or a whole model
Written beside and renamed: whole or absent. A merge needs its base, and none of its parents.
"""

import json
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from studio.checkpoints.checkpoint import Checkpoint
from studio.errors import NotFoundError, StudioError
from studio.models.reference import ModelRef
from studio.recipes.recipe import read_recipe
from studio.runs.damage import find_damage
from studio.visitor import Visitor, read_owner
from studio.workspace import Workspace, disk_errors_in_words


class MergedOf(BaseModel):
    """A parent: its address, what people call it, and its weight."""

    model_config = ConfigDict(frozen=True)

    model: str
    title: str
    weight: float


class Meeting(BaseModel):
    """How two parents' changes of one weight lie: 1 the same way, 0 apart, -1 against each other."""

    model_config = ConfigDict(frozen=True)

    weight: str
    cosine: float
    opposite: float
    """The share of the numbers that both change, and in opposite directions."""
    rows: int = 0
    """In so many rows of the weight that was counted; 0: in all."""


class MergeCard(BaseModel):
    """What is known of a merge. `explained` is the share of the changes that a rank keeps, None where all is kept."""

    model_config = ConfigDict(frozen=True)

    name: str
    way: str
    options: dict[str, int | float | str] = {}
    parents: tuple[MergedOf, ...]
    result: str
    rank: int | None = None
    explained: float | None = None
    cost: str = ""
    meetings: tuple[Meeting, ...] = ()
    work: str = ""

    @property
    def address(self) -> str:
        """By what it is asked, trained on, merged and exported."""
        return f"merge:{self.name}"

    @property
    def order(self) -> dict[str, object]:
        """What asks for the same merge again, whatever it will be called."""
        parents = [{"model": parent.model, "weight": parent.weight} for parent in self.parents]
        rank = {"rank": self.rank} if self.result == "svd" else {}
        return {"way": self.way, **self.options, "parents": parents, "result": self.result, **rank}


def find_merges_folder(workspace: Workspace) -> Path:
    """Return the folder of all merges; there may be none yet."""
    return workspace.folder / "merges"


def list_merges(workspace: Workspace, visitor: Visitor) -> list[MergeCard]:
    """Return the cards of the visitor's merges, the newest first."""
    folders = sorted(find_merges_folder(workspace).glob("[!.]*"), key=lambda each: each.stat().st_mtime, reverse=True)
    cards = []
    for folder in folders:
        try:
            cards.append(load_card(workspace, folder.name, visitor))
        except StudioError:  # damaged, or another's: it is on no list
            continue
    return cards


def load_card(workspace: Workspace, name: str, visitor: Visitor) -> MergeCard:
    """Return the card of a merge. Raises NotFoundError in words."""
    folder = find_merges_folder(workspace) / name
    try:
        if not visitor.owns(read_owner(folder)):
            raise FileNotFoundError
        return MergeCard.model_validate_json((folder / "merge.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no merge {name!r} here. It may have been deleted; choose another model.", field="model"
        ) from None
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"The card of the merge {name} can't be read: {error} Delete it and merge again.", field="model"
        ) from None


def read_card(folder: Path) -> MergeCard | None:
    """Return the card that lies in a merge's folder, None for a folder of anything else."""
    try:
        return MergeCard.model_validate_json((folder / "merge.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def find_merge(workspace: Workspace, name: str, visitor: Visitor) -> Checkpoint:
    """Return a merge as the checkpoint it is. Raises NotFoundError in words."""
    card, folder = load_card(workspace, name, visitor), find_merges_folder(workspace) / name
    try:
        recipe = read_recipe((folder / "recipe.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, StudioError) as error:
        raise NotFoundError(f"What {name} is can't be read: {error} Merge it again.", field="model") from None
    if damage := find_damage(folder):
        raise NotFoundError(f"The merge {name} is damaged: {damage}. Merge it again.", field="model")
    return Checkpoint(
        address=ModelRef(ref=card.address),
        title=name,
        folder=folder,
        recipe=recipe,
        step=0,
        parents=tuple(ModelRef(ref=parent.model) for parent in card.parents),
    )


def delete_merge(workspace: Workspace, name: str) -> None:
    """Delete a merge; it disappears at once."""
    folder = find_merges_folder(workspace) / name
    with disk_errors_in_words(folder):
        gone = folder.rename(folder.with_name(f".deleted-{name}"))
        shutil.rmtree(gone, ignore_errors=True)


def write_card(folder: Path, card: MergeCard, recipe: dict[str, object]) -> None:
    """Write card and recipe into a merge's folder, before it appears."""
    (folder / "recipe.json").write_text(json.dumps(recipe, indent=2, ensure_ascii=False), encoding="utf-8")
    (folder / "merge.json").write_text(card.model_dump_json(indent=2), encoding="utf-8")
