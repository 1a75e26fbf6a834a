"""The one layer before gradio: asks the rules, counts the bytes of a body as they come, and adds a page's headers.

Thin on purpose, as it comes before everything: nothing is read ahead and no answer is held back, so a stream of events
passes as it did.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from studio.errors import first_line
from studio.guard.crowd import ENOUGH, Crowd
from studio.guard.hosts import Hosts
from studio.guard.rules import READING, Refusal, find_limit, find_refusal, too_large

LOG = logging.getLogger(__name__)
UNREADABLE = Refusal(400, "The studio can't read what was sent. /gradio_api/info tells what each endpoint takes.")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application around another."""

    def __init__(self, app: App, hosts: Hosts, crowd: Crowd | None = None) -> None:
        self.app = app
        self.hosts = hosts
        self.crowd = crowd  # in a shared studio
        self._headers = make_headers(hosts)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a question with words of refusal, or let it through."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a studio has no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        refusal = find_refusal(scope["method"], scope["path"], scope["headers"], self.hosts)
        if refusal is None and self.crowd is not None:
            refusal = self.crowd.find_refusal(scope)
        if refusal is not None:
            await _refuse(send_with_headers, refusal)
            return
        with self.crowd.answering(scope) if self.crowd else contextlib.nullcontext():
            if scope["method"] in READING:
                await self.app(scope, receive, send_with_headers)
            else:
                await _Counted(scope, receive, send_with_headers, self.crowd).run(self.app)


class _Counted:
    """A question whose body is counted: past its limit the app hears that the asker left, and the asker hears why."""

    def __init__(
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send, crowd: Crowd | None = None
    ) -> None:
        self.scope = scope
        self.crowd = crowd
        self._receive = receive
        self._send = send
        self._left = find_limit(scope["path"])
        self._refusal: Refusal | None = None
        self._gone = self._started = False

    async def run(self, app: App) -> None:
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:  # handlers answer their own in words; what comes here is about what was sent
            if not (self._refusal or self._gone):  # else a body ended too soon
                if self._started:
                    raise
                LOG.warning("A question could not be read: %s: %s", type(error).__name__, first_line(error))
                self._refusal = UNREADABLE
        if self._refusal and not self._started:
            await _refuse(self._send, self._refusal)

    async def receive(self) -> Message:
        if self._refusal:
            return {"type": "http.disconnect"}
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone = True
        else:
            count = len(message.get("body", b""))
            self._left -= count
            if self._left < 0:
                self._refusal = too_large(self.scope["path"])
            elif self.crowd and not self.crowd.take_bytes(self.scope, count):
                self._refusal = ENOUGH
            if self._refusal:
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if self._refusal and not self._started:
            return  # what the app makes of half a body is nobody's answer
        self._started = True
        await self._send(message)


def make_headers(hosts: Hosts) -> list[tuple[bytes, bytes]]:
    """Return what every answer says of itself: who may frame it, that its type is meant, what links tell of it."""
    ancestors = " ".join(("'self'", *hosts.embedders))
    headers = {
        "content-security-policy": f"frame-ancestors {ancestors}; object-src 'none'; base-uri 'self'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    if not hosts.embedders:
        headers["x-frame-options"] = "SAMEORIGIN"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = refusal.words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    with contextlib.suppress(OSError):  # the asker left
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
