"""Which questions are refused before anything reads them: pure, from method, path and headers alone.

A studio of one computer has no password: what a foreign page in the same browser may not do is decided here. A program
sends no Origin and no Sec-Fetch-Site, and is let in. Knows nothing of gradio but its paths.
"""

from collections.abc import Sequence
from typing import NamedTuple

from studio.guard.hosts import Hosts

READING = frozenset({"GET", "HEAD", "OPTIONS"})
API = "/gradio_api"
UPLOAD = f"{API}/upload"
CLOSED = (
    "/monitoring",
    "/login",
    "/dev/",
    f"{API}/custom_component",
    f"{API}/deep_link",
    f"{API}/dev/",
    f"{API}/process_recording",
    f"{API}/profiling",
    f"{API}/proxy=",
    f"{API}/run-history",
    f"{API}/runs",
    f"{API}/stream/",
    f"{API}/undo-vibe",
    f"{API}/vibe",
)
"""Doors of gradio's that a studio never uses: numbers about visitors, components of others, tools for developers."""

OPEN = frozenset({"/login/huggingface", "/login/callback"})
"""Where a visitor of a Space signs in; gradio has them only there."""

PAGES = frozenset({"/", "/config", "/config/", f"{API}/info", f"{API}/info/"})
"""What is long to make, and tells the address that it was asked by."""
FILES = ("/assets/", "/static/", "/studio/", "/theme.css", f"{API}/theme.css", "/favicon.ico")
"""The fixed parts of the page, of which a browser asks for some fifty at once."""

MB = 1_000_000
BODY_BYTES = 2 * MB
UPLOAD_BYTES = 256 * MB
"""Of one question; each file in it may have less, which is gradio's to say."""

Headers = Sequence[tuple[bytes, bytes]]


class Refusal(NamedTuple):
    """Why a question is not answered: the status of HTTP and the reason in words."""

    status: int
    words: str


FOREIGN = Refusal(
    403, "Another site's page asked this, and only the studio's own page may. Open the studio's address itself."
)
UNNEEDED = Refusal(404, "The studio has nothing at this address.")


def find_refusal(method: str, path: str, headers: Headers, hosts: Hosts) -> Refusal | None:
    """Return why a question is refused, None if it is let in. `headers` have small names, as ASGI hands them on."""
    if any(letter < " " or letter == "\x7f" for letter in path):
        return Refusal(400, "An address can't have control characters. Check the link.")
    said = _Said(headers)
    if refusal := _check_host(said, hosts):
        return refusal
    if not _is_own(said, hosts, reads=method in READING):
        return FOREIGN
    if find_inner(path).startswith(CLOSED) and path not in OPEN:
        return UNNEEDED
    return None if method in READING else _check_body(find_inner(path), said)


def find_inner(path: str) -> str:
    """Return a path as gradio reads it: one slash where several are, which would name the same to some servers."""
    while "//" in path:
        path = path.replace("//", "/")
    return path


def is_page(path: str) -> bool:
    """Whether a path is of the page itself or of what describes it."""
    return find_inner(path) in PAGES


def is_file(path: str) -> bool:
    """Whether a path is of a script, a style or a picture of the page."""
    return find_inner(path).startswith(FILES)


def find_limit(path: str) -> int:
    """Return how many bytes the body of a question may have."""
    return UPLOAD_BYTES if find_inner(path).rstrip("/") == UPLOAD else BODY_BYTES


def too_large(path: str) -> Refusal:
    """Return what is said of a body that passes its limit."""
    return Refusal(
        413, f"This is larger than the {find_limit(path) // MB} MB that may be sent here at once. Send it in parts."
    )


class _Said:
    """A question's headers by name; those that must be there once are None where they are missing, "" where doubled."""

    def __init__(self, headers: Headers) -> None:
        self._values: dict[bytes, list[str]] = {}
        for name, value in headers:
            self._values.setdefault(name, []).append(value.decode("latin-1").strip())

    def once(self, name: bytes) -> str | None:
        values = self._values.get(name)
        return None if values is None else values[0] if len(values) == 1 else ""


def _check_host(said: _Said, hosts: Hosts) -> Refusal | None:
    for header in (b"host", b"x-forwarded-host"):
        name = said.once(header)
        if name is None and header == b"x-forwarded-host":
            continue
        if name is None or not hosts.answers_to(name):
            shown = "".join(letter for letter in (name or "")[:80] if letter.isascii() and letter.isprintable())
            return Refusal(
                403,
                f"This studio doesn't answer to the name '{shown}'. If it is yours, start the studio with "
                "STUDIO_HOSTS set to it; else open the address that the studio printed.",
            )
    return None


def _is_own(said: _Said, hosts: Hosts, *, reads: bool) -> bool:
    """Whether the studio's own page asks, or a program. A link from elsewhere may be followed: it has no Origin."""
    origin = said.once(b"origin")
    if origin is not None and not _is_own_origin(origin, said.once(b"host") or "", hosts):
        return False
    site = said.once(b"sec-fetch-site")
    if site in (None, "same-origin", "none"):
        return True
    return reads and said.once(b"sec-fetch-mode") == "navigate"


def _is_own_origin(origin: str, host: str, hosts: Hosts) -> bool:
    """Whether an Origin is the address asked, or one that the operator named (a proxy may say another Host)."""
    scheme, separator, netloc = origin.partition("://")
    if not separator or scheme not in ("http", "https"):
        return False
    if _without_usual_port(netloc) == _without_usual_port(host):
        return True
    named = Hosts(hosts.names)
    return named.answers_to(netloc) and not Hosts().answers_to(netloc)


def _without_usual_port(netloc: str) -> str:
    for port in (":80", ":443"):
        netloc = netloc.removesuffix(port)
    return netloc.lower().removesuffix(".")


def _check_body(path: str, said: _Said) -> Refusal | None:
    length = said.once(b"content-length")
    chunked = said.once(b"transfer-encoding") is not None
    if length is not None:
        if chunked or not (length.isascii() and length.isdigit()):
            return Refusal(400, "A question must say its length once, in bytes.")
        if int(length[:20]) > find_limit(path):
            return too_large(path)
    if not chunked and length in (None, "0"):
        return None
    if said.once(b"content-encoding") not in (None, "identity"):
        return Refusal(415, "The studio takes no compressed questions. Send it as it is.")
    kind = (said.once(b"content-type") or "").partition(";")[0].strip().lower()
    wanted = "multipart/form-data" if path.rstrip("/") == UPLOAD else "application/json"
    if kind != wanted:
        return Refusal(415, f"The studio takes {wanted} here. Say so in the header Content-Type.")
    return None
