"""What the studio changes of other people's code: each change says what it was read from, and fails when that changes.

A change of foreign code is found by what it looks like: something imported, or something that is not our own `self`, is
given a `forward`, a `train` or a name with a low line; a private name of it is called, imported or overridden.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from studio.foreign import Original, find_digest

ROOT = Path(__file__).parents[1]
OURS = {"studio", "app", *sys.stdlib_module_names}
FILES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((ROOT / "studio").rglob("*.py"))
}
CHANGED = {"forward", "train", "zero_grad"}
"""Methods of foreign objects that are exchanged by an assignment."""
ROOMS = ("studio.training.fast", "studio.methods.tuners")
"""Where changes live: those made for speed, and those that peft's tuners need."""
ELSEWHERE = {
    "studio.answering.rows": "two sides in one batch, where answers are made",
    "studio.estimates.activations": "measuring on a device that a kernel was not written for",
    "studio.methods.adalora": "going on with a budget of peft's from a checkpoint",
    "studio.methods.full": "asking whether transformers empties the row of padding",
    "studio.methods.pissa": "a start of peft's that can be taken back",
    "studio.methods.targets": "asking peft what it would refuse",
    "studio.models.causality": "asking transformers which class a config has",
    "studio.models.wide": "products of 16 bits, wherever they are loaded",
    "studio.precisions.exact_products": "codes that are multiplied right wherever they are loaded",
    "studio.precisions.nf4": "codes that stay right wherever they are loaded",
    "studio.precisions.reach": "transformers' own rule of what it stores as codes",
    "studio.training.session": "one card",
    "studio.training.trainer": "checkpoints and batches of our own",
    "studio.ui": "no files beside our sources",
    "studio.ui.frame.fair_queue": "waiting for questions instead of looking for them",
    "studio.ui.frame.sessions": "no description of the page for each session",
    "studio.ui.frame.theme": "no fonts from the network",
}


def find_changes(tree: ast.Module) -> Iterator[str]:
    """Yield what looks like a change of foreign code, or like a use of what is private in it, with its line."""
    foreign = _list_foreign(tree)
    for node in ast.walk(tree):
        if _is_change(node, foreign):
            yield f"{node.lineno}: {ast.unparse(node).splitlines()[0]}"  # type: ignore[attr-defined]


def _list_foreign(tree: ast.Module) -> set[str]:
    """The names that a module has from other people's."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(a.asname or a.name).split(".")[0] for a in node.names if a.name.split(".")[0] not in OURS}
        elif _is_foreign_import(node):
            names |= {a.asname or a.name for a in node.names}  # type: ignore[attr-defined]
    return names


def _is_foreign_import(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] not in OURS


def _is_change(node: ast.AST, foreign: set[str]) -> bool:
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        name, root = node.attr if isinstance(node, ast.Attribute) else "", _find_root(node)
        return root in foreign or (root not in ("self", "cls", "ctx") and (name in CHANGED or _is_private(name)))
    if isinstance(node, ast.Attribute):
        return _is_private(node.attr) and _find_root(node) in foreign
    if isinstance(node, ast.ImportFrom) and _is_foreign_import(node):
        return any(map(_is_private, [*(node.module or "").split("."), *(alias.name for alias in node.names)]))
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "type.__setattr__", "object.__setattr__"):
        return _find_root(node.args[0]) not in ("self", "cls")
    return False


def _find_root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def declares(tree: ast.Module) -> bool:
    """Whether a module says what it was read from."""
    return any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "READ_FROM" for node in tree.body)


TREES = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in FILES.items()}
DECLARING = sorted(name for name, tree in TREES.items() if declares(tree))


def test_whoever_changes_foreign_code_says_what_it_was_read_from() -> None:
    silent = {name: [*find_changes(tree)] for name, tree in TREES.items() if name not in DECLARING}
    silent.pop("studio.tasks.instance")  # sets what its own subclasses are made with
    assert not {name: found for name, found in silent.items() if found}


def test_changes_live_where_they_are_looked_for() -> None:
    elsewhere = {name for name in DECLARING if not name.startswith(ROOMS)}
    assert elsewhere == ELSEWHERE.keys(), "Changes made for speed belong into studio/training/fast."


@pytest.mark.parametrize("name", DECLARING)
def test_what_was_read_is_what_is_there(name: str) -> None:
    for original in importlib.import_module(name).READ_FROM:
        assert isinstance(original, Original)
        check_original(name, original)


def check_original(name: str, original: Original) -> None:
    """Fail, naming the module, where an original's text isn't what it was."""
    try:
        found = find_digest(original.name)
    except LookupError as error:
        pytest.fail(f"{name} was written against {original.name} {original.version}. {error}")
    library = original.name.split(".")[0]
    assert found == original.digest, (
        f"{name} was written against {original.name} as of {library} {original.version}, and {library} "
        f"{version(library)} has another. Read it, repair {name} if it must be, then write digest {found!r} there."
    )


@pytest.mark.parametrize("name", DECLARING)
def test_private_methods_that_are_overridden_are_among_them(name: str) -> None:
    module = importlib.import_module(name)
    read = {original.name.rsplit(".", 1)[-1] for original in module.READ_FROM}
    for kind in (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == name):
        strangers = [base for base in kind.__mro__ if base.__module__.split(".")[0] not in OURS]
        theirs = {
            method
            for method, own in vars(kind).items()
            if _is_private(method)
            and inspect.isfunction(own)
            and any(callable(getattr(b, method, None)) for b in strangers)
        }
        assert theirs <= read, f"{kind.__name__} overrides what it doesn't say it read: {sorted(theirs - read)}"


def test_nobody_else_overrides_a_private_method() -> None:
    known = {"Trainer", "IA3Model", "AdaLoraModel", "LNTuningModel", "BaseTuner", "PeftModelForCausalLM"}
    heirs = {
        name
        for name in FILES.keys() - DECLARING
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.ClassDef) and known & {*map(ast.unparse, node.bases)}
    }
    assert not heirs


def test_another_text_is_told_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    texts = {
        "toy_plain": "def act(x):\n    return x + 1\n",
        "toy_laid_out": 'def act( x ):\n    """Add one."""\n    # one\n    return (x + 1)\n',
        "toy_other": "def act(x):\n    return x + 2\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    plain, laid_out, other = (find_digest(f"{name}.act") for name in texts)
    assert plain == laid_out != other
    with pytest.raises(LookupError):
        find_digest("toy_plain.gone")


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ntorch.nn.Linear.forward = 1",
        "def use(layer):\n    layer.forward = 1",
        "def use(model):\n    del model.train",
        "from peft import X\nX[1] = 2",
        "import torch\ntorch._private(1)",
        "from transformers._inner import y",
        "def use(table):\n    setattr(table.weight, 'a', 1)",
    ],
)
def test_a_change_is_seen(text: str) -> None:
    assert [*find_changes(ast.parse(text))]


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def a(self):\n        self._b = self.forward = 1",
        "import torch\ntorch.zeros(1)",
        "x = {}\nx[1] = 2",
    ],
)
def test_what_is_our_own_is_none(text: str) -> None:
    assert not [*find_changes(ast.parse(text))]


def test_no_class_of_gradio_has_its_source_parsed_as_it_is_made() -> None:
    from importlib.util import module_from_spec

    import gradio

    from studio.ui import _Finder

    spec = _Finder.find_spec("gradio.component_meta", gradio.__path__)
    assert spec and spec.loader and _Finder.find_spec("gradio.components", gradio.__path__) is None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.create_or_modify_pyi(None, None, None) is None, "or it would have asked for the source"
