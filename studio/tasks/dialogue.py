"""What is said before and in an answer, as a chat template reads it: the one form in which an instance is rendered.

Every kind of instance can be written as a dialogue, so whoever makes tokens, prompts or previews asks for nothing else.
Knows no tokenizer and no kind of file.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from studio.tasks.prompt import write_answer, write_messages
from studio.tasks.task import Instance, Task


class Dialogue(NamedTuple):
    """The turns of one instance, answers included.

    `turns` are dictionaries as transformers' `apply_chat_template` takes them (role, content, tool_calls, name,
    reasoning_content, ...). `counts` has one entry a turn, True for an assistant's turn that is learnt. `tools` are
    those that the conversation offers. `input` is what is asked by itself, where the dialogue is one input of a task:
    without the definition and the examples that `turns` begin with.
    """

    turns: tuple[dict[str, Any], ...]
    counts: tuple[bool, ...]
    tools: tuple[dict[str, Any], ...] = ()
    input: str | None = None

    def find_answer(self) -> int | None:
        """Return the place of the last answer that counts, of the last one where none does; None without an answer."""
        answers = [place for place, turn in enumerate(self.turns) if turn["role"] == "assistant"]
        return max((place for place in answers if self.counts[place]), default=answers[-1] if answers else None)

    def before_answer(self) -> "Dialogue":
        """Return what is read before the last answer that counts; the whole of it where nothing is answered."""
        last = self.find_answer()
        return self._replace(turns=self.turns[:last], counts=self.counts[:last])


def write_dialogue(task: Task, instance: Instance, positive_examples: int = 0) -> Dialogue:
    """Return an instance as turns, as its kind says."""
    return instance.write_dialogue(task, positive_examples)


def write_pair_dialogue(task: Task, input: str, output: str, positive_examples: int = 0) -> Dialogue:
    """Return an input and its answer as turns: definition and input by the user, and the answer after them."""
    turns = write_messages(task, input, positive_examples)
    answer = {"role": "assistant", "content": write_answer(output, "chat")}
    return Dialogue((*turns, answer), (False,) * len(turns) + (True,), input=input)


def write_question(
    task: Task,
    prompt: str,
    messages: Sequence[dict[str, Any]] = (),
    tools: Sequence[dict[str, Any]] = (),
    positive_examples: int = 0,
) -> Dialogue:
    """Return what is asked freely: earlier turns, and the prompt as the user's next one; all of it before an answer.

    A task of inputs asks its definition first, so a prompt alone is asked as an input of it is.
    """
    if not messages and not task.instances[0].messages:
        return write_pair_dialogue(task, prompt, "", positive_examples).before_answer()
    asked = [{"role": "user", "content": prompt}] if prompt.strip() else []
    turns = [dict(turn) for turn in messages] + asked
    if task.definition.strip() and turns[0]["role"] != "system":
        turns = [{"role": "system", "content": task.definition.strip()}, *turns]
    return Dialogue(tuple(turns), (False,) * len(turns), tuple(tools))
