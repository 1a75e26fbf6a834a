"""What one asker may send to a shared studio: questions in a second, bytes of uploads; refused before they are read."""

import contextlib
from typing import Any

import pytest
from tiny import run_async

from studio.guard.crowd import ENOUGH, FULL, MOST_NAMES, MOST_OPEN, SLOWER, Buckets, Crowd
from studio.guard.hosts import Hosts
from studio.guard.layer import Guard
from studio.guard.rules import UPLOAD


def test_a_bucket_fills_again_and_never_beyond_its_rim() -> None:
    now = [0.0]
    buckets = Buckets(per_second=2, at_once=3, clock=lambda: now[0])
    assert [buckets.take("anna") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("ben")
    now[0] = 0.5
    assert [buckets.take("anna") for _ in range(2)] == [True, False]
    now[0] = 1e9
    assert [buckets.take("anna") for _ in range(4)] == [True, True, True, False]
    now[0] = 0.0  # a clock that jumps back gives nothing and takes nothing
    assert not buckets.take("anna")


def test_made_up_names_take_no_memory() -> None:
    buckets = Buckets(per_second=1, at_once=1)
    for number in range(MOST_NAMES + 100):
        buckets.take(f"made up {number}")
    assert len(buckets._left) == MOST_NAMES


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    while (message := await receive()).get("more_body"):
        continue
    if message["type"] == "http.request":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def ask(guard: Guard, visitor: str = "", address: str = "1.2.3.4", size: int = 2, **more: Any) -> int:
    """Ask, and return the status; `read` notes whether the body was."""
    path, kind = more.get("path", "/gradio_api/queue/join"), more.get("kind", b"application/json")
    headers = [(b"host", b"localhost"), (b"content-type", kind), (b"content-length", str(size).encode())]
    headers += [(b"x-studio-visitor", visitor.encode())] if visitor else []
    sent: list[Any] = []
    chunks = [b"x" * min(1_000, size - start) for start in range(0, size, 1_000)]

    async def receive() -> Any:
        more.get("read", []).append(1)
        return {"type": "http.request", "body": chunks.pop(0) if chunks else b"", "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": (address, 1)}
    run_async(guard(scope, receive, send))
    return int(sent[0]["status"])


def make_guard(**bounds: Any) -> Guard:
    return Guard(swallow, Hosts(), Crowd(**bounds, clock=lambda: 0.0))


def test_who_asks_without_end_is_refused_unread_and_the_others_are_not() -> None:
    guard, read = make_guard(), list[int]()
    asked = [ask(guard, "anna", read=read) for _ in range(65)]
    assert asked == [200] * 60 + [SLOWER.status] * 5
    assert len(read) == 60, "a refused question is not read"
    assert ask(guard, "ben") == 200
    assert ask(guard, "anna", address="5.6.7.8") == 200


def test_one_computer_with_many_names_has_a_bound_too() -> None:
    guard = make_guard()
    assert all(guard.crowd and guard.crowd.addresses.take("1.2.3.4") for _ in range(399))
    assert [ask(guard, f"made up {number}") for number in range(2)] == [200, SLOWER.status]
    assert ask(guard, "ben", address="5.6.7.8") == 200


def test_who_makes_up_a_visitor_for_each_question_is_soon_refused_and_known_ones_are_not() -> None:
    guard = make_guard()
    assert ask(guard, "anna") == 200
    asked = [ask(guard, f"made up {number}") for number in range(41)]
    assert asked[0] == 200 and asked[-1] == SLOWER.status
    assert ask(guard, "anna") == 200


def test_the_uploads_of_a_visitor_have_a_bound_and_other_questions_count_nothing() -> None:
    guard = make_guard(upload_bytes=5_000)
    form: dict[str, Any] = {"path": UPLOAD, "kind": b"multipart/form-data"}
    assert [ask(guard, "anna", size=2_000, **form) for _ in range(3)] == [200, 200, ENOUGH.status]
    assert ask(guard, "anna", size=100_000) == 200
    assert ask(guard, "ben", size=4_000, **form) == 200


@pytest.mark.parametrize("full", [True, False])
def test_nothing_is_uploaded_onto_a_disk_that_is_nearly_full(full: bool) -> None:
    guard = make_guard(is_full=lambda: full)
    assert ask(guard, path=UPLOAD, kind=b"multipart/form-data") == (FULL.status if full else 200)
    assert ask(guard) == 200


def load(guard: Guard, path: str, address: str = "1.2.3.4") -> int:
    """Load a part of the page, and return the status."""
    sent: list[Any] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        sent.append(message)

    guard.app = answer
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"localhost")]}
    run_async(guard({**scope, "client": (address, 1)}, send, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(("path", "many"), [("/", 100), ("/config", 100), ("/gradio_api/heartbeat/x", 400)])
def test_who_loads_the_page_over_and_over_is_refused_and_others_are_not(path: str, many: int) -> None:
    guard = make_guard()
    assert {load(guard, path) for _ in range(many)} == {200}
    assert load(guard, path) == SLOWER.status
    assert load(guard, path, address="5.6.7.8") == 200
    assert load(guard, "/assets/index.js") == 200, "a page that was let in gets its scripts"


def test_one_computer_keeps_so_many_questions_open_and_no_more() -> None:
    crowd = make_guard().crowd
    assert crowd is not None
    scope: dict[str, Any] = {
        "method": "GET",
        "path": "/gradio_api/heartbeat/x",
        "headers": [],
        "client": ("1.2.3.4", 1),
    }
    with contextlib.ExitStack() as opened:
        for _ in range(MOST_OPEN):
            opened.enter_context(crowd.answering(scope))
        assert crowd.find_refusal(scope) == SLOWER
        assert crowd.find_refusal({**scope, "client": ("5.6.7.8", 1)}) is None
    assert crowd.find_refusal(scope) is None and not crowd._open
