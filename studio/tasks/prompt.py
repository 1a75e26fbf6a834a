"""How a task and an input become the text a model reads, and how an answer follows it.

Knows three encodings: `plain` (short, for the built-in base) and `tk_instruct` (exactly what Tk-Instruct was trained
with, odd single blanks included) as data, and `chat` (turns for a tokenizer's chat template). Owns the border between
prompt and answer: the training text is `write_prompt(...) + write_answer(...)`, and nobody else adds or removes blanks
there. Knows no tokenizer and cuts nothing.

Source of `tk_instruct`: yizhongw/Tk-Instruct, `src/ni_collator.py`.
"""

import string
from dataclasses import dataclass
from typing import Any

from studio.errors import TaskError
from studio.tasks.task import Example, Instance, Message, Task

Turn = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """An encoding: what stands before each text. `{n}` is the number of an example."""

    definition: str
    after_definition: str
    positive_heading: str
    negative_heading: str
    input: str
    positive_output: str
    negative_output: str
    explanation: str
    after_example: str
    question_heading: str
    ask: str
    before_answer: str
    ends_in_point: bool

    def write_line(self, before: str, text: str) -> str:
        """Return one line: `text` without the blanks around it, closed by a point where the encoding wants one."""
        line = before + text.strip()
        return line + ("." if self.ends_in_point and line[-1] not in string.punctuation else "") + "\n"


TEMPLATES = {
    "plain": Template(
        definition="Definition: ",
        after_definition="",
        positive_heading="",
        negative_heading="",
        input="Input: ",
        positive_output="Output: ",
        negative_output="Wrong output: ",
        explanation="Because: ",
        after_example="",
        question_heading="",
        ask="Output:",
        before_answer=" ",
        ends_in_point=False,
    ),
    "tk_instruct": Template(
        definition="Definition: ",
        after_definition="\n",
        positive_heading=" Positive Example {n} -\n",
        negative_heading=" Negative Example {n} -\n",
        input="Input: ",
        positive_output=" Output: ",
        negative_output=" Output: ",
        explanation=" Explanation: ",
        after_example="\n",
        question_heading="Now complete the following example -\n",
        ask="Output: ",
        before_answer="",
        ends_in_point=True,
    ),
}

TEMPLATE_NAMES = (*TEMPLATES, "chat")
"""Every encoding a recipe may name."""


def write_prompt(
    task: Task,
    input: str,
    template: str = "plain",
    positive_examples: int = 0,
    negative_examples: int = 0,
    explanations: bool = False,
) -> str:
    """Return the text up to and including "Output:", with at most so many of the task's examples in between.

    `input` need not be one of the task's. Raises TaskError if `template` is unknown, or is `chat` (see
    `write_messages`).
    """
    form = _find_template(template)
    parts = (
        [form.write_line(form.definition, task.definition), form.after_definition] if task.definition.strip() else []
    )
    for number, example in enumerate(task.positive_examples[: max(0, positive_examples)], start=1):
        parts.append(form.positive_heading.format(n=number))
        parts.append(_write_example(form, form.positive_output, example, explanations))
    for number, example in enumerate(task.negative_examples[: max(0, negative_examples)], start=1):
        parts.append(form.negative_heading.format(n=number))
        parts.append(_write_example(form, form.negative_output, example, explanations))
    return "".join(parts) + form.question_heading + form.write_line(form.input, input) + form.ask


def write_messages(task: Task, input: str, positive_examples: int = 0) -> list[Turn]:
    """Return the turns for a chat template: definition and input by the user, examples as earlier turns.

    The definition stands in the first user turn because many models' templates refuse a system turn. The answer to
    come is the assistant's: `{"role": "assistant", "content": write_answer(output, "chat")}`.
    """
    turns: list[Turn] = []
    for example in task.positive_examples[: max(0, positive_examples)]:
        turns.append({"role": "user", "content": example.input.strip()})
        turns.append({"role": "assistant", "content": example.output.strip()})
    turns.append({"role": "user", "content": input.strip()})
    if task.definition.strip():
        turns[0]["content"] = f"{task.definition.strip()}\n\n{turns[0]['content']}"
    return turns


def write_turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Return a chat's turns as a chat template reads them: role and content, and what else the turn came with."""
    return [
        {"role": turn.role, "content": turn.content, **{k: v for k, v in turn.extra.items() if k != "from"}}
        for turn in messages
    ]


def write_pair(task: Task, instance: Instance, positive_examples: int = 0) -> tuple[list[Turn], list[Turn], list[Turn]]:
    """Return a preference as turns: those before the answers, the better answer, the worse one."""
    if instance.messages:
        better, worse = write_turns(instance.messages), write_turns(instance.rejected_messages)
        shared = next((n for n, (a, b) in enumerate(zip(better, worse, strict=False)) if a != b), 0)
        return better[:shared], better[shared:], worse[shared:]
    prompt: list[Turn] = [dict(turn) for turn in write_messages(task, instance.input, positive_examples)]
    answers = (instance.output[0], instance.rejected)
    better, worse = ([{"role": "assistant", "content": text.strip()}] for text in answers)
    return prompt, better, worse


def write_answer(output: str, template: str = "plain") -> str:
    """Return an answer as it follows the prompt: after one blank in `plain`, whose prompt ends in "Output:"."""
    before = "" if template == "chat" else _find_template(template).before_answer
    return before + output.strip()


def _write_example(form: Template, output: str, example: Example, explanations: bool) -> str:
    lines = form.write_line(form.input, example.input) + form.write_line(output, example.output)
    if explanations and example.explanation.strip():
        lines += form.write_line(form.explanation, example.explanation)
    return lines + form.after_example


def _find_template(name: str) -> Template:
    if name in TEMPLATES:
        return TEMPLATES[name]
    if name == "chat":
        raise TaskError("The chat encoding is a list of turns, not one text. Use write_messages.", field="template")
    raise TaskError(
        f"There is no encoding {str(name)[:60]!r}. Choose one of: {', '.join(TEMPLATE_NAMES)}.", field="template"
    )
