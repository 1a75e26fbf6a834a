"""Merging as work: the child's side. One weight after the other is read of every parent, combined, and kept.

The merge is written in a folder beside and renamed, so it is whole or absent; a kill costs the work done so far, and
nothing else. Imports torch inside its functions.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.checkpoints.address import resolve
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.made_on import check_base, note_base
from studio.checkpoints.merges import Meeting, MergeCard, MergedOf, find_merges_folder, write_card
from studio.errors import InputError
from studio.merging import WAYS, Way
from studio.merging.deltas import Deltas, find_ground, load_ground, open_deltas
from studio.merging.meeting import meet, meet_pairs
from studio.merging.planning import check_parents, check_unused, choose_name, name_rank, refuse_exact, write_recipe
from studio.merging.results import Thin, add_to, check_ranks, find_matrices, join_pairs, save_pairs, shrink
from studio.merging.rounding import measure
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.fingerprint import take_fingerprint
from studio.models.loading import find_model_folder, leave_a_core, load_base, load_tokenizer
from studio.models.reference import ModelRef
from studio.precisions import PRECISIONS, Precision
from studio.recipes.recipe import Recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run
from studio.visitor import find_owner_file
from studio.works.merge import Merge, Parent
from studio.works.work import Outcome
from studio.workspace import Workspace, disk_errors_in_words

if TYPE_CHECKING:
    from torch import Tensor


class Stopped(Exception):
    """A person asked to stop."""


class Made(NamedTuple):
    """What a merge came to: how it is loaded, its rank, and what share of the changes it keeps."""

    recipe: Recipe
    result: str
    rank: int | None
    explained: float | None


class Together(NamedTuple):
    """The parents of a merge, in an order of their own, and how they are combined.

    `ground` loads the base in 32 bits, once; a merge of plain LoRA into an adapter never needs it.
    """

    work: Merge
    way: Way
    stacks: tuple[Stack, ...]
    deltas: tuple[Deltas, ...]
    weights: tuple[float, ...]
    ground: Callable[[], Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Every weight that a parent changed, in the order of the model; of plain LoRA in that of its files."""
        changed = dict.fromkeys(name for each in self.deltas for name in each.names)
        if all(each.pairs for each in self.deltas):
            return tuple(changed)
        return tuple(name for name, _ in self.ground().named_parameters() if name in changed)

    def find_matrices(self) -> dict[str, bool]:
        """Return the weights to which a LoRA can add something, and whether each is stored the other way round."""
        if all(each.pairs for each in self.deltas):
            return {name: pair.turned for each in self.deltas for name, pair in (each.pairs or {}).items()}
        return find_matrices(self.ground())

    @property
    def factors(self) -> list[float] | None:
        """By what each parent's pairs are multiplied, where an adapter can be the sum exactly; else None."""
        factors = self.way.find_factors(self.weights)
        return factors if factors is not None and all(each.pairs for each in self.deltas) else None

    def read(self, name: str) -> "list[Tensor]":
        """Return the parents' deltas of a weight; zeros of those that left it as it was."""
        import torch

        found = [each.read(name) for each in self.deltas]
        shape = next(delta for delta in found if delta is not None)
        return [torch.zeros_like(shape) if delta is None else delta for delta in found]

    def meet(self, name: str, deltas: "Sequence[Tensor]" = ()) -> Iterator[Meeting]:
        """Yield how the parents' changes of a weight lie to each other; of plain LoRA `deltas` aren't needed."""
        if all(each.pairs for each in self.deltas):
            return meet_pairs(name, [each.pairs[name] for each in self.deltas if each.pairs and name in each.pairs])
        return meet(name, [delta for delta in deltas if delta.any()])

    def combine(self, name: str, deltas: "Sequence[Tensor]") -> "Tensor":
        """Return the merged delta of a weight."""
        return self.way.combine(deltas, self.weights, [self._throw(stack, name) for stack in self.stacks])

    def _throw(self, stack: Stack, name: str) -> Any:
        import torch

        told = f"{getattr(self.way, 'seed', 0)}\n{stack.address.ref}\n{name}"
        number = int.from_bytes(hashlib.sha256(told.encode()).digest()[:7], "big")
        return torch.Generator().manual_seed(number)


def merge(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    """Merge as the work asks, and let the merge appear. Raises StudioError in words."""
    work = Merge.load(run)
    name = choose_name(workspace, work, run)
    folder = find_merges_folder(workspace) / name
    beside, scratch = folder.with_name(f".beside-{run.run_id}"), run.folder / ".merge"
    clear(beside, scratch)  # also what a kill left that came after the last step
    if not folder.exists():
        try:
            with disk_errors_in_words(workspace.folder):
                for each in (beside, scratch):
                    each.mkdir(parents=True)
                make(workspace, work, run, events, name, beside, scratch)
                check_unused(workspace, name)
                beside.rename(folder)
        except Stopped:
            return Outcome(0, finished=False)
        finally:
            clear(beside, scratch)
    events.append("concluded", result=f"merge:{name} is ready.")
    return Outcome(events.step, finished=True)


def clear(*folders: Path) -> None:
    """Delete folders with all that is in them, where they are there."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def sort_parents(work: Merge) -> list[Parent]:
    """Return the parents of a merge in an order that doesn't depend on how they were given."""
    return sorted(work.parents, key=lambda parent: (parent.model, parent.weight))


def open_parents(workspace: Workspace, work: Merge, scratch: Path) -> Together:
    """Return the parents of a merge, in an order that doesn't depend on how they were given. Raises StudioError."""
    device = find_device()
    leave_a_core(device)
    order = sort_parents(work)
    stacks = tuple(resolve(workspace, ModelRef(ref=parent.model)) for parent in order)
    way = WAYS.read({"name": work.way, **work.options})
    check_parents(stacks, way)
    for stack in stacks:
        check_base(stack, find_model_folder(stack.base), "parents")
    grounds = [find_ground(stack) for stack in stacks]
    common = grounds[0] if len({each.name for each in grounds}) == 1 else PRECISIONS.read("fp32")
    kept: dict[str, Any] = {}

    def load(precision: Precision) -> Any:
        if precision.name not in kept:
            kept[precision.name] = load_ground(stacks, precision, device)
        return kept[precision.name]

    @cache
    def load_common() -> Any:
        found = kept.pop(common.name, None)
        kept.clear()
        return load_ground(stacks, common, device) if found is None else found

    deltas = [
        open_deltas(stack, partial(load, precision), scratch / f"{place}.safetensors", device)
        for place, (stack, precision) in enumerate(zip(stacks, grounds, strict=True))
    ]
    return Together(work, way, stacks, tuple(deltas), tuple(parent.weight for parent in order), load_common)


def make(
    workspace: Workspace, work: Merge, run: Run, events: EventWriter, name: str, beside: Path, scratch: Path
) -> None:
    """Write a merge into the folder beside."""
    events.append_phase(2, work.phases)
    together = open_parents(workspace, work, scratch)
    first = resolve(workspace, ModelRef(ref=work.parents[0].model))
    events.append_phase(3, work.phases)
    meetings: list[Meeting] = []
    made = write_result(together, first, run, events, beside, meetings)
    if made.recipe.method.saves_whole_model:
        load_tokenizer(find_model_folder(first.base)).save_pretrained(beside)
    known = {parent.model: stack for parent, stack in zip(sort_parents(work), together.stacks, strict=True)}
    parents = [  # as they were given: it is asked as its first one
        MergedOf(model=stack.address.ref, title=stack.changes[-1].title, weight=parent.weight)
        for parent in work.parents
        for stack in (known[parent.model],)
    ]
    card = MergeCard(
        name=name,
        way=work.way,
        options=work.options,
        parents=tuple(parents),
        result=made.result,
        rank=made.rank,
        explained=made.explained,
        cost=tell_cost(workspace, together, first, scratch) if made.result == "full" else "",
        meetings=tuple(meetings),
        work=run.run_id,
    )
    note_base(beside, take_fingerprint(find_model_folder(first.base)))
    write_card(beside, card, made.recipe.to_json())
    if run.owner:
        find_owner_file(beside).write_text(run.owner, encoding="ascii")


def write_result(
    together: Together, first: Stack, run: Run, events: EventWriter, beside: Path, meetings: list[Meeting]
) -> Made:
    """Write the merged weights in the form that is wanted; note how the parents meet."""
    work, names = together.work, together.names
    if not names:
        raise InputError("None of these models differs from the base, so there is nothing to merge.", field="parents")
    wanted = work.result if work.result != "auto" else "exact" if together.factors else "full"

    def follow(name: str, done: int, is_sum: bool = False) -> "list[Tensor]":
        if run.stop_file.exists():
            raise Stopped
        deltas = [] if is_sum else together.read(name)
        meetings.extend(together.meet(name, deltas))
        events.append("progressed", step=done, of=len(names))
        return deltas

    recipe = write_recipe(together.stacks, first)
    if wanted == "full":
        changes = ((name, together.combine(name, follow(name, done))) for done, name in enumerate(names, start=1))
        for _ in add_to(together.ground(), changes):
            continue
        together.ground().save_pretrained(beside)
        changed = {"method": METHODS.read("full"), "precision": PRECISIONS.read("fp32")}
        return Made(recipe.model_copy(update=changed), wanted, None, None)
    if wanted == "exact":
        if (factors := together.factors) is None:
            raise refuse_exact(together.way)
        pairs = {}
        for done, name in enumerate(names, start=1):
            follow(name, done, is_sum=True)
            pairs[name] = join_pairs(together.deltas, factors, name)
        check_ranks(pairs)
        rank = save_pairs(pairs, beside, first.base.ref)
        return Made(name_rank(recipe, rank), wanted, rank, None)
    thin = {name: each for name, each in shrink_all(together, follow)}
    rank = save_pairs({name: each.pair for name, each in thin.items()}, beside, first.base.ref)
    whole = sum(each.whole for each in thin.values())
    explained = sum(each.kept for each in thin.values()) / whole if whole else 1.0
    return Made(name_rank(recipe, rank), wanted, rank, round(explained, 6))


def shrink_all(together: Together, follow: Any) -> Iterator[tuple[str, Thin]]:
    """Yield each weight with the best pair of the wanted rank. Raises InputError where one can have none."""
    matrices = together.find_matrices()
    odd = [name for name in together.names if name not in matrices]
    if odd:
        raise InputError(
            f"{len(odd)} of the weights that changed are no layer's matrix, such as {odd[0]}, so no adapter can hold "
            "them. Choose the result full.",
            field="result",
        )
    for done, name in enumerate(together.names, start=1):
        deltas = follow(name, done)
        yield name, shrink(together.combine(name, deltas), together.work.rank, matrices[name])


def tell_cost(workspace: Workspace, together: Together, first: Stack, scratch: Path) -> str:
    """Return what merging into a base that was stored in codes cost, "" for any other; the ground is rounded in place.

    Measured on the first parent's task; beside what the sum is on the codes, where it is one adapter.
    """
    grounds = {find_ground(stack).name: find_ground(stack) for stack in together.stacks}
    codes = sorted(ground.title for ground in grounds.values() if ground.quantised)
    if not codes:
        return ""
    told = (
        f"Trained on {' and '.join(codes)} weights: the codes were unpacked to 32 bits, so the merge takes up to eight "
        "times their memory."
    )
    if len(grounds) > 1:
        return told
    (ground,), factors, device = grounds.values(), together.factors, find_device()

    def load_sum() -> Any:
        from peft import PeftModel

        pairs = {name: join_pairs(together.deltas, factors or (), name) for name in together.names}
        (folder := scratch / "sum").mkdir()
        save_pairs(pairs, folder, first.base.ref)
        base = load_base(find_model_folder(first.base), ground, device)
        return PeftModel.from_pretrained(base, folder)

    recipe = first.changes[-1].recipe.model_copy(update={"precision": ground})
    load = load_sum if factors is not None else None
    return f"{told} {measure(workspace, recipe, first, together.ground(), load, device)}"
