"""A declared pydantic class read as a form: its fields with bounds, help and choices, and its errors in plain words.

Knows pydantic; knows nothing of gradio. The page draws `form_fields(cls)`, the API and the command line get the same
words from `explain`. Field metadata: `title` is the label, `description` the hint, `json_schema_extra={"advanced":
True}` folds it.
"""

import math
from typing import Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from studio.errors import RecipeError

Kind = Literal["integer", "number", "choice", "switch", "text", "list"]


class Declared(BaseModel):
    """The root of what is declared once and read as a form, as JSON and as rules: frozen, nothing unknown, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """True is 1 to pydantic, and a rank of "true" is surely a mistake."""
        if isinstance(value, bool) and _kind(cls.model_fields[str(info.field_name)].annotation)[0] in _NUMBERS:
            raise PydanticCustomError("number_type", "a number was wanted")
        return value


class FormField(NamedTuple):
    """One field of a form."""

    name: str
    label: str
    hint: str
    kind: Kind
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
        low, high = _find_bound(info, Ge, Gt), _find_bound(info, Le, Lt)
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
    value = first.get("input")
    return RecipeError(
        f"{name} must be {_write_rule(info, value)}, not {show(value)}.{_write_remedy(info)}", field=f"{prefix}{name}"
    )


def show(value: object) -> str:
    """Return any value as a sentence may have it, however long or deep it is."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested a thousand times; an integer of five thousand digits
        return "something too large to show"
    return text if len(text) <= 60 else text[:57] + "..."


def name_kind(value: object) -> str:
    """Return what a value is in JSON's words: null, true or false, a number, text, a list, an object."""
    names = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list | tuple, "a list"))
    if value is None:
        return "null"
    return next((name for kind, name in names if isinstance(value, kind)), "an object")


_NUMBERS = ("integer", "number")


def _write_rule(info: FieldInfo, value: object) -> str:
    kind, choices = _kind(info.annotation)
    if kind == "text":
        least, most = _find_bound(info, MinLen), _find_bound(info, MaxLen)
        if isinstance(value, str) and most is not None and len(value) > most:
            return f"text of at most {most:,.0f} characters"
        return "text with something in it" if least and value == "" else "text"
    if kind not in _NUMBERS:
        return f"one of {', '.join(choices)}" if kind == "choice" else "true or false"
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    is_number = is_whole or (isinstance(value, float) and math.isfinite(value) and kind == "number")
    word = "" if is_number else "a whole number" if kind == "integer" else "a number"
    return f"{word} {_write_span(info)}".strip()


def _write_span(info: FieldInfo) -> str:
    low, high = _find_bound(info, Ge, Gt), _find_bound(info, Le, Lt)
    over, under = _find_bound(info, Gt) is not None, _find_bound(info, Lt) is not None
    if low is not None and high is not None and not over and not under:
        return f"between {_plain(low)} and {_plain(high)}"
    parts = []
    if low is not None:
        parts.append(f"above {_plain(low)}" if over else f"{_plain(low)} or more")
    if high is not None:
        parts.append(f"below {_plain(high)}" if under else f"at most {_plain(high)}")
    return " and ".join(parts)


def _write_remedy(info: FieldInfo) -> str:
    if info.is_required():
        return ""
    default = info.get_default(call_default_factory=True)
    if default is None:
        return " Leave it out to take the usual value."
    return f" Try {default}." if isinstance(default, str | int | float) and default != "" else ""


def _named(cls: type[BaseModel]) -> str:
    return str(getattr(cls, "name", f"the {cls.__name__.lower()}"))


def _plain(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is tuple:
        return "list", ()
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(option) for option in options)
    if options and type(None) in get_args(annotation):
        return _kind(options[0])
    kinds: dict[Any, Kind] = {bool: "switch", int: "integer", float: "number"}
    return kinds.get(annotation, "text"), ()


def _find_bound(info: FieldInfo, *kinds: type) -> float | None:
    """Return the bound of the first of these kinds that a field declares."""
    names = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt", MinLen: "min_length", MaxLen: "max_length"}
    return next(
        (float(getattr(item, names[kind])) for item in info.metadata for kind in kinds if isinstance(item, kind)), None
    )
