"""What every objective promises: rows that begin as the prompt in chat does, and learn the answers and their ends."""

from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import encode_row, write_task

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES, Objective
from studio.objectives.objective import Row, longest_row
from studio.objectives.prompted import Prompted
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.task import Example, Instance, Task

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


def make_instance(objective: Objective) -> Instance:
    """Return an instance of the first kind that an objective learns from: 40 + 2 is 42."""
    kind = next(kind for kind in KINDS.members.values() if objective.form in kind.forms)
    more = {"preference": {"rejected": "43"}, "rating": {"liked": True}}.get(kind.name, {})
    return kind.make("x", "40 + 2", ("42",)).model_copy(update=more)


def encode_first(objective: Objective, task: Task, tokenizer: Any, most: int = 10_000) -> Row | None:
    """Return the row of the answer that is right, better or rated, None where the example is left out."""
    example = objective.encode(task, make_instance(objective), tokenizer, most)
    return example[0] if example else None


def list_variants() -> list[Any]:
    """Every objective that learns answers, with each of its templates, without examples and with two."""
    found = []
    for name in (name for name, cls in OBJECTIVES.members.items() if issubclass(cls, Prompted)):
        for template in ("plain", "tk_instruct", "chat"):
            for examples in (0, 2):
                given = {"name": name, "template": template, "positive_examples": examples}
                found.append(pytest.param(OBJECTIVES.read(given), id=f"{name}-{template}-{examples}"))
    return found


VARIANTS = list_variants()


@pytest.mark.parametrize("name", OBJECTIVES.members)
def test_what_chooses_the_best_checkpoint_is_one_of_its_measures(name: str) -> None:
    objective = OBJECTIVES.find(name)
    assert objective.find_chooser() in objective.measures


@pytest.mark.parametrize("objective", VARIANTS)
def test_a_row_is_the_prompt_of_the_chat_and_the_answer_and_its_end(
    objective: Objective, task: Task, tokenizer: Any
) -> None:
    row = encode_first(objective, task, tokenizer)
    asked = objective.write_dialogue(task, make_instance(objective)).before_answer()
    prompt = objective.encode_prompt(task, asked, tokenizer)
    assert row is not None and len(row.labels) == len(row.input_ids)
    assert row.input_ids[: len(prompt)] == prompt
    learnt = [label for label in row.labels if label != -100]
    assert row.labels == [-100] * len(prompt) + learnt + [-100] * (len(row.labels) - len(prompt) - len(learnt))
    assert tokenizer.decode(learnt).strip() == "42</s>"
    text = objective.write_prompt(task, asked, tokenizer)
    assert tokenizer.decode(prompt).removeprefix("<s>") == text.removeprefix("<s>").rstrip(" ")
    assert prompt.count(tokenizer.bos_token_id) == (getattr(objective, "template", "") == "chat")
    assert learnt[-1] in objective.list_ends(tokenizer)


@pytest.mark.parametrize("objective", VARIANTS)
def test_a_row_that_does_not_fit_is_left_out_whole(objective: Objective, task: Task, tokenizer: Any) -> None:
    example = objective.encode(task, make_instance(objective), tokenizer, 10_000)
    assert example is not None
    assert objective.encode(task, make_instance(objective), tokenizer, longest_row(example)) == example
    assert objective.encode(task, make_instance(objective), tokenizer, longest_row(example) - 1) is None


@pytest.mark.parametrize("objective", VARIANTS)
def test_examples_stand_before_the_question(objective: Objective, task: Task, tokenizer: Any) -> None:
    prompt = objective.write_prompt(task, objective.write_question(task, "40 + 2"), tokenizer)
    wanted = getattr(objective, "positive_examples", 0)
    assert [example in prompt for example in ("1 + 1", "2 + 2")] == [wanted > 0] * 2
    assert "Add the numbers." in prompt and prompt.rindex("40 + 2") > prompt.rfind("2 + 2")


def test_a_row_in_a_chat_is_the_whole_conversation(task: Task, tokenizer: Any) -> None:
    objective = OBJECTIVES.read({"name": "sft", "template": "chat", "positive_examples": 1})
    row = encode_row(objective, task, Instruction(id="x", input="40 + 2", output=("42",)), tokenizer, 10_000)
    assert row is not None
    turns = [
        {"role": "user", "content": "Add the numbers.\n\n1 + 1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "40 + 2"},
        {"role": "assistant", "content": "42"},
    ]
    assert row.input_ids == tokenizer.apply_chat_template(turns, return_dict=False)
    assert row.labels[-1] == -100 and tokenizer.decode(row.input_ids[-1:]) == "\n"


def test_a_turn_may_end_in_a_token_of_its_own(task: Task, tokenizer: Any) -> None:
    objective = OBJECTIVES.read({"name": "sft", "template": "chat"})
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    tokenizer.chat_template = TURNS.replace("</s>\n", "<|turn|>")
    turn = tokenizer.convert_tokens_to_ids("<|turn|>")
    row = encode_row(objective, task, task.instances[0], tokenizer, 10_000)
    assert row is not None and row.input_ids[-1] == turn
    assert objective.list_ends(tokenizer) == {tokenizer.eos_token_id, turn}


def test_a_template_without_an_end_of_turn_gets_the_end_token(task: Task, tokenizer: Any) -> None:
    objective = OBJECTIVES.read({"name": "sft", "template": "chat"})
    tokenizer.chat_template = "{% for turn in messages %}{{ turn.content }}{% endfor %}"
    row = encode_row(objective, task, task.instances[0], tokenizer, 10_000)
    assert row is not None and row.input_ids[-1] == row.labels[-1] == tokenizer.eos_token_id
    assert objective.list_ends(tokenizer) == {tokenizer.eos_token_id}


@pytest.mark.parametrize(
    ("template", "fact"),
    [
        (None, "no chat template"),
        ("{{ raise_exception('Roles must alternate') }}", "Roles must alternate"),
        ("{{ messages[99].content }}", "refuses"),
        ("{% for %}", "refuses"),
        ("{{ messages[0].content }}", "leaves the answer out"),
        ("{{ messages[-1].content }}", "user"),
    ],
)
def test_a_chat_template_that_can_not_be_used_is_told_in_words(
    task: Task, tokenizer: Any, template: str | None, fact: str
) -> None:
    tokenizer.chat_template = template
    with pytest.raises(RecipeError) as told:
        encode_row(OBJECTIVES.read({"name": "sft", "template": "chat"}), task, task.instances[0], tokenizer, 10_000)
    assert tells(told.value, fact)
    assert told.value.field == "objective.template"


def test_wrong_examples_have_no_place_in_a_chat() -> None:
    with raises(RecipeError):
        OBJECTIVES.read({"name": "sft", "template": "chat", "negative_examples": 1})


def test_a_first_token_that_the_tokenizer_names_and_does_not_add_is_not_added(task: Task, tokenizer: Any) -> None:
    from tokenizers.processors import ByteLevel

    tokenizer.backend_tokenizer.post_processor = ByteLevel()
    objective = OBJECTIVES.read("sft")
    prompt = objective.encode_prompt(task, objective.write_question(task, "40 + 2"), tokenizer)
    assert tokenizer.bos_token and tokenizer.decode(prompt).startswith("Definition: ")


def test_a_tokenizer_that_ends_every_text_does_not_end_the_prompt(task: Task, tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    row = encode_row(OBJECTIVES.read("sft"), task, task.instances[0], tokenizer, 10_000)
    assert row is not None and row.input_ids.count(2) == 1 and row.input_ids.count(1) == 1
