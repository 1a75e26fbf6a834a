"""Starting the studio: where it listens, and what it says when it can't."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from telling import raises, tells
from tiny import find_free_port

import app

ROOT = Path(app.__file__).parent


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize("asked", ["abc", "0", "70000", "-1", "7860.5", "٣"])
def test_a_port_that_is_none_is_refused_in_words(asked: str) -> None:
    with raises(ValueError, "port 1 65535"):
        app.choose_port("127.0.0.1", asked)


def test_a_taken_port_that_was_asked_for_is_refused_with_the_way_out(taken: int) -> None:
    with raises(ValueError, f"{taken} --port"):
        app.choose_port("127.0.0.1", str(taken))


def test_a_taken_port_that_nobody_asked_for_is_passed_over(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "PORT", taken)
    chosen = app.choose_port("127.0.0.1", None)
    assert taken < chosen < taken + app.TRIES
    assert tells(capsys.readouterr().err, f"{taken} {chosen}")


@pytest.mark.parametrize("asked", [None, "the port"])
def test_a_port_that_is_taken_as_the_page_comes_up_is_left_or_refused(
    taken: int, asked: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "PORT", taken)
    with gr.Blocks() as page:
        gr.Markdown("page")
    quiet = {"quiet": True, "_frontend": False}
    if asked:
        with raises(ValueError, f"{taken} --port"):
            app.launch(page, "127.0.0.1", taken, str(taken), **quiet)
        return
    port = app.launch(page, "127.0.0.1", taken, None, **quiet)
    assert port > taken and tells(capsys.readouterr().err, f"{taken} {port}")
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/config").status == 200
    page.close(verbose=False)


def test_an_address_of_another_computer_is_refused_in_words() -> None:
    with raises(ValueError, "192.0.2.1 127.0.0.1"):
        app.choose_port("192.0.2.1", "7860")


def test_a_studio_starts_says_where_and_ends_quietly(tmp_path: Path) -> None:
    port = find_free_port()
    environment = {**os.environ, "STUDIO_HOME": str(tmp_path), "GRADIO_SERVER_PORT": str(port)}
    served = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout and served.stdout.readline() == f"Fine-Tuning Studio: http://127.0.0.1:{port}\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
            assert b"Fine-Tuning Studio" in answer.read()
        served.send_signal(signal.SIGINT)
        out, err = served.communicate(timeout=120)
    finally:
        served.kill()
    assert (served.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"GRADIO_SERVER_PORT": "abc"}, "port"), ({"STUDIO_HOME": "/proc/nowhere"}, "/proc/nowhere")],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(environment: dict[str, str], said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert tells(ended.stderr, said)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("environment", "own", "shared"),
    [
        ({}, True, False),
        ({}, False, True),
        ({"SPACE_ID": "somebody/studio"}, True, True),
        ({"STUDIO_SHARED": "1"}, True, True),
        ({"STUDIO_SHARED": "0"}, False, False),
        ({"STUDIO_SHARED": "0", "SPACE_ID": "somebody/studio"}, False, False),
        ({"STUDIO_SHARED": " "}, False, True),
        ({"STUDIO_SHARED": "yes"}, True, True),
    ],
)
def test_visitors_are_kept_apart_where_others_can_come(environment: dict[str, str], own: bool, shared: bool) -> None:
    from app import is_shared

    assert is_shared(environment, own) is shared
