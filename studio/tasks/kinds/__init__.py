"""The kinds of data. The head of the family is `instance.Instance`; adding a kind is adding one file here."""

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from studio.plugins import Registry
from studio.tasks.instance import Instance

KINDS: Registry[Instance] = Registry(Instance, __name__, "kind")


def list_keys() -> tuple[str, ...]:
    """Return every key that means something in an instance of a v2 file."""
    own = (key for kind in KINDS.members.values() for key in kind.keys)
    return tuple(dict.fromkeys(("id", "input", "output", *own)))


def read_any(data: dict[str, Any], place: str = "instance") -> Instance:
    """Return an instance of the kind that its own keys tell; that is how edits and collections keep one."""
    told = {key: value for key, value in data.items() if value or value is False}
    kinds = KINDS.members.values()
    kind = max(kinds, key=lambda kind: (sum(key in told for key in kind.keys), -kind.position))
    return kind.read(data, place)


def _read_kept(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    rest = {key: item for key, item in value.items() if key != "kind"}
    return KINDS.find(kind).read(rest, "instance") if kind else read_any(rest)


AnyInstance = Annotated[
    Instance,
    BeforeValidator(_read_kept),
    PlainSerializer(lambda instance: {"kind": instance.name, **instance.model_dump(mode="json")}),
]
"""An instance of whatever kind as a field of a value that is written as JSON and read again."""

__all__ = ["KINDS", "AnyInstance", "Instance", "list_keys", "read_any"]
