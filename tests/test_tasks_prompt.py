"""The encodings, letter by letter."""

import pytest
from telling import raises

from studio.errors import TaskError
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import TEMPLATE_NAMES, goes_on, write_answer, write_conversation, write_messages, write_prompt
from studio.tasks.task import Example, Origin, Task

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
    assert write_prompt(TASK, "cup") + write_answer("cups") == "Definition: Write the plural\nInput: cup\nOutput: cups"


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
    assert write_answer("cups", "tk_instruct") == "cups"


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
    assert write_answer("cups", "chat") == "cups"


def test_an_answer_keeps_its_white_space_and_an_input_the_indent_of_its_lines() -> None:
    code = "    total = a\n    return total\n"
    assert [write_answer(code, template) for template in TEMPLATE_NAMES] == [f" {code}", code, code]
    assert write_prompt(TASK, f"\n{code}").endswith(f"Input: {code.rstrip()}\nOutput:")
    assert write_messages(TASK, code)[0]["content"].endswith(f"\n\n{code.rstrip()}")


def test_a_conversation_in_lines() -> None:
    call = {"id": "call_7", "type": "function", "function": {"name": "rain", "arguments": '{"town": "Oslo"}'}}
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Rain in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "yes", "tool_call_id": "call_7"},
        {"role": "assistant", "content": "  Yes.\n"},
    ]
    tool = {"type": "function", "function": {"name": "rain"}}
    parts = write_conversation(turns, [tool])
    assert "".join(part.text for part in parts) == (
        'Definition: Be brief.\nTool: {"name": "rain"}\nInput: Rain in Oslo?\n'
        'Output: {"name": "rain", "arguments": {"town": "Oslo"}}\nResult: yes\nOutput:   Yes.\n\n'
    )
    assert [part.text for part in parts if part.answer == 4] == ["   Yes.\n"]


@pytest.mark.parametrize(("names", "asked"), [(("Ann", "Bob"), ("Ann: Hi", "Bob: Ho")), (("Ann", "Ann"), ("Hi", "Ho"))])
def test_where_several_people_speak_each_line_says_who(names: tuple[str, str], asked: tuple[str, str]) -> None:
    said = zip(names, ("Hi", "Ho"), strict=True)
    turns = [{"role": "user", "name": name, "content": text} for name, text in said]
    text = "".join(part.text for part in write_conversation([*turns, {"role": "assistant", "content": "Hm."}]))
    assert text == f"Input: {asked[0]}\nInput: {asked[1]}\nOutput: Hm.\n"


@pytest.mark.parametrize(
    ("prompt", "completion", "definition", "is_one_text"),
    [
        ("def add(a):\n", "    return a\n", "", True),
        ("Once upon", " a time", "", True),
        ("What is 2 + 2?", "4", "", False),
        ("def add(a):\n", "    return a\n", "Write code.", False),
    ],
)
def test_a_completion_with_its_own_white_space_goes_on_where_its_prompt_ends(
    prompt: str, completion: str, definition: str, is_one_text: bool
) -> None:
    mapping = Mapping(input=("prompt",), output=("completion",))
    task = Task(
        task_id="code",
        definition=definition,
        instances=(Instruction(id="a", input=prompt, output=(completion,)),),
        origin=Origin(format="prompt and completion", mapping=mapping),
    )
    assert goes_on(task) is is_one_text
    assert not goes_on(TASK)


def test_braces_and_markup_are_only_text() -> None:
    assert write_prompt(TASK, "{n} {text} <b>") == "Definition: Write the plural\nInput: {n} {text} <b>\nOutput:"


def test_an_unknown_encoding_and_a_misused_one() -> None:
    with raises(TaskError, "alpaca tk_instruct"):
        write_prompt(TASK, "cup", "alpaca")
    with raises(TaskError, "write_messages"):
        write_prompt(TASK, "cup", "chat")
    assert TEMPLATE_NAMES == ("plain", "tk_instruct", "chat")
