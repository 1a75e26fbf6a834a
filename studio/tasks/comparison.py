"""What is different between two versions of a task. Knows values and no disk."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from studio.tasks.task import Instance, Task


class InstanceChange(BaseModel):
    """One instance in both versions; None where it isn't there."""

    model_config = ConfigDict(frozen=True)

    id: str
    before: Instance | None
    after: Instance | None

    @property
    def keys(self) -> tuple[str, ...]:
        """What of the instance differs, by the names of a v2 file."""
        if self.before is None or self.after is None:
            return ()
        old, new = self.before.write(), self.after.write()
        return tuple(key for key in {**old, **new} if old.get(key) != new.get(key))


class Difference(BaseModel):
    """Fields of the task with what they were and are, and the instances that were added, deleted or changed."""

    model_config = ConfigDict(frozen=True)

    fields: dict[str, tuple[Any, Any]]
    added: tuple[InstanceChange, ...]
    deleted: tuple[InstanceChange, ...]
    changed: tuple[InstanceChange, ...]
    reordered: bool

    @property
    def words(self) -> str:
        """The difference in a sentence: "definition changed; 2 instances added, 1 changed"."""
        parts = [f"{', '.join(field.replace('_', ' ') for field in self.fields)} changed"] if self.fields else []
        counts = [("added", len(self.added)), ("deleted", len(self.deleted)), ("changed", len(self.changed))]
        said = [f"{count:,} {word}" for word, count in counts if count]
        if said:
            parts.append(f"instances: {', '.join(said)}")
        if self.reordered:
            parts.append("in another order")
        return "; ".join(parts) or "no difference"


def compare(before: Task, after: Task) -> Difference:
    """Return what was changed from one version to another."""
    names = [name for name in Task.model_fields if name not in ("task_id", "instances")]
    fields = {
        name: (getattr(before, name), getattr(after, name))
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
    old = {instance.id: instance for instance in before.instances}
    new = {instance.id: instance for instance in after.instances}
    both = [id for id in old if id in new]
    return Difference(
        fields=fields,
        added=tuple(InstanceChange(id=id, before=None, after=item) for id, item in new.items() if id not in old),
        deleted=tuple(InstanceChange(id=id, before=item, after=None) for id, item in old.items() if id not in new),
        changed=tuple(InstanceChange(id=id, before=old[id], after=new[id]) for id in both if old[id] != new[id]),
        reordered=both != [id for id in new if id in old],
    )
