"""What the layer before the page costs a question: processor time with it, less without, on an empty app."""

import asyncio
import time
from typing import Any

from bench.figure import Figure, median_of
from studio.guard.hosts import Hosts
from studio.guard.layer import App, Guard, Message

QUESTIONS, ROUNDS = 5_000, 5
HEADERS = [
    (b"host", b"127.0.0.1:7860"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"content-type", b"application/json"),
    (b"content-length", b"120"),
    (b"origin", b"http://127.0.0.1:7860"),
    (b"sec-fetch-site", b"same-origin"),
    (b"sec-fetch-mode", b"cors"),
    (b"x-studio-visitor", b"v" * 43),
]
SCOPE = {"type": "http", "method": "POST", "path": "/gradio_api/component_server", "headers": HEADERS}


def measure() -> list[Figure]:
    """Milliseconds a question of the page's."""
    guarded = median_of(ROUNDS, lambda: _time(Guard(_answer, Hosts())))
    bare = median_of(ROUNDS, lambda: _time(_answer))
    return [Figure("the guard, a question", (guarded - bare) * 1000 / QUESTIONS, "ms", target="under 0.3 ms")]


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def _receive() -> Message:
    return {"type": "http.request", "body": b"x" * 120, "more_body": False}


async def _send(message: Message) -> None:
    pass


def _time(app: App) -> float:
    async def ask_all() -> None:
        for _ in range(QUESTIONS):
            await app({**SCOPE}, _receive, _send)

    began = time.process_time()
    asyncio.run(ask_all())
    return time.process_time() - began
