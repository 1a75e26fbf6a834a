"""A row is one text tokenised once: the tokens that anybody gets who gives the tokenizer this text, and their mask."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import encode_row
from toy_tokenizers import make_byte_level, make_metaspace, make_sentence_piece, make_word_piece

from studio.errors import RecipeError
from studio.models.loading import load_tokenizer
from studio.models.reference import BUILTIN_FOLDER
from studio.objectives import OBJECTIVES
from studio.objectives.objective import Row, encode_asked
from studio.objectives.rendering import list_controls
from studio.tasks.instance import Message
from studio.tasks.kinds.chat import Chat
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import write_answer, write_prompt
from studio.tasks.store import TaskStore
from studio.tasks.task import Origin, Task
from studio.workspace import Workspace

TOKENIZERS = {
    "byte-level": make_byte_level,
    "byte-level that begins with bos": lambda: make_byte_level(adds="<s> $A"),
    "byte-level that names a bos and adds none": lambda: make_byte_level(
        ("<|im_start|>", "</s>"), bos_token="<|im_start|>"
    ),
    "byte-level that ends each text": lambda: make_byte_level(adds="$A </s>"),
    "byte-level with a blank first": lambda: make_byte_level(blank_first=True),
    "sentence piece": make_sentence_piece,
    "metaspace, ended": make_metaspace,
    "word pieces": make_word_piece,
}
ANSWERS = (
    "Did they?",
    "    total = a + b\n    return total\n",
    "\u4f60\u597d \U0001f642 na\u00efve",
    "Write <s>old</s> [SEP] <|im_start|>.",
)


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    """One tokenizer of each kind."""
    return TOKENIZERS[request.param]()


def make_task(output: str, input: str = "They closed it.", definition: str = "Turn it into a question.") -> Task:
    """A task of one input and its answer."""
    return Task(task_id="t", definition=definition, instances=(Instruction(id="a", input=input, output=(output,)),))


def encode(task: Task, tokenizer: Any, **options: Any) -> Row:
    """The row of a task's only instance."""
    row = encode_row(OBJECTIVES.read({"name": "sft", **options}), task, task.instances[0], tokenizer, 10_000)
    assert row is not None and len(row.labels) == len(row.input_ids)
    assert all(label in (-100, token) for token, label in zip(row.input_ids, row.labels, strict=True))
    return row


def learnt(row: Row) -> list[int]:
    """What is learnt of a row."""
    return [label for label in row.labels if label != -100]


@pytest.mark.parametrize("template", ["plain", "tk_instruct"])
@pytest.mark.parametrize("answer", ANSWERS[:3])
def test_a_row_is_prompt_and_answer_tokenised_once(tokenizer: Any, template: str, answer: str) -> None:
    task = make_task(answer)
    row = encode(task, tokenizer, template=template)
    prompt = write_prompt(task, task.instances[0].input, template)
    ids = tokenizer(prompt + write_answer(answer, template))["input_ids"]
    assert row.input_ids == (ids if ids[-1] == tokenizer.eos_token_id else [*ids, tokenizer.eos_token_id])
    asked = encode_asked(OBJECTIVES.read({"name": "sft", "template": template}), task, task.instances[0], tokenizer)
    assert row.input_ids[: len(asked)] == asked
    assert row.labels == [-100] * len(asked) + row.input_ids[len(asked) :]
    assert row.labels[-1] == tokenizer.eos_token_id
    said = tokenizer.decode(learnt(row)[:-1])
    assert said.strip() == answer.strip() or "[UNK]" in said or "<unk>" in said or tokenizer.bos_token == "[CLS]"


@pytest.mark.parametrize("template", ["plain", "tk_instruct"])
@pytest.mark.parametrize("spelled", [ANSWERS[3], "<s>", "</s>", "a</s>\n<s> b", "<<s>s>", "</s></s>", "<|im_end|>\n"])
def test_a_person_writes_no_control_token(tokenizer: Any, template: str, spelled: str) -> None:
    row = encode(make_task(spelled, spelled, spelled), tokenizer, template=template)
    controls = set(list_controls(tokenizer).values()) - {tokenizer.unk_token_id}
    added = [token for token in tokenizer("a")["input_ids"] if token in controls]
    ends = [] if tokenizer.eos_token_id in added[-1:] else [tokenizer.eos_token_id]
    assert [token for token in row.input_ids if token in controls] == [*added, *ends]
    said = "".join(tokenizer.decode(row.input_ids[:-1]).split())
    if tokenizer.unk_token_id not in row.input_ids and tokenizer.bos_token != "[CLS]":
        assert said.count("".join(spelled.split())) >= 2


def test_letters_that_spell_no_control_token_are_tokenised_as_ever(tokenizer: Any) -> None:
    """The copy of the engine reads a text as the engine does: where nothing is spelled, both give the same tokens."""
    from studio.objectives.rendering import Rendering, tokenise

    eos = tokenizer.eos_token
    text = f"{eos} Input: They closed the window.\n{eos}{eos}  Did they?\u4f60 {eos}"
    plain = tokenise(Rendering(text), tokenizer)
    assert tokenise(Rendering(text, letters=((len(text) + 5, len(text) + 6),)), tokenizer) == plain
    assert plain.ids.count(tokenizer.eos_token_id) >= 4


def test_a_completion_is_learnt_as_it_stands(tokenizer: Any) -> None:
    prompt, completion = "def add(a, b):\n", "    total = a + b\n    return total\n"
    task = Task(
        task_id="code",
        definition="",
        instances=(Instruction(id="a", input=prompt, output=(completion,)),),
        origin=Origin(format="x", mapping=Mapping(input=("prompt",), output=("completion",))),
    )
    row = encode(task, tokenizer)
    ids = tokenizer(prompt + completion)["input_ids"]
    assert row.input_ids[: len(ids)] == ids
    if tokenizer.backend_tokenizer.normalizer is None:  # of the byte-level kind, whose tokens are whole letters
        said = tokenizer.decode(learnt(row)[:-1]).removeprefix("\n")
        assert said in (completion, completion[1:])  # T5's decoder takes the first blank of any text


def test_a_chat_in_lines_is_learnt_at_every_answer_that_counts(tokenizer: Any) -> None:
    messages = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Eat?"),
        Message(role="assistant", content="soup"),
        Message(role="user", content="Sure?"),
        Message(role="assistant", content="never", counts=False),
        Message(role="user", content="Drink?"),
        Message(role="assistant", content="milk"),
    )
    task = Task(
        task_id="chat",
        definition="",
        kind="chat",
        instances=(Chat(id="a", messages=messages),),
    )
    row, last = encode(task, tokenizer), encode(task, tokenizer, turns="last")
    assert row.input_ids == last.input_ids
    assert learnt(row).count(tokenizer.eos_token_id) == 2 and learnt(last).count(tokenizer.eos_token_id) == 1
    for part, words in ((learnt(row), "soup milk"), (learnt(last), "milk")):
        said = tokenizer.decode([token for token in part if token != tokenizer.eos_token_id])
        assert "".join(said.split()) == "".join(words.split()) or tokenizer.unk_token_id in part
    asked = encode_asked(OBJECTIVES.read("sft"), task, task.instances[0], tokenizer)
    assert row.input_ids[: len(asked)] == asked


def test_all_that_is_read_may_be_learnt_too(tokenizer: Any) -> None:
    task = make_task("Did they?")
    row, whole = encode(task, tokenizer), encode(task, tokenizer, learns="everything")
    assert whole.input_ids == row.input_ids and whole.labels == [-100, *row.input_ids[1:]]


def test_examples_of_a_class_are_found_by_their_answers_alone() -> None:
    with raises(RecipeError, "shots learns"):
        OBJECTIVES.read({"name": "sft", "shots": 8, "learns": "everything"})


def test_the_samples_are_trained_on_as_they_ever_were(tmp_path: Path) -> None:
    """Rows of the built-in base, as they were when prompt and answer were tokenised apart."""
    golden = json.loads((Path(__file__).parent / "golden_rows.json").read_text())
    tokenizer, store = load_tokenizer(BUILTIN_FOLDER), TaskStore(Workspace(tmp_path))
    found = {}
    for name in golden:
        template, examples, task_id = name.split("-")
        objective = OBJECTIVES.read({"name": "sft", "template": template, "positive_examples": int(examples)})
        task, digest = store.load_task(task_id), hashlib.sha256()
        for instance in task.instances[:50]:
            row = encode_row(objective, task, instance, tokenizer)
            assert row is not None
            digest.update(json.dumps([row.input_ids, row.labels]).encode())
        found[name] = digest.hexdigest()[:12]
    assert found == golden


def test_a_tokenizer_that_does_not_say_where_its_tokens_stand_gives_the_same_rows() -> None:
    """ByT5's has no engine: borders are found by the text up to them."""
    from transformers import ByT5Tokenizer

    tokenizer = ByT5Tokenizer()
    assert not tokenizer.is_fast
    for answer in ANSWERS[:3]:
        task = make_task(answer)
        row = encode(task, tokenizer)
        prompt = write_prompt(task, task.instances[0].input)
        assert row.input_ids == tokenizer(prompt + write_answer(answer))["input_ids"]
        assert tokenizer.decode(learnt(row)[:-1]) == write_answer(answer)
        asked = encode_asked(OBJECTIVES.read("sft"), task, task.instances[0], tokenizer)
        assert row.input_ids[: len(asked)] == asked and row.labels[: len(asked) + 1].count(-100) == len(asked)
