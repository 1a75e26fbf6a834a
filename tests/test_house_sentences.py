"""Words can be edited: tests ask for facts, and the product's sentences are in the golden file alone. And they are the
field's ordinary words: queue, upload, repair, validation.

A test that quotes four words of the product in a row freezes them. A few may: what is data (a prompt that models were
trained on, the text of a sample) is written out on purpose.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from html import unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 4
MOST = 36
"""How many texts of the tests may quote the product, data included; lower it when there are fewer."""
FORBIDDEN = re.compile(
    r"\b(anew|kin|mend(s|ed|ing)?|bring(s|ing)?|brought|held[ -]out|heldout|by heart|near twins?|take with you"
    r"|(in|leaves?|left|place in|number \d+ in) the (one )?line|stood? there before|weighs words|waking up)\b",
    re.IGNORECASE,
)
"""What has a usual word: again, variants, repair, upload, validation or test, memorise, near-duplicate, queue."""
KNOWN_AS_OLD = {"ARCHITECTURE.md", "studio/runs/event.py", "studio/runs/status.py"}
"""Where it is said what older events and programs call the validation part."""
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
    """Yield every so many words in a row; marks at their ends aside, a word has letters only."""
    plain = unescape(re.sub(r"</?[a-z][^<>]*>|\\", " ", text))
    words = [word.strip("().,:;!?\"'…").lower() for word in plain.split()]
    for start in range(len(words) - LENGTH + 1):
        row = words[start : start + LENGTH]
        if all(re.fullmatch(r"[a-z]+('[a-z]+)?", word) for word in row):
            yield tuple(row)


def list_read() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of all that people read in the house: papers, comments, docstrings, texts."""
    papers = [
        *ROOT.glob("*.md"),
        ROOT / "bench" / "README.md",
        ROOT / "Makefile",
        *(ROOT / "notebooks").glob("*.ipynb"),
    ]
    scripts = (ROOT / "studio").rglob("*.js")
    for path in [*papers, *scripts]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            yield path.relative_to(ROOT).as_posix(), number, re.sub(r"[\w.-]*[(._\"'-]\w+|\w+(?=[(._-])", " ", line)
    for folder in ("studio", "bench", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            if OWN_LANGUAGE not in path.parts and path != Path(__file__):
                name = path.relative_to(ROOT).as_posix()
                yield from ((name, number, text) for number, text in list_prose(path) if " " in text)


def list_prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each comment and each text of a module, the parts of one with values among them."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.COMMENT)}
    source = io.StringIO(path.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(source.readline):
        if token.type in kinds:
            yield token.start[0], re.sub(r"`[^`]*`|\{[^{}]*\}|[\w-]*[-_]\w+", " ", token.string)


def test_the_house_speaks_in_usual_words() -> None:
    found = [
        f"{name}:{number}: {match[0]}"
        for name, number, text in list_read()
        if (match := FORBIDDEN.search(text)) and name not in KNOWN_AS_OLD
    ]
    assert not found, "These have a usual word (see FORBIDDEN):\n" + "\n".join(found)


def test_a_word_is_found_where_people_read_it(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        '"""Read anew."""\nbring = 1  # Mend it.\nsay(f"kin of {bring}", "bring_inputs", x.mend)\n'
    )
    found = [match[0] for _, text in list_prose(tmp_path / "one.py") for match in FORBIDDEN.finditer(text)]
    assert found[:3] == ["anew", "Mend", "kin"] and "bring" not in found


def test_a_quotation_is_found() -> None:
    assert list(cut("<b>One</b> two three, four.")) == [("one", "two", "three", "four")]
    assert not list(cut("one two 3 three four")), "a value parts what is said around it"


def test_tests_leave_the_words_editable() -> None:
    found = list_quotations()
    assert len(found) <= MOST, "Ask for facts (tests/telling.py) instead of sentences:\n" + "\n".join(found)
