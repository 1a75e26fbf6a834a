"""The names that a studio answers to: read from the environment once, asked at every question.

A browser sends the name in the page's address as `Host`, and a foreign page can't choose it. A name that a stranger's
DNS points here must not count, so there is a list. An address (192.168.1.5) needs no DNS and can't be rebound. Knows
nothing of questions.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

LOCAL = frozenset({"localhost"})
EVERYWHERE = ("", "0.0.0.0", "::")
"""What is listened on where all networks of the computer may come in."""


class Hosts(NamedTuple):
    """Who this studio is: `names` are said by the operator, `any_address` that others than this computer may come.

    `suffix` is an end that all names of its own may have, "" for none; `embedders` may show the page in a frame.
    """

    names: frozenset[str] = frozenset()
    any_address: bool = False
    suffix: str = ""
    embedders: tuple[str, ...] = ()

    def answers_to(self, host: str) -> bool:
        """Whether a Host header, with or without a port, is one of this studio's."""
        name = read_name(host)
        if name is None:
            return False
        if name in LOCAL or name in self.names or (self.suffix and name.endswith(self.suffix)):
            return True
        address = _read_address(name)
        return address is not None and (self.any_address or address.is_loopback)


def find_hosts(environment: Mapping[str, str], host: str) -> Hosts:
    """Return the names of a studio that listens on `host`: its own, STUDIO_HOSTS, a proxy's and a Space's."""
    everywhere = host.strip("[]") in EVERYWHERE
    said = [host, *environment.get("STUDIO_HOSTS", "").replace(",", " ").split()]
    said.append(urlsplit(environment.get("GRADIO_ROOT_PATH", "")).netloc)
    said += environment.get("SPACE_HOST", "").split(",")
    if everywhere:
        own = socket.gethostname()
        said += [own, f"{own.partition('.')[0]}.local"]
    space = bool(environment.get("SPACE_ID"))
    return Hosts(
        frozenset(name for name in map(read_name, said) if name and name not in EVERYWHERE),
        any_address=everywhere,
        suffix=".hf.space" if space else "",
        embedders=("https://huggingface.co", "https://*.huggingface.co") if space else (),
    )


def read_name(host: str) -> str | None:
    """Return the name or address in a Host header: small letters, no port, no trailing dot; None if it is neither."""
    host = host.strip().lower()
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        if not closed or ":" not in name or (port and not port.startswith(":")):
            return None
        port = port[1:]
    elif host.count(":") > 1:  # an address without its brackets, as `--host ::1` gives it
        name, port = host, ""
    else:
        name, _, port = host.partition(":")
        name = name.removesuffix(".")
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    if not name or not name.isascii() or not all(letter.isalnum() or letter in "-._:" for letter in name):
        return None
    return name


def _read_address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
