"""What is said before and in an answer, as a chat template reads it: the one form in which an instance is rendered.

Every kind of instance can be written as a dialogue, so whoever makes tokens, prompts or previews asks for nothing else.
Knows no tokenizer and no kind of file.
"""

from typing import Any, NamedTuple

from studio.tasks.prompt import write_answer, write_messages
from studio.tasks.task import Instance, Task


class Dialogue(NamedTuple):
    """The turns of one instance, answers included.

    `turns` are dictionaries as transformers' `apply_chat_template` takes them (role, content, tool_calls, name,
    reasoning_content, ...). `counts` has one entry a turn, True for an assistant's turn that is learnt. `tools` are
    those that the conversation offers.
    """

    turns: tuple[dict[str, Any], ...]
    counts: tuple[bool, ...]
    tools: tuple[dict[str, Any], ...] = ()

    def before_answer(self) -> "Dialogue":
        """Return what is read before the last answer."""
        last = max(place for place, turn in enumerate(self.turns) if turn["role"] == "assistant")
        return self._replace(turns=self.turns[:last], counts=self.counts[:last])


def write_dialogue(task: Task, instance: Instance, positive_examples: int = 0) -> Dialogue:
    """Return an instance as turns, as its kind says."""
    return instance.write_dialogue(task, positive_examples)


def write_pair_dialogue(task: Task, input: str, output: str, positive_examples: int = 0) -> Dialogue:
    """Return an input and its answer as turns: definition and input by the user, and the answer after them."""
    turns = write_messages(task, input, positive_examples)
    answer = {"role": "assistant", "content": write_answer(output, "chat")}
    return Dialogue((*turns, answer), (False,) * len(turns) + (True,))
