"""Words can be edited: tests ask for facts, and the product's sentences stand in the golden file alone.

A test that quotes four words of the product in a row freezes them. A few may: what is data (a prompt that models were
trained on, the text of a sample) is written out on purpose.
"""

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 4
MOST = 36
"""How many texts of the tests may quote the product, data included; lower it when there are fewer."""
OWN_LANGUAGE = "world"
"""The room whose sentences are data: what the built-in base has read."""


def list_quotations() -> list[str]:
    """Return where a text of a test has so many words in a row from a text of the product."""
    known = {quotation for text in list_product() for quotation in cut(text)}
    return [
        f"{path.relative_to(ROOT)}:{line}: {text!r:.100}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line, text in list_texts(path)
        if any(quotation in known for quotation in cut(text))
    ]


def list_product() -> Iterator[str]:
    """Yield the texts that the product may show; a value within one parts it in two."""
    for path in [ROOT / "app.py", *(ROOT / "studio").rglob("*.py")]:
        if OWN_LANGUAGE not in path.parts:
            yield from (text for _, text in list_texts(path))
    for path in (ROOT / "studio").rglob("*.js"):
        yield path.read_text(encoding="utf-8")


def list_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and value of each text of a module that is no docstring and no explanation of an assertion."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words |= {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.msg for part in ast.walk(node.msg)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.lineno, node.value


def cut(text: str) -> Iterator[tuple[str, ...]]:
    """Yield every so many words that stand in a row; marks at their ends aside, a word has letters only."""
    plain = unescape(re.sub(r"</?[a-z][^<>]*>|\\", " ", text))
    words = [word.strip("().,:;!?\"'…").lower() for word in plain.split()]
    for start in range(len(words) - LENGTH + 1):
        row = words[start : start + LENGTH]
        if all(re.fullmatch(r"[a-z]+('[a-z]+)?", word) for word in row):
            yield tuple(row)


def test_a_quotation_is_found() -> None:
    assert list(cut("<b>One</b> two three, four.")) == [("one", "two", "three", "four")]
    assert not list(cut("one two 3 three four")), "a value parts what is said around it"


def test_tests_leave_the_words_editable() -> None:
    found = list_quotations()
    assert len(found) <= MOST, "Ask for facts (tests/telling.py) instead of sentences:\n" + "\n".join(found)
