"""Inputs that once failed on the product, each with its right value: real files, which lie beside the project.

Each test is called as the case's folder is. The kind behind a case is tested where the kind is: conversations and rows
in test_templates.py and test_conversation.py, columns in test_tasks_columns.py, turns in test_tasks_turns.py, files in
test_tasks_tables.py, test_tasks_workbook.py and test_tasks_encoding.py, models in test_models.py, test_stored.py and
the zoo; `two-signals-hang` in test_interruption.py. Without the files all of these are skipped.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from studio.errors import ModelError, RecipeError
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.tasks.reading.rows import MappingNeeded
from studio.workspace import Workspace

CASES = Path(os.environ.get("STUDIO_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "cases"
TASK = "studio002_question"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the files of the cases aren't here")


class Seen(NamedTuple):
    """A row in letters: what is read, what is learnt, all of it, and its tokens."""

    read: str
    learnt: str
    whole: str
    ids: list[int]


class Bench:
    """A studio, and the cases' own way of making models."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.studio = folder, Studio(Workspace(folder / "home"), InlineLauncher())

    def upload(self, slug: str, name: str) -> Any:
        """Import a file of a case and return the task."""
        return self.studio.import_task(CASES / slug / name, name).task

    def make(self, slug: str) -> str:
        """Make the model of a case and return its folder."""
        place = self.folder / slug
        if not place.exists():
            spec = importlib.util.spec_from_file_location("make_model", CASES / "00-how-to" / "make_model.py")
            assert spec and spec.loader
            maker = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(maker)
            maker.main(CASES / slug, str(place))
        return str(place)

    def see(self, task_id: str, place: int = 0, model: str = "builtin", template: str = "plain") -> Seen:
        """Return a row as the trainer gets it."""
        recipe = {"task_id": task_id, "model": model, "objective": {"name": "sft", "template": template}}
        pieces = self.studio.data.see(recipe, place)[1].pieces
        read, learnt = ("".join(piece.text for piece in pieces if piece.learnt is side) for side in (False, True))
        return Seen(read, learnt, "".join(piece.text for piece in pieces), [piece.token for piece in pieces])

    def estimate(self, slug: str, **changes: Any) -> Any:
        """Return the estimate of a case's model."""
        return self.studio.estimate({"task_id": TASK, "model": self.make(slug), **changes})

    def count_in_run(self, slug: str, **changes: Any) -> tuple[int, int]:
        """Train a step and return what the run counted: trainable, total."""
        training = {"max_steps": 1, "batch_size": 2, "evaluate_every": 0, "sample_every": 0, "save_every": 0}
        recipe = {"task_id": TASK, "model": self.make(slug), "training": training, **changes}
        run_id = self.studio.start_run(recipe)
        self.studio.scheduler.start_next()
        assert self.studio.run_status(run_id).status == "finished", self.studio.run_status(run_id).error
        events = {event["event"]: event for event in self.studio.run_events(run_id).events}
        return events["counted"]["trainable"], events["counted"]["total"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One studio for all cases."""
    return Bench(tmp_path_factory.mktemp("cases"))


def load_tokenizer(folder: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def chat_history_is_dropped(bench: Bench, slug: str) -> None:
    seen = bench.see(bench.upload(slug, "chat.jsonl").task_id)
    assert all(text in seen.whole for text in ("You are a waiter in Oslo.", "What is there to eat?", "And to drink?"))
    assert "soup" in seen.learnt and "milk" in seen.learnt and "soup" not in seen.read
    assert bench.studio.estimate({"task_id": "chat", "model": "builtin"}).trainable


def tool_call_as_wire_json(bench: Bench, slug: str) -> None:
    seen = bench.see(bench.upload(slug, "calls.jsonl").task_id)
    assert "call_7f3" not in seen.whole and "rain" in seen.learnt and "Oslo" in seen.learnt
    assert "Says whether it rains." in seen.read


def turn_with_weight_0_is_trained(bench: Bench, slug: str) -> None:
    seen = bench.see(bench.upload(slug, "weighted.jsonl").task_id)
    assert "Two." in seen.learnt and "Five." not in seen.learnt


def answer_inside_an_open_think(bench: Bench, slug: str) -> None:
    model = bench.make(slug)
    seen = bench.see(TASK, model=model, template="chat")
    assert seen.read.rstrip().endswith("</think>") and "think" not in seen.learnt
    task = bench.studio.load_task(TASK)
    asked = {"role": "user", "content": f"{task.definition}\n\n{task.instances[0].input}"}
    turns = [asked, {"role": "assistant", "content": task.instances[0].output[0]}]
    whole = load_tokenizer(model).apply_chat_template(turns, tokenize=True, return_dict=False)
    assert seen.ids == [*whole]


def second_blank_before_the_answer(bench: Bench, slug: str) -> None:
    from studio.tasks.prompt import write_answer, write_prompt

    model, task = bench.make(slug), bench.studio.load_task(TASK)
    tokenizer, one = load_tokenizer(model), task.instances[0]
    text = write_prompt(task, one.input) + write_answer(one.output[0])
    assert bench.see(TASK, model=model).ids == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]


def first_token_nobody_asked_for(bench: Bench, slug: str) -> None:
    model = bench.make(slug)
    assert bench.see(TASK, model=model).ids[0] == load_tokenizer(model)("Definition: Turn")["input_ids"][0]


def marks_in_a_text_become_control_tokens(bench: Bench, slug: str) -> None:
    model = bench.make("05-a-second-blank-before-the-answer")
    seen = bench.see(bench.upload(slug, "html.json").task_id, model=model)
    assert "<s>old</s>" in seen.learnt and seen.ids.count(2) == 1 and seen.ids.count(1) == 1


def context_of_a_question_is_dropped(bench: Bench, slug: str) -> None:
    for name, context in (("qa.jsonl", "context"), ("sql.jsonl", "context")):
        with pytest.raises(MappingNeeded) as asked:
            bench.upload(slug, name)
        assert context in asked.value.preview.guess.mapping.input


def system_column_beside_messages(bench: Bench, slug: str) -> None:
    first = bench.upload(slug, "system.jsonl").instances[0].messages[0]
    assert (first.role, first.content) == ("system", "You are a pirate. Stay so.")


def proposal_leaves_the_instruction_out(bench: Bench, slug: str) -> None:
    with pytest.raises(MappingNeeded) as asked:
        bench.upload(slug, "columns.jsonl")
    mapping = asked.value.preview.guess.mapping
    assert (mapping.instruction, mapping.input, mapping.output) == (("instruction",), ("context",), ("response",))


def optional_key_makes_a_fault(bench: Bench, slug: str) -> None:
    assert [one.output[0] for one in bench.upload(slug, "alpaca.json").instances] == ["5", "Hello.", "Good night.", "2"]


def header_that_is_also_a_value(bench: Bench, slug: str) -> None:
    task = bench.upload(slug, "faq.csv")
    assert len(task.instances) == 4 and task.instances[0].output == ("answer",)


def old_encodings_are_misread(bench: Bench, slug: str) -> None:
    assert bench.upload(slug, "polish_cp1250.csv").instances[0].input == "Co je kot w południe 0?"
    assert bench.upload(slug, "korean_cp949.csv").instances[0].input == "대한민국의 수도는 어디입니까 0?"


def line_breaks_of_excel(bench: Bench, slug: str) -> None:
    outputs = [one.output[0] for one in bench.upload(slug, "breaks.xlsx").instances]
    assert not any("_x000D_" in text for text in outputs) and any("\ntwo" in text for text in outputs)


def cell_as_the_sheet_shows_it(bench: Bench, slug: str) -> None:
    outputs = [one.output[0] for one in bench.upload(slug, "formats.xlsx").instances]
    assert {"01.03.2024", "00007", "25%", "3.50"} <= set(outputs)


def keys_that_parquet_added(bench: Bench, slug: str) -> None:
    task = bench.upload(slug, "calls.parquet")
    found = [bench.see(task.task_id, place).learnt for place in (0, 1)]
    assert "Oslo" in found[0] and "Lima" in found[1] and not any("null" in text for text in found)


def first_line_loses_its_indent(bench: Bench, slug: str) -> None:
    seen = bench.see(bench.upload(slug, "code.jsonl").task_id)
    assert "def add(a, b):\n    total = a + b\n    return total\n" in seen.whole
    assert "    total = a + b\n    return total\n" in seen.learnt


def turns_in_prompt_and_completion(bench: Bench, slug: str) -> None:
    first = bench.upload(slug, "turns.jsonl").instances[0]
    assert [turn.content for turn in first.messages] == ["What colour is the sky?", "Blue."]


def more_tokens_than_embeddings(bench: Bench, slug: str) -> None:
    with pytest.raises(ModelError) as refused:
        bench.estimate(slug, objective={"name": "sft", "template": "chat"})
    rows = json.loads((Path(bench.make(slug)) / "config.json").read_text())["vocab_size"]
    assert refused.value.field == "model" and str(rows) in str(refused.value) and str(rows + 2) in str(refused.value)


def count_forgets_the_experts(bench: Bench, slug: str) -> None:
    told = bench.estimate(slug, method={"name": "full"}, precision="bf16")
    assert told.trainable == told.total == bench.count_in_run(slug, method={"name": "full"}, precision="bf16")[0]


def no_estimate_for_a_gpt2_with_a_pad_token(bench: Bench, slug: str) -> None:
    assert bench.estimate(slug).memory_bytes


def no_estimate_for_experts_in_32_bits(bench: Bench, slug: str) -> None:
    assert bench.estimate(slug, precision="fp32").memory_bytes


def config_that_transformers_5_wrote(bench: Bench, slug: str) -> None:
    told = bench.estimate(slug)
    assert (told.trainable, told.total) == bench.count_in_run(slug)


def base_that_is_in_4_bits_already(bench: Bench, slug: str) -> None:
    folder = str(bench.folder / "stored")
    script = CASES / slug / "make_4bit.py"
    subprocess.run([sys.executable, str(script), bench.make(slug), folder], check=True, capture_output=True)
    facts = bench.studio.describe_model(folder)
    assert facts.parameters == 2_525_440
    for changes in ({"precision": "fp32"}, {"precision": "bf16"}, {"precision": "int8"}, {"method": {"name": "full"}}):
        with pytest.raises((RecipeError, ModelError)):
            bench.studio.estimate({"task_id": TASK, "model": folder, **changes})
    told = bench.studio.estimate({"task_id": TASK, "model": folder, "precision": "nf4"})
    assert 1.3e6 < told.memory["base weights"] < 2.1e6  # of 10 million bytes in 32 bits


def four_bits_that_are_none(bench: Bench, slug: str) -> None:
    for precision in ("nf4", "int8"):
        with pytest.raises((RecipeError, ModelError)) as refused:
            bench.estimate(slug, precision=precision)
        assert refused.value.field == "precision"


def model_that_looks_ahead(bench: Bench, slug: str) -> None:
    folder = Path(bench.make(slug))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertLMHeadModel"]}))
    with pytest.raises(ModelError) as refused:
        bench.estimate(slug)
    assert refused.value.field == "model"


def text_model_refused_by_its_name(bench: Bench, slug: str) -> None:
    told = bench.estimate(slug)
    assert (told.trainable, told.total) == bench.count_in_run(slug)


def choose_lora_says_the_error_about_lora(bench: Bench, slug: str) -> None:
    told = bench.estimate(slug)
    assert told.trainable == bench.count_in_run(slug)[0] and any("out_proj" in note for note in told.notes)


RIGHT: dict[str, Callable[[Bench, str], None]] = {
    "01-chat-history-is-dropped": chat_history_is_dropped,
    "02-tool-call-as-wire-json": tool_call_as_wire_json,
    "03-turn-with-weight-0-is-trained": turn_with_weight_0_is_trained,
    "04-answer-inside-an-open-think": answer_inside_an_open_think,
    "05-a-second-blank-before-the-answer": second_blank_before_the_answer,
    "06-a-first-token-nobody-asked-for": first_token_nobody_asked_for,
    "07-marks-in-a-text-become-control-tokens": marks_in_a_text_become_control_tokens,
    "08-the-context-of-a-question-is-dropped": context_of_a_question_is_dropped,
    "09-a-system-column-beside-messages": system_column_beside_messages,
    "10-the-proposal-leaves-the-instruction-out": proposal_leaves_the_instruction_out,
    "11-an-optional-key-makes-a-fault": optional_key_makes_a_fault,
    "12-a-header-that-is-also-a-value": header_that_is_also_a_value,
    "13-old-encodings-are-misread": old_encodings_are_misread,
    "14-line-breaks-of-excel": line_breaks_of_excel,
    "15-a-cell-as-the-sheet-shows-it": cell_as_the_sheet_shows_it,
    "16-keys-that-parquet-added": keys_that_parquet_added,
    "17-the-first-line-loses-its-indent": first_line_loses_its_indent,
    "18-turns-in-prompt-and-completion": turns_in_prompt_and_completion,
    "19-more-tokens-than-embeddings": more_tokens_than_embeddings,
    "20-the-count-forgets-the-experts": count_forgets_the_experts,
    "21-no-estimate-for-a-gpt2-with-a-pad-token": no_estimate_for_a_gpt2_with_a_pad_token,
    "22-no-estimate-for-experts-in-32-bits": no_estimate_for_experts_in_32_bits,
    "23-a-config-that-transformers-5-wrote": config_that_transformers_5_wrote,
    "24-a-base-that-is-in-4-bits-already": base_that_is_in_4_bits_already,
    "25-four-bits-that-are-none": four_bits_that_are_none,
    "26-a-model-that-looks-ahead": model_that_looks_ahead,
    "27-a-text-model-refused-by-its-name": text_model_refused_by_its_name,
    "28-choose-lora-says-the-error-about-lora": choose_lora_says_the_error_about_lora,
}


@pytest.mark.parametrize("slug", RIGHT)
def test_a_case_has_its_right_value(bench: Bench, slug: str) -> None:
    RIGHT[slug](bench, slug)


def test_every_case_is_here() -> None:
    there = {folder.name for folder in CASES.iterdir() if folder.is_dir()} - {"00-how-to", "two-signals-hang"}
    assert there == set(RIGHT)
