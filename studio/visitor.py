"""Visitor: who asks. In a studio of one person everything is theirs; in a shared one each sees only their own.

A visitor is known by a token that their browser (or program) made up and sends with every question. What is stored
beside what they made is the owner, a hash of the token: whoever reads the disk can't ask in their name.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from studio.errors import InputError

HEADER = "x-studio-visitor"
"""The header of a question that carries the token."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,200}")
_FILE = "owner"


class Visitor(NamedTuple):
    """Who asks; `owner` is None for the one person of a studio that isn't shared, "" for somebody without a token."""

    owner: str | None

    def owns(self, owner: str) -> bool:
        """Whether what belongs to `owner` ("" is nobody's) is theirs."""
        return self.owner is None or (owner != "" and owner == self.owner)


THE_ONE = Visitor(None)
NOBODY = Visitor("")


def read_visitor(token: object) -> Visitor:
    """Return the visitor of a token; anything that can't be one is nobody's."""
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return NOBODY
    return Visitor(hashlib.sha256(f"studio visitor {token}".encode()).hexdigest())


def check_known(visitor: Visitor) -> None:
    """Raise InputError in words if nobody knows whose something would be."""
    if visitor == NOBODY:
        raise InputError(
            "This studio is shared, so it must know whose this will be. Reload the page; or, from a program, send "
            f"the header {HEADER} with a secret of your own: 32 to 200 letters, digits, - and _."
        )


def read_owner(folder: Path) -> str:
    """Return whose a folder of a run or a task is, "" if it is nobody's."""
    try:
        return (folder / _FILE).read_bytes()[:64].decode("ascii", "replace")
    except OSError:
        return ""


def find_owner_file(folder: Path) -> Path:
    """Return the file of a folder that says whose it is."""
    return folder / _FILE
