"""A run's settings as a person reads them: every field by its title, blanks filled with what was used.

Knows recipes and how fields are called; lists what differs between runs. Knows no page.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from studio.declaration import form_fields
from studio.errors import StudioError
from studio.models.reference import BUILTIN, ModelRef
from studio.recipes.options import Training
from studio.recipes.recipe import Recipe, read_recipe
from studio.runs.run import TRAINING
from studio.runs.status import RunStatus
from studio.service import Studio
from studio.ui.frame.words import number
from studio.works.export import name_model

Settings = dict[str, str]
"""The values by what they are called, in the order in which people think of them."""
MOST_KEPT = 5_000
_PLANNED = {"Steps": "steps", "Batch size": "batch_size", "Learning rate": "learning_rate"}


def read_settings(studio: Studio, recipe: Mapping[str, Any], look: bool = True) -> Settings:
    """Return the settings of a recipe; what a blank came to where that can be told. {} for a recipe of other times.

    Without `look` no base is looked at that wasn't before: a sentence must not wait for that.
    """
    try:
        return _tell(studio, studio.read_recipe(dict(recipe)), look)
    except StudioError:
        return {}


def _tell(studio: Studio, read: Recipe, look: bool = True, task: str = "") -> Settings:
    settings = {
        "Model": name_model(ModelRef(ref=read.model)),
        "Task": task or _say_task(studio, read),
        "Method": read.method_words.partition(",")[0],
    }
    settings |= _list_fields(type(read.method), read.method.model_dump(mode="json"))
    settings |= _list_plan(studio, read, look)
    settings["Precision"] = read.precision.title
    settings["Objective"] = read.objective.title
    settings |= _list_fields(type(read.objective), read.objective.model_dump(mode="json"))
    rest = _list_fields(Training, read.training.model_dump(mode="json"))
    return settings | {title: value for title, value in rest.items() if title not in settings and value != "–"}


def read_run_settings(studio: Studio, run: RunStatus) -> Settings:
    """Return the settings of a run, which never change: they are read once. {} for a recipe of other times."""
    of = str(studio.workspace.folder), run.run_id
    if of not in _settings:
        if len(_settings) >= MOST_KEPT:
            _settings.clear()
        try:
            _settings[of] = _tell(studio, read_recipe(run.recipe), task=run.title)
        except StudioError:
            return {}
    return _settings[of]


def find_differing(all_settings: Sequence[Settings]) -> list[str]:
    """Return what the settings of runs are called that are not the same in all of them, in their order."""
    titles = dict.fromkeys(title for settings in all_settings for title in settings)
    return [title for title in titles if len({settings.get(title) for settings in all_settings}) > 1]


def say_settings(settings: Settings) -> str:
    """Return the few that say most: "LoRA, rank 8, 50 steps of 16, learning rate 0.002"."""
    said = [settings.get("Method", ""), f"rank {settings['Rank']}" if "Rank" in settings else ""]
    if "Steps" in settings and "Batch size" in settings:
        said.append(f"{settings['Steps']} steps of {settings['Batch size']}")
    if "Learning rate" in settings:
        said.append(f"learning rate {settings['Learning rate']}")
    return ", ".join(filter(None, said))


_settings: dict[tuple[str, str], Settings] = {}  # of each workspace, by run
_parameters: dict[tuple[str, str, str | None], int | None] = {}  # of each workspace, by model and revision


def _list_plan(studio: Studio, recipe: Recipe, look: bool) -> Settings:
    parameters, is_set = None, recipe.training.learning_rate is not None
    if not is_set:  # the usual rate follows the base's size, which takes a look at the base
        asked = str(studio.workspace.folder), recipe.model, recipe.revision
        if (look or recipe.model == BUILTIN) and asked not in _parameters:
            try:
                _parameters[asked] = studio.describe_model(recipe.model, recipe.revision).parameters
            except StudioError:  # its base is gone; what was left blank can't be told
                _parameters[asked] = None
        parameters = _parameters.get(asked)
    plan = recipe.plan(parameters, 0)
    known = {title: getattr(plan, name) for title, name in _PLANNED.items()}
    if parameters is None and not is_set:
        del known["Learning rate"]
    return {title: say_value(value) for title, value in known.items()}


def _list_fields(cls: Any, values: Mapping[str, Any]) -> Settings:
    return {label: say_value(values.get(name)) for label, name in _name_fields(cls)}


@lru_cache
def _name_fields(cls: Any) -> tuple[tuple[str, str], ...]:
    """What the fields of a class are called on the page, and in a recipe."""
    return tuple((field.label, field.name) for field in form_fields(cls))


def say_value(value: object) -> str:
    """Return a setting in words: 0.002, 1,200, "yes", "attention"; "–" for none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, float):
        return f"{value:.2g}" if abs(value) < 1 else f"{value:g}"
    if isinstance(value, Mapping):  # a rule: its name, and what it is told
        told = [f"{name} {say_value(one)}" for name, one in value.items() if name != "name"]
        return f"{value.get('name', '')} ({', '.join(told)})" if told else str(value.get("name", ""))
    return ", ".join(map(say_value, value)) or "–" if isinstance(value, list | tuple) else str(value)


def _say_task(studio: Studio, recipe: Recipe) -> str:
    try:
        heading = studio.load_task(recipe.task_id, recipe.task_version).heading
    except StudioError:
        heading = recipe.task_id
    return heading if not recipe.mixture else f"{heading} and {len(recipe.mixture)} more"


def is_other(studio: Studio, recipe: dict[str, Any], run: str) -> bool:
    """Whether a draft asks for another training than a run's; one that asks for nothing yet doesn't."""
    shown = studio.run_status(run)
    if shown.kind != TRAINING:
        return False
    try:
        asked: dict[str, Any] = studio.read_recipe(recipe).model_dump(mode="json")
    except StudioError:
        return False
    return leave_out_pinned(asked) != leave_out_pinned(shown.recipe)


def leave_out_pinned(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe without the versions that a run pins when it starts."""
    return {key: value for key, value in recipe.items() if key not in ("task_version", "revision")}
