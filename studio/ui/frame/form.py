"""A form made from a declaration: each field with its label, hint, bounds and a place for its error.

Knows `studio.declaration.FormField` and the draft's paths ("method.rank"); the browser's controls.js reads and writes
the values.
A field whose default is None may stay empty: its placeholder says what is used then.
"""

import json
from typing import Any, NamedTuple

from pydantic import BaseModel

from studio.declaration import FormField, form_fields
from studio.ui.frame.words import TERMS, escape

SLIDERS = {"method.rank": 64, "method.size": 256, "method.tokens": 100}
"""Fields drawn with a slider too, and where the slider ends (the box beside it takes all that is allowed)."""
_TERM_OF = {"method.rank": "rank", "method.alpha": "alpha", "method.dropout": "dropout", "method.targets": "targets"}


def draw_form(
    cls: type[BaseModel],
    prefix: str,
    values: dict[str, Any],
    planned: dict[str, Any] | None = None,
    advanced: bool | None = None,
    leave_out: tuple[str, ...] = (),
) -> str:
    """Return HTML of the fields of `cls` (only the advanced ones, only the others, or all), filled with `values`."""
    fields = [
        field
        for field in form_fields(cls)
        if field.name not in leave_out and advanced in (None, field.advanced) and field.kind != "list"
    ]
    return "".join(
        draw_field(
            field,
            f"{prefix}.{field.name}",
            values.get(field.name),
            (planned or {}).get(field.name),
            find_suggestions(cls, field.name),
        )
        for field in fields
    )


class Suggestions(NamedTuple):
    """The usual values that a field's declaration suggests, and an example of another one."""

    values: tuple[str, ...] = ()
    example: str = ""


NO_SUGGESTIONS = Suggestions()


def find_suggestions(cls: type[BaseModel], name: str) -> Suggestions:
    """Return what the declaration of a field suggests."""
    extra = cls.model_fields[name].json_schema_extra
    given: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
    return Suggestions(tuple(map(str, given.get("suggestions", ()))), str(given.get("example", "")))


def draw_field(
    field: FormField, path: str, value: Any = None, planned: Any = None, suggestions: Suggestions = NO_SUGGESTIONS
) -> str:
    """Return HTML of one field: label, hint, input, error."""
    shown = field.default if value is None else value
    key = path.replace(".", "-")
    hint = TERMS[_TERM_OF[path]] if path in _TERM_OF else field.hint
    if suggestions.values:
        control = _draw_choices(field, path, key, suggestions)
    elif field.kind == "switch":
        control = (
            f'<span class="switch"><input type="checkbox" id="{key}" data-path="{path}" '
            f'data-value="{str(bool(shown)).lower()}"'
            f'{" checked" if shown else ""} aria-describedby="{key}-hint {key}-error"></span>'
        )
    elif field.kind == "choice":
        options = "".join(
            f'<option value="{escape(one)}"{" selected" if one == shown else ""}>{escape(one)}</option>'
            for one in field.choices
        )
        control = (
            f'<select id="{key}" data-path="{path}" data-value="{escape(shown)}" '
            f'aria-describedby="{key}-hint {key}-error">{options}</select>'
        )
    else:
        control = _draw_input(field, path, key, shown, planned)
    label = (
        f'<span class="label" id="{key}-label">{_title(field, path)}</span>'
        if suggestions.values
        else f'<label for="{key}">{_title(field, path)}</label>'
    )
    return (
        f'<div class="field" data-field="{path}">{label}{control}<span class="hint" '
        f'id="{key}-hint">{escape(hint)}</span>'
        f'<span class="error-line" id="{key}-error" data-error-for="{path}"></span></div>'
    )


def _title(field: FormField, path: str) -> str:
    return escape(field.label)


def _draw_input(field: FormField, path: str, key: str, shown: Any, planned: Any) -> str:
    optional = field.default is None
    bounds = "".join(
        f' {name}="{bound:g}"' for name, bound in (("min", field.minimum), ("max", field.maximum)) if bound is not None
    )
    kind = "number" if field.kind in ("integer", "number") else "text"
    step = "1" if field.kind == "integer" else "any"
    typed = f'type="number" step="{step}"{bounds}' if kind == "number" else 'type="text" spellcheck="false"'
    placeholder = f' placeholder="{escape(_plain(planned))}"' if optional and planned is not None else ""
    value = "" if shown is None else escape(_plain(shown))
    box = (
        f'<input id="{key}" {typed} data-path="{path}" data-kind="{field.kind}"{" data-optional" if optional else ""} '
        f'value="{value}"{placeholder} autocomplete="off" aria-describedby="{key}-hint {key}-error">'
    )
    if path not in SLIDERS:
        return box
    low, high = int(field.minimum or 1), SLIDERS[path]
    slider = (
        f'<input type="range" class="slider" id="{key}-slider" min="{low}" max="{high}" step="1" data-path="{path}" '
        f'data-kind="{field.kind}" value="{value}" aria-label="{escape(field.label)}, slider">'
    )
    return f'<div class="slide">{slider}{box}</div>'


def _draw_choices(field: FormField, path: str, key: str, suggestions: Suggestions) -> str:
    """Buttons for the usual values, and a box for any other."""
    first, *rest = path.split(".")
    buttons = []
    for one in suggestions.values:
        value: Any = one
        for part in reversed(rest):
            value = {part: value}
        unset = f' data-unset="{path}"' if one == field.default else ""
        buttons.append(
            f'<button type="button" role="radio" aria-checked="false"{unset} '
            f'data-set="{escape(json.dumps({"recipe": {first: value}}))}">{escape(one)}</button>'
        )
    own = (
        f'<input id="{key}" type="text" spellcheck="false" autocomplete="off" data-path="{path}" data-kind="text" '
        f'data-optional value="" placeholder="or names: {escape(suggestions.example)}" '
        f'aria-label="{escape(field.label)}, by name" aria-describedby="{key}-hint {key}-error">'
    )
    return (
        f'<div class="segments" role="radiogroup" aria-labelledby="{key}-label" '
        f'aria-describedby="{key}-hint {key}-error">{"".join(buttons)}</div>{own}'
    )


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
