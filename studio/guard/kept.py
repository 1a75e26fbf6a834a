"""The fixed parts of the page, kept in memory as they are sent: what is loaded again costs no more than its bytes.

gradio makes the page again for each load, and compresses each file each time, on the one thread that answers everybody.
The page is the same for all until the studio is started again, but for the name it is asked by; so it is made once, by
a name that stands in for all others, and no other header of a stranger's has a say in it. Files of visitors are sent as
they are. Knows nothing of askers.
"""

import asyncio
import gzip
import posixpath
import re
from collections import OrderedDict
from collections.abc import MutableMapping
from typing import Any, NamedTuple

from studio.guard.layer import App, Message, Receive, Send
from studio.guard.rules import API, Headers, find_inner, is_file, is_page

MOST_BYTES = 32_000_000
"""Of all that is kept; what was asked for longest ago goes first."""
UPLOADED = f"{API}/file"
STAND_IN = b"the-name-it-is-asked-by.invalid"
CHUNK = 65_536
"""So much is sent at once: who reads slowly makes nobody keep the rest for them."""
SMALL = 400
_PACKED = (b"text/", b"application/json", b"application/javascript", b"image/svg")
_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
_SCHEME = b"x-forwarded-proto"
_NAMING = (b"host", b"x-forwarded-host", _SCHEME)
_LEFT_OUT = (b"range", b"if-range", b"if-none-match", b"if-modified-since", b"accept-encoding")
_OF_THE_BODY = (b"content-length", b"content-encoding", b"vary", b"accept-ranges")

Key = tuple[Any, ...]


class Answer(NamedTuple):
    """A whole answer: status, headers and body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Kept:
    """An ASGI application around another, which is asked once for each fixed part of the page."""

    def __init__(self, app: App, most_bytes: int = MOST_BYTES) -> None:
        self.app = app
        self._most = most_bytes
        self._bytes = 0
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._being_made: dict[Key, asyncio.Lock] = {}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer from memory, or ask and keep."""
        if scope["type"] != "http" or scope["method"] != "GET" or not is_fixed(scope["path"]):
            of_a_visitor = scope["type"] == "http" and find_inner(scope["path"]).startswith(UPLOADED)
            await self.app(scope, receive, _as_it_is(send) if of_a_visitor else send)
            return
        scope = {**scope, "headers": _read_schemes(scope["headers"])}
        headers = dict(scope["headers"])
        packed = takes_packed(headers.get(b"accept-encoding", b""))
        answer = await self._find(write_key(scope, headers, packed), scope, receive, packed)
        etag = next((value for name, value in answer.headers if name == b"etag"), None)
        if etag is not None and headers.get(b"if-none-match") == etag:
            answer = Answer(304, [one for one in answer.headers if one[0] != b"content-length"], b"")
        await _send_whole(answer, _as_it_is(send))

    async def _find(self, key: Key, scope: MutableMapping[str, Any], receive: Receive, packed: bool) -> Answer:
        """The answer that is kept; of several who ask for one that isn't yet, one has it made."""
        if found := self._take(key):
            return found
        lock = self._being_made.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if found := self._take(key):
                    return found
                answer = await self._make(scope, receive)
                if is_for_all(answer):
                    answer = await asyncio.to_thread(pack, answer, packed)
                    self._keep(key, answer)
                return answer
        finally:
            self._being_made.pop(key, None)

    async def _make(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        """A file as the app sends it; the page from the one that is kept for all names, by the name it was asked by."""
        headers = dict(scope["headers"])
        name = headers.get(b"x-forwarded-host") or headers.get(b"host", b"")
        if is_file(scope["path"]) or not name:
            return await _ask(self.app, scope, receive)
        own = [(b"host", STAND_IN), *(one for one in scope["headers"] if one[0] == _SCHEME)]
        key = (STAND_IN, *write_key({**scope, "headers": own}, dict(own), False))
        found = self._take(key)
        if found is None:
            found = await _ask(self.app, {**scope, "headers": own}, receive)
            if is_for_all(found):
                self._keep(key, found)
        return found._replace(body=found.body.replace(STAND_IN, name.lower()))

    def _take(self, key: Key) -> Answer | None:
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def _keep(self, key: Key, answer: Answer) -> None:
        before = self._answers.pop(key, None)
        self._bytes += len(answer.body) - (len(before.body) if before else 0)
        self._answers[key] = answer
        while self._bytes > self._most:
            self._bytes -= len(self._answers.popitem(last=False)[1].body)


def is_fixed(path: str) -> bool:
    """Whether a path, written in the one way that it is kept by, is of a part of the page that is for everybody."""
    return posixpath.normpath(path) == path and (is_page(path) or is_file(path))


def is_for_all(answer: Answer) -> bool:
    """Whether an answer is what all get who ask so."""
    return answer.status == 200 and not any(name == b"set-cookie" for name, _ in answer.headers)


def write_key(scope: MutableMapping[str, Any], headers: dict[bytes, bytes], packed: bool) -> Key:
    """Return what an answer depends on; of a page also the name it was asked by."""
    if is_file(scope["path"]):
        return scope["path"], packed
    return scope["path"], packed, scope.get("scheme"), scope.get("root_path"), *map(headers.get, _NAMING)


def _read_schemes(headers: Headers) -> Headers:
    """Headers in which proxies say one scheme, or nothing where it is none: each other would be a page of its own."""
    read = [(name, value.partition(b",")[0].strip() if name == _SCHEME else value) for name, value in headers]
    return [one for one in read if one[0] != _SCHEME or one[1] in (b"http", b"https")]


def takes_packed(accepted: bytes) -> bool:
    """Whether one who accepts these ways of packing can be answered in gzip's."""
    return _GZIP.search(accepted[:400]) is not None


def pack(answer: Answer, packed: bool) -> Answer:
    """Return an answer as it is sent: `packed` if its kind and size are worth it."""
    kind = next((value for name, value in answer.headers if name == b"content-type"), b"")
    headers, body = [one for one in answer.headers if one[0] not in _OF_THE_BODY], answer.body
    if len(body) > SMALL and kind.startswith(_PACKED):
        headers.append((b"vary", b"Accept-Encoding"))
        if packed:
            body = gzip.compress(body, 7, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
    return Answer(answer.status, [*headers, (b"content-length", str(len(body)).encode())], body)


def _as_it_is(send: Send) -> Send:
    """Send what isn't packed so that nobody packs it on the way."""

    async def send_plainly(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name.lower() == b"content-encoding" for name, _ in headers):
                message = {**message, "headers": [*headers, (b"content-encoding", b"identity")]}
        await send(message)

    return send_plainly


async def _ask(app: App, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
    """The whole answer of an app, to the question without what is said of parts and packing."""
    told, body = list[Message](), bytearray()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.append(message)
        body.extend(message.get("body", b""))

    headers = [one for one in scope["headers"] if one[0] not in _LEFT_OUT]
    await app({**scope, "headers": headers, "query_string": b""}, receive, collect)
    return Answer(told[0]["status"], [(name.lower(), value) for name, value in told[0].get("headers", ())], bytes(body))


async def _send_whole(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    for at in range(0, len(answer.body), CHUNK):
        more = at + CHUNK < len(answer.body)
        await send({"type": "http.response.body", "body": answer.body[at : at + CHUNK], "more_body": more})
    if not answer.body:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
