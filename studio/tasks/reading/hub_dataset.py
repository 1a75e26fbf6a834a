"""A dataset of the Hugging Face Hub, or a folder laid out like one, becomes rows. Knows `datasets`, and runs no script.

Rows are streamed: only as many as are wanted are fetched.
"""

import json
import re
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from studio.errors import TaskError, first_line
from studio.models.libraries import import_libraries
from studio.tasks.reading.columnar import LEFT, Maker, make_makers, make_plain
from studio.tasks.reading.table import MOST_ROWS, Row, Table

_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_HUB = "hf://datasets/"
"""Before an id, so that `datasets` takes it for nothing else, such as a folder of that name where this process is."""


def fetch_rows(ref: str, split: str = "train", config: str = "", most: int = MOST_ROWS) -> Table:
    """Return at most `most` rows of the dataset `ref`: a hub id such as `tatsu-lab/alpaca`, or a folder.

    Raises TaskError in words: an id that names nothing, a split or configuration that has to be chosen, no network.
    """
    source = ref.strip()
    is_id = bool(_ID.fullmatch(source))
    if not is_id and find_folder(source) is None:
        raise TaskError(
            f"{source[:80]!r} can't be a dataset: an id has the form owner/name, such as tatsu-lab/alpaca. Copy it "
            "from the top of the dataset's page on huggingface.co.",
            field="dataset",
        )
    import_libraries()  # datasets looks at transformers, which another thread may be importing
    from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset

    if is_id and _is_reader(source):
        raise TaskError(
            f"{source} is a form of files and no dataset. Write the id of a dataset with its owner, such as "
            "tatsu-lab/alpaca.",
            field="dataset",
        )
    place = _HUB + source if is_id else source
    try:
        configs = get_dataset_config_names(place)
        if not config and len(configs) > 1 and "default" not in configs:
            raise TaskError(
                f"{source}: the dataset has {len(configs)} parts: {', '.join(configs)[:200]}. Choose one as its "
                "configuration.",
                field="config",
            )
        splits = get_dataset_split_names(place, config or None)
        if split not in splits:
            raise TaskError(
                f"{source}: there is no split {split[:40]!r}; found {', '.join(splits)[:200]}. Choose one of these.",
                field="split",
            )
        stream = load_dataset(place, config or None, split=split, streaming=True)
        makers = make_makers(stream.features.arrow_schema, set()) if stream.features else {}
        rows = [
            Row(f"row {number}", _make_values(values, makers))
            for number, values in enumerate(islice(stream, most), start=1)
        ]
    except TaskError:
        raise
    except Exception as error:  # datasets and the hub raise of many kinds: not found, gated, offline, unreadable
        raise TaskError(
            f"{source}: the dataset can't be read ({type(error).__name__}: {first_line(error)}). Check the id and the "
            "network; a dataset that asks for consent has to be opened on its page first.",
            field="dataset",
        ) from None
    if not rows:
        raise TaskError(f"{source}: the split {split!r} has no rows. Choose another split.", field="split")
    return Table(list(dict.fromkeys(key for row in rows for key in row.values)), rows)


def _is_reader(ref: str) -> bool:
    """Whether `datasets` takes a name for a reader of its own (json, text, pandas ...), of any files that are here."""
    return "/" not in ref and find_spec(f"datasets.packaged_modules.{ref.partition('.')[0]}") is not None


def _make_values(values: dict[str, Any], makers: dict[str, Maker]) -> dict[str, Any]:
    """A row's values as their columns mean them, such as a class by its name; without pictures and sound."""
    made = {str(key): makers.get(key, make_plain)(value) for key, value in values.items()}
    return {key: value for key, value in made.items() if value is not LEFT}


def check_dataset_id(source: str) -> None:
    """Raise TaskError for all but a dataset's id, in the same words whatever there is: folders are nobody's to know."""
    if not _ID.fullmatch(source) or find_folder(source):
        words = "folders on its own disk can't be imported. Give the id of a dataset, such as tatsu-lab/alpaca."
        raise TaskError(f"{source[:80]!r}: this studio is shared, so {words}", field="dataset")


def find_folder(source: str) -> Path | None:
    """Return the folder of this computer that a person named, None if it is none."""
    try:
        folder = Path(source).expanduser()
        return folder if source and folder.is_dir() else None
    except (OSError, ValueError, RuntimeError):  # a name longer than any, a NUL, an unknown ~user
        return None


def write_rows(table: Table, path: Path) -> None:
    """Write rows into a file that is read like one that was handed in."""
    path.write_text(json.dumps([row.values for row in table.rows], ensure_ascii=False, default=str), "utf-8")
