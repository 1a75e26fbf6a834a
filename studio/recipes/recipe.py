"""Recipe: a frozen value that says everything about a run. Equal recipes give equal runs; it round-trips through JSON.

Knows how the axes (model, task, method, objective, precision, training) are named and combined; knows nothing of
folders.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SerializeAsAny, ValidationError

from studio.declaration import explain, name_kind
from studio.errors import RecipeError
from studio.methods import METHODS, Method
from studio.models.device import DeviceFacts
from studio.models.reference import BUILTIN, ModelRef
from studio.objectives import OBJECTIVES, USUAL, Objective
from studio.precisions import PRECISIONS, Precision
from studio.recipes.options import Plan, Training
from studio.tasks.mixture import Part

LARGEST_JSON = 100_000
MOST_MIXED = 20
"""The most tasks that can be mixed in."""


class Recipe(BaseModel):
    """Base model, task, and the three axes, with the training options."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(BUILTIN, min_length=1, max_length=1000)
    revision: str | None = Field(None, max_length=200)
    task_id: str = Field(min_length=1, max_length=100)
    task_version: str | None = Field(None, max_length=64)
    mixture: tuple[Part, ...] = ()
    method: Annotated[SerializeAsAny[Method], BeforeValidator(METHODS.read)] = Field(
        default_factory=lambda: METHODS.read("lora")
    )
    objective: Annotated[SerializeAsAny[Objective], BeforeValidator(OBJECTIVES.read)] = Field(
        default_factory=lambda: OBJECTIVES.read(USUAL)
    )
    precision: Annotated[Precision, BeforeValidator(PRECISIONS.read), PlainSerializer(lambda chosen: chosen.name)] = (
        Field(default_factory=lambda: PRECISIONS.read("fp32"))
    )
    training: Training = Training()

    @property
    def base(self) -> ModelRef:
        """The base model."""
        return ModelRef(ref=self.model, revision=self.revision)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The task and those that are mixed in, with their weights."""
        return (Part(task_id=self.task_id, task_version=self.task_version), *self.mixture)

    @property
    def method_words(self) -> str:
        """The method as people call it: LoRA on 4-bit weights is QLoRA."""
        return self.method.words_on(self.precision)

    def plan(self, parameters: int | None, examples: int) -> Plan:
        """Return the training options, every blank filled for a base of `parameters` weights and so many examples."""
        return self.training.plan(self.method, parameters, examples, self.objective.learning_rate_factor)

    def choose_half(self, device: DeviceFacts) -> Literal["bf16", "fp16"] | None:
        """Return the 16 bits in which a run multiplies on a device (mixed precision), None where it does so in 32."""
        return device.half if self.training.mixed_precision == "auto" else None

    @property
    def held_in(self) -> Precision:
        """How the base is held while it trains: weights that train themselves have 32 bits.

        In 16 a step is smaller than their last digit: at the rates of full fine-tuning most would never move.
        """
        return PRECISIONS.read("fp32") if self.method.saves_whole_model else self.precision

    def pin(self, versions: Sequence[str]) -> "Recipe":
        """Return the recipe with the versions of its task and of those that are mixed in."""
        own, *others = versions
        mixture = [
            part.model_copy(update={"task_version": version})
            for part, version in zip(self.mixture, others, strict=True)
        ]
        return self.model_copy(update={"task_version": own, "mixture": tuple(mixture)})

    def to_public(self) -> "Recipe":
        """Return the recipe for people elsewhere: where a base lies on this computer is told to nobody."""
        return self.model_copy(update={"model": self.base.public.ref})

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values; `read_recipe` gives back an equal one."""
        return self.model_dump(mode="json")


def read_recipe(data: object) -> Recipe:
    """Make a recipe of JSON (an object or its text), filling in defaults.

    Raises RecipeError naming the field in words.
    """
    if isinstance(data, str):
        data = _parse(data)
    if not isinstance(data, dict):
        raise RecipeError(f'A recipe is an object such as {{"task_id": "..."}}, not {name_kind(data)}.')
    if "task_id" not in data or data["task_id"] in (None, ""):
        raise RecipeError('The recipe names no task. Choose one on the Data step, or set "task_id".', field="task_id")
    training = _read_training(data.get("training"))
    try:
        recipe = Recipe.model_validate({**data, "training": training, "mixture": _read_mixture(data.get("mixture"))})
    except ValidationError as error:
        raise explain(error, Recipe) from None
    names = [recipe.task_id, *(part.task_id for part in recipe.mixture)]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RecipeError(f"The task {twice!r} is listed twice. Give it a larger weight instead.", field="mixture")
    refusal = recipe.method.refuses(recipe.precision)
    if refusal:
        raise RecipeError(refusal, field="precision")
    if recipe.training.gradient_checkpointing and recipe.method.checkpointing_refusal:
        raise RecipeError(recipe.method.checkpointing_refusal, field="training.gradient_checkpointing")
    return recipe


def merge_deep(into: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return JSON in which `changes` have replaced the values of `into`, object within object."""
    merged = dict(into)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge_deep(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _read_training(data: object) -> Training:
    if data is None:
        return Training()
    if not isinstance(data, dict):
        raise RecipeError(f"training must be an object of options, not {name_kind(data)}.", field="training")
    try:
        return Training.model_validate(
            {key: value for key, value in data.items() if not (key == "preset" and value is None)}
        )
    except ValidationError as error:
        raise explain(error, Training, prefix="training.") from None


def _read_mixture(data: object) -> tuple[Part, ...]:
    if data is None:
        return ()
    if not isinstance(data, list | tuple) or len(data) > MOST_MIXED:
        found = f"{len(data):,} tasks" if isinstance(data, list | tuple) else name_kind(data)
        raise RecipeError(
            f'mixture must be a list of at most {MOST_MIXED} tasks, such as [{{"task_id": "...", "weight": 0.5}}], not '
            f"{found}.",
            field="mixture",
        )
    try:
        return tuple(Part.model_validate(part) for part in data)
    except ValidationError as error:
        raise explain(error, Part, prefix="mixture.") from None


def _parse(text: str) -> object:
    if len(text) > LARGEST_JSON:
        raise RecipeError(f"A recipe has at most {LARGEST_JSON:,} characters; this one has {len(text):,}.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecipeError(
            f'The recipe is not JSON: {error}. It looks like {{"task_id": "...", "method": '
            '{"name": "lora", "rank": 8}}.'
        ) from None
