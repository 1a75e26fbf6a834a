"""What a recipe asks of its model that can't be done, said before the run: the method on it, and the precision.

Asked of the model itself, on torch's meta device; knows no list of models.
"""

import json
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.errors import ModelError, RecipeError, first_line
from studio.estimates.counting import build_thinned, count, find_shape, on_meta
from studio.methods import METHODS, Method
from studio.models.architecture import describes_encoder, fill, read_config_text
from studio.models.causality import MOST_BYTES
from studio.models.facts import find_config_folder
from studio.models.forward import call_model
from studio.models.layers import listen
from studio.models.reference import ENCODER, read_config
from studio.models.stored import check_kept_as_stored, read_stored
from studio.objectives import OBJECTIVES
from studio.precisions import Precision
from studio.recipes.recipe import Recipe

TOKENS = 8
"""So many are read in a trial."""
MOVED = 0.01
"""So far from where it began is what trains, in a trial."""


def check_recipe(recipe: Recipe, folder: Path) -> None:
    """Raise RecipeError or ModelError in words where method or precision don't go with the model of `folder`."""
    check_precision(recipe.precision, folder)
    check_start(recipe)
    check_encoder(recipe, folder)
    count(folder, recipe.method)
    kind = {name: value for name, value in recipe.method.model_dump().items() if isinstance(value, str)}
    check_reading(read_config_text(folder), json.dumps(kind))  # sizes that slide change nothing of it


def can_not_go_back(method: type[Method]) -> bool:
    """Whether what a method trains can't be switched off to ask the start: it is the weights, or stands in the text."""
    return method.saves_whole_model or not method.can_merge


def check_start(recipe: Recipe) -> None:
    """Raise RecipeError in words where the start must be asked again while it trains, and can't be."""
    if "samples" in recipe.objective.needs and can_not_go_back(type(recipe.method)):
        raise RecipeError(
            f"{recipe.objective.title} compares each answer with the start, which {recipe.method.title} can't go back "
            "to while it trains. Choose LoRA, or another method that is added to the weights.",
            field="method.name",
        )
    if "embeddings" in recipe.objective.needs and recipe.mixture:
        raise RecipeError(
            f"{recipe.objective.title} learns from one task, for a text of another would be a stranger to its classes "
            "or answers. Take the other tasks out.",
            field="mixture",
        )
    if getattr(recipe.objective, "views", "") == "itself" and not getattr(recipe.method, "dropout", 0):
        raise RecipeError(
            "A text and itself are the same without dropout. Set the dropout of the method to 0.1, or choose pairs of "
            "texts that stand beside each other.",
            field="method.dropout",
        )
    if getattr(recipe.objective, "rounds", 1) > 1 and recipe.training.gradient_accumulation > 1:
        raise RecipeError(
            f"{recipe.objective.title} makes several steps with each round of answers, so batches can't be added up to "
            "one. Set gradient accumulation to 1, or the steps a round.",
            field="training.gradient_accumulation",
        )


def check_encoder(recipe: Recipe, folder: Path) -> None:
    """Raise RecipeError in words where an encoder is asked for more than to place texts."""
    if recipe.base.ref == ENCODER and "embeddings" not in recipe.objective.needs:
        raise RecipeError(
            f"The built-in encoder learned to place texts and not to write them, which {recipe.objective.title} asks "
            f"for. Choose {_name_placing()}, or the built-in base.",
            field="objective.name",
        )
    if not describes_encoder(read_config_text(folder)):
        return
    kind = read_config(folder)["model_type"]
    if "embeddings" not in recipe.objective.needs:
        raise RecipeError(
            f"This model (kind {kind!r}) is an encoder: it reads whole texts and writes none, which "
            f"{recipe.objective.title} asks for. Choose {_name_placing()}, or a causal language model.",
            field="objective.name",
        )
    if not (recipe.method.can_merge or recipe.method.saves_whole_model):
        raise RecipeError(
            f"{recipe.method.title} puts learnt numbers before a text or into its attention, which is made for models "
            f"that write, and this one (kind {kind!r}) is an encoder. Choose LoRA, or full fine-tuning.",
            field="method.name",
        )


def _name_placing() -> str:
    """The objectives that place texts."""
    return " or ".join(one.title for one in OBJECTIVES.members.values() if "embeddings" in one.needs)


def check_precision(precision: Precision, folder: Path) -> None:
    """Raise RecipeError in words where a base is stored otherwise, or has no layer that a precision reaches."""
    check_kept_as_stored(read_stored(read_config(folder)), precision.name)
    shape = find_shape(folder)
    if precision.quantised and not shape.linear:
        kinds = ", ".join(shape.classes) or "none at all"
        raise RecipeError(
            f"{precision.title} replaces torch's own linear layers, and this model has none ({kinds}): nothing would "
            "be stored small. Choose 16 or 32 bits.",
            field="precision",
        )


def is_storable(recipe: Recipe) -> bool:
    """Whether the base of a recipe can be stored in its precision; a base that can't be looked at may be."""
    try:
        check_precision(recipe.precision, find_config_folder(recipe.base))
    except RecipeError:
        return False
    except ModelError:
        return True
    return True


@lru_cache(maxsize=256)
def check_reading(config: str, method: str) -> None:
    """Raise RecipeError in words where a small copy of a model learns nothing or breaks once the method is attached.

    The copy has two layers of each kind and no numbers, or, where it asks for some and is small, random ones. What
    can't be tried so tells nothing: the run's own first rows do.
    """
    chosen = METHODS.read(json.loads(method))
    for with_numbers in (False, True):
        try:
            _learn(_copy(config, chosen, with_numbers).requires_grad_(True))
        except Exception:  # of whatever kind it asks for numbers; or it is too large to be given any
            continue
        model = _copy(config, chosen, with_numbers)
        with nullcontext() if with_numbers else on_meta():
            model = chosen.attach(model)
        try:
            _learn(model)
        except Exception as error:
            if not with_numbers and "meta" in str(error):
                continue  # the method asks for numbers
            raise RecipeError(
                f"{chosen.title} can't be used with this model: {first_line(error).rstrip('.')}. Choose another "
                "method.",
                field="method.name",
            ) from error
        return


def _copy(config: str, method: Method, with_numbers: bool) -> Any:
    """A small copy of a model. Raises MemoryError where it is too large to be given numbers."""
    thinned = build_thinned(config, method)
    listen(thinned.model, thinned.times)
    if not with_numbers:
        return thinned.model
    if sum(value.nbytes for value in thinned.model.parameters()) > MOST_BYTES:
        raise MemoryError
    return fill(thinned.model).requires_grad_(False)


def _learn(model: Any) -> None:
    """Read a few tokens and go back, as after some steps, and read them as an answer is read.

    Raises whatever a model raises.
    """
    import torch

    ids = torch.ones(1, TOKENS, dtype=torch.long, device=model.device)
    with on_meta() if model.device.type == "meta" else nullcontext():
        with torch.no_grad():
            for value in model.parameters():
                if value.requires_grad and value.is_floating_point():
                    value.add_(MOVED)  # learnt tokens that begin as words are none any more
        call_model(model.train(), input_ids=ids, use_cache=False).logits.sum().backward()
        with torch.no_grad():
            call_model(model.eval(), input_ids=ids, use_cache=False)
