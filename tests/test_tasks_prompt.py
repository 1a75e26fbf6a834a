"""The encodings, letter by letter."""

import pytest

from studio.errors import TaskError
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.prompt import TEMPLATE_NAMES, write_answer, write_messages, write_prompt
from studio.tasks.task import Example, Task

TASK = Task(
    task_id="task1_plural",
    definition=" Write the plural ",
    positive_examples=(
        Example(input="cat", output="cats", explanation="Add s."),
        Example(input="Is it a box?", output="boxes!", explanation="Add es"),
        Example(input="man", output="men"),
    ),
    negative_examples=(Example(input="dog", output="dogz", explanation="No z"),),
    instances=(Instruction(id="a", input="cup", output=("cups",)),),
)


def test_plain() -> None:
    assert write_prompt(TASK, " cup\n") == "Definition: Write the plural\nInput: cup\nOutput:"
    assert write_prompt(TASK, "cup") + write_answer("cups ") == "Definition: Write the plural\nInput: cup\nOutput: cups"


def test_plain_with_examples() -> None:
    prompt = write_prompt(TASK, "cup", positive_examples=1, negative_examples=5, explanations=True)
    assert prompt == (
        "Definition: Write the plural\n"
        "Input: cat\nOutput: cats\nBecause: Add s.\n"
        "Input: dog\nWrong output: dogz\nBecause: No z\n"
        "Input: cup\nOutput:"
    )


def test_tk_instruct_as_upstream_writes_it() -> None:
    prompt = write_prompt(TASK, "cup ", "tk_instruct", positive_examples=2, negative_examples=1)
    assert prompt == (
        "Definition: Write the plural.\n\n"
        " Positive Example 1 -\nInput: cat.\n Output: cats.\n\n"
        " Positive Example 2 -\nInput: Is it a box?\n Output: boxes!\n\n"
        " Negative Example 1 -\nInput: dog.\n Output: dogz.\n\n"
        "Now complete the following example -\nInput: cup.\nOutput: "
    )
    assert write_answer(" cups", "tk_instruct") == "cups"


def test_tk_instruct_with_explanations() -> None:
    prompt = write_prompt(TASK, "cup.", "tk_instruct", positive_examples=9, negative_examples=1, explanations=True)
    assert prompt == (
        "Definition: Write the plural.\n\n"
        " Positive Example 1 -\nInput: cat.\n Output: cats.\n Explanation: Add s.\n\n"
        " Positive Example 2 -\nInput: Is it a box?\n Output: boxes!\n Explanation: Add es.\n\n"
        " Positive Example 3 -\nInput: man.\n Output: men.\n\n"
        " Negative Example 1 -\nInput: dog.\n Output: dogz.\n Explanation: No z.\n\n"
        "Now complete the following example -\nInput: cup.\nOutput: "
    )


def test_chat() -> None:
    assert write_messages(TASK, "cup ") == [{"role": "user", "content": "Write the plural\n\ncup"}]
    assert write_messages(TASK, "cup", positive_examples=1) == [
        {"role": "user", "content": "Write the plural\n\ncat"},
        {"role": "assistant", "content": "cats"},
        {"role": "user", "content": "cup"},
    ]
    assert write_answer(" cups ", "chat") == "cups"


def test_braces_and_markup_are_only_text() -> None:
    assert write_prompt(TASK, "{n} {text} <b>") == "Definition: Write the plural\nInput: {n} {text} <b>\nOutput:"


def test_an_unknown_encoding_and_a_misused_one() -> None:
    with pytest.raises(TaskError, match="no encoding 'alpaca'. Choose one of: plain, tk_instruct, chat."):
        write_prompt(TASK, "cup", "alpaca")
    with pytest.raises(TaskError, match="Use write_messages"):
        write_prompt(TASK, "cup", "chat")
    assert TEMPLATE_NAMES == ("plain", "tk_instruct", "chat")
