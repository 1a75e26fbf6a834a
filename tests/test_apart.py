"""Work on foreign things is done in a child: what takes too long or too much is ended, in words, and others go on."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import import_task, write_recipe, write_task

from studio.apart.pool import Limits, Pool
from studio.errors import InputError, StudioError, TaskError
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.service.foreign import Foreign, is_heavy
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task_file
from studio.visitor import THE_ONE
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(Limits(seconds=60, memory_bytes=1 << 30, wait_seconds=0.2))
    yield made
    made.close()


def test_work_is_done_in_another_process_and_a_child_serves_again(pool: Pool) -> None:
    import os

    first = pool.run("anna", os.getpid)
    assert first != os.getpid()
    assert pool.run("ben", os.getpid) == first
    assert pool.run("anna", max, 1, 2) == 2


def test_what_the_work_raises_is_raised_with_all_it_carries(pool: Pool, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("one,two\na,b\nc,d\n")
    with pytest.raises(MappingNeeded) as asked:
        pool.run("", read_task_file, file, file.name)
    assert asked.value.field == "mapping" and asked.value.preview.columns == ("one", "two")
    with pytest.raises(ZeroDivisionError):
        pool.run("", divmod, 1, 0)


def test_work_that_takes_too_long_is_ended_in_words_and_the_next_is_done() -> None:
    pool = Pool(Limits(seconds=1))
    began = time.monotonic()
    with pytest.raises(InputError) as told:
        pool.run("anna", time.sleep, 600)
    assert "1 seconds" in str(told.value) and time.monotonic() - began < 30
    assert pool.run("anna", max, 1, 2) == 2
    pool.close()


def test_work_that_asks_for_all_memory_is_refused_in_words(pool: Pool) -> None:
    with pytest.raises(InputError) as told:
        pool.run("anna", bytearray, 1 << 36)
    assert "1 GB" in str(told.value)
    assert pool.run("anna", len, bytearray(1000)) == 1000


def test_two_at_once_for_each_visitor(pool: Pool) -> None:
    threads = [threading.Thread(target=pool.run, args=("anna", time.sleep, 3)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while pool._busy["anna"] < 2:
        time.sleep(0.01)
    with pytest.raises(InputError):
        pool.run("anna", max, 1, 2)
    assert pool.run("ben", max, 1, 2) == 2
    for thread in threads:
        thread.join()


def test_a_child_that_dies_costs_only_its_own_work(pool: Pool) -> None:
    import os

    with pytest.raises(InputError):
        pool.run("anna", os.abort)
    assert pool.run("anna", max, 1, 2) == 2


def test_small_plain_files_are_read_here_and_packed_ones_apart(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(json.dumps(write_task()))
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04")
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    assert [is_heavy(tmp_path / name) for name in ("plain.json", "book.xlsx", "table.parquet", "none")] == [
        False,
        True,
        True,
        False,
    ]


def test_a_packed_file_is_read_apart_with_the_same_words(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(TaskError) as told:
        Foreign(pool, THE_ONE).read_file(tmp_path / "broken.xlsx", "broken.xlsx")
    assert "broken.xlsx" in str(told.value)


ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize("template", [ENDLESS, "{{ 'a' * 2**35 }}"])
def test_a_chat_template_that_never_ends_or_asks_for_all_memory(
    workspace: Workspace, tiny_model: Path, tmp_path: Path, template: str
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    (model / "chat_template.jinja").write_text(template)
    studio = Studio(workspace, InlineLauncher(), place=Pool(Limits(seconds=20, memory_bytes=1 << 30)))
    recipe = write_recipe(model, import_task(workspace), objective={"name": "sft", "template": "chat"})

    began = time.monotonic()
    with pytest.raises(StudioError) as told:
        studio.data.see(recipe, 0)
    assert any(word in str(told.value) for word in ("20 seconds", "1 GB", "MemoryError", "memory")), str(told.value)
    assert time.monotonic() - began < 100
    assert studio.list_tasks(), "others go on"
    studio.close()
