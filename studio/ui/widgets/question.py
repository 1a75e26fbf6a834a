"""A question for base and tuned, as the browser sent it: checked part by part. Knows no gradio.

What was wanted is looked up among the examples the model never trained on, so a typed prompt that is one of them
counts too.
"""

from typing import Any, NamedTuple

from studio.chat.question import Question, read_question
from studio.errors import InputError, StudioError
from studio.service import Studio
from studio.tasks.task import Instance

PARTS = ("held_out", "unseen")


class Asked(NamedTuple):
    """A question, the run it is put to, and the part of the task it is from."""

    run: str
    part: str
    question: Question

    @property
    def prompt(self) -> str:
        """What is asked."""
        return self.question.prompt

    @property
    def options(self) -> dict[str, Any]:
        """How to answer, as `Studio.ask` and `Studio.stream` take it."""
        return self.question.model_dump(exclude={"prompt"})

    def list_instances(self, studio: Studio) -> list[Instance]:
        """Return the examples of the part this question is from."""
        return list_part(studio, self.run, self.part)


def read_asked(value: object) -> Asked:
    """Return the question in what a page sent. Raises InputError in words."""
    if not isinstance(value, dict) or not isinstance(value.get("run"), str):
        raise InputError("Choose a run to talk to first, from the list of runs.", field="run")
    options = {name: value[name] for name in Question.model_fields if name in value and name != "prompt"}
    part = value.get("part")
    return Asked(
        value["run"],
        part if isinstance(part, str) and part in PARTS else PARTS[0],
        read_question(value.get("prompt", ""), **options),
    )


def list_part(studio: Studio, run: str, part: str) -> list[Instance]:
    """Return the held-out examples of a run's task, or those whose words the task never uses."""
    return studio.unseen(run) if part == "unseen" else studio.held_out(run)


def find_wanted(studio: Studio, asked: Asked) -> list[str]:
    """Return the outputs that count as right for a prompt, [] if it is none of the examples kept aside."""
    text = asked.prompt.strip()
    for part in PARTS:
        try:
            instances = list_part(studio, asked.run, part)
        except StudioError:  # the task was deleted: its run can still be talked to
            return []
        for instance in instances:
            if instance.input.strip() == text:
                return list(instance.output)
    return []
