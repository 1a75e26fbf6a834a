"""A name for a task made of the name of a file, whatever that is: a Windows path, capitals, blanks, another script.

The result always passes `workspace.check_id`. Two different names in a script that can't be spelled in a-z stay
different.
"""

import hashlib
import re
import unicodedata

LONGEST = 64
"""Shorter than the 80 that an id may have, to leave room for a suffix."""

_SPELLED = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d")


def make_task_id(name: str) -> str:
    r"""Return an id for the file `name`: "C:\Data\My Task (1).JSON" becomes "my_task"."""
    plain = unicodedata.normalize("NFKC", re.split(r"[/\\]", name.rstrip("/\\"))[-1]).lower()
    plain = re.sub(r"(\.(json|jsonl|ndjson|csv|tsv|xlsx|parquet|zip|txt|bak))+$", "", plain.strip())
    plain = re.sub(r"\s*\(\d+\)$", "", plain)
    spelled = unicodedata.normalize("NFKD", plain.translate(_SPELLED))
    slug = re.sub(r"[^a-z0-9-]+", "_", re.sub(r"[\u0300-\u036f'\u2019]", "", spelled)).strip("_-")
    lost = any(
        letter.isalnum() and not letter.isascii()
        for letter in unicodedata.normalize("NFC", spelled)
        if not unicodedata.normalize("NFD", letter)[0].isascii()
    )
    if lost or len(slug) > LONGEST or not slug:
        digest = hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:8]
        slug = f"{slug[: LONGEST - 9].strip('_-') or 'task'}_{digest}"
    return f"task_{slug}" if _RESERVED.fullmatch(slug) else slug
