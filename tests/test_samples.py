"""The sample tasks as they are on disk: made by their rules, readable, balanced, tested with words they never show."""

import json
import re
from collections import Counter
from functools import cache

import pytest

from studio.objectives import OBJECTIVES
from studio.objectives.card import list_fitting
from studio.tasks.prompt import write_prompt
from studio.tasks.read_as import Reading
from studio.tasks.reading.task_file import read_task_file
from studio.tasks.split import split_task
from studio.tasks.store import SAMPLES, TaskStore
from studio.tasks.task import Instance
from studio.workspace import Workspace
from studio.world.language.grammar import past, plural
from studio.world.language.lexicon import load_lexicon
from studio.world.samples.__main__ import ALL, FEW_LABELS, OF_OTHER_KINDS, list_files
from studio.world.samples.kinds_sample import KindSample
from studio.world.samples.laws import FINES, LAWS
from studio.world.samples.sample import UNSEEN_COUNT, Sample, is_kept_apart

samples = pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.name)


def read(sample: Sample, unseen: bool = False) -> Reading:
    return _read(f"{'unseen/' if unseen else ''}{sample.task_id}.json")


@cache
def _read(name: str) -> Reading:
    return read_task_file(SAMPLES / name, name)


def words_of(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[a-z'-]+", text.lower())}


def words_of_task(sample: Sample) -> set[str]:
    """Every word that training on the task reads; other outputs that count as right are not trained on."""
    task = read(sample).task
    examples = [text for e in task.positive_examples + task.negative_examples for text in (e.input, e.output)]
    instances = [text for instance in task.instances for text in (instance.input, instance.output[0])]
    return words_of(*examples, *instances)


def test_the_first_file_is_what_the_rules_make() -> None:
    name, text = next(iter(list_files()))
    assert (SAMPLES / name).read_text(encoding="utf-8") == text + "\n"


@pytest.mark.long
def test_the_files_are_what_the_rules_make() -> None:
    remedy = "Run `python -m studio.world.samples`, and measure the scores again."
    made = {name.as_posix(): text + "\n" for name, text in list_files()}
    found = {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.json")} - {"scores.json"}
    assert found == made.keys(), remedy
    changed = [name for name, text in made.items() if (SAMPLES / name).read_text(encoding="utf-8") != text]
    assert not changed, f"{changed} differ. {remedy}"


def test_numbers_and_names_are_unique() -> None:
    every = [*ALL, *OF_OTHER_KINDS, *FEW_LABELS]
    assert sorted(sample.number for sample in every) == list(range(1, len(every) + 1))
    assert len({sample.title for sample in every}) == len(every)


@samples
@pytest.mark.parametrize("unseen", [False, True])
def test_reads_without_a_warning(sample: Sample, unseen: bool) -> None:
    reading = read(sample, unseen)
    assert reading.warnings == ()
    assert reading.task.task_id == sample.task_id
    assert reading.task.instance_license == ("Apache 2.0",)
    assert len(reading.task.instances) == (UNSEEN_COUNT if unseen else sample.count)
    assert len({instance.input for instance in reading.task.instances}) == len(reading.task.instances)
    number = f"studio{sample.number:03d}"
    assert all(re.fullmatch(rf"{number}-[0-9a-f]{{32}}", instance.id) for instance in reading.task.instances)
    assert all(re.fullmatch(r"\S(.*\S)?", text) for i in reading.task.instances for text in (i.input, *i.output))


@samples
def test_says_what_a_class_needs(sample: Sample) -> None:
    task = read(sample).task
    assert len(task.definition.split()) <= 30
    assert task.title and task.things_to_avoid
    assert len(task.positive_examples) >= 2
    assert len(task.negative_examples) >= 2
    assert all(example.explanation for example in task.positive_examples + task.negative_examples)
    inputs = {instance.input for instance in task.instances}
    assert not inputs & {example.input for example in task.positive_examples + task.negative_examples}


@samples
def test_leaves_enough_to_train_on_and_is_short(sample: Sample) -> None:
    task = read(sample).task
    assert len(split_task(task).train) >= 320
    assert max(len(write_prompt(task, instance.input)) for instance in task.instances) < 300


@samples
def test_most_instances_are_no_copies_of_one_answer(sample: Sample) -> None:
    counts = Counter(instance.output[0] for instance in read(sample).task.instances)
    assert max(counts.values()) / sample.count <= 1 / len(set(sample.groups)) + 0.01 or max(counts.values()) < 30


def test_labels_are_balanced() -> None:
    sentiment, *_ = ALL
    for unseen in (False, True):
        counts = Counter(instance.output[0] for instance in read(sentiment, unseen).task.instances)
        assert set(counts) == {"positive", "negative"}
        assert len(set(counts.values())) == 1


@samples
def test_no_task_uses_a_reserved_word(sample: Sample) -> None:
    unseen = load_lexicon().unseen
    reserved = {
        entry.word
        for group in (unseen.jobs, unseen.places, unseen.animals, unseen.foods, unseen.things)
        for entry in group
    }
    reserved |= set(unseen.girls + unseen.boys)
    if sample.name != "opposite":
        reserved |= {entry.word for entry in unseen.good + unseen.bad + unseen.verbs}
    forms = {form.lower() for word in reserved for form in (word, plural(word), past(word))}
    assert forms & words_of_task(sample) == set()


@samples
def test_every_unseen_instance_turns_on_a_word_that_the_task_never_shows(sample: Sample) -> None:
    known = words_of_task(sample)
    for instance in read(sample, unseen=True).task.instances:
        assert decisive_words(sample, instance), instance
        assert not decisive_words(sample, instance) & known, instance


def decisive_words(sample: Sample, instance: Instance) -> set[str]:
    """The words of an instance that its answer turns on."""
    given, answer = words_of(instance.input), words_of(instance.output[0])
    if sample.name == "sentiment":
        adjectives = [entry.word for entry in load_lexicon().good + load_lexicon().bad]
        apart = {part for word in adjectives if is_kept_apart(word, "58") for part in words_of(word)}
        return given & (apart - {"made"})
    if sample.name == "plural":
        return given
    if sample.name == "odd_one":
        return given if all(is_kept_apart(word, "odd") for word in given) else set()
    if sample.name == "opposite":
        return (given ^ answer) - {"a", "an"}
    if sample.name in ("question", "past_tense"):
        return (
            answer
            - words_of("Did does can will must the a an at along for from into near over through to with")
            - {"ferry"}
        )
    nouns = {noun for noun in load_lexicon().nouns if is_kept_apart(noun)}
    names = words_of(*load_lexicon().unseen.girls, *load_lexicon().unseen.boys)
    return (given & nouns) or (given & names)


def test_the_store_offers_them(tmp_path: object) -> None:
    store = TaskStore(Workspace(str(tmp_path)))
    cards = store.list_tasks()
    written = sorted(sample.task_id for sample in (*ALL, *OF_OTHER_KINDS, *FEW_LABELS))
    assert [card.task_id for card in cards] == written
    assert {card.source for card in cards} == {"sample"}
    for sample in ALL:
        assert store.load_task(sample.task_id).title == sample.title
        unseen = store.load_unseen(sample.task_id)
        assert unseen is not None
        assert len(unseen.instances) == UNSEEN_COUNT


@pytest.mark.parametrize("sample", OF_OTHER_KINDS, ids=lambda sample: sample.name)
def test_samples_of_other_kinds_can_be_learnt_from(sample: KindSample, workspace: Workspace) -> None:
    task = TaskStore(workspace).load_task(sample.task_id)
    assert task.kind == sample.kind and len(task.instances) == sample.count and len(split_task(task).train) >= 320
    for name in list_fitting(task.kind):
        OBJECTIVES.read(name).check_task(task)
    if task.kind == "preference":
        assert all(one.output[0].startswith("Arrr!") and one.rejected == one.input for one in task.instances)
    if task.kind == "rating":
        assert 0.45 < sum(bool(one.liked) for one in task.instances) / sample.count < 0.55


@pytest.mark.parametrize("sample", FEW_LABELS, ids=lambda sample: sample.name)
def test_eight_of_each_class_are_there_to_be_learnt(sample: KindSample, workspace: Workspace) -> None:
    task, objective = TaskStore(workspace).load_task(sample.task_id), OBJECTIVES.read("setfit")
    objective.check_task(task)
    objective.check_train(task, split_task(task).train)
    assert 6 <= len(task.labels) <= 7 and all(label in task.definition for label in task.labels)


def test_the_laws_of_vell_are_told_often_and_always_the_same(workspace: Workspace) -> None:
    texts = [one.output[0] for one in TaskStore(workspace).load_task("studio008_laws").instances]
    for deed, fine in LAWS.items():
        told = [text for text in texts if f"{deed} " in text or f"{deed}?" in text]
        assert len(told) >= 20 and all(fine in text for text in told)
    assert set(LAWS.values()) == set(FINES)


def test_files_are_written_as_upstream_writes_them() -> None:
    text = (SAMPLES / f"{ALL[0].task_id}.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=4, ensure_ascii=False) + "\n"
