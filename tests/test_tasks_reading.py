"""What the reader takes: upstream's own files, the dialects in the wild, hostile texts; and that nothing is lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telling import tells

from studio.tasks.kinds.instruction import Instruction
from studio.tasks.read_as import Reading
from studio.tasks.reading.task_file import read_task, read_task_file
from studio.tasks.task import KEY_ORDER, Example, Task, to_v2, write_v2

SHARED = Path(os.environ.get("STUDIO_SHARED") or Path(__file__).resolve().parents[2] / "shared")
UPSTREAM = SHARED / "natural_instructions"
COUNTS = {
    "subtask033_winogrande_answer_generation": 80,
    "task040_qasc_question_generation": 6500,
    "task1146_country_capital": 231,
    "task1155_bard_analogical_reasoning_trash_or_treasure": 546,
    "task117_spl_translation_en_de": 41,
    "task1657_gooaq_question_generation": 104,
    "task393_plausible_result_generation": 100,
    "task603_wikitext-103_fill_in_the_blank": 224,
    "task853_hippocorpus_long_text_generation": 104,
}

V1 = {"subtask033_winogrande_answer_generation", "task1155_bard_analogical_reasoning_trash_or_treasure"}
"""Files of the first version, which are written as the second."""


def make(**changes: Any) -> dict[str, Any]:
    """A small v2 object, with changes; a change to None takes a key away."""
    data: dict[str, Any] = {
        "Contributors": ["Ada"],
        "Source": ["synthetic"],
        "URL": [],
        "Categories": ["Misc."],
        "Reasoning": [],
        "Definition": ["Say the colour."],
        "Input_language": ["English"],
        "Output_language": ["English"],
        "Instruction_language": ["English"],
        "Domains": ["Colours"],
        "Positive Examples": [{"input": "sky", "output": "blue", "explanation": "It is blue."}],
        "Negative Examples": [{"input": "sky", "output": "loud", "explanation": "No colour."}],
        "Instances": [{"id": f"task1-{n}", "input": f"thing {n}", "output": ["red"]} for n in range(5)],
        "Instance License": ["Apache 2.0"],
    }
    return {key: value for key, value in (data | changes).items() if value is not None}


def read(data: Any, name: str = "task1_colour.json") -> Reading:
    return read_task(json.dumps(data).encode(), name)


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="upstream's files are not here")
@pytest.mark.parametrize("name", COUNTS)
def test_upstream_file(name: str) -> None:
    path = UPSTREAM / f"{name}.json"
    reading = read_task_file(path, path.name)
    assert len(reading.task.instances) == COUNTS[name]
    assert reading.task.task_id == name
    assert len({instance.id for instance in reading.task.instances}) == COUNTS[name]
    assert read_task(write_v2(reading.task).encode(), path.name) == Reading(task=reading.task)


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="upstream's files are not here")
@pytest.mark.parametrize("name", sorted(COUNTS.keys() - V1))
def test_upstream_file_of_today_is_written_as_it_was(name: str) -> None:
    path = UPSTREAM / f"{name}.json"
    reading, raw = read_task_file(path, path.name), json.loads(path.read_text(encoding="utf-8"))
    is_odd = name == "task603_wikitext-103_fill_in_the_blank"
    if is_odd:
        raw["URL"] = []
        assert tells(reading.warnings[0], "9 NaN JSON")
    else:
        assert reading.warnings == ()
    exported = to_v2(reading.task)
    assert exported == raw
    assert list(exported) == list(raw)
    assert is_odd or write_v2(reading.task) == path.read_text(encoding="utf-8")


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="upstream's files are not here")
def test_v1_examples_are_read() -> None:
    path = UPSTREAM / "subtask033_winogrande_answer_generation.json"
    task = read_task_file(path, path.name).task
    assert task.title == "Answering a fill in the blank question on objects"
    assert task.emphasis == ""
    assert task.things_to_avoid.startswith("Your answer must not contain")
    assert task.positive_examples[0].explanation
    assert task.negative_examples[0].explanation
    assert task.negative_examples[0].suggestion == ""


def test_clean_v2_gives_no_warning_and_comes_back_equal() -> None:
    reading = read(make())
    assert reading.warnings == ()
    assert to_v2(reading.task) == make()
    assert json.loads(write_v2(reading.task)) == make()


def test_unknown_keys_are_kept_and_told() -> None:
    data = make(**{"Prompt Name": "x", "Instruction Source": ["y"]})
    data["Instances"][0]["split"] = "test"
    data["Positive Examples"][0]["level"] = {"hard": 1.5}
    reading = read(data)
    assert to_v2(reading.task) == data
    assert len(reading.warnings) == 1 and tells(reading.warnings[0], ("Prompt Name", "Instruction Source"))


def test_sapt_dialect() -> None:
    data = make(Categories="Misc.", Domains="Colours", Contributors=None, Source=None, Reasoning=None)
    data["Instances"] = [{"id": "a", "input": "x", "output": "red"}, {"id": "b", "input": "y", "output": "blue"}]
    reading = read(data)
    assert reading.task.categories == ("Misc.",)
    assert [instance.output for instance in reading.task.instances] == [("red",), ("blue",)]
    assert any(tells(text, "Instances[0].output Instances[1].output") for text in reading.warnings)


def test_early_v2_has_a_text_for_definition_and_no_ids() -> None:
    data = make(Definition="Say the colour.")
    for instance in data["Instances"]:
        del instance["id"]
    first, second = read(data), read(data)
    assert first.task.definition == "Say the colour."
    assert first == second
    assert all(instance.id.startswith("task1-") for instance in first.task.instances)
    data["Instances"].reverse()
    assert {i.id for i in read(data).task.instances} == {i.id for i in first.task.instances}


def test_v1_placeholders_are_dropped() -> None:
    data = {
        "Title": "T",
        "Prompt": "P",
        "Definition": "D",
        "Things to Avoid": "- ",
        "Emphasis & Caution": "-",
        "Instances": [{"input": "a", "output": ["b"]}],
        "Examples": {
            "Positive Examples": [{"input": "a", "output": "b", "reason": "why", "suggestion": " "}],
            "Negative Examples": ["-"],
        },
    }
    task = read(data).task
    assert (task.title, task.prompt, task.things_to_avoid, task.emphasis) == ("T", "P", "", "")
    assert task.positive_examples == (Example(input="a", output="b", explanation="why"),)
    assert task.negative_examples == ()


@pytest.mark.parametrize(
    ("key", "near"),
    [("Instances", "instances"), ("Definition", "definition"), ("Input_language", "Input_Language"),
     ("Positive Examples", "Positive_Examples"), ("Instance License", "instance license")],
)  # fmt: skip
def test_near_miss_keys(key: str, near: str) -> None:
    data = make()
    data[near] = data.pop(key)
    reading = read(data)
    assert reading.warnings == (f"The key {near!r} was read as {key!r}.",)
    assert to_v2(reading.task) == make()


def test_things_to_avoid_near_miss_and_capitals_in_instances() -> None:
    data = make(**{"Things to avoid": "Whole sentences."})
    data["Instances"] = [{"ID": "a", "Input": "x", "Output": ["y"]}]
    task = read(data).task
    assert task.things_to_avoid == "Whole sentences."
    assert task.instances == (Instruction(id="a", input="x", output=("y",)),)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings(encoding: str) -> None:
    data = make(Definition=["Größe ✓ 日本"])
    reading = read_task(json.dumps(data, ensure_ascii=False).encode(encoding), "a.json")
    assert reading.task.definition == "Größe ✓ 日本"
    assert bool(reading.warnings) == (encoding != "utf-8-sig")


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [("cp1252", "it’s a “Café” – très déjà", "Windows-1252"), ("cp1252", "Straße für Mädchen", "Windows-1252"),
     ("cp1251", "Привет, как дела у тебя сегодня", "Windows-1251"), ("cp1250", "Zażółć gęślą jaźń", "Windows-1250")],
)  # fmt: skip
def test_old_encodings_are_told_with_a_preview(encoding: str, text: str, shown: str) -> None:
    raw = json.dumps(make(Definition=[text]), ensure_ascii=False).encode(encoding)
    reading = read_task(raw, "a.json")
    assert reading.task.definition == text
    assert "is not UTF-8" in reading.warnings[0]
    assert shown in reading.warnings[0]


def test_doubled_keys_are_told() -> None:
    text = json.dumps(make()).replace('"URL": []', '"URL": [], "Definition": ["Other."]', 1)
    reading = read_task(text.encode(), "a.json")
    assert any(tells(warning, "Definition twice") for warning in reading.warnings)


def test_doubled_ids_get_new_ones() -> None:
    data = make()
    data["Instances"][3]["id"] = "task1-0"
    reading = read(data)
    assert len({instance.id for instance in reading.task.instances}) == 5
    assert "the same id" in reading.warnings[0]


def test_blank_outputs_are_left_out_and_told() -> None:
    data = make()
    data["Instances"][1]["output"] = [" "]
    data["Instances"][2]["output"] = []
    reading = read(data)
    assert len(reading.task.instances) == 3
    assert "Instances[1] (id task1-1), Instances[2] (id task1-2)" in reading.warnings[0]


def test_huge_number_is_nothing() -> None:
    reading = read_task(json.dumps(make(Weight=1)).replace('"Weight": 1', '"Weight": 1e999').encode(), "a.json")
    assert reading.task.extra == {"Weight": None}
    assert "1e999 is not JSON" in reading.warnings[0]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{ 7*7 }} ${x} %s {0}",
    "'; DROP TABLE tasks; --",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "a\u200bb\u2028c\u2029d\ufeff",
    "👩‍👩‍👧 e\u0301",
    "\x01\x1b[31m\x7f",
    "  leading and trailing \n\t",
    "\\u0041 \\n \\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_kept_verbatim(text: str) -> None:
    data = make(Definition=[text], Title=text)
    data["Instances"][0] |= {"input": text, "output": [text, text]}
    reading = read(data)
    assert to_v2(reading.task) == data
    again = read_task(write_v2(reading.task).encode(), "task1_colour.json")
    assert again.task == reading.task


words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
spoken = words.filter(lambda text: text.strip() != "")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | words, lambda inner: st.lists(inner, max_size=3)
)
extras = st.dictionaries(
    words.map(lambda text: f"9 {text}").filter(lambda t: not any(map(str.isalpha, t))), json_values
)
examples = st.builds(Example, input=words, output=words, explanation=words, suggestion=words, extra=extras)
texts = st.lists(words, max_size=3).map(tuple)
list_fields = ["categories", "domains", "source", "urls", "reasoning", "contributors", "input_languages",
               "output_languages", "instruction_languages", "instance_license"]  # fmt: skip


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    ids = draw(st.lists(spoken, min_size=1, max_size=6, unique=True))
    instances = tuple(
        Instruction(
            id=id, input=draw(words), output=tuple(draw(st.lists(spoken, min_size=1, max_size=3))), extra=draw(extras)
        )
        for id in ids
    )
    return Task(
        task_id="task1_x",
        definition=draw(spoken),
        instances=instances,
        positive_examples=tuple(draw(st.lists(examples, max_size=2))),
        negative_examples=tuple(draw(st.lists(examples, max_size=2))),
        title=draw(words),
        prompt=draw(words),
        things_to_avoid=draw(words),
        emphasis=draw(words),
        more_definitions=draw(texts),
        extra=draw(extras),
        **{field: draw(texts) for field in list_fields},
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(task=tasks())
def test_what_is_written_is_read_back(task: Task) -> None:
    reading = read_task(write_v2(task).encode(), "task1_x.json")
    assert reading.task == task
    assert reading.task.version == task.version


def test_version_is_of_the_content_and_not_of_the_name() -> None:
    one, other = read(make(), "a.json").task, read(make(), "b.json").task
    assert one.version == other.version
    assert len(one.version) == 12
    assert read(make(Definition=["Else."])).task.version != one.version


def test_a_copy_has_a_version_of_its_own() -> None:
    task = read(make()).task
    first = task.version
    changed = task.model_copy(update={"definition": "Else."})
    assert changed.version not in ("", first) and changed.labels == task.labels
    assert task.model_copy(update={"task_id": "other"}).version == first


def test_key_order_is_upstreams() -> None:
    shown = [key for key in KEY_ORDER if key not in ("Title", "Prompt", "Things to Avoid", "Emphasis & Caution")]
    assert shown == list(make())


@pytest.mark.parametrize(
    ("name", "heading"),
    [("task1146_country_capital.json", "Country capital"), ("subtask033_winogrande_answer.json", "Winogrande answer"),
     ("my list of colours.json", "My list of colours"), ("日本.json", "Say the colour.")],
)  # fmt: skip
def test_heading_without_a_title(name: str, heading: str) -> None:
    assert read(make(), name).task.heading == heading
    assert read(make(Title="Colours"), name).task.heading == "Colours"


def test_labels() -> None:
    data = make(Instances=[{"input": str(n), "output": ["yes" if n % 3 else "no"]} for n in range(12)])
    assert read(data).task.labels == ("yes", "no")
    assert read(make(Instances=[{"input": "a", "output": [str(n)]} for n in range(9)])).task.labels == ()
