"""A declared pydantic class read as a form: its fields with bounds, help and choices, and its errors in plain words.

Knows pydantic; knows nothing of gradio. The page draws `form_fields(cls)`, the API and the command line get the same
words from `explain`. Field metadata: `title` is the label, `description` the hint, `json_schema_extra={"advanced":
True}` folds it.
"""

from typing import Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError

from studio.errors import RecipeError


class FormField(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    hint: str
    kind: Literal["integer", "number", "choice", "switch", "text"]
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    advanced: bool


def form_fields(cls: type[BaseModel]) -> list[FormField]:
    """Return the fields of `cls` in their order of declaration."""
    fields = []
    for name, info in cls.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        kind, choices = _kind(info.annotation)
        low, high = _bounds(info.metadata)
        fields.append(
            FormField(
                name,
                info.title or name.replace("_", " "),
                info.description or "",
                kind,
                info.get_default(call_default_factory=True),
                low,
                high,
                choices,
                bool(extra.get("advanced")),
            )
        )
    return fields


def explain(error: ValidationError, cls: type[BaseModel], prefix: str = "") -> RecipeError:
    """Turn pydantic's first complaint into value, rule and remedy: "rank must be between 1 and 256, not 0. Try 8."."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    info = cls.model_fields.get(name)
    if first["type"] == "extra_forbidden" or (info is None and name):
        known = ", ".join(cls.model_fields) or "none"
        return RecipeError(
            f"{name[:60]!r} is not a setting of {_named(cls)}. Its settings: {known}.",
            field=f"{prefix}{name[:60]}",
        )
    if first["type"] == "value_error" or info is None:
        return RecipeError(str(first.get("ctx", {}).get("error", first["msg"])), field=f"{prefix}{name}".rstrip("."))
    kind, choices = _kind(info.annotation)
    low, high = _bounds(info.metadata)
    rule = {
        "integer": "a whole number",
        "number": "a number",
        "switch": "true or false",
        "text": "text",
        "choice": f"one of {', '.join(choices)}",
    }[kind]
    if low is not None and high is not None:
        rule = (
            f"between {_plain(low)} and {_plain(high)}"
            if first["type"] not in _TYPES
            else f"{rule} between {_plain(low)} and {_plain(high)}"
        )
    elif low is not None:
        rule = f"{rule}, {_plain(low)} or more"
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    remedy = f" Try {default}." if isinstance(default, str | int | float) else ""
    return RecipeError(f"{name} must be {rule}, not {_shown(first.get('input'))}.{remedy}", field=f"{prefix}{name}")


_TYPES = {
    "int_type",
    "int_parsing",
    "float_type",
    "float_parsing",
    "int_from_float",
    "finite_number",
    "bool_type",
    "bool_parsing",
    "string_type",
}


def _named(cls: type[BaseModel]) -> str:
    return str(getattr(cls, "name", f"a {cls.__name__.lower()}"))


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _kind(annotation: Any) -> tuple[Literal["integer", "number", "choice", "switch", "text"], tuple[str, ...]]:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(option) for option in options)
    if options and get_origin(annotation) is not Literal and type(None) in get_args(annotation):
        return _kind(options[0])
    if annotation is bool:
        return "switch", ()
    if annotation is int:
        return "integer", ()
    if annotation is float:
        return "number", ()
    return "text", ()


def _bounds(metadata: list[Any]) -> tuple[float | None, float | None]:
    low = high = None
    for item in metadata:
        if isinstance(item, Ge):
            low = float(item.ge)  # type: ignore[arg-type]
        elif isinstance(item, Gt):
            low = float(item.gt)  # type: ignore[arg-type]
        elif isinstance(item, Le):
            high = float(item.le)  # type: ignore[arg-type]
        elif isinstance(item, Lt):
            high = float(item.lt)  # type: ignore[arg-type]
    return low, high
