"""The page. Only this room and app.py know gradio; nothing outside knows this room."""

import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from studio.foreign import Original

READ_FROM = (Original("gradio.component_meta", "6.31.0", "8170c75b458e"),)


def write_no_stubs(module: ModuleType) -> None:
    """Take out of gradio.component_meta what writes a .pyi."""
    vars(module)["create_or_modify_pyi"] = lambda *_: None


class _WithoutStubs(SourceFileLoader):
    """Loads gradio's maker of component classes so that it writes no .pyi beside a source.

    It parses the file of each of its eighty classes for that, which is a third of what starting the page takes; and
    our sources stay as they are.
    """

    def exec_module(self, module: ModuleType) -> None:
        """Load it, and take the writing out before any class is made."""
        super().exec_module(module)
        write_no_stubs(module)


class _Finder:
    """Finds that one module."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where gradio.component_meta is and how it is loaded, and nothing of others."""
        spec = PathFinder.find_spec(name, path) if name == READ_FROM[0].name else None
        if spec and spec.origin:
            spec.loader = _WithoutStubs(name, spec.origin)
        return spec


sys.meta_path.insert(0, _Finder)
try:
    import gradio.component_meta
finally:
    sys.meta_path.remove(_Finder)
gradio.component_meta.create_or_modify_pyi = lambda *_: None  # somebody may have imported it earlier
