"""What the studio changes of foreign code, copies, or calls by a private name, and the text that was read for it.

A module that does so says what it was written against as READ_FROM. tests/test_foreign.py finds such modules, and fails
with the module's name when the text of an original changes. Changes made for speed live in `studio/training/fast`.
"""

import ast
import hashlib
import inspect
import pydoc
import textwrap
from typing import Any, NamedTuple


class Original(NamedTuple):
    """A module, class or function by its dotted name, the version that it was read in, and the digest of its text."""

    name: str
    version: str
    digest: str


def find_digest(name: str) -> str:
    """Return the digest of what a foreign text does, whatever its layout, comments and docstrings.

    Raises LookupError where there is nothing of that name.
    """
    found: Any = pydoc.locate(name)
    if found is None:
        raise LookupError(f"There is no {name} any more.")
    for inner in ("fget", "func"):  # of a property, of one that is kept
        found = getattr(found, inner, found)
    tree = ast.parse(textwrap.dedent(inspect.getsource(found)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:12]
