"""The fixed parts of the page: made once, kept as they are sent, within bounds; and all else is asked for each time."""

import asyncio
import gzip
from typing import Any

import pytest
from tiny import run_async

from studio.guard.kept import CHUNK, Kept, takes_packed

PAGE = b"<html>" + b"a" * 3 * CHUNK
NAMED = b'<script src="http://NAME/a.js">' + PAGE
GZIP = (b"accept-encoding", b"gzip, deflate, br")


class Origin:
    """An app that counts how often it is asked, and what for."""

    def __init__(self, body: bytes = PAGE, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
        self.body, self.status, self.headers = body, status, headers
        self.asked: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope)
        await asyncio.sleep(0)
        asked = dict(scope["headers"])
        name = asked.get(b"x-gradio-server") or asked.get(b"x-forwarded-host") or asked.get(b"host", b"")
        body = self.body.replace(b"NAME", name)  # as gradio does
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(body)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def get(kept: Kept, path: str = "/", *headers: tuple[bytes, bytes], **more: Any) -> tuple[int, Any, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    head = [(b"host", b"localhost:7860"), *headers]
    await kept({"type": "http", "method": "GET", "path": path, "headers": head, **more}, send, send)
    assert all(len(message["body"]) <= CHUNK for message in sent[1:]), "who reads slowly makes nobody keep the rest"
    assert not sent[-1]["more_body"] and all(message["more_body"] for message in sent[1:-1])
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


def test_the_page_is_made_once_however_many_load_it_at_once() -> None:
    kept = Kept(origin := Origin())

    async def load() -> list[Any]:
        return await asyncio.gather(*(get(kept, "/", GZIP, query_string=b"n=%d" % n) for n in range(9)))

    for status, headers, body in run_async(load()):
        assert (status, headers[b"content-encoding"], headers[b"vary"]) == (200, b"gzip", b"Accept-Encoding")
        assert int(headers[b"content-length"]) == len(body) and gzip.decompress(body) == PAGE
    assert len(origin.asked) == 1 and not kept._being_made


def test_who_asks_by_another_name_or_takes_nothing_packed_gets_their_own() -> None:
    kept = Kept(origin := Origin())
    _, headers, body = run_async(get(kept, "/", (b"accept-encoding", b"br")))
    assert (headers[b"content-encoding"], body) == (b"identity", PAGE), "else it would be packed again each time"
    run_async(get(kept, "/", (b"x-forwarded-proto", b"https, http")))
    run_async(get(kept, "/config"))
    assert len(origin.asked) == 3
    run_async(get(kept, "/", (b"x-forwarded-proto", b"made up"), (b"accept-encoding", b"br")))
    run_async(get(kept, "/", (b"x-forwarded-proto", b"https")))
    assert len(origin.asked) == 3, "no page is made for a scheme that is none"
    assert run_async(get(kept, "/assets/a.js", (b"range", b"bytes=5-")))[::2] == (200, PAGE)
    run_async(get(kept, "/assets/a.js", (b"host", b"studio.example")))
    assert len(origin.asked) == 4 and b"range" not in dict(origin.asked[-1]["headers"])


def test_the_page_is_made_once_for_all_names_and_each_gets_their_own() -> None:
    kept = Kept(origin := Origin(NAMED))
    for number in range(1, 50):
        for header in (b"host", b"x-forwarded-host"):
            name = b"localhost:%d" % number
            body = run_async(get(kept, "/", (header, name)))[2]
            assert body == NAMED.replace(b"NAME", name)
    assert len(origin.asked) == 1


def test_nobody_decides_from_where_others_load_the_page() -> None:
    kept = Kept(Origin(NAMED))
    run_async(get(kept, "/", (b"x-gradio-server", b"evil.example"), (b"cookie", b"a=b")))
    body = run_async(get(kept, "/"))[2]
    assert b"evil" not in body and body.startswith(b'<script src="http://localhost:7860/a.js">')


@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/data", "/gradio_api/file=x", "/assets/../a.js", "/config//", "/assets//a"]
)
def test_what_is_not_fixed_or_has_other_names_is_not_kept(path: str) -> None:
    kept = Kept(origin := Origin(b"x"))
    for _ in range(2):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        run_async(kept({"type": "http", "method": "GET", "path": path, "headers": []}, send, send))
        assert ((b"content-encoding", b"identity") in sent[0]["headers"]) is ("file=" in path)
    assert len(origin.asked) == 2


@pytest.mark.parametrize(("status", "headers"), [(404, ()), (500, ()), (200, [(b"set-cookie", b"a=b")])])
def test_what_went_wrong_or_is_for_one_alone_is_not_kept(status: int, headers: Any) -> None:
    kept = Kept(origin := Origin(b"x", status, *headers))
    assert [run_async(get(kept))[0] for _ in range(2)] == [status] * 2
    assert len(origin.asked) == 2 and not kept._being_made


def test_a_browser_that_has_it_is_told_so() -> None:
    kept = Kept(Origin(PAGE, 200, (b"etag", b'"1"')))
    assert run_async(get(kept, "/assets/a.js", (b"if-none-match", b'"1"')))[::2] == (304, b"")
    assert run_async(get(kept, "/assets/a.js", (b"if-none-match", b'"0"')))[0] == 200


def test_what_is_kept_has_a_bound() -> None:
    kept = Kept(origin := Origin(), most_bytes=3 * len(PAGE))
    for number in range(20):
        run_async(get(kept, f"/assets/{number}.js"))
    assert kept._bytes == sum(len(one.body) for one in kept._answers.values()) <= 3 * len(PAGE)
    run_async(get(kept, "/assets/19.js"))
    assert len(origin.asked) == 20


@pytest.mark.parametrize(
    ("said", "takes"),
    [(b"gzip", True), (b"br;q=1, gzip;q=0.5", True), (b"gzip;q=0", False), (b"gzip; q=0.0, br", False), (b"", False)],
)
def test_packing_is_asked_for(said: bytes, takes: bool) -> None:
    assert takes_packed(said) is takes
