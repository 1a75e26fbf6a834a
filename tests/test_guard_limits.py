"""A small file that would become a very large thing is refused before it is made, in words that say which limit."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bounded import within
from telling import raises

from studio.errors import ModelError, TaskError
from studio.models.bounds import check_bounds, find_bound
from studio.tasks.reading.limits import MOST_CELLS, MOST_COLUMNS, MOST_LETTERS
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task

BOOK = """<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>
 <sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"""
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
 <Relationship Id="rId1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/>
 <Relationship Id="rId2" Type="http://x/sharedStrings" Target="sharedStrings.xml"/></Relationships>"""


def write_workbook(sheet: str, texts: str = "") -> bytes:
    """Return a workbook of one sheet with this inside."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", BOOK)
        book.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        book.writestr("xl/sharedStrings.xml", f"<sst {space}>{texts}</sst>")
        book.writestr("xl/worksheets/sheet1.xml", f"<worksheet {space}>{sheet}</worksheet>")
    return file.getvalue()


def write_rows(count: int, cell: Callable[[int], str]) -> str:
    return "".join(f'<row r="{row}">{cell(row)}</row>' for row in range(1, count + 1))


def text_at(place: str, text: str = "x") -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = f'<row r="1">{text_at("A1", "input")}{text_at("B1", "output")}</row>'
WORKBOOKS = {
    "a cell far to the right": write_workbook(
        '<dimension ref="A1:XFD1048576"/><sheetData>' + HEADER + f'<row r="2">{text_at("XFD2")}</row></sheetData>'
    ),
    "a column that no sheet has": write_workbook(
        f'<sheetData>{HEADER}<row r="2">{text_at("ZZZZZZZZZZZZZ2")}</row></sheetData>'
    ),
    "many rows of blank cells": write_workbook(
        f"<sheetData>{HEADER}{write_rows(10_000, lambda row: text_at(f'BXX{row + 1}'))}</sheetData>"
    ),
    "one long text in every row": write_workbook(
        "<sheetData>"
        + HEADER
        + write_rows(3_000, lambda row: f'<c r="A{row + 1}" t="s"><v>0</v></c><c r="B{row + 1}" t="s"><v>0</v></c>')
        + "</sheetData>",
        f"<si><t>{random.Random(0).randbytes(50_000).hex()}</t></si>",
    ),
}


@pytest.mark.parametrize("case", WORKBOOKS)
def test_a_workbook_that_says_it_is_very_large(case: str) -> None:
    with within(5), pytest.raises(TaskError) as refused:
        read_task(WORKBOOKS[case], "trap.xlsx")
    assert refused.value.field == "file"
    assert any(f"{most:,}" in str(refused.value) for most in (MOST_COLUMNS, MOST_CELLS, MOST_LETTERS // 1_000_000))


def test_an_area_merged_down_to_nowhere_is_read_as_far_as_there_are_rows() -> None:
    rows = HEADER + "".join(f'<row r="{n}">{text_at(f"A{n}", str(n))}{text_at(f"B{n}")}</row>' for n in range(2, 9))
    book = write_workbook(f'<sheetData>{rows}</sheetData><mergeCells><mergeCell ref="B2:B999999999"/></mergeCells>')
    assert len(read_task(book, "merged.xlsx").task.instances) == 7


def write_parquet(path: Path, text: str, rows: int) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    column = arrow.DictionaryArray.from_arrays(arrow.array([0] * rows, arrow.int32()), arrow.array([text]))
    parquet.write_table(arrow.table({"input": column, "output": column}), path, compression="zstd")
    return path.read_bytes()


def test_a_text_that_a_parquet_file_keeps_once_is_counted_in_every_row(tmp_path: Path) -> None:
    data = write_parquet(tmp_path / "trap.parquet", "x" * 5_000, 190_000)
    assert len(data) < 20_000
    with within(5), pytest.raises(TaskError) as refused:
        read_task(data, "trap.parquet")
    assert f"{MOST_LETTERS // 1_000_000:,}" in str(refused.value)
    assert len(read_task(write_parquet(tmp_path / "fair.parquet", "x" * 50, 100), "fair.parquet").task.instances) == 100


def nest(arrow: Any, case: str) -> Any:
    """Return a column of few bytes that would become very much: kept once, deep inside, or as nothing at all."""
    rows, once = 100_000, arrow.array(["x" * 5_000])
    kept = arrow.DictionaryArray.from_arrays(arrow.array([0] * rows, arrow.int32()), once)
    if case == "in a struct":
        return arrow.StructArray.from_arrays([kept], ["text"])
    if case == "in lists":
        return arrow.ListArray.from_arrays(arrow.array(range(rows + 1), arrow.int32()), kept)
    if case == "as a run":
        return arrow.RunEndEncodedArray.from_arrays(arrow.array([rows], arrow.int32()), once)
    return arrow.ListArray.from_arrays(arrow.array([0, 300_000_000], arrow.int32()), arrow.nulls(300_000_000))


@pytest.mark.parametrize("case", ["in a struct", "in lists", "as a run", "of nothing"])
def test_what_an_arrow_file_keeps_once_is_counted_wherever_it_is(case: str, tmp_path: Path) -> None:
    import pyarrow as arrow

    table = arrow.table({"output": nest(arrow, case)})
    with arrow.ipc.new_file(tmp_path / "trap.arrow", table.schema) as file:
        file.write_table(table)
    data = (tmp_path / "trap.arrow").read_bytes()
    assert len(data) < 2_000_000
    with within(5), raises(TaskError, f"{MOST_LETTERS // 1_000_000:,}", field="file"):
        read_task(data, "trap.arrow")


TEXTS = {
    "a million keys": ("trap.json", json.dumps({f"key number {n}": n for n in range(200_000)})),
    "many keys in one row": ("trap.json", json.dumps([{f"key {n}": "x" for n in range(50_000)}])),
    "other keys in each row": (
        "trap.json",
        json.dumps([{f"key {row} {n}": "x" for n in range(100)} for row in range(100)]),
    ),
    "a line of many keys": ("t.jsonl", "\n".join(json.dumps({f"k{n}": "x" for n in range(9_000)}) for _ in range(3))),
    "a hundred thousand columns": ("trap.csv", ",".join(f"column {n}" for n in range(100_000)) + "\nx"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_of_very_many_columns(case: str) -> None:
    with within(5), pytest.raises(TaskError) as refused:
        read_task(TEXTS[case][1].encode(), TEXTS[case][0])
    assert f"{MOST_COLUMNS:,}" in str(refused.value)


LONG = "y" * 20_000_000


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"' * 5_000_000, "file"),
        (f'a,b\n"x,{LONG}', "line 2"),
        (f"a,b\nx,{LONG}\n", "line 2"),
        (f'a,b\n"x" "y,{LONG}\n', "line 2"),
    ],
    ids=["quotes that never close", "one that never closes", "a field of 20 MB", "a field of 20 MB beside odd quotes"],
)
def test_a_csv_whose_cells_have_no_end(text: str, place: str) -> None:
    with within(10), pytest.raises(Exception, match=".") as refused:
        read_task(text.encode(), "trap.csv")
    assert isinstance(refused.value, TaskError), "it is refused in words"
    assert refused.value.field == place and len(str(refused.value)) < 500


def test_a_file_of_equal_rows_takes_no_longer_than_another() -> None:
    with within(10):
        assert len(read_task(("input,output\n" + "a,b\n" * 20_000).encode(), "equal.csv").task.instances) == 20_000


def test_a_key_that_stands_twice_costs_no_more_than_reading_it() -> None:
    twice = (
        "["
        + ",".join(
            '{"instruction": "a", "input": "", "output": "b", ' + '"k": 1, ' * 1_900 + '"k": 2}' for _ in range(200)
        )
        + "]"
    )
    with within(5), pytest.raises(MappingNeeded):
        read_task(twice.encode(), "twice.json")


@pytest.mark.parametrize(
    "config",
    [
        {"num_hidden_layers": 10_000_000},
        {"n_layer": 10_000},
        {"text_config": {"num_hidden_layers": 2_000}},
        {"num_local_experts": 100_000},
        {"vocab_size": 10**9},
        {"hidden_size": 10**12},
        {"layer_types": ["full_attention"] * 300_000},
    ],
)
def test_a_config_larger_than_any_model_is_refused_before_it_is_built(config: dict[str, object]) -> None:
    with pytest.raises(ModelError) as refused:
        check_bounds({"model_type": "llama", **config})
    assert refused.value.field == "model"


USUAL = ("llama", "qwen3_moe", "gemma3_text", "gpt2", "mamba", "bloom", "opt", "phi3", "deepseek_v3", "t5")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_the_configs_of_transformers_are_within_the_bounds(every: bool) -> None:
    from transformers import CONFIG_MAPPING

    refused = []
    for kind in list(CONFIG_MAPPING.keys()) if every else USUAL:
        try:
            check_bounds(CONFIG_MAPPING[kind]().to_dict())
        except ModelError as error:
            refused.append(f"{kind}: {error}")
        except Exception:  # a config that can't be made without arguments says nothing here
            continue
    assert refused == []
    assert find_bound("num_hidden_layers") == 1_000
