"""A question for base and tuned, as the browser sent it: checked part by part. Knows no gradio.

What was wanted is looked up among the examples the model never trained on, so a typed prompt that is one of them
counts too. A conversation is asked with all its turns before the answer.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from studio.answering.column import check_beside
from studio.answering.question import Question, read_question
from studio.errors import InputError, StudioError
from studio.evidence.scoring import Shown
from studio.service import Studio
from studio.tasks.prompt import Turn, say_turns
from studio.tasks.task import Instance
from studio.tasks.turns import find_answer

PARTS: tuple[Shown, ...] = ("test", "unseen", "validation")


class Asked(NamedTuple):
    """A question, the run it is put to, and the part of the task it is from."""

    run: str
    part: str
    question: Question
    models: tuple[str, ...] = ()
    """The addresses of the models that are asked beside base and tuned."""

    @property
    def prompt(self) -> str:
        """What is asked: the prompt, or what the last turn says."""
        return self.question.prompt or str(self.question.messages[-1].get("content") or "")

    @property
    def options(self) -> dict[str, Any]:
        """What is before the prompt and how to answer, as `Studio.ask` and `Studio.stream` take it."""
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
        tuple(check_beside(value.get("models") or [])),
    )


def list_part(studio: Studio, run: str, part: str) -> list[Instance]:
    """Return a part of a run's task that it never trained on, the test part where it is none that is known."""
    return studio.scores.list_instances(run, next((each for each in PARTS if each == part), PARTS[0]))


def split_instance(instance: Instance) -> dict[str, Any]:
    """Return what is asked of an instance as a question has it: prompt, the messages before it, tools."""
    if not instance.messages:
        return {"prompt": instance.input, "messages": [], "tools": []}
    turns = list(say_turns(instance.messages[: find_answer(instance.messages)]))
    prompt = turns.pop()["content"] if turns and turns[-1]["role"] == "user" else ""
    return {"prompt": prompt, "messages": turns, "tools": list(instance.tools)}


def find_wanted(studio: Studio, asked: Asked) -> list[str]:
    """Return the outputs that count as right for a question, [] if it is none of the examples kept aside."""
    said = _say_all(asked.question.prompt, asked.question.messages)
    for part in PARTS:
        try:
            instances = list_part(studio, asked.run, part)
        except StudioError:  # the task was deleted: its run can still be talked to
            return []
        for instance in instances:
            other = split_instance(instance)
            if _say_all(other["prompt"], other["messages"]) == said:
                return list(instance.output)
    return []


def _say_all(prompt: str, messages: Iterable[Turn]) -> list[tuple[str, str]]:
    said = [(turn["role"], str(turn.get("content") or "").strip()) for turn in messages]
    return [*said, ("user", prompt.strip())]
