"""Files and foreign models that would become very large, never end, or break what reads them, as a test needs them.

Knows formats, and nothing of who sends them.
"""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet

from studio.models.reference import BUILTIN_FOLDER

TEMPLATES = {
    "a template that never ends": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a template of all memory": "{{ 'a' * 2**35 }}",
}
LAYERS, PANIC = "ten million layers", "a tokenizer that gives up"
"""Foreign models, which only a studio of one person takes from its own disk."""
EXPLODES = {"type": "Replace", "pattern": {"Regex": r"(\w+\s?)+!!"}, "content": ""}


def make_models(home: Path) -> dict[str, str]:
    """Make the models of those attacks beside a workspace, and return the folder of each."""
    found = {}
    for number, name in enumerate((*TEMPLATES, LAYERS, PANIC)):
        folder = Path(shutil.copytree(BUILTIN_FOLDER, home / f"model {number}"))
        (folder / "chat_template.jinja").write_text(
            TEMPLATES.get(name, "{% for turn in messages %}{{ turn.content }}{% endfor %}")
        )
        if name == LAYERS:
            _change(folder / "config.json", num_hidden_layers=10_000_000)
        if name == PANIC:
            _change(folder / "tokenizer.json", normalizer=EXPLODES)
        found[name] = str(folder)
    return found


def _change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def make_zip_bomb() -> bytes:
    """Return an archive of half a megabyte that unpacks to forty, by no suspicious ratio."""
    row = json.dumps({"instruction": "a", "input": "b", "output": os.urandom(5_000).hex()})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("much.jsonl", "\n".join([row] * 4_000))
    return file.getvalue()


def make_workbook() -> bytes:
    """Return a workbook of a few hundred bytes that says it has a cell far to the right and below."""
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr(
            "xl/workbook.xml",
            f'<workbook {space} xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="rId1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        rows = "".join(f'<row r="{n}"><c r="XFD{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(1, 999))
        book.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet {space}><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>',
        )
    return file.getvalue()


def make_parquet() -> bytes:
    """Return a table that keeps one long text once and shows it in 190,000 rows."""
    column = arrow.DictionaryArray.from_arrays(arrow.array([0] * 190_000, arrow.int32()), arrow.array(["x" * 5_000]))
    sink = io.BytesIO()
    parquet.write_table(arrow.table({"input": column, "output": column}), sink, compression="zstd")
    return sink.getvalue()
