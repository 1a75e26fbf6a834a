"""Work on foreign things is done in a child: what takes too long or too much is ended, in words, and others go on."""

import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import odd_jobs
import psutil
import pytest
from bounded import within
from telling import raises
from tiny import import_task, wait_until, write_recipe, write_task

from studio.answering.column import make_base
from studio.answering.columns import Columns
from studio.answering.decoding import Text
from studio.answering.foreign_tokenizer import MOST_CONTROLS, Elsewhere, ForeignTokenizer
from studio.apart.job import find_job, read_plain, write_plain
from studio.apart.pool import LOG, Limits, Pool, open_answer
from studio.apart.told import BrokenWork, read_error, write_error
from studio.checkpoints.checkpoint import Stack
from studio.errors import InputError, ModelError, RecipeError, StudioError, TaskError
from studio.estimates.comparison import MethodCost
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.loading import load_tokenizer
from studio.objectives.rendering import Rendering, tokenise
from studio.objectives.template import render_chat_prompt
from studio.recipes.recipe import read_recipe
from studio.service import Studio, jobs
from studio.service.foreign import Foreign, find_elsewhere, is_heavy
from studio.shares.quota import Quota
from studio.tasks.dialogue import Dialogue
from studio.tasks.read_as import AS_IT_IS
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task_file
from studio.visitor import THE_ONE
from studio.workspace import Workspace

ALONE = None
"""The one person of a studio that isn't shared."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
        made = Pool(Limits(seconds=20, memory_bytes=1 << 30, answer_bytes=5_000_000, wait_seconds=0.2, of_all=6))
        yield made
        made.close()


def test_work_is_done_in_another_process_and_a_child_serves_again(pool: Pool) -> None:
    first = pool.run("anna", odd_jobs.find_process)
    assert first != os.getpid()
    assert pool.run("ben", odd_jobs.find_process) == first
    assert pool.run("anna", odd_jobs.add, 1, other=2) == 3


def test_what_the_work_raises_is_raised_with_all_it_carries(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("one,two\na,b\nc,d\n")
    with pytest.raises(MappingNeeded) as asked:
        pool.run("", jobs.read_file, file, file.name, None, False, AS_IT_IS)
    assert asked.value.field == "mapping" and asked.value.preview.columns == ("one", "two")


def test_a_bug_in_a_child_is_a_bug_here_with_its_traceback(pool: Pool) -> None:
    with pytest.raises(BrokenWork) as broke:
        pool.run("", odd_jobs.divide, 1, 0)
    assert "ZeroDivisionError" in str(broke.value) and "odd_jobs" in str(broke.value)


def test_a_child_that_ends_while_it_warms_up_breaks_no_thread(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken: list[object] = []
    monkeypatch.setattr(threading, "excepthook", broken.append)
    before = threading.enumerate()
    LOG.addHandler(caplog.handler)  # whatever another test did to its parents
    with caplog.at_level("INFO", LOG.name):
        pool.prepare(odd_jobs.die)
        for thread in set(threading.enumerate()) - set(before):
            thread.join()
    LOG.removeHandler(caplog.handler)
    assert not broken and "No child is warm yet" in caplog.text


def test_a_task_comes_back_as_it_was_read(pool: Pool, tmp_path: Path) -> None:
    for name, text in {
        "sums.json": json.dumps(write_task(30, Title="Sums \U0001f600", odd={"kept": [1, None]})),
        "chat.jsonl": json.dumps(
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
        ),
        "dpo.json": json.dumps([{"prompt": "a", "chosen": "b", "rejected": "c"}] * 2),
        "text.txt": "Once upon a time.\n\nThere was a text.",
    }.items():
        (tmp_path / name).write_text(text)
        here = read_task_file(tmp_path / name, name)
        there = pool.run("", jobs.read_file, tmp_path / name, name, None, False, AS_IT_IS)
        assert there == here and there.task.version == here.task.version, name


def test_work_that_takes_too_long_is_ended_in_words_and_the_next_is_done(pool: Pool) -> None:
    quick = Pool(pool.limits._replace(seconds=1))
    began = time.monotonic()
    with pytest.raises(InputError) as told:
        quick.run("anna", odd_jobs.sleep, 600)
    assert "1 seconds" in str(told.value) and time.monotonic() - began < 30
    quick.limits = pool.limits
    assert quick.run("anna", odd_jobs.add, 1, 2) == 3
    quick.close()


def test_a_pool_that_closes_leaves_no_child_working(pool: Pool) -> None:
    closing, told = Pool(pool.limits._replace(seconds=600)), list[InputError]()

    def work() -> None:
        with pytest.raises(InputError) as ended:
            closing.run(ALONE, odd_jobs.sleep, 600)
        told.append(ended.value)

    thread = threading.Thread(target=work)
    thread.start()
    child = wait_until(lambda: next(iter(closing._working), None))
    closing.close()
    thread.join(timeout=20)
    assert told and not child.is_alive()


def test_work_that_asks_for_all_memory_is_refused_in_words(pool: Pool) -> None:
    with pytest.raises(InputError) as told:
        pool.run("anna", odd_jobs.take_memory, 2 << 30)
    assert "1 GB" in str(told.value)
    assert pool.run("anna", odd_jobs.take_memory, 1000) == 1000


def test_an_answer_that_is_too_large_is_not_read(pool: Pool) -> None:
    with pytest.raises(InputError) as told:
        pool.run("anna", odd_jobs.write_letters, 6_000_000)
    assert "larger" in str(told.value)
    assert pool.run("anna", odd_jobs.write_letters, 3) == "xxx"


HOSTILE = {
    "no JSON": "\x80garbage",
    "a pickle": "cos\nsystem\n(S'true'\ntR.",
    "nested without end": "[" * 500_000,
    "another type": '["done", {"rank": "many"}]',
    "no pair": '["done"]',
    "an error of no class": '["refused", {"class": "Exception", "words": ["x"], "carried": {}}]',
    "an error that carries nothing": '["refused", {"class": "MappingNeeded", "words": "x", "carried": {}}]',
    "a kind there is not": '["__class__", null]',
    "a kind that is none": '[["done"], 3]',
    "nothing": "",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_an_answer_that_no_job_gives_is_none(case: str) -> None:
    assert open_answer(HOSTILE[case].encode(), odd_jobs.add) == ("odd", None)
    assert open_answer(HOSTILE[case].encode("utf-16"), odd_jobs.add) == ("odd", None)


def test_a_child_that_was_taken_over_is_ended_and_its_answer_refused(pool: Pool) -> None:
    with pytest.raises(InputError) as told:
        pool.run("anna", odd_jobs.answer_as, '["done", "many"]')
    assert "disturbed" in str(told.value)
    assert pool.run("anna", odd_jobs.add, 1, 2) == 3


def test_nothing_but_a_job_is_found() -> None:
    assert find_job("odd_jobs:add").name == "odd_jobs:add"
    for name in ("odd_jobs:no_job", "os:abort", "builtins:eval"):
        with pytest.raises(TypeError):
            find_job(name)


@pytest.mark.parametrize("error", [InputError("words", field="a"), ModelError("x" * 50_000), TaskError("\ud800")])
def test_an_error_is_written_and_read(error: StudioError) -> None:
    read = read_error(json.loads(write_plain(write_error(error)).decode("utf-8", "surrogatepass")))
    assert (type(read), read.field, str(read)) == (type(error), error.field, str(error)[:10_000])


@pytest.mark.long
def test_two_at_once_for_each_visitor_and_a_wait_holds_few_threads(pool: Pool) -> None:
    patient = Pool(pool.limits._replace(wait_seconds=60, waiting=3))
    threads = [threading.Thread(target=patient.run, args=("anna", odd_jobs.sleep, 3)) for _ in range(5)]
    for thread in threads:
        thread.start()
    while patient._busy["anna"] < 2 or patient._waiting["anna"] < 3:
        time.sleep(0.01)
    began = time.monotonic()
    with pytest.raises(InputError):
        patient.run("anna", odd_jobs.add, 1, 2)
    assert time.monotonic() - began < 1, "who can't wait is told at once"
    assert patient.run("ben", odd_jobs.add, 1, 2) == 3
    for thread in threads:
        thread.join()
    patient.close()


def test_one_person_alone_has_all_places_and_long_work_leaves_some(pool: Pool) -> None:
    threads = [threading.Thread(target=pool.run, args=(ALONE, odd_jobs.sleep_long, 3)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while pool._long.total() < 2:
        time.sleep(0.01)
    with pytest.raises(InputError):
        pool.run(ALONE, odd_jobs.sleep_long, 0)
    assert pool.run(ALONE, odd_jobs.add, 1, 2) == 3
    for thread in threads:
        thread.join()


def test_a_child_that_dies_costs_only_its_own_work(pool: Pool) -> None:
    with pytest.raises(InputError):
        pool.run("anna", odd_jobs.die)
    assert pool.run("anna", odd_jobs.add, 1, 2) == 3


def test_small_plain_files_are_read_here_and_packed_ones_apart(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(json.dumps(write_task()))
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    (tmp_path / "long.txt").write_text("a\n\n" * 100_000)
    (tmp_path / "old.csv").write_text("a,b\r" * 200_000)
    heavy = {path.name for path in (*tmp_path.iterdir(), tmp_path / "none") if is_heavy(path)}
    assert heavy == {"book.xlsx", "table.parquet", "long.txt", "old.csv"}


def test_a_packed_file_is_read_apart_with_the_same_words(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TaskError) as told:
        Foreign(pool, THE_ONE).read_file(tmp_path / "broken.xlsx", "broken.xlsx")
    assert "broken.xlsx" in str(told.value)


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def test_a_chat_template_that_asks_for_all_memory_or_never_ends(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    pool = Pool(Limits(seconds=600, memory_bytes=1 << 30))
    studio = Studio(workspace, InlineLauncher(), place=pool)
    task_id = import_task(workspace)
    for template, seconds, words in (("{{ 'a' * 2**35 }}", 600, ("1 GB", "memory")), (ENDLESS, 3, ("3 seconds",))):
        pool.limits = Limits(seconds=seconds, memory_bytes=1 << 30)  # the child has imported all it needs by then
        model = Path(shutil.copytree(tiny_model, tmp_path / f"model-{seconds}"))
        (model / "chat_template.jinja").write_text(template)
        recipe = write_recipe(model, task_id, objective={"name": "sft", "template": "chat"})
        with within(20), pytest.raises(StudioError) as told:  # the child's seconds are its own
            studio.data.see(recipe, 0)
        assert any(word in str(told.value) for word in words), str(told.value)
        assert studio.list_tasks(), "others go on"
    studio.close()
    pool.close()


TURNS_BAD = (
    "{% for turn in messages %}<{{ turn.content }}>{% if 'bomb' in turn.content %}"
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}{% endfor %}"
)


@pytest.mark.long
def test_a_template_that_turns_bad_as_it_is_asked_is_ended_and_the_next_question_is_written(
    pool: Pool, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = read_recipe(write_recipe(tiny_model, objective={"name": "sft", "template": "chat"}))
    columns = Columns(find_device(), find_elsewhere(pool))
    monkeypatch.setattr(pool, "limits", pool.limits._replace(seconds=90))
    columns.arrange([make_base(Stack(recipe.base), recipe)])
    tokenizer, asked = columns.find_tokenizer(0), Dialogue(({"role": "user", "content": "40 + 2"},), (False,))
    plain = load_tokenizer(tiny_model)
    tokenizer.own.chat_template = plain.chat_template = TURNS_BAD
    wanted = render_chat_prompt(asked, False, plain)
    assert render_chat_prompt(asked, False, tokenizer) == wanted and "40 + 2" in wanted.text
    monkeypatch.setattr(pool, "limits", pool.limits._replace(seconds=2))
    with raises(RecipeError, "2 seconds", field="objective.template"):
        render_chat_prompt(Dialogue(({"role": "user", "content": "a bomb"},), (False,)), False, tokenizer)
    monkeypatch.setattr(pool, "limits", pool.limits._replace(seconds=90))  # a child that is new imports first
    assert render_chat_prompt(asked, False, tokenizer) == wanted
    tokenizer.own.chat_template = "{{ raise_exception('no such turns') }}"
    with raises(RecipeError, "no such turns", field="objective.template"):
        render_chat_prompt(asked, False, tokenizer)


def test_a_studio_uses_the_tokenizers_of_foreign_models_where_it_works_on_foreign_things(workspace: Workspace) -> None:
    seen: list[Any] = []
    place: Any = SimpleNamespace(run=lambda who, job, *given: seen.append((job, given)) or "text")
    elsewhere = Studio(workspace, InlineLauncher(), place=place).desk._elsewhere
    assert elsewhere is not None and elsewhere.render("{{ 1 }}", {}, [], None, True) == "text"
    assert elsewhere.spell(Path("x"), [1], True) == "text"
    assert seen == [(jobs.render_chat, ("{{ 1 }}", {}, [], None, True)), (jobs.spell, (Path("x"), [1], True))]
    assert Studio(workspace, InlineLauncher()).desk._elsewhere is None, "a program's own process has nobody to protect"


def multiply(sign: str, times: int) -> list[dict[str, Any]]:
    """Parts of a tokenizer that make a hundred letters of one, again and again."""
    return [{"type": "Replace", "pattern": {"String": sign}, "content": sign * 101}] * times


@pytest.mark.long
def test_a_tokenizer_that_turns_bad_as_it_is_asked_is_ended_and_others_are_answered(
    pool: Pool, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    said = json.loads((model / "tokenizer.json").read_text())
    explodes = {"type": "Replace", "pattern": {"Regex": "(#+)+!"}, "content": ""}
    said["normalizer"] = {"type": "Sequence", "normalizers": [explodes, *multiply("%", 3)]}
    said["decoder"] = {"type": "Sequence", "decoders": [*multiply("~", 5), said["decoder"]]}
    (model / "tokenizer.json").write_text(json.dumps(said))
    recipe = read_recipe(write_recipe(model))
    columns = Columns(find_device(), find_elsewhere(pool))
    monkeypatch.setattr(pool, "limits", pool.limits._replace(seconds=90))
    columns.arrange([make_base(Stack(recipe.base), recipe)])
    tokenizer, plain = columns.find_tokenizer(0), load_tokenizer(tiny_model)
    rendering = Rendering("40 + 2 = 42")
    assert tokenise(rendering, tokenizer) == tokenise(rendering, plain)
    ids = tokenizer("40 + 2")["input_ids"]
    assert ids == plain("40 + 2")["input_ids"] and columns.read_text(0, ids) == "40 + 2"
    before = psutil.Process().memory_info().rss
    with raises(InputError, "tokenizer model"):
        tokenise(Rendering("#" * 60), tokenizer)
    with raises(ModelError, "tokens 1,000,000", field="model"):
        tokenise(Rendering("a%"), tokenizer)
    with raises(ModelError, "tokens 1,000,000", field="model"):
        tokenizer("a%")
    with raises(InputError, "memory 1 GB"):
        columns.read_text(0, plain("a~")["input_ids"])
    assert psutil.Process().memory_info().rss < before + 100_000_000
    assert pool.run("ben", odd_jobs.add, 1, 2) == 3


@pytest.mark.parametrize("slow", [True, False])
def test_a_tokenizer_that_is_too_much_to_load_or_to_look_for_is_refused(
    slow: bool, tiny_model: Path, tmp_path: Path
) -> None:
    elsewhere: Any = Elsewhere(lambda folder: 100.0 if slow else 0.0, *[None] * 4)  # type: ignore[arg-type]
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    said = json.loads((model / "tokenizer.json").read_text())
    many = [{**said["added_tokens"][0], "id": 1_000 + n, "content": f"<control {n}>"} for n in range(MOST_CONTROLS)]
    (model / "tokenizer.json").write_text(json.dumps({**said, "added_tokens": [*said["added_tokens"], *many]}))
    with raises(ModelError, "model", field="model"):
        ForeignTokenizer(model, elsewhere)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_weights_that_are_no_numbers_end_in_words(temperature: float) -> None:
    import torch

    with raises(ModelError, "NaN checkpoint", field="step"):
        Text([1], frozenset(), temperature=temperature).add(torch.full((5,), float("nan")))


def test_a_place_is_left_for_the_desk_when_visitors_have_all(pool: Pool) -> None:
    crowded = Pool(pool.limits._replace(of_all=2))
    threads = [threading.Thread(target=crowded.run, args=(who, odd_jobs.sleep, 3)) for who in ("anna", "ben")]
    for thread in threads:
        thread.start()
    while crowded._busy.total() < 2:
        time.sleep(0.01)
    with pytest.raises(InputError):
        crowded.run("eve", odd_jobs.add, 1, 2)
    assert crowded.run(None, odd_jobs.add, 1, 2) == 3
    for thread in threads:
        thread.join()
    crowded.close()


def test_all_that_reads_a_foreign_model_or_archive_is_done_apart_with_the_same_answers(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    task_id = import_task(workspace)
    recipe = write_recipe(tiny_model, task_id)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("one.json", "other.json"):
            archive.writestr(name, json.dumps(write_task(5)))
    (tmp_path / "table.csv").write_text("a,b\nc,d\ne,f\n" + "x" * 20 + ",y\n" * 3)
    done: list[str] = []

    class Noting(Pool):
        def run(self, who: Any, job: Any, *given: Any, **named: Any) -> Any:
            done.append(job.name.partition(":")[2])
            return super().run(who, job, *given, **named)

    def look(studio: Studio) -> list[Any]:
        card = studio.data.upload(tmp_path / "two.zip", "two.zip")
        seen, sight = studio.data.see(recipe, 0)
        estimate = studio.estimate(recipe).model_copy(update={"free_bytes": 0})
        facts = studio.describe_model(str(tiny_model))
        return [card, seen, sight, estimate, facts, studio.data.check(recipe)]

    here = look(Studio(workspace, InlineLauncher()))
    apart = Studio(workspace, InlineLauncher(), place=Noting(Limits(seconds=300)))
    assert look(apart) == here
    apart.close()
    assert set(done) >= {"unpack", "see_instance", "estimate", "describe_base", "count_rows", "check_fits"}


def test_what_methods_cost_is_written_and_read() -> None:
    costs = [
        MethodCost(name="lora", title="LoRA", summary="", trainable=3, percent=0.5),
        MethodCost(name="x", title="", summary="", refusal="no"),
    ]
    assert jobs.compare.read_answer(read_plain(write_plain(jobs.compare.write_answer(costs)))) == costs


def test_an_archive_that_passes_its_limit_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("one.json", "other.json"):
            archive.writestr(name, json.dumps(write_task(2_000)))
    studio = Studio(workspace, InlineLauncher(), shared=True)
    anna = studio.seen_by("anna" * 8)
    studio.shares.quota = Quota(bytes=1_000, stays_free=0)
    with pytest.raises(InputError) as told:
        anna.data.upload(tmp_path / "two.zip", "two.zip")
    assert told.value.field == "file"
    studio.place = Pool(Limits(long_seconds=0.01))
    studio.shares.quota = Quota(stays_free=0)
    with pytest.raises(InputError):
        studio.seen_by("anna" * 8).data.upload(tmp_path / "two.zip", "two.zip")
    studio.close()
    assert [
        path for path in (workspace.folder / "collections").rglob("*") if path.name != f".{anna.visitor.owner}"
    ] == []
