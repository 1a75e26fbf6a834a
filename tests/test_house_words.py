"""What is written about the code is true of the code: the README's tree and links, docstrings, sizes, the version."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import studio

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "studio").rglob("*.py")) + [ROOT / "app.py"]
PAPERS = sorted(ROOT.glob("*.md"))
LARGEST_MODULE_LINES = 400
LARGEST_FUNCTION_LINES = 60
# Folders that git doesn't keep, or that everybody knows.
UNLISTED = {".git", ".venv", "__pycache__", "tests/artefacts"}


def relative(path: Path) -> str:
    """Return the path as the README writes it."""
    return path.relative_to(ROOT).as_posix()


def read_tree() -> list[str]:
    """Return the paths of the README's file tree: one a line, a folder's with a slash, its files indented below it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- tree -->\s*```\w*\n(.*?)```\s*<!-- /tree -->", readme, re.DOTALL)
    assert block, "README.md has no file tree between <!-- tree --> and <!-- /tree -->."
    paths: list[str] = []
    above: list[tuple[int, str]] = []
    for line in filter(str.strip, block[1].splitlines()):
        indent = len(line) - len(line.lstrip())
        above = [(depth, folder) for depth, folder in above if depth < indent]
        name = line.split()[0]
        path = "".join(folder for _, folder in above) + name
        paths.append(path)
        if name.endswith("/"):
            above.append((indent, name))
    return paths


def test_the_tree_of_the_readme_names_what_is_there() -> None:
    missing = [path for path in read_tree() if not (ROOT / path).exists()]
    assert not missing, f"README.md lists what isn't there: {', '.join(missing)}"


def test_the_tree_of_the_readme_leaves_nothing_out() -> None:
    tree = set(read_tree())
    kept = [path for path in ROOT.iterdir() if is_kept(path)]
    rooms = [path for path in (ROOT / "studio").iterdir() if path.is_dir() and is_kept(path)]
    there = {relative(path) + "/" * path.is_dir() for path in [*kept, *rooms]}
    assert not there - tree, f"README.md's file tree leaves out: {', '.join(sorted(there - tree))}"


def is_kept(path: Path) -> bool:
    """Say whether a path belongs to the project rather than to a tool's leavings."""
    if relative(path) in UNLISTED or path.name in UNLISTED or path.name.endswith((".egg-info", "_cache", ".partial")):
        return False
    return path.name not in (".hypothesis", "build", "dist", ".DS_Store", ".idea", ".vscode") and (
        path.is_file() or any(file.is_file() and "__pycache__" not in file.parts for file in path.rglob("*"))
    )


def find_links(paper: Path) -> Iterator[str]:
    """Yield what a paper links to within the project: markdown links and the sources of pictures."""
    text = re.sub(r"```.*?```", "", paper.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(\s*<?([^)>\s]+)|(?:src|href)=\"([^\"]+)\"", text):
        target = "".join(link)
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("paper", PAPERS, ids=relative)
def test_every_link_leads_somewhere(paper: Path) -> None:
    for link in find_links(paper):
        file, _, section = link.partition("#")
        target = (paper.parent / file) if file else paper
        assert target.exists(), f"{relative(paper)} links to {link}, which isn't there."
        if section:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings]
            assert section in anchors, f"{relative(paper)} links to {link}; the sections are {', '.join(anchors)}."


def find_definitions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, bool]]:
    """Yield the public functions and classes of a module and, of public classes, the public methods (True)."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node, False
            for part in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(part, kinds) and not part.name.startswith("_"):
                    yield part, True


def opens_with_a_sentence(text: str) -> bool:
    """Say whether the first paragraph is, or begins with, a sentence that ends."""
    first = re.split(r"\n\s*\n", text.strip())[0]
    return bool(re.search(r"[.?!][\"')`]*(\s|$)", first))


def list_unexplained(module: Path, explained: set[str]) -> list[str]:
    """Return what is public in a module and opens with no sentence, but for methods that are explained elsewhere."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    opening = ast.get_docstring(tree)
    wrong = ["the module itself"] if tree.body and (opening is None or not opens_with_a_sentence(opening)) else []
    for node, is_method in find_definitions(tree):
        text = ast.get_docstring(node)
        is_explained = text is None and is_method and node.name in explained
        if not is_explained and (text is None or not opens_with_a_sentence(text)):
            wrong.append(f"{node.name} (line {node.lineno})")
    return [f"{relative(module)}: {name}" for name in wrong]


def find_documented_methods() -> set[str]:
    """Return the names of methods that some class explains: what a plug-in overrides is told at the family's head."""
    trees = [ast.parse(module.read_text(encoding="utf-8")) for module in MODULES]
    return {
        node.name for tree in trees for node, method in find_definitions(tree) if method and ast.get_docstring(node)
    }


def test_everything_public_says_what_it_is() -> None:
    explained = find_documented_methods()
    wrong = [line for module in MODULES for line in list_unexplained(module, explained)]
    assert not wrong, "\n".join(["A docstring opens with one sentence, which these lack.", *wrong])


def test_a_module_fits_in_a_head() -> None:
    lines = {relative(module): module.read_text(encoding="utf-8").count("\n") for module in MODULES}
    large = {name: count for name, count in lines.items() if count > LARGEST_MODULE_LINES}
    assert len(lines) > 250 and not large, f"Part these where their subject parts: {large}"


def test_a_function_is_read_in_one_look() -> None:
    long = [
        f"{relative(module)}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LARGEST_FUNCTION_LINES
    ]
    assert not long, "\n".join(["Name the ideas in these and let each be a function.", *long])


def test_a_script_says_its_reason_in_short_lines_and_makes_no_global() -> None:
    wrong = []
    for script in (ROOT / "studio").rglob("*.js"):
        lines = script.read_text(encoding="utf-8").splitlines()
        wrong += [f"{script.name}:{place}: too long" for place, line in enumerate(lines, 1) if len(line) > 120]
        wrong += [f"{script.name}: {line}" for line in lines if re.match(r"\s*(window|globalThis)\.\w+ = ", line)]
        wrong += (
            [] if lines[:1] == ["// @ts-check"] and re.match("// [A-Z]", lines[1]) else [f"{script.name}: no reason"]
        )
    assert wrong == ["visitor.js: window.fetch = (asked, options = {}) => {"], wrong


def test_the_version_stands_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "studio.__version__"}
    newest = re.search(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest and newest[1] == studio.__version__
