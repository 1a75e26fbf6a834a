"""Many tasks, or a very long one, on disk: nothing lost, pages read alone, bad files listed, memory small."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import InputError, NotFoundError, TaskError
from studio.tasks.library.collection import Collection, import_collection
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import ChoiceNeeded, ReadAs
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task

ROOT = Path(__file__).resolve().parents[1]


def task(number: int, count: int = 30) -> str:
    instances: list[dict[str, Any]] = [
        {"id": f"task{number}-{n}", "input": f"thing {n} of {number}", "output": ["red", "blue"]} for n in range(count)
    ]
    instances[0]["split"] = {"of": [1, None]}
    return json.dumps({"Definition": [f"Do {number}."], "Categories": ["Misc."], "Instances": instances, "Odd": number})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "tasks"
    source.mkdir()
    for number in range(12):
        (source / f"task{number:03d}_x.json").write_text(task(number, 30 + number))
    (source / "task099_bad.json").write_text("{")
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    (source / "chats.jsonl").write_text((json.dumps({"messages": messages, "id": "c"}) + "\n") * 3)
    return source


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_or_archive_of_tasks(folder: Path, tmp_path: Path, packed: bool) -> None:
    source = folder
    if packed:
        source = tmp_path / "tasks.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in folder.iterdir():
                archive.write(path, f"tasks/{path.name}")
    seen: list[tuple[int, str]] = []
    done = import_collection(source, source.name, tmp_path / "home", progress=lambda n, name: seen.append((n, name)))
    assert len(done.tasks) == 13
    assert len(done) == sum(30 + n for n in range(12)) + 3 == seen[-1][0]
    assert [refused.name.rsplit("/")[-1] for refused in done.refused] == ["task099_bad.json"]
    assert tells(done.refused[0].words, "end")
    again = Collection(tmp_path / "home")
    for path in sorted(folder.glob("task0[01]*.json")):
        assert again.load_task(path.stem) == read_task(path.read_bytes(), path.name).task
    chats = again.load_task("chats")
    assert chats == read_task((folder / "chats.jsonl").read_bytes(), "chats.jsonl").task
    assert not list(tmp_path.glob(".*"))


def test_pages(folder: Path, tmp_path: Path) -> None:
    done = import_collection(folder, "tasks", tmp_path / "home")
    every = [instance for start in range(0, len(done), 50) for instance in done.page(start, 50)]
    assert len(every) == len(done)
    assert [i.id for i in done.page(28, 5, "task000_x")] == ["task0-28", "task0-29"]
    assert done.page(10**9) == []
    with raises(InputError, "1 1,000 0"):
        done.page(0, 0)
    with raises(NotFoundError, "gone"):
        done.page(0, 5, "gone")
    with raises(NotFoundError, "nowhere"):
        Collection(tmp_path / "nowhere")


ROWS = [{"question": f"what is {n}?", "answer": f"it is {n}", "n": n} for n in range(12_000)]


def test_one_long_file_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    lines = [json.dumps(row) for row in ROWS]
    lines[7000] = "{broken"
    path.write_text("\n".join(lines))
    done = import_collection(path, path.name, tmp_path / "home")
    assert (len(done), len(done.tasks)) == (11_999, 1)
    assert tells(done.refused[0].words, "long.jsonl 7001 JSON")
    page = done.page(11_998, 10)
    assert [(i.id, i.input, i.output, i.extra) for i in page] == [
        ("long-12000", "what is 11999?", ("it is 11999",), {"n": 11999})
    ]
    loaded = done.load_task("long")
    assert len(loaded.instances) == 11_999 and loaded.origin and loaded.origin.format == "questions and answers"


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_other_long_files(tmp_path: Path, suffix: str) -> None:
    import pandas

    path = tmp_path / f"long.{suffix}"
    table = pandas.DataFrame(ROWS)
    table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
    done = import_collection(path, path.name, tmp_path / "home")
    assert len(done) == 12_000
    assert done.page(5, 1)[0].output == ("it is 5",)


def test_one_file_that_is_no_list_of_rows(tmp_path: Path) -> None:
    from openpyxl import Workbook

    (tmp_path / "task1_x.json").write_text(task(1))
    book = Workbook()
    for row in (["input", "output"], ["a", "b"], ["c", "d"]):
        book.active.append(row)
    book.save(tmp_path / "rows.xlsx")
    for name, count in (("task1_x.json", 30), ("rows.xlsx", 2)):
        assert len(import_collection(tmp_path / name, name, tmp_path / f"home-{name}")) == count


def test_a_long_table_needs_a_mapping_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + "1,2,3\n" * 100 + "1,2\n")
    with pytest.raises(MappingNeeded, match="t.csv: .*columns are a, b, c"):
        import_collection(path, path.name, tmp_path / "home")
    assert not (tmp_path / "home").exists()
    done = import_collection(path, path.name, tmp_path / "home", Mapping(input="a", output="c"))
    assert len(done) == 100
    assert "found 2 values, expected 3" in done.refused[0].words


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    source = tmp_path / "empty"
    source.mkdir()
    with raises(TaskError, "empty .json"):
        import_collection(source, "empty", tmp_path / "home")
    (source / "a.json").write_text("{")
    with raises(TaskError, "1 a.json"):
        import_collection(source, "empty", tmp_path / "home")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


MEASURE = """
import resource, sys
from pathlib import Path
import datasets, pyarrow
from studio.tasks.library.collection import import_collection
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
done = import_collection(Path(sys.argv[1]), "long.jsonl", Path(sys.argv[2]))
print(len(done), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.long
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    grown = {}
    for count in (20_000, 100_000):
        path = tmp_path / f"{count}.jsonl"
        path.write_text("".join(json.dumps({"input": f"{n} " * 60, "output": f"{n}"}) + "\n" for n in range(count)))
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), str(tmp_path / f"home{count}")],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        rows, kilobytes = map(int, done.stdout.split())
        assert rows == count
        grown[count] = kilobytes
    size = (tmp_path / "100000.jsonl").stat().st_size / 1024
    assert grown[100_000] - grown[20_000] < 0.5 * size


def test_a_long_table_is_read_in_its_own_encoding_and_from_its_own_header(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = [f"Jaki kolor ma {n}. żółta łódź?;Żółty jak słońce {n}" for n in range(60)]
    path.write_bytes("\n".join(["# made by us", "question;answer", *rows, "only one", *rows]).encode("cp1250"))
    made = import_collection(path, "long.csv", tmp_path / "out")
    assert len(made) == 120 and len(made.refused) == 1 and "line 63" in made.refused[0].words
    assert made.page(0, 1)[0].output == ("Żółty jak słońce 0",)
    path.write_bytes("question,answer\nnaïve?,yes\nwho?,me\n".encode("cp1252"))
    with pytest.raises(ChoiceNeeded):
        import_collection(path, "long.csv", tmp_path / "out")
    made = import_collection(path, "long.csv", tmp_path / "out", read_as=ReadAs(encoding="cp1252"))
    assert made.page(0, 1)[0].input == "naïve?"
    path.write_bytes("question,answer\nnaïve?,yes\nwho?,me\n".encode("utf-16"))
    assert len(import_collection(path, "long.csv", tmp_path / "out")) == 2
