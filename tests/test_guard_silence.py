"""Connections on which nobody asks are closed, on a real server; one that is being answered is not."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from tiny import find_free_port, wait_until

from studio.guard.silence import Silence

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture
def served() -> Iterator[tuple[uvicorn.Server, int, threading.Event]]:
    """A server that answers when the event is set."""
    answered = threading.Event()

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        while not answered.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    port = find_free_port()
    server = uvicorn.Server(uvicorn.Config(answer, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield server, port, answered
    answered.set()
    server.should_exit = True
    thread.join(timeout=60)


def test_who_says_nothing_is_hung_up_on_and_who_waits_for_an_answer_gets_it(
    served: tuple[uvicorn.Server, int, threading.Event],
) -> None:
    server, port, answered = served
    now = [0.0]
    silence = Silence(server.server_state.connections, seconds=30, clock=lambda: now[0])
    said = (b"", HEAD, HEAD + b"\r\n")
    lines = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in said]
    for line, words in zip(lines, said, strict=True):
        line.sendall(words)
    connections = server.server_state.connections
    wait_until(lambda: len(connections) == 3 and sum(one.cycle is not None for one in connections) == 1)
    for moment in (0.0, 29.0, 31.0):
        now[0] = moment
        silence.look()
    wait_until(lambda: len(connections) == 1, seconds=20)
    assert [line.recv(99) for line in lines[:2]] == [b"", b""]
    answered.set()
    assert lines[2].recv(999).startswith(b"HTTP/1.1 200")
    for line in lines:
        line.close()
