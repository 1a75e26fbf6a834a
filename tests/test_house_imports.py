"""Who may know whom, read from the import statements, and what starting the page costs.

The rules are those of ARCHITECTURE.md. An import inside a function counts like any other where it says who knows whom;
only the rule about heavy libraries lets it pass. What is under `if TYPE_CHECKING:` is no import.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "bitsandbytes", "datasets", "peft", "sentence_transformers", "setfit", "sklearn", "torch", "transformers", "trl"
}  # fmt: skip
# The modules that load a heavy library as they are imported: those of processes that exist to use it. No page has them.
HEAVY_AT_TOP = {
    "studio.exporting.reproduce.train": "the script that is given away",
    "studio.methods.tuners.beside": "attaching the method",
    "studio.methods.tuners.bias": "attaching the method",
    "studio.methods.tuners.bottleneck": "attaching the method",
    "studio.methods.tuners.norm": "attaching the method",
    "studio.methods.tuners.registering": "attaching the method",
    "studio.methods.tuners.soft_prompt": "attaching the method",
    "studio.methods.tuners.typed": "attaching the method",
    "studio.models.wide": "loading a model",
    "studio.training.cores": "the training child",
    "studio.training.pieces": "the training child",
    "studio.world.encoder": "making the built-in encoder",
    "studio.training.fast.kernels": "the training child",
    "studio.training.fast.unpacked": "the training child",
    "studio.training.fast.words_on_host": "the training child",
    "studio.training.fast.attention": "the training child",
    "studio.training.batch": "the training child",
    "studio.training.fast.checkpointing": "the training child",
    "studio.training.fast.fused_lora": "the training child",
    "studio.training.fast.head": "the training child",
    "studio.training.fast.lean_trainer": "the training child",
    "studio.training.fast.one_pass": "the training child",
    "studio.training.embedding": "the training child",
    "studio.training.examiner": "the training child",
    "studio.training.timed_step": "the training child",
    "studio.training.headed": "the training child",
    "studio.training.judging": "the training child",
    "studio.training.reference": "the training child",
    "studio.training.rollouts": "the training child",
    "studio.training.sampling": "the training child",
    "studio.training.session": "the training child",
    "studio.training.tally": "the training child",
    "studio.training.trainer": "the training child",
    "studio.training.trial": "the training child",
    "studio.training.value_head": "the training child",
    "studio.world.checkpoint": "making the built-in base",
    "studio.world.export": "making the built-in base",
    "studio.world.network": "making the built-in base",
    "studio.world.pretraining": "making the built-in base",
    "studio.world.tokenizer": "making the built-in base",
}
# Everything may lean on these five, so they lean on nothing but each other.
FLOOR = {"studio.declaration", "studio.errors", "studio.foreign", "studio.plugins", "studio.workspace"}
# Where the training child begins, and what it never sees.
WORKER, TRAINER = "studio.works.worker", "studio.training.session"
NOT_FOR_THE_WORKER = (
    "gradio",
    "studio.ui",
    "studio.answering.desk",
    "studio.queueing.scheduler",
    "studio.service",
    "app",
)


class Import(NamedTuple):
    """`importer` imports `target` in `line`; `late` says that it does so inside a function."""

    importer: str
    target: str
    line: int
    late: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def find_modules() -> dict[str, Path]:
    """Return {dotted name: file} of everything that is the studio's program."""
    files = [*sorted((ROOT / "studio").rglob("*.py")), ROOT / "app.py"]
    names = {file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files}
    return {name: file for file, name in names.items() if file.exists()}


MODULES = find_modules()


def read_imports(name: str) -> list[Import]:
    """Return every import of the module called `name`."""
    return list(_walk(name, ast.parse(MODULES[name].read_text(encoding="utf-8")), late=False))


def _walk(name: str, node: ast.AST, *, late: bool) -> Iterator[Import]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (Import(name, alias.name, node.lineno, late) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        source = _source(name, node)
        yield Import(name, source, node.lineno, late)
        inside = (f"{source}.{alias.name}" for alias in node.names)
        yield from (Import(name, target, node.lineno, late) for target in inside if target in MODULES)
    late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child in ast.iter_child_nodes(node):
        yield from _walk(name, child, late=late)


def _source(name: str, node: ast.ImportFrom) -> str:
    """Return the absolute name of what `from ... import` reads."""
    if not node.level:
        return node.module or ""
    package = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])


@cache
def list_imports() -> list[Import]:
    """Return every import of the program."""
    return [found for name in MODULES for found in read_imports(name)]


def is_in(name: str, *packages: str) -> bool:
    """Say whether `name` is one of the packages or inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def complain(found: list[Import], rule: str) -> None:
    """Fail with every import that breaks the rule."""
    assert not found, "\n".join([rule, *map(str, found)])


def test_only_the_page_imports_gradio() -> None:
    broken = [i for i in list_imports() if is_in(i.target, "gradio") and not is_in(i.importer, "studio.ui", "app")]
    complain(broken, "Only studio/ui/ and app.py import gradio; return plain values and let the page draw them.")


def test_heavy_libraries_are_imported_late() -> None:
    early = [i for i in list_imports() if is_in(i.target, *HEAVY) and not i.late and i.importer not in HEAVY_AT_TOP]
    complain(early, "Import these inside the function that needs them (and list the file in pyproject.toml, PLC0415).")


def test_the_table_of_heavy_modules_is_true() -> None:
    heavy = {i.importer for i in list_imports() if is_in(i.target, *HEAVY) and not i.late}
    assert set(HEAVY_AT_TOP) <= heavy, f"No longer heavy, so remove them here: {set(HEAVY_AT_TOP) - heavy}"


def test_pages_never_import_the_child() -> None:
    child = [
        i for i in list_imports() if is_in(i.importer, "studio.ui", "app") and is_in(i.target, WORKER, *HEAVY_AT_TOP)
    ]
    complain(child, "A page reads the run's folder; the child runs elsewhere.")


def test_nothing_but_the_app_imports_the_pages() -> None:
    pages = [i for i in list_imports() if is_in(i.target, "studio.ui") and not is_in(i.importer, "studio.ui", "app")]
    complain([*pages, *(i for i in list_imports() if is_in(i.target, "app"))], "The rooms don't know who shows them.")


def test_the_floor_knows_no_room() -> None:
    rooms = [i for i in list_imports() if i.importer in FLOOR and is_in(i.target, "studio") and i.target not in FLOOR]
    complain(rooms, f"{', '.join(sorted(FLOOR))} import nothing of the studio but each other.")


def test_the_worker_never_sees_the_page_the_chat_or_the_scheduler() -> None:
    assert WORKER in MODULES, f"{WORKER} is gone; name the module in which the training child begins."
    reached, waiting = set(), {WORKER, TRAINER}
    while waiting:
        reached |= waiting
        waiting = {i.target for i in list_imports() if i.importer in waiting and i.target in MODULES} - reached
    broken = [i for i in list_imports() if i.importer in reached and is_in(i.target, *NOT_FOR_THE_WORKER)]
    complain(broken, f"What {WORKER} imports, and what that imports, never reaches these.")


def test_nothing_below_the_service_knows_it() -> None:
    above = ("studio.service", "studio.ui", "app", "studio.__main__")
    broken = [i for i in list_imports() if is_in(i.target, "studio.service") and not is_in(i.importer, *above)]
    complain(broken, "The service puts the rooms together; what a room needs of it belongs in a room.")


def test_a_task_knows_its_kinds_and_no_other_room_of_tasks() -> None:
    core = [name for name in MODULES if find_room(name) == "studio.tasks"]
    rooms = {find_room(name) for name in MODULES if is_in(name, "studio.tasks")} - {"studio.tasks"}
    assert len(core) > 10 and len(rooms) >= 5
    broken = [i for i in list_imports() if i.importer in core and is_in(i.target, *rooms - {"studio.tasks.kinds"})]
    complain(broken, "What a task is doesn't depend on how it is read, checked, labelled or kept in a library.")


# What else changes something of a library, and why there is no other way.
PATCHES = {
    "studio.methods.tuners.norm": "peft's table of tuners, where it looks up a type",
    "studio.methods.tuners.registering": "the types of peft, an enumeration that can't be extended otherwise",
    "studio.methods.tuners.typed": "peft's table of tuners, where it looks up a type",
    "studio.ui": "gradio writes a file beside each component's source as it is imported",
}


def list_patches(name: str) -> list[str]:
    """Return the statements of a module that assign to something of a library, or inside it."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    theirs: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                if not is_in(source or alias.name, "studio") and not getattr(node, "level", 0):
                    theirs.add(alias.asname or alias.name.split(".")[0])
    return [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if any(find_owner(target) in theirs for target in list_targets(node))
    ]


def list_targets(node: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns to, parts of tuples apart; `setattr` assigns to what it is given first."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr":
        return [ast.Attribute(node.args[0], "?")]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return []
    return [part for target in targets if target for part in getattr(target, "elts", [target])]


def find_owner(target: ast.expr) -> str:
    """Return the name whose attribute or item is assigned, "" for a plain name: `a` of `a.b["c"].d`."""
    if isinstance(target, ast.Name):
        return ""
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def test_only_the_fast_room_changes_what_a_library_does() -> None:
    found = {name: list_patches(name) for name in MODULES if not is_in(name, "studio.training.fast")}
    patching = {name: lines for name, lines in found.items() if lines}
    broken = [line for name, lines in patching.items() if name not in PATCHES for line in lines]
    assert not broken, "\n".join(["Patches of other people's code are in studio/training/fast.", *broken])
    assert patching.keys() == PATCHES.keys(), f"These change nothing any more: {PATCHES.keys() - patching.keys()}"


@pytest.mark.parametrize(
    "pattern", tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["per-file-ignores"]
)
def test_each_exception_of_the_lint_names_a_file(pattern: str) -> None:
    assert any(ROOT.glob(pattern)), f"pyproject.toml excepts {pattern!r} from a lint rule, and there is no such file."


def test_starting_the_app_loads_no_heavy_library() -> None:
    page = {i.target for i in list_imports() if i.importer == "app" and i.target in MODULES}
    assert "studio.ui.page" in page
    command = [sys.executable, "-X", "importtime", "-c", f"import {', '.join(['app', *sorted(page)])}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "gradio" in loaded
    assert not loaded & (HEAVY | {"accelerate", "matplotlib", "plotly"})


MAKES_TOKENS = re.compile(r"\.generate\(|\bargmax\(|\bmultinomial\(")
WRITERS = {
    "studio.answering.decoding": "the one writer",
    "studio.methods.tuners.soft_prompt": "hands what transformers writes through, with the learnt tokens before it",
}
WHO_JUDGES = ("studio.answering", "studio.evidence", "studio.service", "studio.training", "studio.ui")


def _read_code(name: str) -> str:
    """The program of a module without its comments and docstrings."""
    return ast.unparse(ast.parse(MODULES[name].read_text(encoding="utf-8")))


def test_one_module_writes_tokens() -> None:
    found = {name for name in MODULES if MAKES_TOKENS.search(_read_code(name))}
    assert found == set(WRITERS), "Only studio.answering.decoding chooses tokens; let it write what you need."


def _list_judgements(name: str) -> Iterator[ast.expr]:
    """What a module stores under a name or a key that ends in "right", where it isn't another such name."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        elif isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        for target, value in pairs:
            said = ast.unparse(target).strip("'\"()") if target else ""
            if said.endswith("right") and not isinstance(value, ast.Name | ast.Attribute):
                yield value


def test_one_module_says_what_is_right() -> None:
    found = [
        (name, ast.unparse(value)) for name in MODULES if is_in(name, *WHO_JUDGES) for value in _list_judgements(name)
    ]
    assert len(found) >= 3
    broken = [f"{name}: {value}" for name, value in found if "match_exactly(" not in value]
    assert not broken, (
        f"Only studio.evidence.metrics.matching says whether an answer is right; ask match_exactly: {broken}"
    )


LARGEST_ROOM = 0.23
"""The share of the program's lines that one folder may hold."""


def find_room(name: str) -> str:
    """Return the folder in which a module lies."""
    return name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]


def draw_rooms() -> dict[str, set[str]]:
    """Return room -> the rooms whose modules it imports. What a package hands on counts as the module it comes from."""
    rooms: dict[str, set[str]] = {}
    one_room = {
        "studio.tasks.kinds": "studio.tasks"
    }  # a task is written in terms of its kinds, and they in terms of it
    taken = {
        (i.importer, i.line): i.target for i in list_imports() if i.target in MODULES
    }  # the last one is the narrowest
    for (importer, _), target in taken.items():
        one, other = (one_room.get(room, room) for room in (find_room(importer), find_room(target)))
        if one != other and "studio" not in (one, other):
            rooms.setdefault(one, set()).add(other)
    return rooms


def test_no_two_rooms_lean_on_each_other() -> None:
    """The rooms can be drawn one above the other, with every arrow pointing down."""
    rooms = draw_rooms()
    assert len(rooms) > 20
    graph = TopologicalSorter(rooms)
    try:
        graph.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        pytest.fail(f"These rooms lean on each other: {circle}. Move what both need into the lower one.")


def test_no_room_is_a_house_of_its_own() -> None:
    lines: Counter[str] = Counter()
    for name, file in MODULES.items():
        lines[find_room(name)] += file.read_text(encoding="utf-8").count("\n")
    room, most = lines.most_common(1)[0]
    assert most <= LARGEST_ROOM * lines.total(), f"{room} holds {most:,} of {lines.total():,} lines; part it."


FOREIGN_READERS = {
    "studio.archives.unpacking": {"unpack_run"},
    "studio.checkpoints.weights": {"load_stack"},
    "studio.estimates.checking": {"check_recipe", "check_precision", "is_storable"},
    "studio.estimates.comparison": {"compare_methods"},
    "studio.estimates.counting": {"count", "find_shape"},
    "studio.estimates.estimate": {"estimate_recipe"},
    "studio.estimates.lengths": {"check_lengths", "measure_lengths"},
    "studio.models.checking": {"check_model"},
    "studio.models.facts": {"describe_model", "find_config_folder"},
    "studio.models.loading": {"load_base", "load_tokenizer"},
    "studio.objectives.sight": {"look_at"},
    "studio.tasks.library.collection": {"import_collection", "write_collection"},
    "studio.tasks.reading.archive": {"list_zip", "read_folder", "read_zip"},
    "studio.tasks.reading.columnar": {"read_columnar", "stream_columnar"},
    "studio.tasks.reading.hub_dataset": {"fetch_rows"},
    "studio.tasks.reading.pasting": {"preview_inputs", "read_inputs"},
    "studio.tasks.reading.streaming": {"is_archive", "stream_file"},
    "studio.tasks.reading.task_file": {
        "import_file",
        "load_table",
        "preview_file",
        "read_many",
        "read_task",
        "read_task_file",
    },
    "studio.tasks.reading.workbook": {"read_excel"},
}
"""What reads foreign files, models and datasets, and so may be asked for by a child alone."""
MAY_READ = {"studio.service.jobs": "the jobs", "studio.service.checkup": "what a job calls"}


def test_page_and_service_read_nothing_foreign_themselves() -> None:
    for module, names in FOREIGN_READERS.items():
        assert names <= set(re.findall(r"^def (\w+)", MODULES[module].read_text(encoding="utf-8"), re.MULTILINE)), (
            module
        )
    broken = [
        f"{name}:{node.lineno} imports {node.module}.{alias.name}"
        for name in MODULES
        if is_in(name, "studio.ui", "studio.service", "app") and name not in MAY_READ
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name in FOREIGN_READERS.get(node.module or "", set())
        or f"{node.module}.{alias.name}" in FOREIGN_READERS
    ]
    assert not broken, "\n".join(["Make it a job (studio/service/jobs.py), so that a child does it.", *broken])
