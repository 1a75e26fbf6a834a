"""The layer before the page: bodies are counted as they come, answers are not held back, every answer has headers."""

from typing import Any

import pytest
from tiny import run_async

from studio.guard.hosts import Hosts
from studio.guard.layer import Guard
from studio.guard.rules import BODY_BYTES

JSON = [(b"host", b"localhost"), (b"content-type", b"application/json")]


async def ask(app: Any, chunks: list[bytes], headers: Any = JSON, method: str = "POST", **hosts: Any) -> list[Any]:
    """Send a question chunk by chunk, and return what was sent back."""
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/x", "headers": [*headers, (b"transfer-encoding", b"chunked")]}
    await Guard(app, Hosts(**hosts))(scope, receive, send)
    return sent


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    """An app that reads a body, as Starlette does, and says how long it was."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the asker left")
        length += len(message["body"])
        if not message["more_body"]:
            break
    await answer(send, str(length).encode())


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


def test_a_body_within_the_limit_arrives_whole() -> None:
    sent = run_async(ask(read_all, [b"x" * 1000] * (BODY_BYTES // 1000)))
    assert [sent[0]["status"], sent[1]["body"]] == [200, str(BODY_BYTES).encode()]


def test_a_body_past_the_limit_is_read_no_further_and_refused_in_words() -> None:
    taken: list[int] = []

    async def count(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            taken.append(len(message["body"]))
        await answer(send, b"There was an error parsing the body", 400)  # as FastAPI does

    sent = run_async(ask(count, [b"x" * 1000] * (BODY_BYTES // 1000 + 50)))
    assert sum(taken) <= BODY_BYTES
    assert [message.get("status") for message in sent] == [413, None]
    assert b"2 MB" in sent[1]["body"]


def test_an_app_that_raises_as_the_body_breaks_off_is_no_fault() -> None:
    sent = run_async(ask(read_all, [b"x" * (BODY_BYTES + 1)]))
    assert sent[0]["status"] == 413


def test_a_stream_of_events_is_not_held_back() -> None:
    async def stream(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": str(number).encode(), "more_body": True})
            assert sent[-1]["body"] == str(number).encode()

    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/gradio_api/queue/data", "headers": [(b"host", b"localhost")]}
    run_async(Guard(stream, Hosts())(scope, None, keep))  # type: ignore[arg-type]
    assert len(sent) == 4


@pytest.mark.parametrize("host", [b"localhost", b"evil.example"])
@pytest.mark.parametrize("embedders", [(), ("https://huggingface.co",)])
def test_every_answer_says_who_may_frame_it(host: bytes, embedders: tuple[str, ...]) -> None:
    sent = run_async(ask(read_all, [], [(b"host", host)], "GET", embedders=embedders))
    headers = dict(sent[0]["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert policy.split(";")[0] == " ".join(["frame-ancestors 'self'", *embedders])
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"same-origin"
    assert (b"x-frame-options" in headers) is (not embedders)


def test_web_sockets_are_closed() -> None:
    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    run_async(Guard(read_all, Hosts())({"type": "websocket", "path": "/", "headers": []}, None, keep))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_question_that_breaks_what_reads_it_is_refused_in_words_and_writes_no_traceback() -> None:
    async def stumble(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError(-1)

    async def stumble_late(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"half")
        raise KeyError(-1)

    sent = run_async(ask(stumble, [b"{}"]))
    assert sent[0]["status"] == 400 and b"/gradio_api/info" in sent[1]["body"]
    with pytest.raises(KeyError):
        run_async(ask(stumble_late, [b"{}"]))
