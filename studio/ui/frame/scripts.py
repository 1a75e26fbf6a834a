"""The page's own scripts and styles: found beside the Python they belong to, served at an address of the studio's own.

`/studio/VERSION/all.js`: the version is a hash over all files, so a browser keeps it for ever and never mixes two
versions. Only these files can be asked for, all modules as one (frame/bundle.py) or each by its name: they are read
once, from the packages, and nothing of an address ever becomes a path. The route goes to gradio through `app_kwargs`,
so it is there wherever `make_launch()` is used: on this computer, behind a proxy with a prefix, on a Space, from a
notebook. Addresses are relative to the page's own (`document.baseURI`), which each of these gets right.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from studio.ui.frame.bundle import BUNDLE, write_bundle
from studio.ui.frame.step import find_folders

KINDS = {".js": "text/javascript", ".css": "text/css"}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
GONE = "The studio has no such script any more. Reload the page."
PLOTLY = "plotly.min.js"
LOADER = """/* {names} */
{module}
  .then((module) => module.mount({{ element, props, trigger, server, upload, watch }}))
  .catch((error) => {{
    console.error(error);
    const words = document.createElement("p");
    words.className = "error-line";
    words.setAttribute("role", "alert");
    words.textContent = "This part of the page could not be loaded. Reload the page to try again.";
    element.append(words);
  }});"""


class Files(NamedTuple):
    """All scripts and styles by their name ("steps/data/rows.js"), and the version they are together."""

    texts: dict[str, bytes]
    version: str


@cache
def read_files() -> Files:
    """Read every script and style of the page, once."""
    texts = {name: path.read_bytes() for name, path in sorted(_find_files())}
    modules = {name: text.decode() for name, text in texts.items() if name.endswith(".js")}
    texts[BUNDLE] = write_bundle(modules).encode()
    together = hashlib.sha256(b"\0".join(part for name, text in texts.items() for part in (name.encode(), text)))
    return Files(texts, together.hexdigest()[:12])


def _find_files() -> Iterator[tuple[str, Path]]:
    for place, folder in find_folders().items():
        for path in folder.iterdir():
            if path.suffix in KINDS:
                yield f"{place}/{path.name}", path


def write_address(name: str) -> str:
    """Return where a script is, relative to the page. Raises KeyError for one that there isn't."""
    files = read_files()
    if name not in files.texts:
        raise KeyError(f"There is no script {name!r} beside the page's Python; there are: {', '.join(files.texts)}.")
    return f"studio/{files.version}/{name}"


def write_loader(name: str, events: tuple[str, ...] = ()) -> str:
    """Return a component's `js_on_load`: its module's `mount` draws it; gradio makes `events` of the quoted names."""
    return LOADER.format(module=write_import(name), names=" ".join(f"'{event}'" for event in events))


def write_import(name: str) -> str:
    """Return the JavaScript that promises what a module exports. Raises KeyError for one that there isn't."""
    write_address(name)
    return f'import(new URL("{write_address(BUNDLE)}", document.baseURI)).then(({{ modules }}) => modules["{name}"])'


def read_styles() -> str:
    """Return all styles as one text, the frame's first."""
    return "\n".join(text.decode() for name, text in read_files().texts.items() if name.endswith(".css"))


def make_route() -> Route:
    """Return the route at which an app serves the files."""
    return Route("/studio/{version}/{name:path}", send_file, name="studio_files")


def write_plotly_address() -> str:
    """Return where the plotly package's own script is, relative to the page; its path is nobody's to know."""
    return f"studio/{version('plotly')}/{PLOTLY}"


def find_plotly() -> Path:
    """Return the plotly package's own plotly.min.js, without importing plotly."""
    found = find_spec("plotly")
    assert found is not None and found.origin is not None, "plotly is a dependency of the studio"
    return Path(found.origin).parent / "package_data" / PLOTLY


async def send_file(request: Request) -> Response:
    """Answer with one of the files, or with 404 in words."""
    name, files = request.path_params["name"], read_files()
    if name == PLOTLY and request.path_params["version"] == version("plotly"):
        return FileResponse(find_plotly(), media_type=KINDS[".js"], headers=FOR_EVER)
    if request.path_params["version"] != files.version or name not in files.texts:
        return Response(GONE, status_code=404, media_type="text/plain")
    return Response(files.texts[name], media_type=KINDS[Path(name).suffix], headers=FOR_EVER)
