"""The real page in a real browser: starts `python app.py` as a person would, and opens Chromium on it.

Fixtures, from the most to the least used:

    page             a playwright page, 1280 x 800, light, without animations, that shows nothing yet: page.goto("/")
    open_page        more of them: open_page(width=390, height=844, dark=True); each is another person's; opened on an
                     address where one is given
    shot             shot("name") keeps a picture of `page`, where STUDIO_SHOTS names a folder; shot("name", other)
                     of another
    console_errors   what the pages' consoles complained of so far, a list of texts
    app_url          the studio's address; one server serves all tests of a worker, so name your runs apart
    app              the same server as an object: .url, .home (its workspace folder), .output()
    launch_app       launch_app(**environment) starts another server of the test's own: .stop(), .kill(), .start() again

A test fails if one of its pages asks anything of another host. A failing test leaves pictures in
tests/artefacts/<test>/, and where STUDIO_TRACES is set, which costs a quarter of the time, traces with every state of
the page (`playwright show-trace trace-0.zip`). Without Chromium the tests are skipped and say so; where CI is set they
fail. `python tests/browser/conftest.py` prints the Chromium that would be used.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"
READY = re.compile(r"Fine-Tuning Studio: (http://\S+)")
START_SECONDS = 200
TRACED = bool(os.environ.get("STUDIO_TRACES"))
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_FAILED = pytest.StashKey[bool]()
_SERVING: list["App"] = []

expect.set_options(timeout=60_000)  # a busy machine may take its time; a page that is wrong is wrong after a minute too


def find_chromium() -> str | None:
    """Return the path of a Chromium: the system's, or the one that playwright keeps in this user's cache."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    with sync_playwright() as play:
        kept = play.chromium.executable_path
    return kept if os.path.exists(kept) else None


class App:
    """One studio server in a process of its own, started as `make run` starts it, with a workspace of its own."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        from tiny import find_free_port  # this file is also a script, which finds no other file of the tests

        self.port = find_free_port()
        self.url = ""
        self._environment = environment
        self._lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._drainer = threading.Thread()

    def start(self) -> "App":
        """Start the server and wait for the line in which it prints its address. Starting again keeps the port."""
        environment = {
            **os.environ,
            "STUDIO_HOME": str(self.home),
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **self._environment,
        }
        self._process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._drainer = threading.Thread(target=self._drain, args=(self._process, ready), daemon=True)
        self._drainer.start()
        try:
            address = ready.get(timeout=START_SECONDS)
        except queue.Empty:
            address = None
        if address is None:
            self.stop()
            pytest.fail(f"app.py printed no address within {START_SECONDS} s. It said:\n{self.output()}", pytrace=False)
        self.url = address
        return self

    def _drain(self, process: "subprocess.Popen[str]", ready: "queue.SimpleQueue[str | None]") -> None:
        """Read the server's output to its end, so that its pipe never fills; pass on the address, then None."""
        assert process.stdout
        for line in process.stdout:
            self._lines.append(line)
            if found := READY.search(line):
                ready.put(found[1].rstrip("/"))
        ready.put(None)

    def output(self) -> str:
        """Return what the server has printed so far, its last hundred lines."""
        return "".join(self._lines[-100:])

    def join(self) -> None:
        """Wait until all that an ended server printed has been read."""
        self._drainer.join(timeout=10)

    def stop(self, *, training: bool = True) -> None:
        """Stop the server with its process group, as closing a terminal does, and by default its training too."""
        if self._process is not None:
            _end_group(self._process)
            self._process = None
        if training:
            _end_all_of(self.home)

    def kill(self) -> None:
        """kill -9 the server, without a word to anybody; what trains has a session of its own."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._process = None


def _end_group(process: "subprocess.Popen[str]") -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=10)
            return
        except ProcessLookupError:
            process.wait()
            return
        except subprocess.TimeoutExpired:
            continue


def _end_all_of(home: Path) -> None:
    """End the processes that work in the workspace `home`: training has a session of its own, so no group holds it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STUDIO_HOME") == str(home):
                process.kill()
                found.append(process)
        except psutil.Error:
            continue
    psutil.wait_procs(found, timeout=10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Remember a failure for the fixtures that keep its traces."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    path = find_chromium()
    if path is None:
        reason = "There is no Chromium here: `make chromium` installs it, or says how."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The studio, started once for all tests of a worker, and not where the browser is missing."""
    _SERVING.append(App(tmp_path_factory.mktemp("studio-home")).start())
    yield _SERVING[-1]
    _SERVING.pop().stop()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the studio after the last test here: even one that nobody asks takes its share of a busy processor."""
    if nextitem is None or not nextitem.get_closest_marker("browser"):
        for server in _SERVING:
            server.stop()


@pytest.fixture(scope="session")
def app_url(app: App) -> str:
    """The address of the studio, without a slash at its end."""
    return app.url


@pytest.fixture
def launch_app(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Start a server of the test's own, with an empty workspace and these variables in its environment."""
    started: list[App] = []

    def launch(**environment: str) -> App:
        started.append(App(tmp_path / f"home-{len(started)}", **environment))
        return started[-1].start()

    yield launch
    for server in started:
        server.stop()


@pytest.fixture
def console_errors() -> list[str]:
    """What the consoles of the test's pages complained of so far, uncaught exceptions included."""
    return []


@pytest.fixture
def open_page(
    request: pytest.FixtureRequest, browser: Browser, app_url: str, console_errors: list[str]
) -> Iterator[Callable[..., Page]]:
    """Open pages, each in a context of its own; at the end check that they stayed at home."""
    contexts: list[BrowserContext] = []
    foreign: list[str] = []

    def open_one(
        url: str | None = None, *, width: int = 1280, height: int = 800, dark: bool = False, **options: Any
    ) -> Page:
        home = "{0.scheme}://{0.netloc}".format(urlsplit(url or app_url))
        context = browser.new_context(
            base_url=home,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        if TRACED:
            context.tracing.start(snapshots=True)
        at_home = (f"{home}/", f"{home.replace('http', 'ws', 1)}/", "data:", "blob:", "about:")
        context.on("request", lambda asked: foreign.append(asked.url) if not asked.url.startswith(at_home) else None)
        context.on("console", lambda said: console_errors.append(said.text) if said.type == "error" else None)
        context.on("weberror", lambda raised: console_errors.append(str(raised.error)))
        page = context.new_page()
        if url:
            page.goto(url, wait_until="load")
        return page

    yield open_one
    _keep_traces(request.node, contexts)
    assert not foreign, f"The page asked another host for: {', '.join(foreign[:5])}"


def _keep_traces(test: pytest.Item, contexts: list[BrowserContext]) -> None:
    """Close the contexts; of a failing test, save every page's picture and every context's trace first."""
    folder = ARTEFACTS / re.sub(r"[^\w.-]+", "-", test.name).strip("-")
    shutil.rmtree(folder, ignore_errors=True)
    for number, context in enumerate(contexts):
        if test.stash.get(_FAILED, False):
            folder.mkdir(parents=True, exist_ok=True)
            for tab, page in enumerate(context.pages):
                page.screenshot(path=folder / f"page-{number}-{tab}.png")
            if TRACED:
                context.tracing.stop(path=folder / f"trace-{number}.zip")
        context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A desktop of 1280 x 800, light, on which the studio is not open yet: a test opens what it needs, once."""
    return open_page()


@pytest.fixture
def shot(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keep a picture of a page in the folder that STUDIO_SHOTS names, which takes a second; without it, do nothing."""
    folder = os.environ.get("STUDIO_SHOTS")

    def take(name: str, of: Page | None = None, **options: Any) -> None:
        target: Page = of or request.getfixturevalue("page")
        if folder:
            size = target.viewport_size or {"width": 1280, "height": 800}
            if options.pop("full_page", False):  # a window as tall as the page: its foot is where it ends
                tall = target.evaluate("document.documentElement.scrollHeight")
                target.set_viewport_size({"width": size["width"], "height": tall})
                target.evaluate("scrollTo(0, 0)")
            target.screenshot(path=Path(folder) / f"{name}.png", animations="disabled", **options)
            target.set_viewport_size(size)

    return take


if __name__ == "__main__":
    chromium = find_chromium()
    print(chromium or "There is no Chromium here.")
    sys.exit(chromium is None)
