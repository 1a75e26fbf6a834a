"""How a task and an input become the text a model reads, and how an answer follows it.

Knows three encodings: `plain` (short, for the built-in base) and `tk_instruct` (exactly what Tk-Instruct was trained
with, odd single blanks included) as data, and `chat` (turns for a tokenizer's chat template). Owns the border between
prompt and answer: the training text is `write_prompt(...) + write_answer(...)`, and nobody else adds or removes blanks
there. An answer is written as it is, white space included. Knows no tokenizer and cuts nothing.

A conversation without a chat template is written in lines, a turn each (`write_conversation`):

    Definition: <system text>
    Tool: {"name": ..., "parameters": ...}     one line for each tool that is offered
    Input: <the user>                          where several people speak, first who does, and a colon
    Output: <the assistant>                    words, then each tool it calls: {"name": ..., "arguments": ...};
                                               what it thought before, if anything, between <think> and </think>
    Result: <a tool>

Prompts and completions whose rows have their own white space between the two (`goes_on`) are one text that goes on:
nothing is written around them.

Source of `tk_instruct`: yizhongw/Tk-Instruct, `src/ni_collator.py`.
"""

import json
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.tasks.task import Example, Message, Task
from studio.tasks.tool import say_calls

Turn = dict[str, Any]

REASONING = ("reasoning_content", "reasoning", "thinking")
"""The keys of a turn that hold what was thought before it was said."""
_LOOKED_AT = 50
"""Instances that tell whether prompts and completions are one text."""


class Part(NamedTuple):
    """A part of a conversation that is written in lines; `answer` is the place of the turn it is the answer of."""

    text: str
    answer: int | None = None


@dataclass(frozen=True)
class Template:
    """An encoding: what is before each text. `{n}` is the number of an example."""

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
        """Return one line: `text` without the blanks around it, closed by a point where the encoding wants one.

        An indent stays where other lines follow it.
        """
        line = before + trim(text)
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

    The definition is in the first user turn because many models' templates refuse a system turn. The answer to
    come is the assistant's: `{"role": "assistant", "content": write_answer(output, "chat")}`.
    """
    turns: list[Turn] = []
    for example in task.positive_examples[: max(0, positive_examples)]:
        turns.append({"role": "user", "content": trim(example.input)})
        turns.append({"role": "assistant", "content": example.output.strip()})
    turns.append({"role": "user", "content": trim(input)})
    if task.definition.strip():
        turns[0]["content"] = f"{task.definition.strip()}\n\n{turns[0]['content']}"
    return turns


def write_turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Return a chat's turns as files hold them: role and content, and what else the turn came with."""
    return [
        {"role": turn.role, "content": turn.content, **{k: v for k, v in turn.extra.items() if k != "from"}}
        for turn in messages
    ]


def say_turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    """Return a chat's turns as a chat template reads them: the text of parts, and nothing of how a file names roles."""
    return tuple(
        {key: value for key, value in turn.extra.items() if key not in ("from", "content")}
        | {"role": turn.role, "content": turn.content}
        for turn in messages
    )


def write_answer(output: str, template: str = "plain") -> str:
    """Return an answer as it follows the prompt: after one blank in `plain`, whose prompt ends in "Output:"."""
    before = "" if template == "chat" else _find_template(template).before_answer
    return before + output


def goes_on(task: Task) -> bool:
    """Whether prompt and completion are one text that goes on: their rows have the white space between the two."""
    mapping = task.origin.mapping if task.origin else None
    if mapping is None or (mapping.input, mapping.output) != (("prompt",), ("completion",)) or task.definition.strip():
        return False
    first = task.instances[:_LOOKED_AT]
    joined = sum(one.input[-1:].isspace() or one.output[0][:1].isspace() for one in first)
    return 2 * joined > len(first)


def write_conversation(turns: Sequence[Turn], tools: Iterable[Turn] = (), template: str = "plain") -> list[Part]:
    """Return a conversation as parts of one text, a line or more for each turn; the next answer follows `write_ask`."""
    form = _find_template(template)
    parts = []
    several = len({turn.get("name") for turn in turns if turn["role"] == "user"}) > 1
    for place, turn in enumerate(turns):
        text, role = str(turn.get("content") or ""), turn["role"]
        if role == "assistant":
            parts += [Part(form.ask), Part(form.before_answer + write_turn(turn), place), Part("\n")]
        elif role == "user":
            speaker = f"{turn['name']}: " if several and turn.get("name") else ""
            parts.append(Part(form.write_line(form.input + speaker, text)))
        elif role == "tool":
            parts.append(Part("Result: " + trim(text) + "\n"))
        else:
            parts.append(Part(form.write_line("System: " if place else form.definition, text)))
    first = 1 if turns and turns[0]["role"] == "system" else 0
    offered = [Part(f"Tool: {_dump(tool.get('function', tool))}\n") for tool in tools]
    return [*parts[:first], *offered, *parts[first:]]


def write_ask(template: str = "plain") -> str:
    """Return what asks for the next answer of a conversation in lines."""
    return _find_template(template).ask


def write_turn(turn: Turn, thoughts: bool = True) -> str:
    """Return what an assistant says as text: its thoughts, its words as they are, a line for each tool it calls."""
    thought = next((turn[key] for key in REASONING if turn.get(key)), "") if thoughts else ""
    said = [turn.get("content"), say_calls(turn["tool_calls"]) if turn.get("tool_calls") else ""]
    return (f"<think>\n{thought}\n</think>\n\n" if thought else "") + "\n".join(text for text in said if text)


def trim(text: str) -> str:
    """Return a text without the white space around it; an indent stays where other lines follow it."""
    bare = text.strip()
    if "\n" not in bare:
        return bare
    return text[text.rfind("\n", 0, text.index(bare)) + 1 :].rstrip()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


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
