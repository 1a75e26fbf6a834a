"""A declared class is a form and a set of rules, and what breaks a rule is told in value, rule and remedy."""

from typing import Literal

import pytest
from pydantic import Field, ValidationError
from telling import tells

from studio.declaration import Declared, FormField, explain, form_fields, name_kind, show
from studio.errors import RecipeError
from studio.methods import METHODS
from studio.objectives import OBJECTIVES
from studio.precisions import PRECISIONS
from studio.recipes.options import Training


class Kettle(Declared):
    """A thing with one field of each kind."""

    cups: int = Field(4, ge=1, le=20, title="Cups", description="How many cups it holds.")
    heat: float | None = Field(None, gt=0, lt=1)
    lid: bool = True
    colour: Literal["red", "blue"] = "red"
    owner: str = Field("me", min_length=1, max_length=9, json_schema_extra={"advanced": True})
    weight: float = Field(ge=0)


def complain(**values: object) -> RecipeError:
    """Return what is said of wrong values."""
    with pytest.raises(ValidationError) as caught:
        Kettle.model_validate({"weight": 1, **values})
    return explain(caught.value, Kettle, prefix="kettle.")


def test_each_field_becomes_one_of_the_form() -> None:
    cups, heat, lid, colour, owner, weight = form_fields(Kettle)
    assert cups == FormField("cups", "Cups", "How many cups it holds.", "integer", 4, 1, 20, (), False)
    assert (heat.kind, heat.minimum, heat.maximum, heat.default, heat.label) == ("number", 0, 1, None, "heat")
    assert (lid.kind, lid.default) == ("switch", True)
    assert (colour.kind, colour.choices) == ("choice", ("red", "blue"))
    assert (owner.kind, owner.advanced) == ("text", True)
    assert (weight.kind, weight.minimum, weight.maximum) == ("number", 0, None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cups": 0}, "cups 1 20 0 4"),
        ({"cups": 21}, "cups 1 20 21 4"),
        ({"cups": 2.5}, "cups 1 20 2.5 4"),
        ({"cups": "many"}, "cups 1 20 many 4"),
        ({"cups": True}, "cups 1 20 True 4"),
        ({"cups": None}, "cups 1 20 None 4"),
        ({"cups": float("nan")}, "cups 1 20 nan 4"),
        ({"cups": 10**5000}, "cups 1 20 4"),
        ({"heat": 0}, "heat 0 1"),
        ({"heat": float("inf")}, "heat 0 1 inf"),
        ({"heat": False}, "heat 0 1 False"),
        ({"lid": "perhaps"}, "lid perhaps True"),
        ({"colour": "green"}, "colour red blue green"),
        ({"colour": ["red"]}, "colour red blue ['red']"),
        ({"owner": ""}, "owner me"),
        ({"owner": 5}, "owner 5 me"),
        ({"owner": "\ud800"}, "owner \\ud800 me"),
        ({"owner": "x" * 90}, f"owner 9 {'x' * 56} me"),
        ({"weight": -1}, "weight 0 -1"),
        ({"weight": "heavy"}, "weight 0 heavy"),
        ({"handle": 1}, "handle cups heat lid colour owner"),
    ],
)
def test_a_broken_rule_is_told_in_value_rule_and_remedy(values: dict[str, object], words: str) -> None:
    error = complain(**values)
    assert tells(error, words)
    assert error.field == f"kettle.{next(iter(values))}"


def test_a_value_may_be_of_any_length_and_depth() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert tells(complain(cups=deep), "cups 1 20")
    assert len(str(complain(**{"x" * 10_000_000: 1}))) < 300
    assert len(show("x" * 10_000_000)) == 60


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "null"), (True, "true or false"), (3, "a number"), (0.5, "a number"), ("", "text"), ((), "a list")],
)
def test_kinds_are_named_as_json_does(value: object, words: str) -> None:
    assert name_kind(value) == words
    assert name_kind({}) == "an object"


@pytest.mark.parametrize(
    "cls",
    [*METHODS.members.values(), *OBJECTIVES.members.values(), *PRECISIONS.members.values(), Training],
    ids=lambda cls: cls.__name__,
)
def test_every_field_a_person_sees_has_a_label_a_hint_and_a_default_within_its_bounds(cls: type[Declared]) -> None:
    for field in form_fields(cls):
        assert field.label[:1].isupper(), f"{field.name} has no label."
        assert field.hint.endswith("."), f"{field.name} has no hint, or one that is no sentence."
        if field.default is not None and field.kind in ("integer", "number"):
            assert field.minimum is not None and field.minimum <= field.default
            assert field.maximum is not None and field.default <= field.maximum
        if field.kind == "choice":
            assert field.default in field.choices
