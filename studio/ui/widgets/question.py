"""A question for base and tuned, as the browser sent it: checked part by part. Knows no gradio.

What was wanted is looked up among the examples the model never trained on, so a typed prompt that is one of them
counts too.
"""

from typing import Any, NamedTuple

from studio.errors import InputError, StudioError
from studio.service import Studio
from studio.tasks.task import Instance

PARTS = ("held_out", "unseen")


class Question(NamedTuple):
    """What to ask, of which checkpoint (`step` None: the newest), and how to answer."""

    run: str
    prompt: str
    step: int | None = None
    part: str = "held_out"
    max_tokens: int = 48
    seed: int = 0
    temperature: float = 0.0

    @property
    def options(self) -> dict[str, Any]:
        """How to answer, as `Studio.ask` and `Studio.stream` take it."""
        return {"max_tokens": self.max_tokens, "seed": self.seed, "step": self.step, "temperature": self.temperature}

    def list_instances(self, studio: Studio) -> list[Instance]:
        """Return the examples of the part this question is from."""
        return list_part(studio, self.run, self.part)


def read_question(value: object) -> Question:
    """Return the question in what a page sent. Raises InputError in words."""
    if not isinstance(value, dict) or not isinstance(value.get("run"), str):
        raise InputError("Choose a run to talk to first, from the list of runs.", field="run")
    step = value.get("step")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int) or step < 0):
        raise InputError(f"A checkpoint is named by its step, a whole number, not {str(step)[:20]!r}.", field="step")
    prompt = value.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("The prompt is empty. Write something to ask, or pick a held-out example.", field="prompt")
    part = value.get("part", "held_out")
    return Question(
        value["run"],
        prompt,
        step,
        part if part in PARTS else "held_out",
        _whole(value, "max_tokens", 48),
        _whole(value, "seed", 0),
        _number(value, "temperature"),
    )


def list_part(studio: Studio, run: str, part: str) -> list[Instance]:
    """Return the held-out examples of a run's task, or those whose words the task never uses."""
    return studio.unseen(run) if part == "unseen" else studio.held_out(run)


def find_wanted(studio: Studio, question: Question) -> list[str]:
    """Return the outputs that count as right for a prompt, [] if it is none of the examples kept aside."""
    asked = question.prompt.strip()
    for part in PARTS:
        try:
            instances = list_part(studio, question.run, part)
        except StudioError:  # the task was deleted: its run can still be talked to
            return []
        for instance in instances:
            if instance.input.strip() == asked:
                return list(instance.output)
    return []


def is_right(answer: str, wanted: list[str]) -> bool:
    """Whether an answer is one of the wanted ones, character by character but for blanks around it."""
    return answer.strip() in {text.strip() for text in wanted}


def _whole(value: dict[str, Any], name: str, default: int) -> int:
    given = value.get(name, default)
    if isinstance(given, bool) or not isinstance(given, int):
        raise InputError(
            f"{name.replace('_', ' ')} must be a whole number, not {str(given)[:20]!r}. Try {default}.", field=name
        )
    return given


def _number(value: dict[str, Any], name: str) -> float:
    given = value.get(name, 0)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise InputError(f"{name} must be a number, not {str(given)[:20]!r}. Try 0.", field=name)
    return float(given)
