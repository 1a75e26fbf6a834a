"""What every objective promises: rows that begin as the prompt in chat does, and learn the answer and its end alone."""

from pathlib import Path
from typing import Any

import pytest
from tiny import write_task

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES, Objective
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.task import Example, Task

TURNS = (
    "{{ bos_token }}{% for turn in messages %}<|{{ turn.role }}|>{{ turn.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""A chat template as models have them: its turns end in the end token and a new line."""


@pytest.fixture(scope="module")
def task() -> Task:
    """The task of sums, read into the schema by hand."""
    data = write_task()
    return Task(
        task_id="sums",
        definition=data["Definition"][0],
        instances=tuple(Instruction(**one) for one in data["Instances"]),
        positive_examples=tuple(Example(**one) for one in data["Positive Examples"]),
        negative_examples=tuple(Example(**one) for one in data["Negative Examples"]),
    )


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    """The tiny model's tokenizer, with a chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = TURNS
    return tokenizer


def list_variants() -> list[Any]:
    """Every objective with each of its templates, without examples and with two."""
    found = []
    for name in OBJECTIVES.members:
        for template in ("plain", "tk_instruct", "chat"):
            for examples in (0, 2):
                given = {"name": name, "template": template, "positive_examples": examples}
                found.append(pytest.param(OBJECTIVES.read(given), id=f"{name}-{template}-{examples}"))
    return found


VARIANTS = list_variants()


@pytest.mark.parametrize("objective", VARIANTS)
def test_a_row_is_the_prompt_of_the_chat_and_the_answer_and_its_end(
    objective: Objective, task: Task, tokenizer: Any
) -> None:
    instance = Instruction(id="x", input="40 + 2", output=("42", "forty-two"))
    row = objective.encode(task, instance, tokenizer, 10_000)
    prompt = objective.encode_prompt(task, instance.input, tokenizer)
    assert row is not None and len(row.labels) == len(row.input_ids)
    assert row.input_ids[: len(prompt)] == prompt
    assert row.labels == [-100] * len(prompt) + row.input_ids[len(prompt) :]
    assert tokenizer.decode(row.input_ids[len(prompt) :]).strip() == "42</s>"
    assert tokenizer.decode(prompt).removeprefix("<s>") == objective.write_prompt(
        task, instance.input, tokenizer
    ).removeprefix("<s>")
    assert prompt[0] == tokenizer.bos_token_id and prompt.count(tokenizer.bos_token_id) == 1
    assert row.input_ids[-1] in objective.list_ends(tokenizer)


@pytest.mark.parametrize("objective", VARIANTS)
def test_a_row_that_does_not_fit_is_left_out_whole(objective: Objective, task: Task, tokenizer: Any) -> None:
    instance = task.instances[0]
    row = objective.encode(task, instance, tokenizer, 10_000)
    assert row is not None
    assert objective.encode(task, instance, tokenizer, len(row.input_ids)) == row
    assert objective.encode(task, instance, tokenizer, len(row.input_ids) - 1) is None


@pytest.mark.parametrize("objective", VARIANTS)
def test_examples_stand_before_the_question(objective: Objective, task: Task, tokenizer: Any) -> None:
    prompt = objective.write_prompt(task, "40 + 2", tokenizer)
    wanted = getattr(objective, "positive_examples", 0)
    assert [example in prompt for example in ("1 + 1", "2 + 2")] == [wanted > 0] * 2
    assert "Add the numbers." in prompt and prompt.rindex("40 + 2") > prompt.rfind("2 + 2")


def test_a_row_in_a_chat_begins_as_the_whole_conversation_does(task: Task, tokenizer: Any) -> None:
    """Prompt and answer are tokenised apart; together they are the tokens of the finished conversation."""
    objective = OBJECTIVES.read({"name": "sft", "template": "chat", "positive_examples": 1})
    row = objective.encode(task, Instruction(id="x", input="40 + 2", output=("42",)), tokenizer, 10_000)
    assert row is not None
    turns = [
        {"role": "user", "content": "Add the numbers.\n\n1 + 1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "40 + 2"},
        {"role": "assistant", "content": "42"},
    ]
    whole = tokenizer(tokenizer.apply_chat_template(turns, tokenize=False), add_special_tokens=False)["input_ids"]
    assert row.input_ids == whole[: len(row.input_ids)]
    assert tokenizer.decode(whole[len(row.input_ids) :]) == "\n"


def test_a_turn_may_end_in_a_token_of_its_own(task: Task, tokenizer: Any) -> None:
    objective = OBJECTIVES.read({"name": "sft", "template": "chat"})
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    tokenizer.chat_template = TURNS.replace("</s>\n", "<|turn|>")
    turn = tokenizer.convert_tokens_to_ids("<|turn|>")
    row = objective.encode(task, task.instances[0], tokenizer, 10_000)
    assert row is not None and row.input_ids[-1] == turn
    assert objective.list_ends(tokenizer) == {tokenizer.eos_token_id, turn}


def test_a_template_without_an_end_of_turn_gets_the_end_token(task: Task, tokenizer: Any) -> None:
    objective = OBJECTIVES.read({"name": "sft", "template": "chat"})
    for turn in ("{{ turn.content }}", "x"):
        tokenizer.chat_template = f"{{% for turn in messages %}}{turn}{{% endfor %}}"
        row = objective.encode(task, task.instances[0], tokenizer, 10_000)
        assert row is not None and row.input_ids[-1] == tokenizer.eos_token_id
        assert objective.list_ends(tokenizer) == {tokenizer.eos_token_id}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (None, "This model has no chat template, so it knows no turns. Choose the template plain."),
        ("{{ raise_exception('Roles must alternate') }}", "The model's chat template refuses these turns (Roles must"),
        ("{{ messages[99].content }}", "The model's chat template refuses these turns ("),
        ("{% for %}", "The model's chat template refuses these turns ("),
    ],
)
def test_a_chat_template_that_can_not_be_used_is_told_in_words(
    task: Task, tokenizer: Any, template: str | None, words: str
) -> None:
    tokenizer.chat_template = template
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "sft", "template": "chat"}).write_prompt(task, "1 + 1", tokenizer)
    assert str(told.value).startswith(words)
    assert told.value.field == "objective.template"


def test_wrong_examples_have_no_place_in_a_chat() -> None:
    with pytest.raises(RecipeError, match="A chat template has no place for wrong examples"):
        OBJECTIVES.read({"name": "sft", "template": "chat", "negative_examples": 1})


def test_a_tokenizer_without_a_first_token_gets_none(task: Task, tokenizer: Any) -> None:
    tokenizer.bos_token = None
    prompt = OBJECTIVES.read("sft").encode_prompt(task, "40 + 2", tokenizer)
    assert tokenizer.decode(prompt).startswith("Definition: ")


def test_a_tokenizer_that_ends_every_text_does_not_end_the_prompt(task: Task, tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    row = OBJECTIVES.read("sft").encode(task, task.instances[0], tokenizer, 10_000)
    assert row is not None and row.input_ids.count(2) == 1 and row.input_ids.count(1) == 1
