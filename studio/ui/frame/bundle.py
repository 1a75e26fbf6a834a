"""All modules of the page as one, so that a first visit asks for one file and not for one a module.

A module becomes a function that is called once, after those it imports; what it exports is found by its name in
`modules`. Understands what the page's modules are written in (an import or an export a line, tested over all of them),
and nothing else of the language; refuses the rest in words.
"""

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter
from posixpath import dirname, join, normpath

BUNDLE = "all.js"
_IMPORT = re.compile(r'^import (?:(\{.*\}) from )?"(\.{1,2}/.+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|const|class) (\w+)", re.MULTILINE)
_NOTHING = re.compile(r"^export \{\};$", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def write_bundle(modules: Mapping[str, str]) -> str:
    """Return one module that exports `modules`, each module's exports by its name ("frame/words.js").

    Raises ValueError for an import or export of another form, CycleError for modules that import each other.
    """
    order = TopologicalSorter({name: find_imports(name, text) for name, text in modules.items()}).static_order()
    parts = [_write_part(name, modules[name]) for name in order]
    return "\n".join(("export const modules = {};", *parts, ""))


def find_imports(name: str, text: str) -> list[str]:
    """Return the names of the modules that a module imports."""
    return [_find_name(name, found[2]) for found in _IMPORT.finditer(text)]


def _find_name(importer: str, address: str) -> str:
    return normpath(join(dirname(importer), address))


def _write_part(name: str, text: str) -> str:
    def take(found: re.Match[str]) -> str:
        names = found[1] and found[1].replace(" as ", ": ")
        return f'const {names} = modules["{_find_name(name, found[2])}"];' if names else ""

    exported = ", ".join(found[2] for found in _EXPORT.finditer(text))
    body = _NOTHING.sub("", _EXPORT.sub(r"\1 \2", _IMPORT.sub(take, text)))
    if left := _LEFT.search(body):
        raise ValueError(f"{name}: {left[0]!r} is no form of import or export that the bundle understands.")
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();'
