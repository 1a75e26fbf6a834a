"""Start the studio: flags -> Workspace -> Studio -> page -> launch; nothing else.

Importing this file builds nothing. Closing the server leaves what trains alone: it goes on, and is found again.
"""

import argparse
import contextlib
import errno
import gc
import importlib.util
import logging
import os
import socket
import sys
import tempfile
import warnings
from collections.abc import Mapping, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, NamedTuple

from studio.interruption import ASKING, Interruption
from studio.models.card import choose_card

HOST, PORT = "127.0.0.1", 7860
TRIES = 20
MOST_FILES = 65_536
SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "false",
    "WANDB_MODE": "disabled",
}
"""What keeps libraries from telling others that they are used."""
PATIENCE_SECONDS = 3.0
"""How long closing may take; what isn't closed by then is left as a kill would leave it, which harms nothing."""


class Address(NamedTuple):
    """Where the page is served: `asked` is the port that a person named; to this computer alone (`own`), to each
    visitor their own (`shared`), as an MCP server's tools, too (`tools`)."""

    host: str
    port: int
    asked: str | None
    own: bool
    shared: bool
    tools: bool


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until it is interrupted. Returns the exit status."""
    given = read_arguments(arguments)
    with Interruption(*ASKING, patience_seconds=0) as interruption:
        try:
            status = serve(given, interruption)
        finally:
            gc.enable()
        interruption.shut()
    return status


def serve(given: argparse.Namespace, interruption: Interruption) -> int:
    """Serve the page until it is interrupted, also before it is there. Returns the exit status."""
    set_environment(os.environ)
    choose_card(os.environ)
    host = given.host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if os.environ.get("SPACE_ID") else HOST)
    asked = given.port if given.port is not None else os.environ.get("GRADIO_SERVER_PORT")
    try:
        port = choose_port(host, asked)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    own = host in ("127.0.0.1", "localhost", "::1")
    shared, tools = is_shared(os.environ, own), is_on(os.environ, "STUDIO_MCP")
    if tools and not importlib.util.find_spec("mcp"):
        print("STUDIO_MCP=1 needs the package mcp: pip install -e '.[mcp]'. Or start without it.", file=sys.stderr)
        return 1
    open_many_files()
    if shared:
        keep_token_back(os.environ)
        hide_places(os.environ, given.home)
        print("This studio is shared: each browser sees its own runs and tasks. STUDIO_SHARED=0 shows all to everyone.")
    gc.disable()  # what is made until the page is there stays: looking for garbage in it again and again finds none
    return serve_at(Address(host, port, asked, own, shared, tools), given.home, interruption)


def serve_at(at: Address, home: str | None, interruption: Interruption) -> int:
    """Serve the page at an address until it is interrupted. Returns the exit status."""
    # Only now: gradio reads the environment as it is imported, and an odd port there would end it in a traceback.
    from studio.apart.pool import Pool
    from studio.errors import StudioError
    from studio.guard.hosts import find_hosts
    from studio.guard.silence import Silence
    from studio.service import Studio
    from studio.service.jobs import warm
    from studio.shares.uploads import Uploads
    from studio.ui.page import build_page, make_launch
    from studio.workspace import Workspace

    warnings.filterwarnings("ignore", category=FutureWarning)  # libraries about themselves; nothing a person could do
    for noisy in ("httpx", "asyncio", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    interruption.patience_seconds = PATIENCE_SECONDS  # from here on there is something to close
    try:
        workspace = Workspace(home)
        uploads = Uploads(workspace)
        os.environ.setdefault("GRADIO_TEMP_DIR", str(uploads.folder))
        keep_log(workspace.folder / "studio.log")
        pool = Pool()
        studio = Studio(workspace, local_folders=at.own and not at.shared, shared=at.shared, place=pool).open()
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    hosts, crowd = find_hosts(os.environ, at.host), studio.shares.make_crowd()
    page = build_page(studio)
    try:
        try:
            port = launch(page, at.host, at.port, at.asked, **make_launch(hosts, crowd, at.tools))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
        silence = Silence(page.server.server_state.connections)
        silence.open()
        shown = "127.0.0.1" if at.host in ("0.0.0.0", "::", "localhost") else at.host
        print(f"Fine-Tuning Studio: http://{shown}:{port}", flush=True)
        gc.freeze()
        gc.enable()
        if at.tools:
            print(f"Its endpoints are tools of an MCP server: http://{shown}:{port}/gradio_api/mcp/", flush=True)
        pool.prepare(warm)
        interruption.wait()
        silence.close()
    finally:
        studio.close()
        page.close(verbose=False)
        uploads.close()
    return 0


def launch(page: Any, host: str, port: int, asked: str | None, **given: Any) -> int:
    """Serve a page, and return the port, which is another one where a program took it meanwhile.

    Raises ValueError in words where it was asked for, or none is free.
    """
    for _ in range(TRIES):
        try:
            page.launch(server_name=host, server_port=port, prevent_thread_lock=True, **given)
            return port
        except OSError:
            if is_free(host, port):
                raise
        port = choose_port(host, asked)
    raise ValueError(f"Each port that was free was taken before the studio had it. Choose one: --port {port}")


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the flags; each has an environment variable of gradio's or ours that it wins over."""
    parser = argparse.ArgumentParser(prog="python app.py", description="Fine-tune a language model in the browser.")
    parser.add_argument(
        "--host", help="address to listen on (GRADIO_SERVER_NAME; default 127.0.0.1: this computer only)"
    )
    parser.add_argument(
        "--port", help="port to listen on (GRADIO_SERVER_PORT; default 7860, or the next one that is free)"
    )
    parser.add_argument("--home", help="folder for tasks and runs (STUDIO_HOME)")
    return parser.parse_args(arguments)


def is_shared(environment: Mapping[str, str], own: bool) -> bool:
    """Whether visitors are kept apart: as STUDIO_SHARED says; else if others than this computer's user can come."""
    said = environment.get("STUDIO_SHARED", "").strip().lower()
    if said:
        return said not in ("0", "no", "off", "false")
    return not own or bool(environment.get("SPACE_ID"))


def is_on(environment: Mapping[str, str], name: str) -> bool:
    """Whether a variable of the environment says yes."""
    return environment.get(name, "").strip().lower() in ("1", "yes", "on", "true")


def set_environment(environment: MutableMapping[str, str]) -> None:
    """Switch off everything that would phone home; what the person set stays."""
    for name, value in SILENT.items():
        environment.setdefault(name, value)


def keep_token_back(environment: MutableMapping[str, str]) -> None:
    """Let a shared studio ask the hub as nobody: its operator's token would open their private models to all visitors.

    STUDIO_SHARE_TOKEN=1 says that visitors may use it.
    """
    if is_on(environment, "STUDIO_SHARE_TOKEN"):
        return
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"):
        environment.pop(name, None)
    environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"


def open_many_files() -> None:
    """Let this process have many files open, where the system allows it: each connection is one, and some say 256."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, MOST_FILES) if hard > 0 else MOST_FILES), hard))


def hide_places(environment: MutableMapping[str, str], home: str | None) -> None:
    """Let errors tell visitors no more than the last part of a path of the operator's computer."""
    said = (home, environment.get("STUDIO_HOME"), environment.get("HF_HOME"), Path(__file__).parent, sys.prefix)
    roots = [Path(place).expanduser().resolve() for place in (*said, tempfile.gettempdir(), Path.home()) if place]
    environment["STUDIO_HIDDEN"] = os.pathsep.join(str(root) for root in roots if root != Path(root.anchor))


def keep_log(file: Path) -> None:
    """Write what goes wrong to the terminal, and to a file that stays under a megabyte and holds no forged line."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    with contextlib.suppress(OSError):  # a disk that can't be written to is said elsewhere
        handlers.append(RotatingFileHandler(file, maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True))
    for handler in handlers:
        handler.setFormatter(PlainLines("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=handlers)


class PlainLines(logging.Formatter):
    """A message is one line, whatever a stranger put into it; a traceback below it keeps its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line, its control characters written out."""
        line = super().formatMessage(record)
        return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)


def choose_port(host: str, asked: str | None) -> int:
    """Return the port to use: the one asked for, else 7860 or the next free one. Raises ValueError in words."""
    if asked is not None and asked != "":
        if not (str(asked).isascii() and str(asked).isdigit()) or not 1 <= int(asked) <= 65535:
            raise ValueError(
                f"The port must be a number between 1 and 65535, not {str(asked)[:40]!r}. Try --port 7860."
            )
        if not is_free(host, int(asked)):
            raise ValueError(
                f"Port {asked} is taken by another program (perhaps a studio that is still running). "
                f"Choose another one: python app.py --port {int(asked) % 65535 + 1}"
            )
        return int(asked)
    for port in range(PORT, PORT + TRIES):
        if is_free(host, port):
            if port != PORT:
                print(f"Port {PORT} is taken by another program, so the studio uses {port}.", file=sys.stderr)
            return port
    raise ValueError(
        f"The ports {PORT} to {PORT + TRIES - 1} are all taken. Choose one that is free: python app.py --port 9000"
    )


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there. Raises ValueError in words when it never could, taken or not."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError:
        raise ValueError(f"Port {port} may be used by the administrator only. Try --port 7860.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise ValueError(f"{host!r} is not an address of this computer. Try --host 127.0.0.1.") from None
    return True


if __name__ == "__main__":
    sys.exit(main())
