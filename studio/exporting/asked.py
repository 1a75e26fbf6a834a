"""How a model is asked, as text: what comes before and after an input, and what ends an answer.

Found by writing a prompt as training does, with a mark in the input's place, so that it is that text byte for byte.
"""

from typing import Any, NamedTuple

from studio.exporting.form import Source
from studio.models.facts import describe_model
from studio.models.loading import find_model_folder, load_tokenizer
from studio.tasks.dialogue import write_question
from studio.tasks.store import TaskStore

MARK = "\ue000input\ue000"
"""A text in a plane that nobody's texts use."""


class Asked(NamedTuple):
    """The text around an input, without the token that begins every text; and the texts that end an answer."""

    before: str
    after: str
    stops: tuple[str, ...]
    context: int | None

    def write(self, input: str) -> str:
        """Return the whole prompt of an input."""
        return self.before + input + self.after


def find_asked(source: Source, tokenizer: Any = None) -> Asked:
    """Return how the newest change of a model was asked in training."""
    recipe = source.made.recipe
    tokenizer = tokenizer or load_tokenizer(find_model_folder(source.stack.base))
    task = TaskStore(source.workspace).load_task(recipe.task_id, recipe.task_version)
    dialogue = write_question(task, MARK, positive_examples=getattr(recipe.objective, "positive_examples", 0))
    before, _, after = recipe.objective.write_prompt(task, dialogue, tokenizer).partition(MARK)
    ends = recipe.objective.list_ends(tokenizer) | {tokenizer.eos_token_id}
    stops = tuple(str(tokenizer.convert_ids_to_tokens(id)) for id in sorted(ends))
    context = describe_model(source.stack.base).context
    return Asked(before.removeprefix(tokenizer.bos_token or ""), after.rstrip(" "), stops, context)
